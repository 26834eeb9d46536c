"""Whether a bridge runs on this node and is ours, from both daemons and the kernel; judges no
more than that.
"""

from hactl_agents.host.host import Failed
from hactl_agents.ovs import daemon
from hactl_agents.ovs import vsctl as spelling
from hactl_agents.ovs.database import Snapshot, look, look_at_all
from hactl_agents.ovs.wanted import Wanted
from hactl_agents.ovs.wire import NobodyListens, Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from hactl_agents.netlink.links import Link
    from hactl_agents.ovs_bridge import OvsBridge

USER_SPACE = "netdev"
OPENED = "opened."  # begins the name of a note: ovs-vswitchd was seen to have this device open
KERNEL, TAP = "openvswitch", "tun"  # a bridge's own device, in the kernel and in ovs-vswitchd


class Evidence:
    """What can be found out about the bridge of one OvsBridge."""

    def __init__(self, agent: "OvsBridge") -> None:
        self.agent = agent
        self.host = agent.host
        self.record = agent.record
        self.bridge: str = agent.bridge
        self.wire = Wire(agent.host, f"{agent.rundir}/db.sock", "ovsdb-server")

    def running(self) -> "Snapshot | None":
        """The bridge, if it is ours and runs; None if nothing of it is here. Raises Failed."""
        try:
            now = self.look()
        except NobodyListens as exc:
            self.refuse_doubt(exc)
            return None
        if now.bridge is None:
            self.refuse_remains()
            return None
        if not self.is_ours(now):
            return None
        self.refuse_what_does_not_run(now)
        return now

    def look(self) -> Snapshot:
        """The bridge and what it is made of. Raises NobodyListens."""
        if self.agent.complaints:
            return self.look_at_all()
        wanted = self.wanted(self.devices())
        ports = [port.name for port in wanted.ports]
        ports += [self.bridge] if self.bridge in self.agent.mirror_ports else []
        return look(self.wire, self.bridge, ports, wanted.interfaces(), *wanted.tables())

    def look_at_all(self) -> Snapshot:
        return look_at_all(self.wire, self.bridge)

    def is_ours(self, now: Snapshot) -> bool:
        """By its mark, or by the record where it has lost that and is nobody else's."""
        if now.bridge is None:
            return False
        mark = spelling.owner(now.bridge)
        if mark:
            return mark == self.agent.instance
        return bool(self.record.get("bridge") == now.bridge["_uuid"])

    def refuse_what_does_not_run(self, now: Snapshot) -> None:
        """Raise Failed unless ovs-vswitchd runs the bridge, and it was made to its end."""
        if spelling.is_unfinished(now.bridge):
            raise Failed(f"{self.bridge} is half made: a start or stop of it was cut short")
        running = daemon.bridges(self.host, self.agent.rundir)
        if running is None:
            raise Failed(f"{self.bridge} is configured, but ovs-vswitchd is not running")
        if self.bridge not in running:
            raise Failed(f"{self.bridge} is configured, but ovs-vswitchd does not run it")

    def refuse_remains(self) -> None:
        """No such row: it is stopped, unless we made one and its bridge is still there."""
        left = self.left_over() if self.record.notes else ""
        if left:
            raise Failed(f"{self.bridge} is not in the database any more, but {left}")

    def refuse_doubt(self, exc: NobodyListens) -> None:
        """Without the database it is stopped only if nothing of it can be here: what was ours may
        still be forwarding."""
        left = self.left_over()
        if self.record.notes:
            raise Failed(f"{exc}; {left or f'{self.bridge} was started here'}")
        if left:
            raise Failed(f"{exc}, so nobody knows whose {self.bridge} is: {left}")

    def left_over(self) -> str:
        """What is still here of a bridge of this name, '' if nothing."""
        running = daemon.bridges(self.host, self.agent.rundir)
        if running is not None and self.bridge in running:
            return "ovs-vswitchd still runs it"
        device = self.agent.links.get(self.bridge)
        if device is not None and device.kind == KERNEL:
            return f"the kernel still has the device {self.bridge}"
        if device is not None and device.kind == TAP and running is None:
            return f"ovs-vswitchd is not running and the device {self.bridge} is still there"
        return ""

    def strangers(self, now: Snapshot, devices: "Mapping[str, Link | None]") -> "list[str]":
        """Uplinks that ovs-vswitchd switches in user space, as devices that are no more."""
        if now.bridge is None or now.bridge["datapath_type"] != USER_SPACE:
            return []
        known = self.record.notes
        doubtful = [
            link
            for link in self.given(devices)
            if known.get(OPENED + link.name) != str(link.index) and now.on_switch(link.name)
        ]
        if not doubtful:
            return []
        from hactl_agents.ovs import opened

        return opened.strangers(self.host, self.agent.rundir, doubtful)

    def given(self, devices: "Mapping[str, Link | None]") -> "list[Link]":
        """The devices that were there before the bridge, as far as they are there."""
        agent = self.agent
        names = [*agent.uplinks, *([agent.mirror_to] if agent.mirror_to else [])]
        return [link for name in names if (link := devices.get(name)) is not None]

    # what should be

    def devices(self) -> "dict[str, Link | None]":
        """The network devices that are given, as they are."""
        agent = self.agent
        names = [self.bridge, *agent.uplinks, *(name for name, _ in agent.internal)]
        names += [agent.mirror_to] if agent.mirror_to else []
        return {name: agent.links.get(name) for name in names}

    def wanted(self, devices: "Mapping[str, Link | None]") -> Wanted:
        uplinks = self.agent.uplinks
        first = devices.get(uplinks[0]) if uplinks else None
        return Wanted(self.agent, first.address if first else "")
