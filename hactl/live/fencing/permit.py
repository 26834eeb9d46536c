"""What speaks against a drill: everything that would make it more than a drill."""

from __future__ import annotations

from collections.abc import Iterator

from lxml.etree import _Element

from hactl.errors import ClusterError
from hactl.fencing.configuration import Fencing, Level
from hactl.fencing.drill.marks import drills
from hactl.fencing.drill.proofs import members
from hactl.live.corosync import votes
from hactl.live.session import World
from hactl.model.fencing import WATCHDOG
from hactl.simulate.loss import Loss, loss
from hactl.status.read import status
from hactl.status.values import State, Status

NAMED = 5
BAD = (State.FAILED, State.BLOCKED, State.STOPPED, State.BUSY)
MEND = "if nobody is at it, say `hactl fence mend`"


class Refused(ClusterError):
    """The drill would do harm, or prove nothing; nothing was done."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("\n".join(f"no drill: {reason}" for reason in reasons))
        self.reasons = reasons

    def __str__(self) -> str:
        return self.message


def permit(world: World, cib: _Element, found: Fencing, level: Level, here: str) -> Loss:
    """Return what the drill would do to the resources. Raises Refused with every reason not to."""
    node = level.target
    reasons = [*about_node(cib, node, here), *about_level(found, level)]
    if not reasons:
        reasons += about_state(status(world.pacemaker.monitor(), cib))
        reasons += (f"{begun}, has not ended; {MEND}" for begun in drills(cib))
        reasons += about_quorum(world, cib, node)
    if reasons:
        raise Refused(reasons)
    foreseen = loss(cib, node, world.runner)
    reasons = [*map(str, foreseen.stranded)]
    reasons += (f"{other} would be fenced with it" for other in foreseen.fenced)
    if reasons:
        raise Refused(shortened(reasons))
    return foreseen


def about_node(cib: _Element, node: str, here: str) -> Iterator[str]:
    nodes = members(cib)
    if node not in nodes:
        yield f"there is no node {node!r} in this cluster ({', '.join(nodes)})"
    elif node == here:
        yield f"this is {node}: call it from another node, this one would go down with the drill"


def about_level(found: Fencing, level: Level) -> Iterator[str]:
    if not found.enabled:
        yield "fencing is switched off (stonith-enabled)"
    for name in level.devices:
        device = found.device(name)
        if device is None and name != WATCHDOG:
            yield f"level {level.index} of {level.target} names {name}, which is not a device"
        elif device is not None and not device.enabled:
            yield f"{name} is disabled"


def about_state(seen: Status) -> Iterator[str]:
    """Only a cluster in order can lose a node on purpose."""
    if not seen.dc:
        yield "there is no DC"
    if not seen.quorate:
        yield "there is no quorum"
    if seen.maintenance:
        yield "the cluster is in maintenance mode: nothing would be recovered"
    for node in seen.nodes:
        if node.state not in ("online", "standby"):
            yield f"{node.name} is {node.state}"
    for resource in seen.resources:
        if resource.state in BAD:
            yield f"{resource.id} is {resource.doing.lower() or resource.state.value}"
    for event in seen.fencing:
        if event.outcome == "pending":
            yield f"{event.node} is just being fenced"


def about_quorum(world: World, cib: _Element, node: str) -> Iterator[str]:
    counted = votes(world.runner)
    if not counted.enough_without(node_id(cib, node)):
        yield (
            f"without {node} there is no quorum: {counted.total} votes are there, "
            f"{counted.needed} are needed"
        )


def node_id(cib: _Element, node: str) -> str:
    for each in cib.iterfind("configuration/nodes/node"):
        if each.get("uname") == node:
            return each.get("id", "")
    return ""


def shortened(reasons: list[str]) -> list[str]:
    more = len(reasons) - NAMED
    return reasons if more <= 0 else [*reasons[:NAMED], f"and {more} more"]
