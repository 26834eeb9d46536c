"""Plain values -> YAML that this project reads back as the same values; writes no file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./:-]*(?<!:)|[0-9]+(ms|s|min|h|d|[KMGT]iB)", re.ASCII)
# Words that some readers of YAML take for something else than text.
TAKEN = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null", "none", "nan"})
STEP = "  "
ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


@dataclass(frozen=True, slots=True)
class Block:
    """Text of several lines, written as it is; ASCII without trailing white space."""

    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """A value with comments above it, one a line."""

    value: object
    comments: tuple[str, ...] = ()


def document(sections: Mapping[str, object]) -> str:
    """Return the text of a document with these sections; what is empty is left out."""
    return "".join(f"{line}\n" for line in mapping(sections, "") if line is not None)


def mapping(values: Mapping[str, object], indent: str) -> Iterator[str]:
    for key, value in values.items():
        bare = value.value if isinstance(value, Said) else value
        yield from (f"{indent}# {line}" for line in remarks(value))
        yield from entry(f"{indent}{scalar(key)}:", bare, indent)


def entry(head: str, value: object, indent: str) -> Iterator[str]:
    match value:
        case Block():
            yield f"{head} |"
            yield from (f"{indent}{STEP}{line}".rstrip() for line in value.text.splitlines())
        case Mapping() if value and nested(value):
            yield head
            yield from mapping(value, indent + STEP)
        case list() if value and any(isinstance(item, Mapping | Said) for item in value):
            yield head
            yield from items(value, indent)
        case _:
            yield f"{head} {flow(value)}"


def nested(values: Mapping[str, object]) -> bool:
    """Whether a mapping is more than fits on a line."""
    simple = all(not isinstance(value, Mapping | Block | Said) for value in values.values())
    return not (simple and len(flow(values)) <= 80)


def items(values: Sequence[object], indent: str) -> Iterator[str]:
    for item in values:
        bare = item.value if isinstance(item, Said) else item
        yield from (f"{indent}# {line}" for line in remarks(item))
        if isinstance(bare, Mapping) and bare:
            first, *rest = mapping(bare, indent + STEP)
            yield f"{indent}- {first.removeprefix(indent + STEP)}"
            yield from rest
        else:
            yield f"{indent}- {flow(bare)}"


def flow(value: object) -> str:
    """Return a value in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    return text if PLAIN.fullmatch(text) and text.lower() not in TAKEN else quoted(text)


def quoted(text: str) -> str:
    return (
        '"'
        + "".join(ESCAPES.get(c) or (c if c.isprintable() else f"\\U{ord(c):08x}") for c in text)
        + '"'
    )


def remarks(value: object) -> tuple[str, ...]:
    """Return comments, each printable and in one line."""
    said = value.comments if isinstance(value, Said) else ()
    return tuple("".join(c if c.isprintable() else "?" for c in line) for line in said)
