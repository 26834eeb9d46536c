"""Making a subsystem, offering it at a port, and taking all of that away again, in that order.

Runs in a process apart: a namespace whose disk hangs holds whoever enables or disables it.
"""

from hactl_agents.gateway.listen_address import portal
from hactl_agents.nvmeof import backing, connections, names, tree
from hactl_agents.nvmeof.drift import Drift
from hactl_agents.nvmeof.evidence import FOREIGN, MADE, MAKING, Evidence
from hactl_agents.nvmeof.hosts import Guests
from hactl_agents.ocf.errors import Failed, NotInstalled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.nvmeof.namespace import Namespace
    from hactl_agents.nvmeof_gateway import NvmeofGateway

LOCK = "nvmet.lock"  # held by whoever gives a port its id, or a host its keys
INACCESSIBLE = "inaccessible"
ANSWER = 2.0  # seconds for a path that hangs
SETTLE = 10.0  # seconds given to reads and writes that are under way


class Work:
    """What one NvmeofGateway does to this node's target."""

    def __init__(self, agent: "NvmeofGateway") -> None:
        self.agent = agent
        self.host = agent.host
        self.record = agent.record
        self.nqn: str = agent.nqn
        self.evidence = Evidence(agent)
        self.tree = self.evidence.tree
        self.guests = Guests(agent, self.tree)

    # making

    def build(self, state: str) -> None:
        """Serve all that is given; what is served already stays. ``state`` is of a new port."""
        self.sign(MAKING)
        self.make_subsystem()
        self.host.lock(LOCK)
        self.guests.admit()
        for namespace in self.agent.namespaces:
            self.make_namespace(namespace)
        self.remove_namespaces(self.superfluous())
        for namespace in self.agent.namespaces:
            self.enable(namespace.nsid)
        port_id = self.evidence.port()
        if not port_id or not self.tree.offers(port_id, self.nqn):
            self.offer(port_id or self.make_port(), state)
        self.make_groups(port_id, state)
        self.refuse_drift()
        self.sign(MADE)

    def sign(self, progress: str) -> None:
        self.host.save(self.evidence.claim_name, f"{self.agent.instance}\n{progress}")

    def make_subsystem(self) -> None:
        self.host.at(f"making {self.nqn}")
        folder = tree.subsystem(self.nqn)
        self.tree.make(folder)
        self.tree.put(f"{folder}/attr_serial", names.serial(self.nqn, self.agent.instance))
        self.tree.put(f"{folder}/attr_model", self.agent.model)
        first, last = self.agent.controller_range()
        limits = [("attr_cntlid_max", last), ("attr_cntlid_min", first)]
        if last < int(self.tree.get(f"{folder}/attr_cntlid_min") or 0):
            limits.reverse()  # the kernel wants the lower one below the higher at any time
        for name, value in limits:
            self.tree.put(f"{folder}/{name}", str(value))

    def make_namespace(self, wanted: "Namespace") -> None:
        """Made, not enabled. Raises Failed where it is served from another path."""
        self.host.at(f"making namespace {wanted.nsid}")
        folder = tree.namespace(self.nqn, wanted.nsid)
        self.tree.make(folder)
        if self.tree.get(f"{folder}/enable") == "1":
            path = self.tree.get(f"{folder}/device_path")
            if path != wanted.path:
                raise Failed(
                    f"namespace {wanted.nsid} is served from {path}: stop {self.nqn} to move it"
                )
            return
        self.tree.put(f"{folder}/device_path", wanted.path)
        self.tree.put(f"{folder}/device_uuid", wanted.uuid(self.nqn))
        self.tree.put(f"{folder}/device_nguid", wanted.nguid(self.nqn))
        self.tree.put(f"{folder}/ana_grpid", str(wanted.ana_group))
        buffered = self.agent.buffered.get(wanted.nsid, bool(wanted.buffered))
        self.tree.put(f"{folder}/buffered_io", str(int(buffered)))
        if self.agent.reservations:
            if not self.host.exists(f"{folder}/resv_enable"):
                raise NotInstalled("this kernel's target has no reservations: leave them out")
            self.tree.put(f"{folder}/resv_enable", "1")

    def enable(self, nsid: int) -> None:
        self.host.at(f"enabling namespace {nsid}")
        self.tree.put(f"{tree.namespace(self.nqn, nsid)}/enable", "1")

    def superfluous(self) -> "list[str]":
        """Namespaces that are not given, or not any more; while nobody can see them, all of them.

        One that somebody added by hand to what is served stays until stop: a host may be using it.
        """
        given = {str(namespace.nsid) for namespace in self.agent.namespaces}
        found = [nsid for nsid in self.tree.namespaces(self.nqn) if nsid not in given]
        if not self.tree.offering(self.nqn):
            return found
        return [nsid for nsid in found if nsid in self.agent.namespaces_before()]

    # the port

    def make_port(self) -> str:
        """Our port, with an id that is nobody's. It listens once something is offered at it."""
        self.host.at("making a port")
        address = self.agent.address.on_this_node(self.host)
        service = str(self.agent.port)
        for port_id in self.evidence.port_ids(address, service):
            if not self.host.exists(tree.port(port_id)):
                for key, value in (("port", port_id), ("address", address), ("service", service)):
                    self.record.put(key, value)
                self.record.save()
                if self.host.make_folder(tree.port(port_id)):
                    return port_id
        raise Failed(f"no id is free for a port at {portal(address, service)}")

    def offer(self, port_id: str, state: str) -> None:
        """Let hosts in, as the last thing that is done."""
        folder = tree.port(port_id)
        address = self.record.get("address") or self.agent.address.on_this_node(self.host)
        if not self.tree.offered_by(port_id):
            self.tree.put(f"{folder}/addr_trtype", self.agent.transport)
            self.tree.put(f"{folder}/addr_adrfam", self.agent.address.adrfam)
            self.tree.put(f"{folder}/addr_traddr", address)
            self.tree.put(f"{folder}/addr_trsvcid", str(self.agent.port))
        for group in self.evidence.groups():
            self.tree.make(f"{folder}/ana_groups/{group}")
            self.tree.put(tree.ana_state(port_id, group), state)
        self.refuse_drift()
        where = portal(address, str(self.agent.port))
        self.host.at(f"listening on {where}")
        try:
            self.host.link(f"{folder}/{tree.OFFERS}/{self.nqn}", tree.subsystem(self.nqn))
        except Failed as exc:
            raise Failed(f"cannot listen on {where}: {str(exc).rpartition(': ')[2]}") from None

    def make_groups(self, port_id: str, state: str) -> None:
        """Groups of namespaces that came later."""
        for group in self.evidence.groups() if port_id else []:
            if self.host.make_folder(f"{tree.port(port_id)}/ana_groups/{group}"):
                self.tree.put(tree.ana_state(port_id, group), state)

    def refuse_drift(self) -> None:
        """Read back everything that was written."""
        wrong = Drift(self.agent, self.evidence).of_what_was_made()
        if wrong:
            raise Failed("; ".join(wrong))

    # the role

    def set_state(self, state: str) -> None:
        """Give all groups one ANA state. Raises Failed unless they have it then."""
        port_id = self.evidence.port()
        for group in self.evidence.groups_found() if port_id else []:
            self.host.at(f"making ANA group {group} {state}")
            self.tree.put(tree.ana_state(port_id, group), state)

    def settle(self) -> bool:
        """Wait until nothing is being read or written; False where that takes too long.

        What is under way here must not reach the disk after what hosts write elsewhere next.
        """

        numbers = self.numbers_served()

        def quiet() -> bool:
            return not backing.under_way(self.host, numbers)

        within = min(SETTLE, (self.host.left(30.0) or 0.0) / 3)
        step = "waiting until nothing is being read or written"
        self.host.at(step)
        return self.host.wait_for(step, quiet, within=within, interval=0.02)

    def numbers_served(self) -> "list[str]":
        """What is behind the namespaces that are served, as it was noted when they were made.

        Only where nobody noted it their paths are looked at; one that hangs has no number then.
        """
        noted = dict(word.split("=", 1) for word in (self.record.get("behind") or "").split())
        served = self.tree.namespaces(self.nqn)
        if all(nsid in noted for nsid in served):
            return [noted[nsid] for nsid in served]
        known = self.host.paths.those_that_answer(self.evidence.paths_found(), ANSWER)
        return [found.identity for found in known.values() if found]

    # taking away

    def undo(self) -> None:
        """Take away all that is ours. What others made is left, and what they hung on ours cut off.

        Disabling a namespace returns when its last read or write has, and is the proof that
        nothing of this node's reaches the disk any more.
        """
        if self.evidence.owner() == FOREIGN:
            return
        port_id = self.evidence.port()
        offering = self.tree.offering(self.nqn)
        if port_id in offering:
            self.refuse_new_requests()
        for each in offering:
            self.withdraw(each, ours=each == port_id)
        self.remove_namespaces(self.tree.namespaces(self.nqn))
        self.host.lock(LOCK)
        self.guests.dismiss()
        if port_id:
            self.remove_port(port_id)
        if self.host.exists(tree.subsystem(self.nqn)):
            self.host.at(f"removing {self.nqn}")
            self.tree.take_away(tree.subsystem(self.nqn))

    def refuse_new_requests(self) -> None:
        """Hosts with another path go there, and what is under way here is still answered."""
        try:
            self.set_state(INACCESSIBLE)
            if not self.settle():
                self.host.log(f"something of {self.nqn} is still being read or written")
        except Failed as exc:
            self.host.log(f"goes on taking {self.nqn} away: {exc}")

    def withdraw(self, port_id: str, ours: bool) -> None:
        self.host.at(f"taking {self.nqn} off port {port_id}")
        if not ours:
            self.host.log(f"port {port_id}, which is not ours, offers {self.nqn}: taken off it")
        self.host.remove(f"{tree.port(port_id)}/{tree.OFFERS}/{self.nqn}")

    def remove_namespaces(self, nsids: "list[str]") -> None:
        for nsid in nsids:
            folder = tree.namespace(self.nqn, nsid)
            self.host.at(f"disabling namespace {nsid}")
            self.tree.put(f"{folder}/enable", "0")
            self.host.at(f"removing namespace {nsid}")
            self.tree.take_away(folder)

    def remove_port(self, port_id: str) -> None:
        """Unless others offer something at it: then it is theirs from now on."""
        others = self.tree.offered_by(port_id)
        if others:
            self.host.log(f"port {port_id} stays: it offers {' '.join(others)}, not ours")
            return
        folder = tree.port(port_id)
        address, service = self.tree.portal(port_id)
        self.host.at(f"removing port {port_id}")
        for group in self.host.listdir(f"{folder}/ana_groups"):
            if group != "1":  # the kernel's own
                self.tree.take_away(f"{folder}/ana_groups/{group}")
        for referral in self.host.listdir(f"{folder}/referrals"):
            self.host.log(f"removes the referral {referral} somebody made at port {port_id}")
            self.tree.take_away(f"{folder}/referrals/{referral}")
        self.tree.take_away(folder)
        self.wait_until_alone(address, service)

    def wait_until_alone(self, address: str, service: str) -> None:
        """Until the kernel has closed every connection of a host. Raises Failed."""
        left = connections.open_at(self.host, address, service)
        step = f"waiting for {left} connections to close"
        self.host.at(step)
        if not self.host.wait_for(
            step, lambda: not connections.open_at(self.host, address, service), within=SETTLE
        ):
            left = connections.open_at(self.host, address, service)
            raise Failed(f"{left} connections to {portal(address, service)} do not close")
