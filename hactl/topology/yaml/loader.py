"""YAML events -> one plain value and where its parts stand, within limits and without surprises."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from hactl.topology.yaml.positions import Branch, Step
from hactl.topology.yaml.scalars import plain

MAX_DEPTH = 32
MAX_VALUES = 400_000

# C0, DEL and C1, surrogates, non-characters, and what turns the direction of text around.
FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\ufeff\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
FORBIDDEN_IN_BLOCKS = re.compile(FORBIDDEN.pattern.replace("\x00-\x1f", "\x00-\x08\x0b-\x1f"))
BLOCK_STYLES = ("|", ">")
MERGE = "<<"
ALLOWED_TAGS = (None, "!", "tag:yaml.org,2002:str")


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something wrong with the text itself, at a line (from 1) and a path of keys."""

    line: int
    path: tuple[Step, ...]
    message: str
    hint: str = ""


class Unreadable(Exception):
    """The text cannot be read any further."""

    def __init__(self, line: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.complaint = Complaint(line, (), message, hint)


@dataclass(frozen=True, slots=True)
class Anchor:
    """What an alias stands for: ``size`` values, nested ``depth`` deep."""

    value: Any
    branch: Branch | None = None
    size: int = 1
    depth: int = 0


@dataclass(slots=True)
class Frame:
    """A mapping or list that is being built.

    ``step`` is the key or index that is being built in it; ``fresh`` that a key was read and its
    value was not; ``skip`` that the value is to be thrown away.
    """

    value: dict[str, Any] | list[Any]
    branch: Branch
    anchor: str | None
    size_before: int
    step: Step = 0
    key_line: int = 0
    fresh: bool = False
    skip: bool = False
    depth: int = 1


class Builder:
    """Builds the value of a document, event by event, with a stack of its own."""

    def __init__(self) -> None:
        self.value: Any = None
        self.root: Branch | None = None
        self.complaints: list[Complaint] = []
        self.stack: list[Frame] = []
        self.anchors: dict[str, Anchor] = {}
        self.documents = 0
        self.size = 0

    def take(self, event: Any) -> None:
        """Take the next event.

        Raises Unreadable for what cannot or must not be built.
        """
        line = event.start_mark.line + 1
        match event:
            case yaml.ScalarEvent():
                self.scalar(event, line)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self.open(event, line)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self.close()
            case yaml.AliasEvent():
                self.alias(event.anchor or "", line)
            case yaml.DocumentStartEvent():
                self.document(line)

    def document(self, line: int) -> None:
        self.documents += 1
        if self.documents > 1:
            raise Unreadable(line, "a second document begins here", "keep one document in a file")

    def scalar(self, event: Any, line: int) -> None:
        self.count(1, line)
        forbidden = FORBIDDEN_IN_BLOCKS if event.style in BLOCK_STYLES else FORBIDDEN
        found = forbidden.search(event.value)
        text = forbidden.sub("?", event.value) if found else event.value
        is_key = self.wants_key()
        if is_key:
            self.key(text, line)
        else:
            self.enter()
        self.refuse_tag(event, line)
        if found:
            self.complain(line, f"contains the character {escaped(found[0])}", "remove it")
            self.skip_key(is_key)
        if not is_key:
            value = plain(text) if event.implicit[0] else text
            self.remember(event.anchor, Anchor(value))
            self.put(value, None, line)

    def open(self, event: Any, line: int) -> None:
        self.count(1, line)
        if self.wants_key():
            raise Unreadable(line, "a mapping or list cannot be a key", "write the key as text")
        self.limit_depth(1, line)
        self.enter()
        self.refuse_tag(event, line)
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        branch = Branch(line)
        self.put(value, branch, line)
        self.stack.append(Frame(value, branch, event.anchor, self.size - 1))

    def close(self) -> None:
        frame = self.stack.pop()
        size = self.size - frame.size_before
        self.remember(frame.anchor, Anchor(frame.value, frame.branch, size, frame.depth))
        self.deepen(frame.depth + 1)

    def alias(self, name: str, line: int) -> None:
        if self.wants_key():
            raise Unreadable(line, f"the alias *{name} cannot be a key", "write the key as text")
        if any(frame.anchor == name for frame in self.stack):
            raise Unreadable(line, f"the alias *{name} contains itself", "write it out")
        if name not in self.anchors:
            raise Unreadable(
                line, f"there is no anchor &{name} before the alias *{name}", "write it out"
            )
        anchor = self.anchors[name]
        self.count(anchor.size, line)
        self.limit_depth(anchor.depth, line)
        self.deepen(anchor.depth + 1)
        self.enter()
        self.put(anchor.value, anchor.branch, line)

    def key(self, text: str, line: int) -> None:
        frame = self.stack[-1]
        frame.step, frame.key_line, frame.fresh = text, line, True
        frame.skip = text == MERGE or text in frame.value
        if text == MERGE:
            self.complain(line, "merge keys (<<) are not YAML 1.2", "write the keys out")
        elif frame.skip:
            first = frame.branch.children[text][0]
            self.complain(line, f"is written twice, first on line {first}", "keep one of the two")

    def put(self, value: Any, branch: Branch | None, line: int) -> None:
        if not self.stack:
            self.value, self.root = value, branch
            return
        frame = self.stack[-1]
        if isinstance(frame.value, list):
            frame.branch.children[frame.step] = (line, branch)
            frame.value.append(value)
            return
        if not frame.skip:
            frame.branch.children[frame.step] = (frame.key_line, branch)
            frame.value[str(frame.step)] = value
        frame.fresh = False

    def enter(self) -> None:
        """Note the index of the list item that comes next."""
        if self.stack and isinstance(self.stack[-1].value, list):
            self.stack[-1].step = len(self.stack[-1].value)

    def wants_key(self) -> bool:
        if not self.stack:
            return False
        frame = self.stack[-1]
        return isinstance(frame.value, dict) and not frame.fresh

    def skip_key(self, is_key: bool) -> None:
        if is_key:
            self.stack[-1].skip = True

    def remember(self, name: str | None, anchor: Anchor) -> None:
        if name:
            self.anchors[name] = anchor

    def deepen(self, depth: int) -> None:
        if self.stack:
            self.stack[-1].depth = max(self.stack[-1].depth, depth)

    def count(self, size: int, line: int) -> None:
        self.size += size
        if self.size > MAX_VALUES:
            raise Unreadable(
                line,
                f"has more than {MAX_VALUES} values, aliases counted in full",
                "split the cluster, or write fewer aliases of aliases",
            )

    def limit_depth(self, more: int, line: int) -> None:
        if len(self.stack) + more > MAX_DEPTH:
            raise Unreadable(
                line, f"is nested more than {MAX_DEPTH} deep", "a topology needs less than 10"
            )

    def refuse_tag(self, event: Any, line: int) -> None:
        if event.tag not in ALLOWED_TAGS:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")[:60]
            self.complain(line, f"the tag {tag} is not allowed", "remove it")

    def complain(self, line: int, message: str, hint: str) -> None:
        path = tuple(frame.step for frame in self.stack)
        self.complaints.append(Complaint(line, path, message, hint))


def escaped(character: str | int) -> str:
    """Spell a character that cannot be shown: ``U+202E``."""
    code = character if isinstance(character, int) else ord(character)
    return f"U+{code:04X}"
