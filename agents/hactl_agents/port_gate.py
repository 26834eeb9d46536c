"""A gate before portals: whose it is, and whether it is whole; how it is built is in gate/."""

from hactl_agents.declare import BadValue
from hactl_agents.gate import table as tables
from hactl_agents.gate.name import gate_name
from hactl_agents.gate.portals import portals
from hactl_agents.ocf import Agent, Failed, NotConfigured, Status, WrongHere, action

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.gate.portals import Portal
    from hactl_agents.netlink.nftables import Table


class PortGate(Agent):
    """Silence the portals of a target until it serves.

    A gate is a table of nf_tables of its own. While it is closed, whatever arrives for its portals
    or leaves from them is dropped without a word: an initiator sees silence, which it sits out,
    instead of a reset or an error, which it passes on. Start closes it, the agent of the target
    opens it as the last step of its start and closes it as the first of its stop, and stop
    removes it. So a group of gate, address and target, in this order, is all that is needed.

    Open or closed, the gate is running; a gate that somebody changed by hand is not, and one that
    somebody flushed is stopped, and the group starts again. Rules of others, be it a firewall's or
    an administrator's, are never touched.
    """

    converges = True

    gate: str = gate_name(
        "Name of the gate",
        required=True,
        unique="gate",
        longdesc="Name of the gate; its table is inet hactl-gate-NAME. The agent of the target "
        "takes the same name.",
        example="san",
    )
    portals: "tuple[Portal, ...]" = portals(
        "Portals to guard, each ADDRESS:PORT, separated by spaces",
        required=True,
        reloadable=True,
        longdesc="Portals to guard, separated by spaces: each an address and a TCP port, such as "
        "192.0.2.10:3260 or [2001:db8::10]:3260. They need not be this node's.",
        example="192.0.2.10:3260",
    )

    @property
    def name(self) -> str:
        """The table's."""
        return tables.table_name(self.gate)

    @property
    def owner(self) -> str:
        return tables.mark(self.instance)

    def find(self) -> "Table | None":
        """The table, if it is ours."""
        found = self.host.firewall().get(self.name, tables.CHAINS)
        return found if found is not None and found.comment == self.owner else None

    def wanted(self, state: str = tables.CLOSED) -> "Table":
        return tables.table(self.owner, self.portals, state)

    # what Pacemaker asks for

    def probe(self) -> int:
        found = self.find()
        if found is None:
            return Status.STOPPED
        try:
            wrong = tables.faults(found, self.wanted())
        except BadValue as exc:  # the gate is there all the same
            raise Failed(str(exc)) from None
        if wrong:
            raise Failed(f"the gate {self.gate} was changed: {'; '.join(wrong)}")
        return Status.RUNNING

    @action(timeout=20)
    def start(self) -> None:
        self.remember()
        self.host.firewall().replace(self.name, self.wanted())

    def already_running(self) -> None:
        """An open gate stays open: something may be serving through it."""
        self.remember()

    @action(timeout=20)
    def stop(self) -> None:
        if self.find() is not None:
            self.host.firewall().delete(self.name, self.owner)

    @action(timeout=20)
    def reload_agent(self) -> None:
        """Take other portals; whether the gate is open stays as it is, whoever turns it now."""
        found = self.find()
        if found is None or tables.state_of(found) == tables.BROKEN:
            raise Failed(f"the gate {self.gate} is not running here: start it")
        self.remember()
        chains = self.wanted().chains
        rules = {name: chains[name].rules for name in (tables.ARRIVING, tables.LEAVING)}
        self.host.firewall().put_rules(self.name, rules)
        self.probe()

    def check(self) -> None:
        if len(self.owner.encode(errors="surrogateescape")) > tables.LONGEST_COMMENT:
            raise NotConfigured("the name of the resource is too long to mark a table with it")

    def preflight(self) -> None:
        """Refuse a table of our name that is somebody else's."""
        found = self.host.firewall().get(self.name, ())
        if found is None or found.comment == self.owner:
            return
        if found.comment.startswith(tables.OWNER):
            owner = found.comment[len(tables.OWNER) :]
            raise WrongHere(
                f"the gate {self.gate} belongs to the resource {owner}: stop that first"
            )
        raise WrongHere(
            f"the table inet {self.name} is there already and not ours: delete or rename it"
        )

    def undo_start(self) -> None:
        from hactl_agents.ocf.undo import stop_and_forget

        stop_and_forget(self)
        self.after_stop()

    def after_stop(self) -> None:
        from hactl_agents.gate import memory

        try:
            memory.forget(self.host, self.gate)
        except BadValue:
            pass  # a gate that cannot be named was never started

    def remember(self) -> None:
        """What it takes to make the gate anew, for who turns it. Raises Failed."""
        from hactl_agents.gate import memory

        memory.note(self.host, self.gate, self.owner, self.portals)
