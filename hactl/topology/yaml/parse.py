"""YAML text -> plain values and where they stand, or why it is not YAML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from hactl.topology.yaml.loader import Builder, Complaint, Unreadable, escaped
from hactl.topology.yaml.positions import Branch

# libyaml's parser where PyYAML was built with it: twenty times as fast.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Parsed:
    """The one document of a text: its value, the places in it, and what is wrong with it."""

    value: Any
    root: Branch | None
    complaints: tuple[Complaint, ...] = ()


def parse(text: str) -> Parsed:
    """Read one YAML document.

    Raises Unreadable where the text is not YAML or goes beyond the limits; all else that is
    wrong is in `Parsed.complaints`.
    """
    builder = Builder()
    for event in events(text):
        builder.take(event)
    return Parsed(builder.value, builder.root, tuple(builder.complaints))


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
        character = escaped(exc.character)
        raise Unreadable(line, f"contains the character {character}", "remove it") from None


def not_yaml(exc: yaml.MarkedYAMLError) -> Unreadable:
    mark = exc.problem_mark or exc.context_mark
    line = mark.line + 1 if mark else 0
    problem = (exc.problem or "unreadable").strip()
    context = f" {exc.context}" if exc.context else ""
    return Unreadable(line, f"is not YAML: {problem}{context}", hint_for(problem))


def hint_for(problem: str) -> str:
    if "tab" in problem or "cannot start any token" in problem:
        return "indent with spaces, and quote a value that begins with a special character"
    if "mapping values are not allowed" in problem:
        return "quote a value that contains ': '"
    if "Unicode" in problem:
        return "write the character itself, not a surrogate"
    return "check indentation, brackets and quotes here and on the line above"
