"""Votes, as votequorum(5) counts them."""

from __future__ import annotations

import pytest

from hactl.live.corosync import electorate
from hactl.model.totem import QuorumDevice, Totem
from hactl.whatif.quorum import Votes, of_topology
from tests.hactl.scheduler import Canned

NAMES = ("a", "b", "c", "d")


def votes(number: int, **more: int | bool) -> Votes:
    return Votes(dict.fromkeys(NAMES[:number], 1), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("there", "lost", "kept"),
    [
        (votes(3), "a", True),
        (votes(3), "ab", False),
        (votes(4), "a", True),
        (votes(4), "ab", False),
        (votes(2), "a", False),
        (votes(2, two_node=True), "a", True),
        (votes(2, two_node=True), "ab", False),
        (votes(2, device=1), "a", True),
        (votes(4, device=1), "ab", True),
        (votes(4, device=3), "abc", True),
        (votes(4, device=3), "abcd", False),
        (votes(4, auto_tie_breaker=True), "cd", True),
        (votes(4, auto_tie_breaker=True), "ab", False),
        (Votes({"a": 3, "b": 1, "c": 1}), "bc", True),
        (Votes({"a": 3, "b": 1, "c": 1}), "a", False),
    ],
)
def test_at_once(there: Votes, lost: str, kept: bool) -> None:
    assert there.without(list(lost)).kept is kept


def test_in_turn_last_man_standing_follows() -> None:
    assert not votes(4).one_by_one(["a", "b"]).kept
    assert votes(4, last_man_standing=True).one_by_one(["a", "b"]).kept
    assert not votes(4, last_man_standing=True).one_by_one(["a", "b", "c"]).kept
    last = votes(4, last_man_standing=True, auto_tie_breaker=True)
    assert last.one_by_one(["d", "c", "b"]).kept
    assert not last.without(["b", "c", "d"]).kept


def test_a_topology_has_what_corosync_conf_gets() -> None:
    device = QuorumDevice("q", "lms", "on", 30_000)
    assert of_topology(NAMES, Totem(1000, 1200, qdevice=device)).expected == 7
    assert of_topology(NAMES[:2], Totem(1000, 1200, two_node=True)).needed == 1


def test_corosync_says_who_votes() -> None:
    said = b"""\
Quorum information
------------------
Nodes:            2
Quorate:          Yes

Votequorum information
----------------------
Expected votes:   5
Highest expected: 5
Total votes:      4
Quorum:           3
Flags:            Quorate LastManStanding Qdevice

Membership information
----------------------
    Nodeid      Votes    Qdevice Name
         1          1    A,V,NMW node1 (local)
         2          1    A,V,NMW node2
         0          2            Qdevice
"""
    found = electorate(Canned(said))  # type: ignore[arg-type]
    assert (found.expected, found.of) == (5, {"1": 1, "2": 1, "0": 2})
    assert found.flags == {"Quorate", "LastManStanding", "Qdevice"}
