"""Who is a member of the cluster and who votes, by Corosync: Pacemaker's word is not asked.

Pacemaker calls a node lost as soon as a fence device says so. Corosync has to miss it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from hactl.errors import ClusterError
from hactl.live.runner import Runner

KEY = re.compile(r"runtime\.members\.(\d+)\.(status|join_count) \(\w+\) = (\w+)")
VOTE = re.compile(r"\s+(\d+)\s+(\d+)\s+\S")
FIGURE = re.compile(r"(Expected votes|Total votes|Quorum):\s+(\d+)")
FLAGS = re.compile(r"^Flags:\s*(.*)$", re.MULTILINE)
NUMBER = re.compile(r"= (\d+)$")
TOKEN, CONSENSUS = "runtime.config.totem.token", "runtime.config.totem.consensus"


@dataclass(frozen=True, slots=True)
class Member:
    """``joins`` counts how often it has come: more than before, and it was away."""

    joined: bool = False
    joins: int = 0


@dataclass(frozen=True, slots=True)
class Votes:
    """``of`` the votes of each member, by node id; ``needed`` for quorum."""

    total: int
    needed: int
    of: dict[str, int]

    def enough_without(self, node_id: str) -> bool:
        return self.total - self.of.get(node_id, 0) >= self.needed


def member(runner: Runner, node_id: str) -> Member:
    """Return how Corosync on this machine sees a node. Raises ClusterError."""
    said = KEY.findall(asked(runner, "corosync-cmapctl", "runtime.members."))
    found = {key: value for number, key, value in said if number == node_id}
    return Member(found.get("status") == "joined", int(found.get("join_count", "0")))


def joined(runner: Runner) -> frozenset[str]:
    """Return the ids of the nodes that are members for Corosync. Raises ClusterError."""
    said = KEY.findall(asked(runner, "corosync-cmapctl", "runtime.members."))
    return frozenset(number for number, key, value in said if (key, value) == ("status", "joined"))


def votes(runner: Runner) -> Votes:
    """Return what Corosync's quorum counts. Raises ClusterError where it does not say."""
    said = asked(runner, "corosync-quorumtool", "-s")
    figures = {name: int(value) for name, value in FIGURE.findall(said)}
    if not {"Total votes", "Quorum"} <= figures.keys():
        raise ClusterError("corosync-quorumtool does not say how many votes there are")
    return Votes(figures["Total votes"], figures["Quorum"], by_member(said))


def by_member(said: str) -> dict[str, int]:
    """Return the votes of each member by node id; a quorum device has the id 0."""
    table = said.partition("Membership information")[2]
    return {match[1]: int(match[2]) for match in map(VOTE.match, table.splitlines()) if match}


@dataclass(frozen=True, slots=True)
class Electorate:
    """``expected`` votes in all, also of those who are away; ``of`` is by node id of who is there.

    ``flags`` are Corosync's words: 2Node, LastManStanding, AutoTieBreaker, Qdevice, ...
    """

    expected: int
    of: dict[str, int]
    flags: frozenset[str]


def electorate(runner: Runner) -> Electorate:
    """Return who has which votes. Raises ClusterError where Corosync does not say."""
    said = asked(runner, "corosync-quorumtool", "-s")
    figures = {name: int(value) for name, value in FIGURE.findall(said)}
    if "Expected votes" not in figures:
        raise ClusterError("corosync-quorumtool does not say how many votes are expected")
    flags = FLAGS.search(said)
    words = frozenset(flags[1].split()) if flags else frozenset()
    return Electorate(figures["Expected votes"], by_member(said), words)


def own_name(runner: Runner) -> str:
    """Return how the cluster calls this machine: its hostname may be longer, or another.

    Where no cluster runs, the hostname is all there is.
    """
    try:
        result = runner.run(("crm_node", "--name"))
    except ClusterError:
        return os.uname().nodename
    found = result.stdout.decode(errors="replace").strip()
    return found if found and not result.returncode else os.uname().nodename


def patience(runner: Runner) -> float:
    """Return after how many seconds Corosync has noticed that a node is gone."""
    times = (
        NUMBER.search(asked(runner, "corosync-cmapctl", "-g", key).strip())
        for key in (TOKEN, CONSENSUS)
    )
    return sum(int(found[1]) for found in times if found) / 1000


def asked(runner: Runner, *argv: str) -> str:
    result = runner.run(argv)
    # corosync-quorumtool exits 2 where there is no quorum, and has said all the same
    if not result.stdout.strip():
        said = result.stderr.decode(errors="replace").strip().splitlines()
        raise ClusterError(f"Corosync does not answer on this machine: {said[-1:] or argv[0]}")
    return result.stdout.decode(errors="replace")
