"""Whether a partition has quorum, by the rules of corosync's votequorum(5)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from lxml.etree import _Element

from hactl.model.totem import Totem

LMS = "lms"
ASSUMED = "each node is taken to have one vote, and no quorum device to be there"


@dataclass(frozen=True, slots=True)
class Count:
    """``left`` votes of ``needed``."""

    left: int
    needed: int
    kept: bool


@dataclass(frozen=True)
class Votes:
    """``of`` is what each node has, in order of node ids, ``device`` what a quorum device has.

    ``assumed`` is a clause where nobody has said all of it. `wait_for_all` keeps a cluster that
    starts from having quorum, and takes it from none that runs: it decides nothing here.
    """

    of: Mapping[str, int]
    device: int = 0
    two_node: bool = False
    last_man_standing: bool = False
    auto_tie_breaker: bool = False
    assumed: str = ""

    @property
    def expected(self) -> int:
        return sum(self.of.values()) + self.device

    @property
    def needed(self) -> int:
        return 1 if self.two_node else self.expected // 2 + 1

    def without(self, lost: Collection[str]) -> Count:
        """Return what is left when these nodes are gone at once; the device is with the rest."""
        return self.counted(lost, self.expected)

    def one_by_one(self, lost: Sequence[str]) -> Count:
        """Return what is left when they go one after the other.

        With last_man_standing what is expected follows down to what is there; it goes from two
        nodes to one with auto_tie_breaker only.
        """
        expected, count = self.expected, Count(self.expected, self.needed, kept=True)
        for number in range(1, len(lost) + 1):
            count = self.counted(lost[:number], expected)
            if not count.kept:
                break
            if self.last_man_standing and (count.left > 1 or self.auto_tie_breaker):
                expected = count.left
        return count

    def counted(self, lost: Collection[str], expected: int) -> Count:
        there = [name for name in self.of if name not in lost]
        left = sum(self.of[name] for name in there) + (self.device if there else 0)
        needed = 1 if self.two_node else expected // 2 + 1
        tie = self.auto_tie_breaker and 2 * left == expected and next(iter(self.of)) in there
        return Count(left, needed, bool(there) and (left >= needed or tie))


def of_topology(nodes: Sequence[str], totem: Totem) -> Votes:
    """Return the votes that hactl writes into corosync.conf.

    A quorum device has one, or by the algorithm lms as many as all nodes but one.
    """
    device = 0 if totem.qdevice is None else 1
    if totem.qdevice and totem.qdevice.algorithm == LMS:
        device = len(nodes) - 1
    return Votes(dict.fromkeys(nodes, 1), device, totem.two_node)


def of_cib(cib: _Element) -> Votes:
    """Return what is likely for a CIB, in which nothing is said of votes."""
    found = {
        node.get("uname", ""): 1
        for node in sorted(cib.iterfind("configuration/nodes/node"), key=by_id)
        if node.get("type", "member") in ("member", "normal", "")
    }
    two = len(found) == 2
    return Votes(found, two_node=two, assumed=f"{ASSUMED}{' (two_node)' if two else ''}")


def by_id(node: _Element) -> tuple[int, str]:
    text = node.get("id", "")
    return (int(text), "") if text.isdecimal() else (0, text)
