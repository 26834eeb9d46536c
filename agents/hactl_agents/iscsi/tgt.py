"""A tgtd target, in a daemon of its own: building it, comparing it, taking it down."""

from hactl_agents.iscsi import portal, tgt_show
from hactl_agents.iscsi.backing import block_size
from hactl_agents.iscsi.names import number
from hactl_agents.iscsi.tgt_process import Daemon
from hactl_agents.iscsi.tgt_wire import (
    ACCOUNT,
    BIND,
    DELETE,
    DEVICE,
    NEW,
    OUTGOING,
    PORTAL,
    SHOW,
    SYSTEM,
    TARGET,
    UPDATE,
)
from hactl_agents.iscsi.wanted import ABSENT, PARTLY, THERE, Sight
from hactl_agents.ocf.errors import Failed, TimedOut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hactl_agents.host.host import Host
    from hactl_agents.iscsi.backing import Backing
    from hactl_agents.iscsi.lun import Lun
    from hactl_agents.iscsi.portal import Portal
    from hactl_agents.iscsi.secret import Account
    from hactl_agents.iscsi.tgt_show import Shown
    from hactl_agents.iscsi.wanted import Wanted
    from hactl_agents.ocf.record import Record

TIDS = 1 << 24  # the id of a target stands in NAA names that tgtd makes: one for each IQN
READY, OFFLINE = "ready", "offline"
ANYBODY = "ALL"
# The caching mode page (SBC-3, 6.5.6) with WCE off: tgtd then writes through to the medium.
WRITE_THROUGH = "8:0:18:0x10:0:0xff:0xff:0:0:0xff:0xff:0xff:0xff:0x80:0x14:0:0:0:0:0:0"


