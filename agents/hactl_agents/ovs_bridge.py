"""An Open vSwitch bridge: whether it runs, what is wrong with it, who may touch it."""

from hactl_agents.ocf import Agent, Degraded, Failed, Status, TimedOut, action
from hactl_agents.ovs import daemon, drift, health
from hactl_agents.ovs.database import Snapshot, look, look_at_all
from hactl_agents.ovs.parameters import Parameters, refuse_contradictions
from hactl_agents.ovs.wanted import Wanted
from hactl_agents.ovs.wire import NobodyListens, Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from hactl_agents.host import Host
    from hactl_agents.netlink import Link
    from hactl_agents.ovs.work import Work

UNFINISHED, FLOWS = "hactl-unfinished", "hactl-flows"
OVS_KINDS = ("openvswitch", "tun")  # a bridge's own device, in the kernel and in ovs-vswitchd
SETTLE = 5.0  # seconds a monitor gives ovs-vswitchd to apply somebody's change


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
        self.links = host.network()
        self.now: Snapshot | None = None  # the bridge as probe saw it

    @property
    def wire(self) -> Wire:
        return Wire(self.host, f"{self.rundir}/db.sock", "ovsdb-server")

    @property
    def work(self) -> "Work":
        from hactl_agents.ovs.work import Work

        return Work(self)

    # what Pacemaker asks for

    def probe(self) -> int:
        self.now = None
        try:
            now = self.look_at_it()
        except NobodyListens as exc:
            return self.without_database(exc)
        if now.bridge is None:
            return self.deleted()
        if not self.is_ours(now):
            return Status.STOPPED
        self.refuse_what_is_not_running(now)
        self.now = now
        return Status.RUNNING

    @action(timeout=20, interval=10)
    @action(timeout=30, interval=60, depth=10)
    def monitor(self) -> int:
        status: int = super().monitor()
        if self.now is not None:
            self.judge(self.now)
        return status

    @action(timeout=60)
    def start(self) -> None:
        self.work.build()

    @action(timeout=60)
    def stop(self) -> None:
        self.work.undo()

    @action(timeout=60)
    def reload_agent(self) -> None:
        if self.probe() != Status.RUNNING:
            raise Failed(f"{self.bridge} is not running here: start it")
        self.preflight()
        self.work.build()

    def check(self) -> None:
        refuse_contradictions(self.values)

    def preflight(self) -> None:
        """Refuse what cannot work on this node, before anything is touched."""
        from hactl_agents.ovs.preflight import Preflight

        Preflight(self).refuse()

    def given_up(self) -> None:
        """Undo a start that failed, unless others use the bridge already."""
        try:
            self.work.undo(patience=0.0)
            self.record.drop()
        except Failed as exc:
            self.host.log(f"could not undo the start that failed: {exc}")

    def stopped(self) -> None:
        """Somebody else may have deleted the bridge: its uplinks are still as we made them."""
        if self.record.notes:
            try:
                self.work.release_devices()
            except Failed as exc:
                self.host.log(f"an uplink could not be left as it was found: {exc}")

    def examine(self) -> None:
        """Whether the flows are still those that were put in."""
        if self.flows and self.now is not None and self.now.bridge is not None:
            from hactl_agents.ovs import flows

            found = flows.digest(self.host, self.rundir, self.bridge)
            if found != self.noted_flows(self.now)[1]:
                raise Degraded(f"the flows of {self.bridge} are not those of {self.flows} any more")

    # whether it runs

    def look_at_it(self) -> Snapshot:
        """The bridge and what it is made of. Raises NobodyListens."""
        if self.complaints:
            return look_at_all(self.wire, self.bridge)
        wanted = self.wanted(self.devices())
        ports = [port.name for port in wanted.ports]
        return look(self.wire, self.bridge, ports, wanted.interfaces(), *wanted.tables())

    def is_ours(self, now: Snapshot) -> bool:
        """By its mark, or by the record where it has lost that and is nobody else's."""
        assert now.bridge is not None
        mark = drift.owner(now.bridge)
        return mark == self.instance or (
            not mark and self.record.get("bridge") == now.bridge["_uuid"]
        )

    def refuse_what_is_not_running(self, now: Snapshot) -> None:
        """Raise Failed unless ovs-vswitchd runs the bridge, and it was made to its end."""
        assert now.bridge is not None
        if UNFINISHED in now.bridge["external_ids"]:
            raise Failed(f"{self.bridge} is half made: a start or stop of it was cut short")
        running = daemon.bridges(self.host, self.rundir)
        if running is None:
            raise Failed(f"{self.bridge} is configured, but ovs-vswitchd is not running")
        if self.bridge not in running:
            raise Failed(f"{self.bridge} is configured, but ovs-vswitchd does not run it")

    def deleted(self) -> int:
        """No such row: stopped, unless we made one and its bridge is still there."""
        left = self.left_over() if self.record.notes else ""
        if left:
            raise Failed(f"{self.bridge} is not in the database any more, but {left}")
        return Status.STOPPED

    def without_database(self, exc: NobodyListens) -> int:
        """Stopped only if nothing of it can be here: what was ours may still be forwarding."""
        left = self.left_over()
        if self.record.notes:
            raise Failed(f"{exc}; {left or f'{self.bridge} was started here'}")
        if left:
            raise Failed(f"{exc}, so nobody knows whose {self.bridge} is: {left}")
        return Status.STOPPED

    def left_over(self) -> str:
        """What is still here of a bridge of this name, '' if nothing."""
        running = daemon.bridges(self.host, self.rundir)
        if running is not None:
            return "ovs-vswitchd still runs it" if self.bridge in running else ""
        device = self.links.get(self.bridge)
        if device is not None and device.kind in OVS_KINDS:
            return f"ovs-vswitchd is not running and the device {self.bridge} is still there"
        return ""

    # as it should be

    def devices(self) -> "dict[str, Link | None]":
        """The network devices that are given, as they are."""
        names = [self.bridge, *self.uplinks, *(name for name, _ in self.internal)]
        names += [self.mirror_to] if self.mirror_to else []
        return {name: self.links.get(name) for name in names}

    def wanted(self, devices: "Mapping[str, Link | None]") -> Wanted:
        first = devices.get(self.uplinks[0]) if self.uplinks else None
        return Wanted(self, first.address if first else "")

    def noted_flows(self, now: Snapshot) -> "tuple[int, str]":
        """How many flows were put in, and their digest; (-1, '') if none were."""
        assert now.bridge is not None
        amount, _, digest = now.bridge["external_ids"].get(FLOWS, "").partition(" ")
        return (int(amount), digest) if amount.isdigit() else (-1, "")

    # what is wrong with it

    def judge(self, now: Snapshot) -> None:
        """Raise Failed or Degraded with all that is not as it should be."""
        if self.complaints:
            raise Failed("; ".join(self.complaints))
        now = self.wait_until_applied(now)
        wrong = self.wrong(now)
        if wrong and self.may_repair():
            now = self.work.repair(wrong)
            wrong = self.wrong(now)
        if wrong:
            raise (Failed if self.drift == "fail" else Degraded)("; ".join(wrong))
        devices = self.devices()
        wanted = self.wanted(devices)
        complain(self.on_member_down, health.without_link(now, wanted))
        complain(self.on_controller_down, health.without_connection(now, wanted))

    def may_repair(self) -> bool:
        """A probe changes nothing; a bridge that came back by itself after a reboot is completed:
        its uplinks and flows are no part of the database."""
        recurring = self.meta("interval") not in ("", "0")
        return recurring and (self.drift == "repair" or not self.record.notes)

    def wait_until_applied(self, now: Snapshot) -> Snapshot:
        """Somebody's change, a guest's port for instance, may just be on its way."""
        seen = [now]

        def applied() -> bool:
            if not seen[-1].applied:
                seen.append(self.look_at_it())
            return seen[-1].applied

        step = "waiting for ovs-vswitchd to apply the database"
        if not self.host.wait_for(step, applied, within=SETTLE):
            raise TimedOut("ovs-vswitchd lives, but does not apply what the database says")
        if seen[-1].bridge is None:
            raise Failed(f"{self.bridge} was deleted while it was looked at")
        return seen[-1]

    def wrong(self, now: Snapshot) -> "list[str]":
        """What is not as given, in short sentences."""
        devices = self.devices()
        wanted = self.wanted(devices)
        assert now.bridge is not None
        wrong = [] if drift.owner(now.bridge) else [f"{self.bridge} has lost our mark"]
        wrong += [found.sentence for found in drift.differences(now, wanted, self.instance)]
        wrong += health.not_applied(now, wanted.interfaces())
        wrong += health.devices(wanted, devices)
        wrong += health.unshaped(self.links, wanted, devices)
        return wrong + self.lost_flows(now)

    def lost_flows(self, now: Snapshot) -> "list[str]":
        if not self.flows:
            return []
        from hactl_agents.ovs import flows

        wanted, _ = self.noted_flows(now)
        found = flows.count(self.host, self.rundir, self.bridge)
        if found == wanted:
            return []
        return [f"{self.bridge} has {found} of the {max(wanted, 0)} flows of {self.flows}"]


def complain(choice: str, wrong: "list[str]") -> None:
    """Raise what the operator chose to make of something that is down."""
    if wrong and choice != "ignore":
        raise (Failed if choice == "fail" else Degraded)("; ".join(wrong))
