"""An NVMe over Fabrics gateway: what Pacemaker asks for, in terms of evidence and work."""

from hactl_agents.gateway.agent import Gateway
from hactl_agents.nvmeof.evidence import FOREIGN, OURS, Evidence, own_subsystem
from hactl_agents.nvmeof.parameters import LAST_CONTROLLER, Parameters
from hactl_agents.nvmeof.tree import LOADED, MOUNT, ROOT, Tree
from hactl_agents.ocf import (
    BadValue,
    Degraded,
    DegradedPromoted,
    Failed,
    NotConfigured,
    NotInstalled,
    Status,
    WrongHere,
    action,
)
from hactl_agents.ocf.promotion import has_roles, is_promotable, note_roles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hactl_agents.host.host import Host
    from hactl_agents.host.paths import Facts
    from hactl_agents.nvmeof.keys import Keys
    from hactl_agents.nvmeof.work import Work

OPTIMIZED = "optimized"
STANDING_BY = ("inaccessible", "non-optimized")
IDS_PER_NODE = 1000
MOST_NODES = LAST_CONTROLLER // IDS_PER_NODE


class NvmeofGateway(Parameters, Gateway):
    """Serve block devices or files to hosts over NVMe/TCP or RDMA, by the kernel's target.

    Subsystem, namespaces, hosts with their DH-HMAC-CHAP keys, and port are written to configfs
    and read back; a port is linked last, and a start that fails is taken back. Names that hosts
    remember - UUID, NGUID, serial - are made from the NQN and are the same on every node.

    As a promotable clone it is a gateway group: every node serves the subsystem at an address of
    its own (give a network as address), the promoted one as ANA optimized, and hosts with native
    multipath follow. As a plain resource it moves together with its address, behind a PortGate.

    Running means that configfs says so; a monitor runs no program. Stop disables each namespace,
    which returns when its last write has reached the disk, and leaves nothing behind. What
    others made is not touched: a subsystem of the same NQN is refused.
    """

    converges = True

    def __init__(self, host: "Host", environ: "Mapping[str, str]") -> None:
        super().__init__(host, environ)
        self.status: int = Status.STOPPED  # as the last probe saw it
        self.known: dict[str, Facts | None] = {}  # path -> what is behind a namespace
        self.buffered: dict[int, bool] = {}  # namespace -> whether it needs the page cache
        self.known_keys: dict[str, Keys] | None = None

    @property
    def evidence(self) -> Evidence:
        return Evidence(self)

    @property
    def work(self) -> "Work":
        from hactl_agents.nvmeof.work import Work

        return Work(self)

    # what Pacemaker asks for

    def probe(self) -> int:
        self.refuse_hidden_target()
        self.find_name()
        evidence = self.evidence
        self.status = Status.STOPPED
        if evidence.owner() != OURS:
            remains = evidence.remains() if self.record.notes else ""
            if remains:
                raise Failed(remains)
            return Status.STOPPED
        try:
            faults = evidence.faults()
            self.status = (
                Status.STOPPED if faults else self.role(evidence.states(evidence.groups()))
            )
        except BadValue as exc:
            raise Failed(f"{self.nqn} is served here, but not as it should be: {exc}") from None
        if faults:
            raise Failed("; ".join(faults))
        return self.status

    @action(timeout=60)
    def start(self) -> None:
        self.close_gate()
        self.hold()
        note_roles(self)
        self.record.put("controllers", "-".join(str(number) for number in self.controller_range()))
        self.record.save()
        self.do(lambda: self.work.build(self.first_state()))
        self.open_gate()
        from hactl_agents.ocf import promotion

        promotion.offer(self, self.promotion_score)

    @action(timeout=60)
    def stop(self) -> None:
        self.show_target()
        self.find_name()
        self.close_gate()
        self.do(lambda: self.work.undo())
        from hactl_agents.ocf import promotion

        promotion.withdraw(self)

    @action(timeout=30)
    def promote(self) -> int:
        if self.look() == Status.STOPPED:
            return Status.STOPPED
        self.take_role(OPTIMIZED)
        return 0

    @action(timeout=30)
    def demote(self) -> int:
        self.find_name()
        if self.evidence.owner() != OURS:
            return Status.STOPPED
        self.take_role(self.unpromoted)
        return 0

    @action(timeout=60)
    def reload_agent(self) -> None:
        evidence = self.evidence
        if evidence.owner() != OURS:
            raise Failed(f"{self.nqn} is not running here: start it")
        self.preflight()
        self.hold()
        promoted = evidence.states(evidence.groups_found()) == {OPTIMIZED}
        state = OPTIMIZED if promoted else self.first_state()
        self.do(lambda: self.work.build(state))
        if has_roles(self) and not promoted:
            self.take_role(self.unpromoted)

    def check(self) -> None:
        several = self.meta("clone_max") not in ("", "1")
        if several and not self.address.is_network:
            raise NotConfigured(
                "address: every instance of the clone would have it; give the network, as "
                "192.0.2.0/24"
            )
        if several and self.reservations:
            raise NotConfigured("reservations: one gateway of the group knows nothing of another's")
        if self.auth_file and self.auth_file[0] != "/":
            raise NotConfigured("auth_file: give the whole path, from /")

    def preflight(self) -> None:
        """Refuse what cannot work on this node, before anything is made."""
        self.refuse_missing_target()
        self.refuse_taken()
        self.keys()
        self.controller_range()

    def refuse_taken(self) -> None:
        """Raises WrongHere where others have the name, the disks or the portal."""
        evidence = self.evidence
        if evidence.owner() == FOREIGN:
            other, _ = evidence.claim()
            whose = f"the resource {other}" if other else "somebody else"
            raise WrongHere(f"{self.nqn} is served by {whose} on this node: stop that first")
        from hactl_agents.nvmeof import preflight

        self.known = self.host.paths.facts_of(each.path for each in self.namespaces)
        preflight.refuse(self, evidence)

    def examine(self) -> None:
        """Whether every attribute is as it was given, and nothing was added."""
        from hactl_agents.nvmeof.drift import Drift

        try:
            wrong = Drift(self, self.evidence).of_what_runs()
        except WrongHere as exc:  # a file with keys that is gone stops nobody who is connected
            wrong = [str(exc)]
        wrong = wrong or self.wrong_gate()
        if wrong:
            kind = DegradedPromoted if self.status == Status.PROMOTED else Degraded
            raise kind("; ".join(wrong))

    def already_running(self) -> None:
        """Pacemaker takes what it started for unpromoted."""
        if is_promotable(self):
            self.take_role(self.unpromoted)
        self.open_gate()

    def undo_start(self) -> None:
        """Nothing half made is left where a start failed, unless the kernel holds on to it."""
        from hactl_agents.ocf.undo import stop_and_forget

        stop_and_forget(self)

    def after_stop(self) -> None:
        """Nothing is signed for any more. What others signed stays so."""
        if "nqn" not in self.values:
            return
        evidence = self.evidence
        if evidence.claim()[0] == self.instance:
            self.host.drop(evidence.claim_name)

    # roles

    def first_state(self) -> str:
        """The ANA state to start with."""
        return str(self.unpromoted) if has_roles(self) else OPTIMIZED

    def role(self, states: "set[str]") -> int:
        """What the ANA states stand for. Raises Failed where that is neither role."""
        if states == {OPTIMIZED}:
            return Status.PROMOTED if has_roles(self) else Status.RUNNING
        if len(states) == 1 and states.issubset(STANDING_BY) and has_roles(self):
            return Status.RUNNING
        found = " and ".join(sorted(state or "unknown" for state in states))
        raise Failed(f"{self.nqn} is {found} to its hosts")

    def take_role(self, state: str) -> None:
        self.record.put("roles", "yes")
        self.record.save()
        self.do(lambda: self.change_state(state))

    def change_state(self, state: str) -> None:
        work = self.work
        work.set_state(state)
        if state != OPTIMIZED and not work.settle():
            raise Failed(f"{self.nqn} is {state}, but something is still being read or written")

    # what it takes

    def hold(self) -> None:
        """Keep others from starting with this name or these disks until we are done, and look
        again whether nobody has. What is behind each namespace is noted.
        """
        from hactl_agents.nvmeof.backing import identities, needs_buffering
        from hactl_agents.ocf.record import file_name

        found = identities(self.namespaces, self.known)
        for name in sorted({self.nqn, *found.values()}):
            self.host.lock(file_name(f"lock {name}"))
        self.refuse_taken()
        found = identities(self.namespaces, self.known)
        self.buffered = {
            each.nsid: needs_buffering(self.host, each, self.known[each.path])
            for each in self.namespaces
        }
        self.record.put("behind", " ".join(f"{nsid}={what}" for nsid, what in found.items()))
        self.record.save()

    def do(self, work: "Callable[[], None]") -> None:
        """Change the target in a process apart, and take over what it noted."""
        try:
            self.host.change_in_child(work)
        finally:
            self.reread_record()

    def keys(self) -> "dict[str, Keys]":
        """The hosts' keys, read once in an action. Raises WrongHere."""
        if not self.auth_file:
            return {}
        if self.known_keys is None:
            self.known_keys = self.keys_in(self.auth_file)
        return self.known_keys

    def keys_in(self, path: str) -> "dict[str, Keys]":
        from hactl_agents.nvmeof import keys

        found = keys.read(self.host, path)
        without = [name for name in self.hosts if name not in found]
        if without:
            raise WrongHere(f"auth_file: {path}: has no key for the host {without[0]}")
        return {name: found[name] for name in self.hosts or sorted(found)}

    def controller_range(self) -> "tuple[int, int]":
        """First and last of the controller ids to give away. Raises WrongHere."""
        noted = self.record.get("controllers")
        node, number = self.meta("on_node"), self.meta("on_node_uuid")
        for each in self.controller_ids:
            if each.node == node:
                return each.first, each.last
        if noted and not number:
            first, _, last = noted.partition("-")
            return int(first), int(last)
        if self.controller_ids and node:
            raise WrongHere(f"controller_ids: has no range for the node {node}")
        if self.meta("clone_max") in ("", "1"):
            return 1, LAST_CONTROLLER
        if not number.isdigit() or not 1 <= int(number[:9]) <= MOST_NODES:
            raise WrongHere(
                f"the node id {number!r} is not from 1 to {MOST_NODES}: give controller_ids"
            )
        return (int(number) - 1) * IDS_PER_NODE + 1, int(number) * IDS_PER_NODE

    def namespaces_before(self) -> "set[str]":
        """The numbers of those it was started with."""
        text = self.record.parameters().get("namespaces", "")
        return {word.partition("=")[0] for word in text.split()}

    def find_name(self) -> None:
        """Know the NQN also where neither the parameters nor the record say it."""
        if "nqn" not in self.values:
            found = own_subsystem(Tree(self.host), self.instance)
            if found:
                self.values["nqn"] = found

    def refuse_hidden_target(self) -> None:
        """A target that is loaded and cannot be seen may serve anything. Raises Failed."""
        if not self.host.exists(ROOT) and self.host.exists(LOADED):
            raise Failed(f"the kernel's NVMe target is loaded, but {MOUNT} does not show it")

    def show_target(self) -> None:
        if not self.host.exists(ROOT) and self.host.exists(LOADED):
            self.run_if_there("mount", "-t", "configfs", "configfs", MOUNT)

    def refuse_missing_target(self) -> None:
        if not self.host.exists(ROOT):
            self.load("nvmet")
            self.show_target()
        if not self.host.exists(ROOT):
            raise NotInstalled("the kernel has no NVMe target: it lacks the module nvmet")
        self.load(f"nvmet-{self.transport}")

    def load(self, module: str) -> None:
        if not self.host.exists(f"/sys/module/{module.replace('-', '_')}"):
            self.run_if_there("modprobe", module)

    def run_if_there(self, *words: str) -> None:
        """What is not there, or fails, is missed by whoever looks next."""
        try:
            self.host.run(*words, check=False)
        except NotInstalled as exc:
            self.host.log(str(exc))
