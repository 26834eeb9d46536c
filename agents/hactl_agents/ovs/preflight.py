"""Whether a bridge may be made on this node as it is given: looks, and touches nothing."""

from hactl_agents.host.host import Failed, NotInstalled
from hactl_agents.ocf.errors import WrongHere
from hactl_agents.ovs import change, daemon, flows
from hactl_agents.ovs import child_rows as hanging
from hactl_agents.ovs import vsctl as spelling
from hactl_agents.ovs.database import Snapshot, many
from hactl_agents.ovs.parameters import SSL
from hactl_agents.ovs.wire import NobodyListens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.ovs.wanted import Child, Port, Wanted
    from hactl_agents.ovs_bridge import OvsBridge

TYPE, REGULAR = 0o170000, 0o100000  # in st_mode, inode(7)
OTHERS_MAY_READ, OTHERS_MAY_WRITE = 0o077, 0o022


class Preflight:
    """The doubts about one OvsBridge. All are raised as WrongHere, NotInstalled or Failed."""

    def __init__(self, agent: "OvsBridge") -> None:
        self.agent = agent
        self.host = agent.host

    def refuse(self) -> None:
        now = self.database()
        self.refuse_bridge(now)
        evidence = self.agent.evidence
        wanted = evidence.wanted(evidence.devices())
        for port in wanted.ports:
            self.refuse_port(now, port)
        for child in wanted.children:
            self.refuse_taken(now, wanted, child)
        self.refuse_files()
        self.refuse_ssl_without_key(now)

    def database(self) -> Snapshot:
        """What there is. Raises NotInstalled and Failed where Open vSwitch does not run."""
        agent = self.agent
        for tool in ("ovs-vsctl", *(("ovs-ofctl",) if agent.flows else ())):
            if self.host.which(tool) is None:
                raise NotInstalled(f"{tool}: command not found: install Open vSwitch")
        try:
            now = agent.evidence.look_at_all()
        except NobodyListens as exc:
            raise Failed(f"{exc}: start Open vSwitch") from None
        if daemon.running(self.host, agent.rundir) is None:
            raise Failed("ovs-vswitchd is not running: start Open vSwitch")
        return now

    def refuse_bridge(self, now: Snapshot) -> None:
        agent = self.agent
        name = agent.bridge
        if now.bridge is None:
            self.refuse_device(name)
            self.refuse_name(now, name)
            return
        mark = spelling.owner(now.bridge)
        if mark and mark != agent.instance:
            raise WrongHere(
                f"{name} belongs to the resource {mark}: stop that first or, if there is none of "
                f"that name, run ovs-vsctl del-br {name}"
            )
        if not agent.evidence.is_ours(now) and not agent.adopt:
            raise WrongHere(f"{name} is there already and not ours: delete it, or set adopt=true")
        there = now.bridge["datapath_type"] or "system"
        if agent.datapath not in (None, there):
            raise WrongHere(f"datapath: {name} is there already and has datapath {there}")

    def refuse_device(self, name: str) -> None:
        """A bridge or internal port is a new device: nothing else may have its name."""
        link = self.agent.links.get(name)
        if link is not None:
            kind = f"a {link.kind} device" if link.kind else "a device"
            raise WrongHere(f"{name} is {kind} of this node already: choose another name")

    def refuse_name(self, now: Snapshot, name: str) -> None:
        """Names of ports are unique in all bridges of a node."""
        row = now.ports.get(name)
        other = change.neighbours(now, row["_uuid"]) if row else ""
        if other:
            raise WrongHere(f"{name} is a port of the bridge {other}: take it out there first")

    def refuse_port(self, now: Snapshot, port: "Port") -> None:
        self.refuse_name(now, port.name)
        there = now.on_bridge(port.name)
        mark = spelling.owner(now.ports.get(port.name)) if there else ""
        if mark not in ("", self.agent.instance):
            raise WrongHere(f"{port.name} belongs to the resource {mark}: stop that first")
        if there and not mark and not self.agent.adopt:
            raise WrongHere(f"{port.name} is a port already and not ours: set adopt=true")
        for name in port.members:
            self.refuse_member(now, port, name)

    def refuse_member(self, now: Snapshot, port: "Port", name: str) -> None:
        row = now.interfaces.get(name)
        if row is not None:
            holder = next(
                (
                    other["name"]
                    for other in now.ports.values()
                    if row["_uuid"] in many(other["interfaces"])
                ),
                port.name,
            )
            ours = spelling.owner(now.ports.get(holder)) == self.agent.instance
            if holder != port.name and not ours:
                raise WrongHere(f"{name} is in the port {holder}: take it out there first")
        elif port.internal:
            self.refuse_device(name)
        else:
            self.refuse_unfit_device(name)

    def refuse_unfit_device(self, name: str) -> None:
        given = "mirror_to" if name == self.agent.mirror_to else "uplinks"
        links = self.agent.links
        link = links.get(name)
        if link is None:
            raise WrongHere(f"{given}: this node has no network device {name}")
        if link.loopback or link.kind == "bridge":
            what = "the loopback" if link.loopback else "a bridge itself"
            raise WrongHere(f"{given}: {name} is {what} and cannot be a port")
        if link.master:
            raise WrongHere(f"{given}: {name} is a port of another device: take it out there first")
        addresses = links.addresses(link.index)
        if addresses:
            raise WrongHere(
                f"{given}: {name} has the address {addresses[0]}, which would stop answering: "
                "remove it, or move it to an internal port"
            )

    def refuse_taken(self, now: Snapshot, wanted: "Wanted", child: "Child") -> None:
        """A row of somebody else's is not thrown out for ours."""
        mine = self.agent.instance
        holder = hanging.holder_row(now, child)
        for row in hanging.rivals(now, child):
            theirs = spelling.owner(row)
            if theirs == mine or (not theirs and spelling.is_ours_alone(holder, mine)):
                continue
            if hanging.unlike(now, wanted, child, row):
                where = "this node" if child.holder[1] == "." else child.holder[1]
                raise WrongHere(f"{where} has another {child.name()} already, and it is not ours")

    def refuse_files(self) -> None:
        """What root's daemons read and obey must not be anybody's to write."""
        agent = self.agent
        for name in ("flows", *SSL):
            path = agent.values[name]
            if not path:
                continue
            found = self.host.paths.facts(path)
            if found is None:
                raise WrongHere(f"{name}: there is no file {path} on this node")
            mode = found.mode
            if mode & TYPE != REGULAR:
                raise WrongHere(f"{name}: {path} is not a regular file")
            if mode & OTHERS_MAY_WRITE:
                raise WrongHere(f"{name}: others may write {path}: chmod go-w it")
        if agent.flows:
            flows.read(self.host, agent.flows)
        key = agent.ssl_private_key
        found = self.host.paths.facts(key) if key else None
        if found and found.mode & OTHERS_MAY_READ:
            raise WrongHere(f"ssl_private_key: others may read {key}: chmod 600 it")

    def refuse_ssl_without_key(self, now: Snapshot) -> None:
        agent = self.agent
        secure = [
            target
            for target in (*agent.controllers, *agent.managers)
            if target.partition(":")[0] in ("ssl", "pssl")
        ]
        if secure and not agent.ssl_private_key and not many(now.root["ssl"]):
            raise WrongHere(
                f"{secure[0]}: this node has no key for it: give ssl_private_key, "
                "ssl_certificate and ssl_ca_cert, or run ovs-vsctl set-ssl"
            )
