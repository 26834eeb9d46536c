"""An Open vSwitch bridge: what Pacemaker asks for, in terms of evidence, judgement and work."""

from hactl_agents.ocf import Agent, Degraded, Failed, NotConfigured, Status, TimedOut, action
from hactl_agents.ovs.parameters import Parameters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hactl_agents.host.host import Host
    from hactl_agents.netlink.links import Links
    from hactl_agents.ovs.database import Snapshot
    from hactl_agents.ovs.evidence import Evidence
    from hactl_agents.ovs.work import Work


class OvsBridge(Parameters, Agent):
    """Manage an Open vSwitch bridge, its uplinks and what hangs on it.

    Makes the bridge, or adopts one that is there, and keeps ports, bonds, VLANs, controllers,
    OpenFlow flows, shaping and mirrors as they are given; what is not given is left as it is.
    Running means that ovs-vswitchd itself says so, not that the database has a row. A monitor
    asks both daemons over their sockets and runs no program.

    Everything made carries its owner in external_ids (hactl-resource), so stop takes back only
    what this resource did, even after a reboot: an adopted bridge stays, with the settings it
    had, and a bridge that still carries ports of others, such as those of running guests, is
    not deleted: stop fails and names them. Give the stop operation on-fail=block, so that such
    a failure fences no node.
    """

    converges = True

    def __init__(self, host: "Host", environ: "Mapping[str, str]") -> None:
        super().__init__(host, environ)
        self.found: Snapshot | None = None  # the bridge as probe saw it
        self.known_links: Links | None = None

    # what it is made of is imported late: a monitor that finds everything as it was needs none

    @property
    def links(self) -> "Links":
        if self.known_links is None:
            self.known_links = self.host.network()
        return self.known_links

    @property
    def evidence(self) -> "Evidence":
        from hactl_agents.ovs.evidence import Evidence

        return Evidence(self)

    @property
    def work(self) -> "Work":
        from hactl_agents.ovs.work import Work

        return Work(self)

    # what Pacemaker asks for

    def probe(self) -> int:
        self.found = None
        self.found = self.evidence.running()
        return Status.STOPPED if self.found is None else Status.RUNNING

    @action(timeout=20, interval=10)
    @action(timeout=30, interval=60, depth=10)
    def monitor(self) -> int:
        if not self.level and self.is_as_it_was():
            return Status.RUNNING
        status: int = super().monitor()
        if self.found is not None:
            from hactl_agents.ovs.judgement import Judgement

            Judgement(self).judge(self.found)
        return status

    @action(timeout=60)
    def start(self) -> None:
        self.work.build()

    @action(timeout=60)
    def stop(self) -> None:
        from hactl_agents.ovs import daemon

        lived = daemon.lives(self.host, self.rundir)
        try:
            self.work.undo()
        except Failed as exc:
            if not lived or daemon.lives(self.host, self.rundir):
                raise
            self.host.log(f"ovs-vswitchd died meanwhile, so once more: {exc}")
            self.work.undo()

    @action(timeout=60)
    def reload_agent(self) -> None:
        if self.probe() != Status.RUNNING:
            raise Failed(f"{self.bridge} is not running here: start it")
        self.preflight()
        self.work.build()

    def check(self) -> None:
        from hactl_agents.ovs import contradictions

        contradictions.refuse(self.values)
        if self.address not in (None, "port") and self.meta("clone_max") not in ("", "1"):
            raise NotConfigured("address: every instance of the clone would have it; use port")

    def preflight(self) -> None:
        """Refuse what cannot work on this node, before anything is touched."""
        from hactl_agents.ovs.preflight import Preflight

        Preflight(self).refuse()

    def examine(self) -> None:
        """Whether the flows are still those that were put in."""
        if self.flows and self.found is not None:
            from hactl_agents.ovs import flows

            if flows.digest(self.host, self.rundir, self.bridge) != flows.noted(self.found)[1]:
                raise Degraded(f"the flows of {self.bridge} are not those of {self.flows} any more")

    def already_running(self) -> None:
        """It may have come back by itself after a reboot: with uplinks that are down, no flows."""
        from hactl_agents.ovs.judgement import Judgement

        if self.found is None or (self.record.notes and not Judgement(self).wrong(self.found)):
            return
        self.note_parameters()
        self.work.build()

    def undo_start(self) -> None:
        """Undo a start that failed, unless others use the bridge already."""
        try:
            self.work.undo(patience=0.0)
            self.record.drop()
        except Failed as exc:
            self.host.log(f"could not undo the start that failed: {exc}")

    def after_stop(self) -> None:
        """Somebody else may have deleted the bridge: its uplinks are still as we made them."""
        self.host.drop(self.memory)
        if self.record.notes:
            try:
                self.work.release_devices()
                if self.record.get("bridge"):
                    self.work.sweep()
            except Failed as exc:
                self.host.log(f"an uplink could not be left as it was found: {exc}")

    # a monitor in the good case

    @property
    def memory(self) -> str:
        return f"{self.record.name}.seen"

    def is_as_it_was(self) -> bool:
        """Whether both daemons answer word for word as when everything was found good.

        The answers hold all that is judged: rows, links, what is applied and what runs. Anything
        else than the same words is not a verdict: then it is looked at in full.
        """
        words = (self.host.load(self.memory) or "").split("\n")
        if len(words) < 4 or self.complaints or words[0] != self.circumstances():
            return False
        for path, question, reply in zip(words[1::3], words[2::3], words[3::3], strict=False):
            said = self.host.ask(
                f"asking behind {path}", path.encode(), question.encode(), until(len(reply))
            )
            if said != reply.encode():
                return False
        return True

    def remember(self, *said: "tuple[str, str, str]") -> None:
        """Note questions and answers, each as (socket, question, answer), of a good bridge."""
        lines = [self.circumstances(), *(word for talk in said for word in talk)]
        try:
            self.host.save(self.memory, "\n".join(lines))
        except Failed as exc:
            self.host.log(f"the next monitor will look at everything again: {exc}")

    def circumstances(self) -> str:
        """What a memory is good for: these parameters, and what the daemons do not say: as many
        flows as there are now, and the shaping that the kernel does.
        """
        text = str(sorted(self.texts.items())).replace("\n", " ")
        if self.flows:
            from hactl_agents.ovs import flows

            try:
                text += f" {flows.count(self.host, self.rundir, self.bridge)} flows"
            except TimedOut:
                raise
            except Failed as exc:
                text += f" {exc}"
        if self.qos_max_rate:
            from hactl_agents.ovs import shaping

            text += f" {shaping.of(self.links, self.uplinks)}"
        return text


def until(size: int) -> "Callable[[bytes], bool]":
    """Whether an answer is whole: it has the size it should have, or is a whole other one."""

    def complete(data: bytes) -> bool:
        if len(data) >= size or data[-1:] != b"}":
            return len(data) >= size
        from hactl_agents.ovs import wire

        return wire.complete(data)

    return complete
