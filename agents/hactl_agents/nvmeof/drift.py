"""What of a gateway is not as it was given: a look at every attribute, for start and depth 10."""

from hactl_agents.nvmeof import names, tree
from hactl_agents.nvmeof.hosts import Guests

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.nvmeof.evidence import Evidence
    from hactl_agents.nvmeof.namespace import Namespace
    from hactl_agents.nvmeof_gateway import NvmeofGateway


class Drift:
    """The differences between what one NvmeofGateway was given and what configfs says."""

    def __init__(self, agent: "NvmeofGateway", evidence: "Evidence") -> None:
        self.agent = agent
        self.host = agent.host
        self.nqn: str = agent.nqn
        self.evidence = evidence
        self.tree = evidence.tree

    def of_what_was_made(self) -> "list[str]":
        """What we wrote and is otherwise, in short sentences."""
        wrong = self.subsystem() + self.hosts()
        for namespace in self.agent.namespaces:
            wrong += self.namespace(namespace)
        return wrong

    def of_what_runs(self) -> "list[str]":
        """That, and what others added or took away."""
        return self.of_what_was_made() + self.port() + self.additions() + self.node()

    def subsystem(self) -> "list[str]":
        folder = tree.subsystem(self.nqn)
        first, last = self.agent.controller_range()
        wanted = {
            "attr_serial": names.serial(self.nqn, self.agent.instance),
            "attr_model": self.agent.model,
            "attr_cntlid_min": str(first),
            "attr_cntlid_max": str(last),
        }
        return self.compare(folder, wanted, self.nqn)

    def hosts(self) -> "list[str]":
        keys = self.agent.keys()
        wanted = Guests(self.agent, self.tree).wanted(keys)
        anybody = self.tree.get(f"{tree.subsystem(self.nqn)}/attr_allow_any_host") == "1"
        if anybody != (not wanted):
            return [f"{self.nqn} admits {'any host' if anybody else 'only some hosts'}"]
        found = self.tree.allowed(self.nqn)
        wrong = [f"{self.nqn} does not admit {name}" for name in wanted if name not in found]
        wrong += [f"{self.nqn} also admits {name}" for name in found if name not in wanted]
        for name, given in keys.items():
            folder = tree.host_object(name)
            for key, value in {**given.secret, **given.public}.items():
                if name in wanted and self.tree.get(f"{folder}/{key}") != value:
                    wrong.append(f"the host {name} has another {key}")
        return wrong

    def namespace(self, wanted: "Namespace") -> "list[str]":
        folder = tree.namespace(self.nqn, wanted.nsid)
        attributes = {
            "device_path": wanted.path,
            "device_uuid": wanted.uuid(self.nqn),
            "device_nguid": wanted.nguid(self.nqn),
            "ana_grpid": str(wanted.ana_group),
            "enable": "1",
        }
        if wanted.buffered is not None:
            attributes["buffered_io"] = str(int(wanted.buffered))
        if self.agent.reservations:
            attributes["resv_enable"] = "1"
        return self.compare(folder, attributes, f"namespace {wanted.nsid}")

    def port(self) -> "list[str]":
        port_id = self.evidence.port()
        wanted = {"addr_trtype": self.agent.transport, "addr_adrfam": self.agent.address.adrfam}
        return self.compare(tree.port(port_id), wanted, f"port {port_id}")

    def additions(self) -> "list[str]":
        given = {str(namespace.nsid) for namespace in self.agent.namespaces}
        port_id = self.evidence.port()
        found = [
            f"namespace {nsid} was added" for nsid in self.tree.namespaces(self.nqn)
            if nsid not in given
        ]  # fmt: skip
        found += [
            f"port {other}, not ours, offers {self.nqn} too"
            for other in self.tree.offering(self.nqn)
            if other != port_id
        ]
        return found + [
            f"port {port_id} also offers {other}"
            for other in self.tree.offered_by(port_id)
            if other != self.nqn
        ]

    def node(self) -> "list[str]":
        """What the gateway stands on, and does not notice when it goes."""
        address, _ = self.tree.portal(self.evidence.port())
        wrong = (
            [] if self.host.has_address(address) else [f"{address} is not an address of this node"]
        )
        noted = (self.agent.record.get("behind") or "").split()
        served = dict(word.split("=", 1) for word in noted)
        known = self.host.paths.facts_of(each.path for each in self.agent.namespaces)
        for namespace in self.agent.namespaces:
            now = known[namespace.path]
            if now is None:
                wrong.append(f"{namespace.path} of namespace {namespace.nsid} has vanished")
            elif served.get(str(namespace.nsid), now.identity) != now.identity:
                wrong.append(f"{namespace.path} is no longer what namespace {namespace.nsid} is")
        return wrong

    def compare(self, folder: str, wanted: "dict[str, str]", what: str) -> "list[str]":
        found = {name: self.tree.get(f"{folder}/{name}") for name in wanted}
        return [
            f"{what} has {name.removeprefix('attr_')} {found[name]!r} instead of {value!r}"
            for name, value in wanted.items()
            if found[name] != value
        ]
