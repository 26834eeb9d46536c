"""YAML text -> plain values and where they stand; knows YAML and its traps, not topologies.

Works on the parser's events with a stack of its own, so that depth, size and what aliases expand
to are counted before anything is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from hactl.topology.places import Branch, Step
from hactl.topology.scalars import plain

MAX_DEPTH = 32
MAX_VALUES = 400_000

# C0, DEL and C1, surrogates, non-characters, and what turns the direction of text around.
FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\ufeff\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
FORBIDDEN_IN_BLOCKS = re.compile(FORBIDDEN.pattern.replace("\x00-\x1f", "\x00-\x08\x0b-\x1f"))

# libyaml's C parser where PyYAML was built with it: 20 times as fast.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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


@dataclass(slots=True)
class Parsed:
    """The one document of a text: its value, the places in it, and what is wrong with it."""

    value: Any
    root: Branch | None
    complaints: list[Complaint] = field(default_factory=list)


@dataclass(slots=True)
class Anchor:
    value: Any
    branch: Branch | None
    size: int


@dataclass(slots=True)
class Frame:
    """A mapping or list that is being built."""

    value: dict[str, Any] | list[Any]
    branch: Branch
    anchor: str | None
    before: int
    key: str | None = None
    key_line: int = 0
    skip: bool = False


def parse(text: str) -> Parsed:
    """Read one YAML document.

    Raises Unreadable where the text is no YAML or goes beyond the limits; all else that is
    wrong is in `Parsed.complaints`.
    """
    builder = Builder()
    for event in events(text):
        builder.take(event)
    return Parsed(builder.value, builder.root, builder.complaints)


def events(text: str) -> Iterator[Any]:
    try:
        parser = LOADER(text)
        try:
            while not isinstance(event := parser.get_event(), yaml.StreamEndEvent):
                yield event
        finally:
            parser.dispose()
    except yaml.MarkedYAMLError as exc:
        raise not_yaml(exc) from None
    except yaml.reader.ReaderError as exc:
        line = text.count("\n", 0, exc.position) + 1
        raise Unreadable(
            line, f"has the character {escaped(exc.character)}, which YAML forbids", "remove it"
        ) from None


class Builder:
    """Builds the value of a document, event by event."""

    def __init__(self) -> None:
        self.value: Any = None
        self.root: Branch | None = None
        self.complaints: list[Complaint] = []
        self.stack: list[Frame] = []
        self.anchors: dict[str, Anchor] = {}
        self.open_anchors: set[str] = set()
        self.documents = 0
        self.size = 0

    def take(self, event: Any) -> None:
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
                self.documents += 1
                if self.documents > 1:
                    raise Unreadable(
                        line, "a second document begins here", "keep one document in a file"
                    )

    def scalar(self, event: Any, line: int) -> None:
        text = event.value
        self.count(1, line)
        self.refuse_tag(event, line)
        forbidden = FORBIDDEN_IN_BLOCKS if event.style in ("|", ">") else FORBIDDEN
        if found := forbidden.search(text):
            self.complain(line, f"contains the character {escaped(found[0])}", "remove it")
            text = forbidden.sub(" ", text)
        if self.wants_key():
            self.key(text, line)
            return
        value = plain(text) if event.implicit[0] else text
        if event.anchor:
            self.anchors[event.anchor] = Anchor(value, None, 1)
        self.put(value, None, line)

    def open(self, event: Any, line: int) -> None:
        self.count(1, line)
        self.refuse_tag(event, line)
        if self.wants_key():
            raise Unreadable(line, "a mapping or list cannot be a key", "write the key as text")
        if len(self.stack) >= MAX_DEPTH:
            raise Unreadable(
                line, f"is nested more than {MAX_DEPTH} deep", "a topology needs less than 10"
            )
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        branch = Branch(line)
        self.put(value, branch, line)
        self.stack.append(Frame(value, branch, event.anchor, self.size))
        if event.anchor:
            self.open_anchors.add(event.anchor)

    def close(self) -> None:
        frame = self.stack.pop()
        if frame.anchor:
            self.open_anchors.discard(frame.anchor)
            size = self.size - frame.before + 1
            self.anchors[frame.anchor] = Anchor(frame.value, frame.branch, size)

    def alias(self, name: str, line: int) -> None:
        if self.wants_key():
            raise Unreadable(line, f"the alias *{name} cannot be a key", "write the key as text")
        if name in self.open_anchors:
            raise Unreadable(line, f"the alias *{name} contains itself", "write it out")
        if name not in self.anchors:
            raise Unreadable(
                line, f"there is no anchor &{name} before the alias *{name}", "write it out"
            )
        anchor = self.anchors[name]
        self.count(anchor.size, line)
        self.put(anchor.value, anchor.branch, line)

    def count(self, size: int, line: int) -> None:
        self.size += size
        if self.size > MAX_VALUES:
            raise Unreadable(
                line,
                f"has more than {MAX_VALUES} values, aliases counted in full",
                "split the cluster, or write fewer aliases of aliases",
            )

    def wants_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].value, dict) and not self.has_key()

    def has_key(self) -> bool:
        return self.stack[-1].key is not None

    def key(self, text: str, line: int) -> None:
        frame = self.stack[-1]
        frame.key, frame.key_line = text, line
        frame.skip = text in frame.value or text == "<<"
        if text == "<<":
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
            frame.branch.children[len(frame.value)] = (line, branch)
            frame.value.append(value)
        elif frame.key is not None:
            if not frame.skip:
                frame.branch.children[frame.key] = (frame.key_line, branch)
                frame.value[frame.key] = value
            frame.key = None

    def refuse_tag(self, event: Any, line: int) -> None:
        if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")[:60]
            self.complain(line, f"the tag {tag} is not allowed", "remove it")

    def complain(self, line: int, message: str, hint: str) -> None:
        self.complaints.append(Complaint(line, self.path(), message, hint))

    def path(self) -> tuple[Step, ...]:
        return tuple(self.steps())

    def steps(self) -> Iterator[Step]:
        for frame in self.stack:
            if isinstance(frame.value, list):
                yield len(frame.value)
            elif frame.key is not None:
                yield frame.key


def not_yaml(exc: yaml.MarkedYAMLError) -> Unreadable:
    mark = exc.problem_mark or exc.context_mark
    line = mark.line + 1 if mark else 0
    problem = (exc.problem or "unreadable").strip()
    context = f" {exc.context}" if exc.context else ""
    return Unreadable(line, f"is not YAML: {problem}{context}", hint_for(problem))


def hint_for(problem: str) -> str:
    if "tab" in problem or "'\\t'" in problem or "cannot start any token" in problem:
        return "indent with spaces, and quote a value that begins with a special character"
    if "mapping values are not allowed" in problem:
        return "quote a value that contains ': '"
    return "check indentation, brackets and quotes here and on the line above"


def escaped(character: str | int) -> str:
    code = character if isinstance(character, int) else ord(character)
    return f"U+{code:04X}"
