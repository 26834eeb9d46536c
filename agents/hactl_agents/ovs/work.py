"""What a resource does to its bridge: build, repair, undo. Judges nothing.

What uplinks were like before stands in the record, gone at reboot as they are.
"""

from hactl_agents.host.host import Failed, TimedOut
from hactl_agents.netlink import uppers
from hactl_agents.ovs import change, daemon, flows, health, opened
from hactl_agents.ovs import vsctl as spelling
from hactl_agents.ovs.evidence import KERNEL, OPENED, TAP
from hactl_agents.ovs.judgement import PORT, Judgement
from hactl_agents.ovs.vsctl import ADOPTED
from hactl_agents.ovs.wire import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from hactl_agents.netlink.links import Link
    from hactl_agents.ovs.database import Snapshot
    from hactl_agents.ovs_bridge import OvsBridge

LINK = 8.0  # seconds
RESERVE = 5.0  # seconds of stop's time kept for the work after the waiting


class Work:
    """The changes of one OvsBridge. All may raise Failed."""

    def __init__(self, agent: "OvsBridge") -> None:
        self.agent = agent
        self.host = agent.host
        self.record = agent.record
        self.links = agent.links
        self.evidence = agent.evidence
        self.mine = agent.instance
        self.bridge: str = agent.bridge

    # to what it should be

    def build(self) -> None:
        """Bring database, devices and flows into the wanted condition, and look whether they are.

        Until all is done the bridge is marked as half made.
        """
        given = flows.read(self.host, self.agent.flows) if self.agent.flows else []
        devices = self.evidence.devices()
        self.note(devices)
        wanted = self.evidence.wanted(devices)
        now = self.evidence.look_at_all()
        self.close_strangers(now, devices)
        going = change.unshape(now, wanted, self.mine)
        if going:
            self.commit(going)
            now = self.evidence.look_at_all()
        self.commit(change.build(now, wanted, self.mine, self.evidence.is_ours(now)))
        self.give_back_devices()
        self.give_back_mtus(now)
        self.bring_up(self.evidence.devices())
        self.load_flows(given)
        self.verify()
        self.note_opened()
        self.commit(change.finish(self.bridge))

    def close_strangers(self, now: "Snapshot", devices: "Mapping[str, Link | None]") -> None:
        """Devices that went and came back are opened anew with the next change."""
        names = self.evidence.strangers(now, devices)
        if names:
            opened.forget(self.host, self.agent.rundir, names)

    def note_opened(self) -> None:
        """Which devices ovs-vswitchd was seen to have open: a monitor need not look again."""
        for link in self.evidence.given(self.evidence.devices()):
            self.record.put(OPENED + link.name, str(link.index))
        self.record.save()

    def verify(self) -> None:
        """Read back what was written: success on paper is none."""
        wrong = ["not looked yet"]
        judgement = Judgement(self.agent, self.evidence)

        def settled() -> bool:
            now = self.evidence.look_at_all()
            wrong[:] = judgement.wrong(now) if now.bridge else [f"{self.bridge} is gone"]
            return not wrong

        # devices come up, and statistics into the database, a moment later
        if not self.host.wait_for("reading back what was written", settled, within=5.0):
            raise Failed("; ".join(wrong))
        self.wait_for_link()

    def wait_for_link(self) -> None:
        """A card that was just set up takes seconds to find its link; without one it is started
        all the same, and degraded.
        """
        evidence = self.evidence

        def linked() -> bool:
            return not health.without_link(evidence.look(), evidence.wanted(evidence.devices()))

        if self.agent.on_member_down != "ignore":
            self.host.wait_for("waiting for the uplinks' link", linked, within=LINK)

    def repair(self, wrong: "list[str]") -> "Snapshot":
        """Do it again while nobody else acts on this resource; the bridge as it is then."""
        agent = self.agent
        self.host.lock(f"{self.record.name}.lock")
        agent.reread_record()
        self.record = self.evidence.record = agent.record
        now = self.evidence.look_at_all()
        if not self.evidence.is_ours(now) or spelling.is_unfinished(now.bridge):
            raise Failed(f"{self.bridge} was stopped in the meantime")
        self.host.log(f"repairing: {'; '.join(wrong)}")
        if not self.record.notes:
            agent.note_parameters()
        if any("not shaped" in sentence for sentence in wrong):
            self.commit(change.shaping(now, self.mine))
        self.build()
        return self.evidence.look()

    def commit(self, commands: "list[list[str]]") -> None:
        change.commit(self.host, self.agent.rundir, commands)

    # network devices

    def note(self, devices: "Mapping[str, Link | None]") -> None:
        """Remember what devices were like, unless we know that from before we changed them."""
        for name in [*self.given_devices(), *self.own_devices()]:
            link = devices.get(name)
            known = (self.record.get(PORT + name) or "").split()
            if link is None or (known and known[0] == str(link.index)):
                continue
            state = "up" if link.up else "down"
            self.record.put(PORT + name, f"{link.index} {state} {link.mtu}")
        self.record.save()

    def given_devices(self) -> "list[str]":
        """Those that were there before: internal ports are made with the bridge."""
        agent = self.agent
        return [*agent.uplinks, *([agent.mirror_to] if agent.mirror_to else [])]

    def own_devices(self) -> "list[str]":
        """Those that go with the bridge, unless it was there before."""
        return [self.bridge, *(name for name, _ in self.agent.internal)]

    def bring_up(self, devices: "Mapping[str, Link | None]") -> None:
        for link in devices.values():
            if link is not None and not link.up:
                self.links.set(link, up=True)

    def noted_devices(self) -> "set[str]":
        return {key[len(PORT) :] for key in self.record.notes if key.startswith(PORT)}

    def give_back_devices(self) -> None:
        """Leave devices that are given no more as they were found."""
        given = {*self.given_devices(), *self.own_devices()}
        for name in sorted(self.noted_devices() - given):
            self.release(name)
            self.record.put(PORT + name, None)
            self.record.save()

    def give_back_mtus(self, before: "Snapshot") -> None:
        """Open vSwitch leaves an MTU as it is when it is not asked for one any more."""
        for name in self.given_devices() if not self.agent.mtu else ():
            row, note = before.interfaces.get(name), (self.record.get(PORT + name) or "").split()
            link = self.links.get(name)
            if (
                row
                and "mtu_request" in spelling.noted(row)
                and link
                and note[:1] == [str(link.index)]
            ):
                self.links.set(link, mtu=int(note[2]))

    def release_devices(self) -> None:
        for name in sorted(self.noted_devices()):
            self.release(name)

    def release(self, name: str) -> None:
        note = (self.record.get(PORT + name) or "").split()
        link = self.links.at(int(note[0])) if len(note) == 3 and note[0].isdigit() else None
        if link is None:
            return
        down = note[1] == "down" and link.up
        mtu = int(note[2]) if link.mtu != int(note[2]) else None
        if link.kind in (TAP, KERNEL):
            mtu = None  # Open vSwitch's own: it sees to that
        if down or mtu:
            self.links.set(link, up=False if down else None, mtu=mtu)

    # flows

    def load_flows(self, given: "list[str]") -> None:
        agent = self.agent
        marks = [f"external_ids:{quoted(flows.NOTE)}"]
        if agent.flows:
            flows.load(self.host, agent.rundir, self.bridge, agent.flows, given)
            amount = flows.count(self.host, agent.rundir, self.bridge)
            digest = flows.digest(self.host, agent.rundir, self.bridge)
            marks = [f"{marks[0]}={quoted(f'{amount} {digest}')}"]
            self.commit([["set", "Bridge", self.bridge, *marks]])
        elif agent.record.get("flows"):
            flows.clear(self.host, agent.rundir, self.bridge)
            self.commit([["remove", "Bridge", self.bridge, "external_ids", quoted(flows.NOTE)]])
        self.record.put("flows", "loaded" if agent.flows else None)
        self.remember_bridge()

    def remember_bridge(self) -> None:
        """So that it is known again should somebody wipe its external_ids."""
        now = self.evidence.look_at_all()
        self.record.put("bridge", now.bridge["_uuid"] if now.bridge else None)
        self.record.save()

    # the way back

    def undo(self, patience: "float | None" = None) -> None:
        """Take back what is ours, and see that it is gone. Others are waited for, not harmed."""
        agent = self.agent
        now = self.evidence.look_at_all()
        ours = self.evidence.is_ours(now)
        adopted = ours and ADOPTED in now.bridge["external_ids"]  # type: ignore[index]
        if ours and not adopted and not agent.force:
            now = self.wait_until_alone(patience)
        if ours:
            self.unload(now, adopted)
            self.own(now)
            if not adopted:
                self.remember_that_it_was(now)
        if change.our_children(now, self.mine):
            self.commit(change.detach(now, self.mine))
        self.commit(change.undo(now, self.mine))
        if not adopted and (ours or self.record.get("bridge")):
            self.sweep()
            left = self.what_stays()
            if left:
                raise Failed(f"{self.bridge} was deleted from the database, but {left}")
        self.release_devices()
        self.forget()

    def what_stays(self) -> str:
        """What is still here of a deleted bridge; a stop that was cut short deletes the row and
        does not wait for ovs-vswitchd, so it may only now be on its way.
        """
        left = [""]

        def let_go() -> bool:
            try:
                left[:] = [self.evidence.left_over()]
            except TimedOut as exc:
                left[:] = [str(exc)]
            return not left[0] or not daemon.lives(self.host, self.agent.rundir)

        limit = self.host.left_but(RESERVE, 30.0)
        step = f"waiting for ovs-vswitchd to let go of {self.bridge}"
        self.host.wait_for(step, let_go, within=limit)
        return left[0]

    def own(self, now: "Snapshot") -> None:
        """A bridge that has lost its mark is known by the record alone."""
        if now.bridge is not None:
            now.bridge["external_ids"].setdefault(spelling.MARK, self.mine)

    def unload(self, now: "Snapshot", adopted: bool) -> None:
        """Flows go with a bridge that goes; an adopted one that stays loses ours."""
        rundir = self.agent.rundir
        has_ours = now.bridge is not None and flows.NOTE in now.bridge["external_ids"]
        if adopted and has_ours and daemon.running(self.host, rundir) is not None:
            flows.clear(self.host, rundir, self.bridge)

    def wait_until_alone(self, patience: "float | None") -> "Snapshot":
        """Guests that are just stopping take their ports with them; raises Failed if some stay."""
        limit = self.host.left_but(RESERVE, 30.0) if patience is None else patience
        seen: list[Snapshot] = []

        def alone() -> bool:
            seen[:] = [self.evidence.look_at_all()]
            return not self.others(seen[0])

        step = f"waiting for others to leave {self.bridge}"
        if not self.host.wait_for(step, alone, within=limit, interval=0.2):
            names = " ".join(self.others(seen[0]))
            raise Failed(
                f"{self.bridge} still carries {names}: stop or move what uses it, "
                "or set force=true to delete the bridge all the same"
            )
        return seen[0]

    def others(self, now: "Snapshot") -> "list[str]":
        """Who stands on the bridge: ports that somebody else attached, as guests do, and devices
        that were made upon it or upon its internal ports.
        """
        if now.bridge is None:
            return []
        ours = set(change.our_ports(now, self.mine))
        ports = [name for name in now.ports_of(now.bridge) if name not in ours]
        own = [self.links.get(name) for name in self.own_devices()]
        return ports + uppers.of(self.host, self.links, {link.index for link in own if link})

    def sweep(self) -> None:
        """Delete the devices that an ovs-vswitchd has left behind as it died."""
        running = daemon.bridges(self.host, self.agent.rundir)
        if running is not None and self.bridge in running:
            return
        for name in (self.bridge, *(name for name, _ in self.agent.internal)):
            link = self.links.get(name)
            if link is not None and link.kind == TAP and not link.carrier:  # nobody has it open
                self.links.delete(link)
            elif link is not None and link.kind == KERNEL:
                self.detach_in_kernel(name)
        for name in self.noted_devices() if running is None else ():
            link = self.links.get(name)
            if link is not None and link.master:
                self.detach_in_kernel(name)

    def detach_in_kernel(self, name: str) -> None:
        """The kernel's datapath forwards without ovs-vswitchd, and is changed without it, too."""
        done = self.host.run("ovs-dpctl", "del-if", "system@ovs-system", name, check=False)
        if done.returncode:
            self.host.log(f"{name} could not be taken out of the kernel: {done.complaint()}")

    def remember_that_it_was(self, now: "Snapshot") -> None:
        """Without the row nothing else tells that what ovs-vswitchd still runs is ours."""
        if now.bridge is not None and not self.record.get("bridge"):
            self.note_bridge(now.bridge["_uuid"])

    def forget(self) -> None:
        """No more ours by the record either."""
        self.note_bridge(None)

    def note_bridge(self, uuid: "str | None") -> None:
        """A full or read-only /run is no reason for a stop to fail."""
        self.record.put("bridge", uuid)
        try:
            self.record.save()
        except Failed as exc:
            self.host.log(str(exc))
