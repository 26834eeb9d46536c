"""An order to Pacemaker's fencer, in the background; and what it has made of it."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from hactl.errors import ClusterError
from hactl.fencing.configuration import Fencing, Level
from hactl.fencing.question import question
from hactl.live.corosync import Member, member
from hactl.live.fencing.check import Reach
from hactl.live.pacemaker import complaint
from hactl.live.session import World

OPTIONS = {"reboot": "--reboot", "off": "--fence"}
SLACK = 60.0  # seconds; stonith_admin ends by itself long before
DEVICES = 9  # the most there can be in a level, each with the whole time


@dataclass
class Order:
    """``timeout`` in seconds is the stonith-timeout; ``ended`` by the world's clock.

    ``outlived``: the node still was a member for Corosync at that very moment.
    """

    world: World
    node: str
    node_id: str
    action: str
    timeout: float
    before: Member
    done: bool = False
    failure: str = ""
    ended: float = 0.0
    outlived: bool = False

    def carry_out(self) -> None:
        """Fence the node; returns when the fencer has an answer. Raises nothing."""
        option = OPTIONS.get(self.action, "--reboot")
        argv = ("stonith_admin", f"{option}={self.node}", f"--timeout={self.timeout:.0f}")
        try:
            limit = self.timeout * DEVICES + SLACK
            result = self.world.runner.run((*argv, "--output-as=xml"), timeout=limit)
            if result.returncode:
                self.failure = complaint(result).removeprefix("stonith_admin: ")
            else:
                self.outlived = member(self.world.runner, self.node_id) == self.before
        except ClusterError as problem:
            self.failure = problem.message
        finally:
            self.ended = self.world.clock.now()
            self.done = True


def switched_off(world: World, node: str) -> bool:
    """Whether the last fencing of a node has left it off, so that somebody has to turn it on."""
    events = [
        (event.get("completed", ""), event.get("action", ""))
        for event in world.pacemaker.fencing().iter("fence_event")
        if event.get("target") == node and event.get("status") == "success"
    ]
    return max(events, default=("", ""))[1] == "off"


def fabric(world: World, found: Fencing, level: Level, here: str) -> bool:
    """Whether a level leaves the node running: none of its devices can reboot one."""
    reach = Reach(world.runner, here, ())
    return all(not reboots(reach, found, name, here) for name in level.devices)


def reboots(reach: Reach, found: Fencing, name: str, here: str) -> bool:
    """Whether a device offers to; one that does not tell is taken to."""
    device = found.device(name)
    if device is None:
        return True
    answer = reach.ask(here, question(name, device.agent, "metadata", {"action": "metadata"}))
    try:
        metadata = etree.fromstring(answer.output.encode())
    except etree.XMLSyntaxError:
        return True
    actions = {each.get("name") for each in metadata.iterfind("actions/action")}
    return not actions or "reboot" in actions
