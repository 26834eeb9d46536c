"""An attribute that differs, as few words as say it: XML by what changed in it, long values cut.

A generated guest carries its whole libvirt definition in one parameter. Two of them are compared
element by element; the JSON keeps the values themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import takewhile

from lxml import etree
from lxml.etree import _Element

from hactl.plan.attributes import HIDDEN, SECRET
from hactl.plan.change import Detail

# What tells an element from its siblings of the same name, the first that is there.
IDENTITIES = (
    *(("target", "dev"), ("mac", "address"), (".", "name"), (".", "id")),
    *((".", "type"), (".", "index"), (".", "dev")),
)
# Containers that say nothing by themselves.
TRANSPARENT = frozenset({"devices", "domain"})
WIDE = 60
AROUND = 12

Path = tuple[str, ...]


def words(detail: Detail) -> tuple[str, ...]:
    """Return what differs, a clause each; never empty."""
    old, new = parsed(detail.old), parsed(detail.new)
    if old is None and new is None:
        return (str(shortened(detail)),)
    if old is None or new is None:
        was = "" if detail.old is None else f" {cut(detail.old)} ->"
        return (f"{detail.name}{was} {'(none)' if new is None else f'<{new.tag}> ...'}",)
    if detail.old == detail.new:
        return (f"{detail.name}: a secret in it",)
    said = tuple(f"{detail.name}: {line}" for line in differences(old, new))
    return said or (f"{detail.name}: the same in other words",)


def parsed(value: str | None) -> _Element | None:
    """Return a value as XML, if that is what it is; nothing outside it is read."""
    if not value or not value.lstrip().startswith("<"):
        return None
    try:
        return etree.fromstring(value, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, ValueError):
        return None


def differences(old: _Element, new: _Element) -> Iterator[str]:
    """Yield what differs between two documents; a whole element that is new is one line."""
    before, after = dict(statements(old, ())), dict(statements(new, ()))
    for path, value in after.items():
        if path in before and before[path] != value:
            yield f"{spelled(path)} {before[path] or '(none)'} -> {value or '(none)'}"
    yield from (line for line in whole(after, before))
    yield from (f"{line} -> (none)" for line in whole(before, after))


def whole(these: Mapping[Path, str], those: Mapping[Path, str]) -> Iterator[str]:
    """Yield the elements that only ``these`` have, each with all that is in it."""
    known = {path[:length] for path in those for length in range(len(path) + 1)}
    found: dict[Path, list[str]] = {}
    for path, value in these.items():
        if path not in those:
            top = path[: len(list(takewhile(known.__contains__, starts(path)))) + 1]
            found.setdefault(top, []).append(f"{spelled(path[len(top) :])} {value}".strip())
    for top, inside in found.items():
        yield f"{spelled(top)} {', '.join(filter(None, inside))}".strip()


def starts(path: Path) -> Iterator[Path]:
    return (path[:length] for length in range(1, len(path) + 1))


def statements(element: _Element, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield everything an element says: its text with its unit, its attributes, what is in it."""
    text = (element.text or "").strip()
    attributes = {str(name): str(value) for name, value in element.items()}
    unit = f" {attributes.pop('unit')}" if text and "unit" in attributes else ""
    attributes.pop(identity(element)[0] if path else "", None)
    if text or (not attributes and not len(element)):
        yield path, without_secret(str(element.tag), f"{text}{unit}")
    for name, value in attributes.items():
        yield (*path, name), without_secret(name, value)
    numbers: dict[str, int] = {}
    for child in element.iterchildren("*"):
        label = labelled(child)
        numbers[label] = numbers.get(label, 0) + 1
        more = f" #{numbers[label]}" if numbers[label] > 1 else ""
        inner = path if child.tag in TRANSPARENT else (*path, f"{label}{more}")
        yield from statements(child, inner)


def labelled(element: _Element) -> str:
    _, name = identity(element)
    return f"{element.tag} {name}".rstrip()


def identity(element: _Element) -> tuple[str, str]:
    """Return what tells an element from others: an attribute, if it is its own, and the value."""
    for place, attribute in IDENTITIES:
        holder = element.find(place)
        if holder is not None and holder.get(attribute):
            return attribute if place == "." else "", holder.get(attribute, "")
    return "", ""


def without_secret(name: str, value: str) -> str:
    return HIDDEN if SECRET.search(str(name)) else value


def spelled(path: Path) -> str:
    return " ".join(path)


def shortened(detail: Detail) -> str:
    """Return a detail in which two long values show where they differ."""
    old, new = detail.old or "", detail.new or ""
    if max(len(old), len(new)) <= WIDE:
        return str(detail)
    if detail.old is None or detail.new is None:
        was = "" if detail.old is None else f"{cut(old)} -> "
        return f"{detail.name} {was}{'(none)' if detail.new is None else cut(new)}"
    same = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False))))
    begin = max(0, same - AROUND)
    head = "..." if begin else ""
    return f"{detail.name} {head}{cut(old[begin:])} -> {head}{cut(new[begin:])}"


def cut(value: str) -> str:
    return value if len(value) <= WIDE else f"{value[:WIDE]}..."
