"""Whether Corosync and the DC's own controller bear out what Pacemaker's status says of members."""

from __future__ import annotations

from collections.abc import Iterator

from lxml.etree import _Element

from hactl.errors import ClusterError
from hactl.live.corosync import joined
from hactl.live.pacemaker import Pacemaker
from hactl.live.runner import Runner
from hactl.status.values import Status

SOON = "5s"


def contradictions(seen: Status, cib: _Element, pacemaker: Pacemaker) -> Iterator[str]:
    """Yield where the running cluster is not what its status says, a sentence each."""
    yield from of_corosync(seen, cib, pacemaker.runner)
    dc = next((node for node in seen.nodes if node.name == seen.dc), None)
    if dc is not None and dc.state not in ("offline", "unclean", "pending"):
        try:
            pacemaker.state(dc.name, within=SOON)
        except ClusterError:
            yield f"{dc.name} is said to be the DC, and does not answer: nobody decides anything"


def of_corosync(seen: Status, cib: _Element, runner: Runner) -> Iterator[str]:
    try:
        there = joined(runner)
    except ClusterError:
        return  # a remote node has no Corosync
    names = {
        node.get("id"): node.get("uname", "") for node in cib.iterfind("configuration/nodes/node")
    }
    members = {names[number] for number in there if number in names}
    for node in seen.nodes:
        if (
            not node.remote
            and node.state not in ("offline", "unclean")
            and node.name not in members
        ):
            yield f"{node.name} is {node.state} for Pacemaker, and Corosync has lost it"
