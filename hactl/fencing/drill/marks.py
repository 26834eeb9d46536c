"""A drill in the CIB: all levels of a node but one set aside, and who did it; pure.

A level is set aside by giving it a target that is not a node and that says why, so that putting it
back needs no memory, and everybody who looks sees what is going on. Its id changes with it: a
fencer that is told of another target for the same id goes on using the old one (Pacemaker 2.1.5);
one id less makes it read all levels anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass

from lxml.etree import _Element

from hactl.fencing.drill.node_attributes import read, write
from hactl.fencing.drill.proofs import instant, members

ATTRIBUTE = "hactl-fence-drill"
MARK = " (set aside by hactl fence drill)"
ID_MARK = "-set-aside"


@dataclass(frozen=True, slots=True)
class Begun:
    """A drill of ``node`` that has begun, or what is left of it."""

    node: str
    level: int = 0
    by: str = ""
    pid: int = 0
    at: str = ""

    def __str__(self) -> str:
        when = f" at {self.at}" if self.at else ""
        return f"a drill of {self.node}, begun by {self.by or 'somebody'}{when}"


def begin(cib: _Element, node: str, level: int, by: str, pid: int, now: float) -> _Element:
    """Return a copy of ``cib`` in which only ``level`` is left to fence ``node``."""
    note = f"level={level} by={by} pid={pid} at={instant(now)}"
    return without(write(cib, node, ATTRIBUTE, note), node, lambda index: index != level)


def leave_all_but(cib: _Element, node: str, level: int, by: str, pid: int, now: float) -> _Element:
    """Return a copy of ``cib`` in which every level but ``level`` is left to fence ``node``."""
    note = f"level={level} by={by} pid={pid} at={instant(now)}"
    return without(write(cib, node, ATTRIBUTE, note), node, lambda index: index == level)


def without(cib: _Element, node: str, unwanted: Callable[[int], bool]) -> _Element:
    for each in cib.iterfind("configuration/fencing-topology/fencing-level"):
        if each.get("target") == node and unwanted(int(each.get("index", "0"))):
            each.set("target", node + MARK)
            each.set("id", each.get("id", "") + ID_MARK)
    return cib


def mended(cib: _Element, by: str = "", pid: int = 0) -> _Element:
    """Return a copy of ``cib`` without any trace of a drill: of one process on node ``by``, or all.

    A drill of others may be under way, and is nobody else's to end.
    """
    copy = deepcopy(cib)
    for begun in drills(cib):
        if by and (begun.by, begun.pid) != (by, pid):
            continue
        if read(copy, begun.node, ATTRIBUTE):
            copy = write(copy, begun.node, ATTRIBUTE, "")
        for each in list(set_aside(copy, begun.node)):
            each.set("target", begun.node)
            each.set("id", each.get("id", "").removesuffix(ID_MARK))
    return copy


def drills(cib: _Element) -> tuple[Begun, ...]:
    """Return every drill that has left a trace."""
    found = {node: note for node in members(cib) if (note := read(cib, node, ATTRIBUTE))}
    for each in cib.iterfind("configuration/fencing-topology/fencing-level"):
        target = each.get("target", "")
        if target.endswith(MARK):
            found.setdefault(target.removesuffix(MARK), "")
    return tuple(begun(node, note) for node, note in found.items())


def begun(node: str, note: str) -> Begun:
    words = dict(word.partition("=")[::2] for word in note.split())
    level, pid = (number(words.get(name, "")) for name in ("level", "pid"))
    return Begun(node, level, words.get("by", ""), pid, words.get("at", ""))


def number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def set_aside(cib: _Element, node: str) -> Iterator[_Element]:
    for each in cib.iterfind("configuration/fencing-topology/fencing-level"):
        if each.get("target") == node + MARK:
            yield each


def is_only(cib: _Element, node: str, level: int) -> bool:
    """Whether ``level`` and no other is there to fence ``node``, where it has levels at all."""
    left = [
        int(each.get("index", "0"))
        for each in cib.iterfind("configuration/fencing-topology/fencing-level")
        if each.get("target") == node
    ]
    return left == [level] or (not left and not list(set_aside(cib, node)))
