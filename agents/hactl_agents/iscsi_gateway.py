"""An iSCSI gateway: what Pacemaker asks for, in terms of what the back ends see and do."""

from hactl_agents.gateway.agent import Gateway
from hactl_agents.iscsi.names import number, own
from hactl_agents.iscsi.parameters import TGT, Parameters
from hactl_agents.iscsi.wanted import ABSENT, LAST_TAG, PARTLY, Wanted
from hactl_agents.ocf import (
    BadValue,
    Degraded,
    DegradedPromoted,
    Failed,
    NotInstalled,
    Status,
    Unimplemented,
    WrongHere,
    action,
)
from hactl_agents.ocf.promotion import has_roles, is_promotable, note_roles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from hactl_agents.host.host import Host
    from hactl_agents.iscsi.backing import Backing
    from hactl_agents.iscsi.lio import Lio
    from hactl_agents.iscsi.lun import Lun
    from hactl_agents.iscsi.secret import Account
    from hactl_agents.iscsi.tgt import Tgt

CLAIM = "target"  # the note that a target was begun, and which


class IscsiGateway(Parameters, Gateway):
    """Serve block devices, files or RBD images to iSCSI initiators.

    Target, portals, initiators, CHAP and LUNs are one resource. The kernel's target (LIO) is
    built by writing to configfs and reading back, disabled until the last step; tgtd is started
    for this target alone and spoken to by its management socket. Serial numbers and NAA names are
    made from the target's name and are the same on every node.

    As a plain resource it moves together with its address, behind a PortGate. As a promotable
    clone (LIO only) every node serves the LUNs at an address of its own, the promoted one as ALUA
    active/optimized and the others as standby, and initiators with multipath follow.

    Running means that configfs, or the tgtd that is ours, says so; a monitor runs no program. Stop
    ends the sessions, needs neither the configuration nor the devices, and leaves nothing behind.
    What others made is not touched: a target of the same name is refused.
    """

    converges = True

    def __init__(self, host: "Host", environ: "Mapping[str, str]") -> None:
        super().__init__(host, environ)
        self.status: int = Status.STOPPED  # as the last probe saw it
        self.found = ""  # the back end that serves it

    # what Pacemaker asks for

    def probe(self) -> int:
        self.status, self.found = Status.STOPPED, ""
        for backend in self.backends():
            sight = backend.sight()
            if sight.state == PARTLY:
                raise Failed(sight.why)
            if sight.state != ABSENT:
                self.found = backend.name
                self.status = Status.PROMOTED if sight.promoted else Status.RUNNING
                return self.status
        return Status.STOPPED

    def refuse_drift(self) -> None:
        self.compare(self.shallow)

    @action(timeout=60)
    def start(self) -> None:
        self.close_gate()
        behind = self.behind()
        self.hold(behind)
        self.refuse_foreign()
        self.clear()
        self.refuse_in_use(behind)
        self.record.put(CLAIM, self.iqn)
        self.note_behind(behind)
        note_roles(self)
        self.record.save()
        self.build(behind)
        self.open_gate()
        if has_roles(self):
            from hactl_agents.ocf import promotion

            promotion.offer(self, self.promotion_score)

    @action(timeout=60)
    def stop(self) -> None:
        self.close_gate()
        self.clear()
        if has_roles(self):
            from hactl_agents.ocf import promotion

            promotion.withdraw(self)

    @action(timeout=30)
    def promote(self) -> int:
        return self.take_role(promoted=True)

    @action(timeout=30)
    def demote(self) -> int:
        return self.take_role(promoted=False)

    def check(self) -> None:
        from hactl_agents.iscsi import contradictions

        contradictions.refuse(self, is_promotable(self))

    def preflight(self) -> None:
        """Refuse what cannot work on this node, before anything is made."""
        self.refuse_missing_backend()
        self.refuse_foreign()
        self.refuse_in_use(self.behind())
        self.account()

    def examine(self) -> None:
        """Whether everything is as it was given, and nothing was added."""
        try:
            self.account()
        except WrongHere as exc:  # a file that is gone stops nobody who is logged in
            raise self.degraded(str(exc)) from None
        self.compare(self.deep)

    def is_as_given(self) -> bool:
        """What monitors would fail, a start has to build anew."""
        wrong = self.changed() + self.shallow() if self.drift == "fail" else []
        if wrong:
            self.host.log(f"{self.iqn} is made anew: {'; '.join(wrong)}")
        return not wrong

    def already_running(self) -> None:
        """Pacemaker takes what it started for unpromoted."""
        if is_promotable(self):
            self.take_role(promoted=False)
        self.open_gate()

    def undo_start(self) -> None:
        """Nothing half made is left where a start failed, unless the kernel holds on to it."""
        from hactl_agents.ocf.undo import stop_and_forget

        stop_and_forget(self)

    def after_stop(self) -> None:
        """Remove what is nothing by itself: files of a daemon's, adapters without any object."""
        for backend in self.backends():
            backend.sweep()

    # the back ends

    def backends(self) -> "Iterator[Lio | Tgt]":
        """Both, for what was started by one may be looked for when the other is asked for.

        Without a name they find what bears the resource's. Who finds it with the first does not
        import the second.
        """
        iqn = self.record.get(CLAIM) or self.values.get("iqn") or ""
        both = (self.lio, self.tgt)
        for make in both if self.values.get("backend") != TGT else both[::-1]:
            yield make(iqn)

    def lio(self, iqn: str) -> "Lio":
        from hactl_agents.iscsi.lio import Lio

        claimed = self.record.get(CLAIM) == iqn
        return Lio(self.host, own(self.instance), iqn, claimed=claimed)

    def tgt(self, iqn: str) -> "Tgt":
        from hactl_agents.iscsi.tgt import Tgt

        return Tgt(self.host, self.record, own(self.instance), iqn)

    def refuse_missing_backend(self) -> None:
        if self.backend == TGT:
            if self.host.which("tgtd") is None:
                raise NotInstalled("tgtd: command not found: install the package tgt")
            return
        from hactl_agents.iscsi.lio_work import prepare

        prepare(self.host)

    def clear(self) -> None:
        """Take away whatever of ours is there. Raises Failed where something stays."""
        from hactl_agents.iscsi import lio_work

        for backend in self.backends():
            if backend.is_absent():
                continue
            if backend.name == TGT:
                backend.tear_down()  # type: ignore[union-attr]
            else:
                self.do(lambda lio=backend: lio_work.tear_down(lio))  # type: ignore[misc]

    def build(self, behind: "list[Backing | None]") -> None:
        wanted = self.wanted()
        for each in self.portals:
            if each.absence(self.host):  # the kernel would listen on it all the same
                raise Failed(f"{each.absence(self.host)}: start it before, with IPaddr2")
        if self.backend == TGT:
            self.tgt(self.iqn).build(wanted, self.paired(behind))
            return
        from hactl_agents.iscsi import lio_work

        self.do(lambda: lio_work.build(self.lio(self.iqn), wanted, known(behind)))

    def do(self, work: "Callable[[], None]") -> None:
        """Change the kernel's target in a process apart."""
        self.host.change_in_child(work)

    # what is wanted

    def wanted(self, *, with_secrets: bool = True) -> Wanted:
        promotable = has_roles(self)
        reservations = self.reservations
        return Wanted(
            own(self.instance),
            self.iqn,
            self.luns,
            self.portals,
            self.initiators,
            tag=self.tag() if promotable else 1,
            promotable=promotable,
            reservations=not promotable if reservations is None else reservations,
            account=self.account() if with_secrets else None,
        )

    def tag(self) -> int:
        """The number of this node's portal group, and of its group of target ports: each its own.

        The node's id in Corosync; where nobody gave one, a number made of the node's name.
        """
        noted = self.record.get("tag")
        if noted:
            return int(noted)
        node = self.meta("on_node_uuid")
        if node.isdigit() and 1 <= int(node[:6]) <= LAST_TAG:
            tag = int(node)
        else:
            tag = 1 + number(self.meta("on_node") or node_name(self.host), LAST_TAG)
        self.record.put("tag", str(tag))
        self.record.save()
        return tag

    def account(self) -> "Account | None":
        """What is in auth_file now. Raises WrongHere."""
        if not self.auth_file:
            return None
        from hactl_agents.iscsi.secret import parse_account

        try:
            return parse_account(self.host.paths.secret(self.auth_file))
        except Failed as exc:
            raise WrongHere(f"auth_file: {exc}") from None
        except ValueError as exc:
            raise WrongHere(f"auth_file: {self.auth_file}: {exc}") from None

    def behind(self) -> "list[Backing | None]":
        """What is behind each LUN; None for an image that tgtd opens itself. Raises WrongHere."""
        from hactl_agents.iscsi.backing import look

        return look(self.host, self.luns, by_tgtd=self.backend == TGT)

    def refuse_foreign(self) -> None:
        """Raises WrongHere where somebody else serves a target of this name."""
        for backend in self.backends():
            foreign = backend.foreign()
            if foreign:
                raise WrongHere(foreign)

    def refuse_in_use(self, behind: "list[Backing | None]") -> None:
        """Raises WrongHere where somebody else has or serves what is behind a LUN."""
        from hactl_agents.iscsi.preflight import refuse_in_use

        lio = self.lio(self.iqn)
        ours = {*lio.own_objects(), self.tgt(self.iqn).daemon.socket}
        refuse_in_use(self.host, self.iqn, self.paired(behind), ours)

    def hold(self, behind: "list[Backing | None]") -> None:
        """Keep others from starting with this name or these disks until we are done."""
        from hactl_agents.iscsi.preflight import identities
        from hactl_agents.ocf.record import file_name

        found = identities(self.paired(behind))
        for name in sorted({self.iqn, *found.values()}):
            self.host.lock(file_name(f"lock {name}"))

    def note_behind(self, behind: "list[Backing | None]") -> None:
        """So that a monitor knows another device or file of the same name from it."""
        from hactl_agents.iscsi.backing import note

        words = [note(each) for each in known(behind)]
        self.record.put("behind", " ".join(words))

    # differences

    def shallow(self) -> "list[str]":
        """What a plain monitor sees: it asks the back end, and touches no path of a LUN."""
        wanted = self.wanted(with_secrets=False)
        if self.found == TGT:
            return list(self.tgt(self.iqn).differences(wanted))
        from hactl_agents.iscsi import lio_drift

        return list(lio_drift.shallow(self.lio(self.iqn), wanted))

    def changed(self) -> "list[str]":
        from hactl_agents.iscsi.backing import changed

        return list(changed(self.host, self.luns, self.record.get("behind") or ""))

    def deep(self) -> "list[str]":
        """What a plain monitor does not see."""
        wanted = self.wanted()
        wrong = [each.absence(self.host) for each in self.portals] + self.changed()
        if self.found != TGT:
            from hactl_agents.iscsi import lio_drift

            wrong += lio_drift.deep(self.lio(self.iqn), wanted, known(self.behind()))
        return [each for each in wrong if each] + self.wrong_gate()

    def paired(self, behind: "list[Backing | None]") -> "list[tuple[Lun, Backing | None]]":
        return list(zip(self.luns, behind, strict=True))

    def compare(self, look: "Callable[[], list[str]]") -> None:
        """Raise Failed, or Degraded where drift is only reported, unless all is as it was given."""
        try:
            wrong = look()
        except BadValue as exc:
            raise Failed(f"it is served here, but nobody knows how it should be: {exc}") from None
        except WrongHere as exc:
            wrong = [str(exc)]
        if not wrong:
            return
        text = f"{self.iqn} is not as it was started: {'; '.join(wrong)}"
        if self.drift == "fail":
            raise Failed(text)
        raise self.degraded(text)

    def degraded(self, text: str) -> Degraded:
        return (DegradedPromoted if self.status == Status.PROMOTED else Degraded)(text)

    # roles

    def take_role(self, *, promoted: bool) -> int:
        if self.look() == Status.STOPPED:
            return Status.STOPPED
        if self.found == TGT:
            raise Unimplemented("tgt has no ALUA, so there are no roles")
        from hactl_agents.iscsi import lio_work

        self.do(lambda: lio_work.set_role(self.lio(self.iqn), promoted=promoted))
        if (self.look() == Status.PROMOTED) != promoted:
            raise Failed(f"{self.iqn} is still {'standby' if promoted else 'active'}")
        return 0


def known(behind: "Iterable[Backing | None]") -> "list[Backing]":
    return [each for each in behind if each is not None]


def node_name(host: "Host") -> str:
    return (host.read("/proc/sys/kernel/hostname") or "node").strip()
