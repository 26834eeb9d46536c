"""Whether a gateway is served on this node and is ours, from configfs; judges no more than that."""

from hactl_agents.gateway.listen_address import portal
from hactl_agents.nvmeof import names, tree
from hactl_agents.ocf.record import file_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.nvmeof_gateway import NvmeofGateway

ABSENT, OURS, FOREIGN = "absent", "ours", "foreign"
MAKING, MADE = "making", "made"
LAST_PORT_ID = 65000
TRIES = 16  # ids in a row that may belong to others


def own_subsystem(target: "tree.Tree", resource: str) -> str:
    """The NQN that a resource serves, where nobody knows it any more: by the serial number."""
    for nqn in target.subsystems():
        if target.get(f"{tree.subsystem(nqn)}/attr_serial") == names.serial(nqn, resource):
            return nqn
    return ""


class Evidence:
    """What can be found out about the subsystem of one NvmeofGateway."""

    def __init__(self, agent: "NvmeofGateway") -> None:
        self.agent = agent
        self.host = agent.host
        self.nqn: str = agent.nqn
        self.tree = tree.Tree(agent.host)

    # whose it is

    @property
    def claim_name(self) -> str:
        """The file in which the resource that made a subsystem signs for it."""
        return file_name(f"nvmet {self.nqn}")

    def claim(self) -> "tuple[str, str]":
        """Who signed for the subsystem, and how far it is; ('', '') for nobody."""
        instance, _, progress = (self.host.load(self.claim_name) or "").partition("\n")
        return instance, progress

    def owner(self) -> str:
        """By its serial number, and by who signed for it; half made, it may lack the number."""
        if not self.host.exists(tree.subsystem(self.nqn)):
            return ABSENT
        found = self.tree.get(f"{tree.subsystem(self.nqn)}/attr_serial")
        numbered = found == names.serial(self.nqn, self.agent.instance)
        instance, progress = self.claim()
        if instance not in ("", self.agent.instance):
            return FOREIGN
        return OURS if numbered or (instance and progress == MAKING) else FOREIGN

    # the port

    def port(self) -> str:
        """The id of our port, '' if there is none. The noted one, or one whose id we would give."""
        noted = self.agent.record.get("port")
        if noted and self.is_noted(noted) and not self.is_given_away(noted):
            return noted
        for port_id in self.tree.ports():
            if port_id in self.port_ids(*self.tree.portal(port_id)):
                return "" if self.is_given_away(port_id) else port_id
        return ""

    def is_given_away(self, port_id: str) -> bool:
        """Whether a port we made offers what others hung on it, and nothing of ours any more."""
        offered = self.tree.offered_by(port_id)
        return bool(offered) and self.nqn not in offered

    def is_noted(self, port_id: str) -> bool:
        """Whether the port we noted is there and for the address we noted, or for none yet."""
        if not self.host.exists(tree.port(port_id)):
            return False
        wanted = (self.agent.record.get("address"), self.agent.record.get("service"))
        address, service = self.tree.portal(port_id)
        return address in ("", wanted[0]) and service in ("", wanted[1])

    def port_ids(self, address: str, service: str) -> "list[str]":
        """The ids that our port there may have, best first: the same wherever it is asked."""
        if not address:
            return []
        first = names.number(LAST_PORT_ID, self.nqn, address, service)
        return [str(first + more) for more in range(TRIES)]

    # what is wrong

    def remains(self) -> str:
        """What is left where the subsystem is gone, '' if nothing."""
        port_id = self.port()
        return f"port {port_id} of {self.nqn} is left: stop it" if port_id else ""

    def faults(self) -> "list[str]":
        """Why hosts cannot be served, in short sentences."""
        port_id = self.port()
        faults = []
        if not port_id or not self.tree.offers(port_id, self.nqn):
            faults.append(f"{self.nqn} is offered at no port of ours")
        else:
            faults += self.wrong_portal(port_id)
        for namespace in self.agent.namespaces:
            folder = tree.namespace(self.nqn, namespace.nsid)
            enabled = self.tree.get(f"{folder}/enable")
            path = self.tree.get(f"{folder}/device_path")
            if not enabled:
                faults.append(f"namespace {namespace.nsid} is missing")
            elif path != namespace.path:
                faults.append(f"namespace {namespace.nsid} is {path} instead of {namespace.path}")
            elif enabled != "1":
                faults.append(f"namespace {namespace.nsid} is disabled")
        return faults

    def wrong_portal(self, port_id: str) -> "list[str]":
        address, service = self.tree.portal(port_id)
        place = self.agent.address
        if place.holds(address) and service == str(self.agent.port):
            return []
        return [f"{self.nqn} is at {portal(address, service)}, not at {place} {self.agent.port}"]

    # the role

    def groups(self) -> "list[str]":
        """The ANA groups that namespaces are to be in."""
        return sorted({str(namespace.ana_group) for namespace in self.agent.namespaces})

    def groups_found(self) -> "list[str]":
        """Those that they are in."""
        folders = [tree.namespace(self.nqn, nsid) for nsid in self.tree.namespaces(self.nqn)]
        return sorted({self.tree.get(f"{folder}/ana_grpid") for folder in folders} - {""})

    def paths_found(self) -> "list[str]":
        """The paths that are served."""
        folders = [tree.namespace(self.nqn, nsid) for nsid in self.tree.namespaces(self.nqn)]
        return [self.tree.get(f"{folder}/device_path") for folder in folders]

    def states(self, groups: "list[str]") -> "set[str]":
        """The ANA states of some groups; one, if all is well."""
        port_id = self.port()
        return {self.tree.get(tree.ana_state(port_id, group)) for group in groups}