class Tgt:
    """The target of one resource."""

    name = "tgt"

    def __init__(self, host: "Host", record: "Record", owner: str, iqn: str) -> None:
        self.host = host
        self.iqn = iqn
        self.daemon = Daemon(host, record, f"tgt-{number(owner, 1 << 32):08x}")

    @property
    def tid(self) -> int:
        return 1 + number(self.iqn, TIDS - 1)

    # looking

    def sight(self) -> Sight:
        """Whether our tgtd lives, and serves. Raises Failed where that cannot be told."""
        if self.is_absent():
            return Sight(ABSENT)
        deaf = self.daemon.why_deaf()
        if deaf:
            raise Failed(f"our tgtd {deaf}: it serves nobody")
        shown = self.shown()
        if shown is None:
            return Sight(PARTLY, f"our tgtd runs and does not know {self.iqn or 'which target'}")
        if shown.state != READY:
            return Sight(PARTLY, f"{self.iqn} is {shown.state}")
        if not set(shown.luns) - {0} and not shown.admitted:
            # tgtd makes a target ready: who made this one was killed before it was offline
            return Sight(PARTLY, f"{self.iqn} was begun and not finished")
        if not self.portals():
            return Sight(PARTLY, f"{self.iqn} listens nowhere: a stop was cut short")
        return Sight(THERE)

    def is_absent(self) -> bool:
        return not self.daemon.find()

    def shown(self) -> "Shown | None":
        """Our target as tgtd tells of it. Raises Failed, TimedOut where it does not."""
        text = self.daemon.wire().ask("asking tgtd for its targets", TARGET, SHOW)
        return next((each for each in tgt_show.targets(text) if each.name == self.iqn), None)

    def portals(self) -> "list[str]":
        text = self.daemon.wire().ask("asking tgtd for its portals", PORTAL, SHOW)
        return tgt_show.portals(text)

    def foreign(self) -> str:
        """Why a target of this name cannot be made; '' if it can, or is ours."""
        from hactl_agents.gateway.in_use import tgtd_targets

        for socket, each in tgtd_targets(self.host, {self.daemon.socket}):
            if each.name == self.iqn:
                return f"{self.iqn} is served by the tgtd of {socket}: nothing was touched"
        return ""

    # building

    def build(self, wanted: "Wanted", behind: "list[tuple[Lun, Backing | None]]") -> None:
        """Start a daemon and make the target in it; until the last step nobody can log in.

        Raises Failed where tgtd does otherwise: it serves what it may only read as read-only.
        """
        self.daemon.start()
        wire = self.daemon.wire()
        wire.ask("making the target", TARGET, NEW, f"targetname={self.iqn}", tid=self.tid)
        wire.ask("keeping it offline", TARGET, UPDATE, f"state={OFFLINE}", tid=self.tid)
        for lun, each in behind:
            self.add_lun(wanted, lun, each)
        if wanted.account is not None:
            self.add_account(wanted.account)
        self.admit(wanted.initiators)
        for each_portal in wanted.portals:
            self.listen(each_portal)
        for text in self.portals():
            if not any(each.holds(portal.canonical(text)) for each in wanted.portals):
                wire.ask("closing a portal", PORTAL, DELETE, f"portal={text}")
        wrong = list(self.differences(wanted))
        if wrong:
            raise Failed(f"tgtd did not make it as it was told: {'; '.join(wrong)}")
        wire.ask("taking it online", TARGET, UPDATE, f"state={READY}", tid=self.tid)

    def add_lun(self, wanted: "Wanted", lun: "Lun", each: "Backing | None") -> None:
        wire = self.daemon.wire()
        words = {"path": path_of(lun), **store_of(lun, each)}
        size = block_size(self.host, lun, each)
        if size:
            words["blocksize"] = str(size)
        text = ",".join(f"{key}={value}" for key, value in words.items())
        try:
            wire.ask(f"adding LUN {lun.number}", DEVICE, NEW, text, tid=self.tid, lun=lun.number)
        except TimedOut:
            raise
        except Failed as exc:
            raise Failed(f"{exc}; tgtd's log: {self.daemon.last_words()}") from None
        for key, value in properties(wanted, lun).items():
            step = f"setting {key} of LUN {lun.number}"
            wire.ask(step, DEVICE, UPDATE, f"{key}={value}", tid=self.tid, lun=lun.number)

    def add_account(self, account: "Account") -> None:
        wire = self.daemon.wire()
        text = f"user={account.user},password={account.password}"
        wire.ask("setting the CHAP secret", ACCOUNT, NEW, text)
        wire.ask("asking for it", ACCOUNT, BIND, f"user={account.user}", tid=self.tid)
        if account.mutual_user:
            text = f"user={account.mutual_user},password={account.mutual_password}"
            wire.ask("setting the target's secret", ACCOUNT, NEW, text)
            text, direction = f"user={account.mutual_user}", OUTGOING
            wire.ask("using it", ACCOUNT, BIND, text, tid=self.tid, direction=direction)

    def admit(self, initiators: "tuple[str, ...]") -> None:
        names = [f"initiator-name={name}" for name in initiators]
        for text in names or [f"initiator-address={ANYBODY}"]:
            self.daemon.wire().ask("admitting initiators", TARGET, BIND, text, tid=self.tid)

    def listen(self, each: "Portal") -> None:
        text = each.on_this_node(self.host)
        try:
            self.daemon.wire().ask(f"listening on {text}", PORTAL, NEW, f"portal={text}")
        except TimedOut:
            raise
        except Failed:
            raise Failed(
                f"cannot listen on {text}: is the address on this node, and the port free? "
                f"tgtd's log: {self.daemon.last_words()}"
            ) from None

    # taking it down

    def tear_down(self) -> None:
        """Ask the daemon to close everything and to end; kill one that does not."""
        for pid, started in self.daemon.find():
            try:
                self.ask_to_end()
            except Failed as exc:
                self.host.log(f"tgtd will be killed: {exc}")
                continue
            self.daemon.wait_for_end(pid, started, within=min(5.0, (self.host.left() or 10) / 2))
        self.daemon.kill()
        self.sweep()

    def sweep(self) -> None:
        self.daemon.sweep()

    def ask_to_end(self) -> None:
        """Its caches are written when it closes what is behind the LUNs."""
        deaf = self.daemon.why_deaf()
        if deaf:
            raise Failed(f"it {deaf}")
        wire = self.daemon.wire()
        for text in self.portals():
            wire.ask("closing a portal", PORTAL, DELETE, f"portal={text}")
        for each in tgt_show.targets(wire.ask("asking tgtd for its targets", TARGET, SHOW)):
            wire.ask("ending sessions", TARGET, UPDATE, f"state={OFFLINE}", tid=each.tid)
            wire.ask("taking the target away", TARGET, DELETE, tid=each.tid, force=True)
        wire.ask("ending tgtd", SYSTEM, DELETE)

    # comparing

    def differences(self, wanted: "Wanted") -> "Iterable[str]":
        """What is otherwise than it was made, as far as tgtd tells."""
        shown = self.shown()
        if shown is None:
            raise Failed(f"tgtd no longer knows {self.iqn}")
        yield from portal.differences(wanted.portals, self.portals())
        numbers = {lun.number for lun in wanted.luns}
        for extra in sorted(set(shown.luns) - numbers - {0}):
            yield f"it exports LUN {extra} as well"
        for lun in wanted.luns:
            found = shown.luns.get(lun.number)
            if found is None:
                yield f"it no longer exports LUN {lun.number}"
            else:
                yield from lun_differs(wanted, lun, found)
        admitted = set(wanted.initiators) or {ANYBODY}
        if set(shown.admitted) != admitted:
            yield f"it admits {' '.join(sorted(shown.admitted)) or 'nobody'}"
        yield from account_differs(wanted, shown)


def path_of(lun: "Lun") -> str:
    """An image is tgtd's own business: it needs no device for it."""
    image = lun.image
    return f"{image.pool}/{image.image}" if image is not None else lun.path


def type_of(lun: "Lun") -> str:
    return "rbd" if lun.image else "rdwr"


def store_of(lun: "Lun", each: "Backing | None") -> "dict[str, str]":
    words = {"bstype": type_of(lun)}
    if lun.image:
        return {**words, "bsopts": f"conf={lun.conf};id={lun.client}"}
    # past the page cache: what another node wrote meanwhile must not be hidden by it
    return {**words, "bsoflags": "direct"} if each and each.is_block else words


def properties(wanted: "Wanted", lun: "Lun") -> "dict[str, str]":
    found = {"scsi_id": lun.naa_for(wanted.iqn), "scsi_sn": lun.serial_for(wanted.iqn)}
    found |= {"vendor_id": lun.vendor} if lun.vendor else {}
    found |= {"product_id": lun.product} if lun.product else {}
    found |= {"readonly": "1"} if lun.readonly else {}
    return found if lun.write_cache else found | {"mode_page": WRITE_THROUGH}


def lun_differs(wanted: "Wanted", lun: "Lun", found: "dict[str, str]") -> "Iterable[str]":
    expected = {
        "Backing store path": path_of(lun),
        "Backing store type": type_of(lun),
        "SCSI ID": lun.naa_for(wanted.iqn),
        "SCSI SN": lun.serial_for(wanted.iqn),
        "Readonly": "Yes" if lun.readonly else "No",
        "Online": "Yes",
    }
    if lun.block_size:
        expected["Block size"] = str(lun.block_size)
    for key, value in expected.items():
        if found.get(key) != value:
            yield f"LUN {lun.number}: {key} is {found.get(key)}, not {value}"


def account_differs(wanted: "Wanted", shown: "Shown") -> "Iterable[str]":
    """Names only: tgtd tells nobody the secrets."""
    if wanted.account is None:
        if not wanted.initiators and not shown.accounts:
            yield "it asks nobody for a secret"
        return
    if shown.accounts != [wanted.account.user] or shown.outgoing != wanted.account.mutual_user:
        yield "its accounts were changed"
