"""Starting a guest: it is made paused, verified and written down, and only then let go.

Whoever is killed half way leaves a guest that has never run, and that the next action finds.
"""

from hactl_agents.host.host import Failed
from hactl_agents.libvirt import daemon, evidence, verdict
from hactl_agents.libvirt.connection import ALL, LIVE, OPERATION_FAILED, PAUSED, LibvirtError
from hactl_agents.libvirt.domain_xml import Definition
from hactl_agents.libvirt.half_made import HalfMade
from hactl_agents.libvirt.identity import NAMESPACE, same_uuid
from hactl_agents.libvirt.identity_xml import read
from hactl_agents.libvirt.pending import BINDING, CALLABLE_OFF
from hactl_agents.ocf.errors import WrongHere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host
    from hactl_agents.kvm_guest import KvmGuest
    from hactl_agents.libvirt.connection import Connection, Domain
    from hactl_agents.libvirt.evidence import Guest
    from hactl_agents.libvirt.identity import Identity

RESTORE_PAUSED = 4  # VIR_DOMAIN_SAVE_PAUSED
METADATA_ELEMENT = 2  # VIR_DOMAIN_METADATA_ELEMENT
AGAIN = 2.0  # seconds in which a definition is tried again that libvirt refuses
APPEARS = 10.0  # seconds for a created guest's process and status file to be seen


class Start:
    """One start of one guest that does not run."""

    def __init__(
        self, agent: "KvmGuest", connection: "Connection", text: str, wanted: "Identity"
    ) -> None:
        self.agent = agent
        self.host: Host = agent.host
        self.connection = connection
        self.definition = Definition(text)
        self.name = wanted.name
        self.uuid = wanted.uuid
        self.pending = agent.pending()

    def start(self) -> None:
        defined = self.namesake()
        for sentence in self.definition.oddities():
            self.host.log(f"{self.name}: {sentence}")
        if self.agent.start_resources:
            self.start_resources()
        self.ask_storage()
        self.note()
        domain, leftover = self.made(defined)
        guest = self.find()
        evidence.note(self.agent.record, guest)
        self.agent.record.save()
        if leftover:  # memory on disk is out of date as soon as the guest runs
            self.host.change_in_child(lambda: self.host.remove(leftover))
        domain.call("virDomainResume")
        self.await_running(guest)
        self.pending.over()
        self.agent.record.save()

    def namesake(self) -> "Domain | None":
        """The operator's own definition of this guest, once libvirt runs nothing of it."""
        try:
            return self.settled_namesake()
        except LibvirtError as exc:
            if not exc.no_such_domain():  # it went between two questions
                raise
            return self.settled_namesake()

    def settled_namesake(self) -> "Domain | None":
        """Sets the uuid where none is given. Raises WrongHere where it is another's."""
        found = self.of_that_name()
        self.uuid = self.uuid or (found.uuid() if found else fixed_uuid(self.name))
        twin = self.connection.domain(uuid=self.uuid)
        if twin is not None and twin.name() != self.name:
            raise WrongHere(f"libvirt has another guest with that uuid, named {twin.name()}")
        if found is None or not found.active():
            return found
        HalfMade(self.connection, self.name, self.uuid, self.has_process).end()
        return self.of_that_name()

    def of_that_name(self) -> "Domain | None":
        """The domain of that name; a definition that an earlier start has left goes."""
        found = self.connection.domain(name=self.name)
        if found is not None and not found.active() and read(found.xml()).until_started:
            self.host.log(f"{self.name}: taking away the definition that an earlier start has left")
            found.undefine()
            return None
        if found is not None and self.uuid and not same_uuid(found.uuid(), self.uuid):
            raise WrongHere(
                f"libvirt has another guest named {self.name}, with the uuid {found.uuid()}"
            )
        return found

    def has_process(self) -> bool:
        return self.look() is not None

    def look(self) -> "Guest | None":
        return evidence.find(
            self.host, self.agent.instance, self.agent.record, self.agent.configured
        )

    def ask_storage(self) -> None:
        """Refuse, while nothing was asked of libvirt, what would hold its daemon for ever: it opens
        the guest's disks itself, and then nobody calls that off. Raises TimedOut.
        """
        left = self.host.left()
        files = [*self.definition.files(), *filter(None, [self.saved_memory()])]
        self.host.paths.answer(files, within=left and left / 2)

    def start_resources(self) -> None:
        wanted = [("Network", "network", name) for name in self.definition.networks()]
        wanted += [("StoragePool", "pool", name) for name in self.definition.pools()]
        for kind, word, name in wanted:
            self.host.log(f"making sure that libvirt's {word} {name} is active")
            self.connection.activate(kind, name)

    def note(self) -> None:
        """Write down whom we are about to make, before there is anything to find."""
        record = self.agent.record
        record.put("name", self.name)
        record.put("uuid", self.uuid)
        record.put("migration", None)
        self.pending.over()
        record.save()

    def made(self, defined: "Domain | None") -> "tuple[Domain, str]":
        """``make``, whose end is noted where libvirt has refused."""
        try:
            return self.make(defined)
        except LibvirtError as exc:
            if exc.answered():
                self.pending.clear()
                self.pending.over()
                self.agent.record.save()
            raise

    def make(self, defined: "Domain | None") -> "tuple[Domain, str]":
        """(the guest, paused; a file of saved memory that is in the way now)."""
        saved = self.saved_memory()
        if saved and self.agent.restore:
            return self.restore(saved), saved
        if defined is not None and defined.call("virDomainHasManagedSaveImage", 0):
            if self.agent.restore:
                return self.restore_managed(defined), saved
            defined.call("virDomainManagedSaveRemove", 0)
        if self.agent.memory:
            self.definition.set_memory(self.agent.memory)
        if self.agent.vcpus:
            self.definition.set_vcpus(self.agent.vcpus)
        return (self.boot() if defined is None else self.create()), saved

    def boot(self) -> "Domain":
        """Define it for as long as it takes to start it: that can be called off (pending.py)."""
        asked = daemon.signature(self.host)
        self.definition.mark(self.agent.instance, self.uuid, until_started=True, asked=asked)
        self.pending.will_define()
        domain = self.define()
        self.pending.will_start(CALLABLE_OFF)
        domain.boot()
        try:
            self.mark(domain)
            domain.undefine()
            self.agent.record.put("defined", None)
        except Failed as exc:
            self.host.log(f"{self.name} stays defined in libvirt until it is stopped: {exc}")
        return domain

    def define(self) -> "Domain":
        """libvirt refuses for a moment where it has not wholly done with an earlier life of it."""
        made: list[Domain] = []

        def defined() -> bool:
            try:
                made.append(self.connection.define(self.definition.text()))
            except LibvirtError as exc:
                if exc.number != OPERATION_FAILED:
                    raise
                self.host.log(f"{self.name} cannot be defined yet: {exc}")
            return bool(made)

        if not self.host.wait_for("defining the guest", defined, within=AGAIN, interval=0.5):
            made.append(self.connection.define(self.definition.text()))
        return made[0]

    def create(self) -> "Domain":
        """Start it beside the operator's own definition, which stays as it is."""
        self.definition.mark(self.agent.instance, self.uuid)
        self.pending.will_start(BINDING)
        return self.connection.create(self.definition.text())

    def mark(self, domain: "Domain") -> None:
        """Say in the guest itself whose it is."""
        text = f'<guest resource="{attribute(self.agent.instance)}" uuid="{self.uuid}"/>'
        domain.call("virDomainSetMetadata", METADATA_ELEMENT, text, "hactl", NAMESPACE, LIVE)

    def saved_memory(self) -> str:
        """The file a stop with stop_mode=save has left; '' if there is none."""
        path = f"{self.agent.save_dir}/{self.name}.save"
        return path if self.agent.save_dir and self.host.paths.exists(path) else ""

    def restore(self, path: str) -> "Domain":
        self.host.log(f"restoring {self.name} from {path}")
        self.refuse_other_memory(path)
        self.pending.will_start(BINDING)
        try:
            self.connection.call("virDomainRestoreFlags", path, None, RESTORE_PAUSED, within=ALL)
        except LibvirtError as exc:
            text = f"{path}: cannot be restored: {exc}; restore=false starts without it"
            raise LibvirtError(exc.number, exc.origin, text, exc.cause) from None
        domain = self.connection.guest(self.name, self.uuid)
        if domain is None:
            raise Failed(f"{path}: was restored, but libvirt does not know {self.name}")
        return domain

    def refuse_other_memory(self, path: str) -> None:
        """Raise Failed where a file of saved memory is another guest's: that would be started."""
        found = read(str(self.connection.call("virDomainSaveImageGetXMLDesc", path, 0)))
        if found.name != self.name or not same_uuid(found.uuid, self.uuid):
            raise Failed(
                f"{path}: holds another guest than {self.name} with uuid {self.uuid}; "
                "restore=false starts without it"
            )

    def restore_managed(self, defined: "Domain") -> "Domain":
        """Memory that libvirt itself saved, at the shutdown of the node for instance."""
        self.host.log(f"restoring {self.name} from libvirt's managed save")
        self.pending.will_start(BINDING)
        defined.call("virDomainCreateWithFlags", PAUSED, within=ALL)
        self.mark(defined)
        return defined

    def find(self) -> "Guest":
        """The new guest by evidence: what we cannot see we must not let go."""
        seen: list[Guest] = []

        def there() -> bool:
            found = self.look()
            seen[:] = [found] if found else []
            return bool(seen)

        if not self.host.wait_for("waiting for QEMU's process", there, within=APPEARS):
            raise Failed(f"libvirt created {self.name}, but there is no process of it")
        return seen[0]

    def await_running(self, guest: "Guest") -> None:
        def running() -> bool:
            seen = evidence.state_of(self.host, guest.qemu)
            return verdict.judge(seen.state, seen.reason, "")[0] == verdict.RUNS

        self.host.wait_for("waiting for the guest to run", running, within=APPEARS)


def fixed_uuid(name: str) -> str:
    """A uuid made of the name, the same on every node and at every start (RFC 4122, version 5)."""
    import hashlib

    digest = bytearray(hashlib.sha1(b"hactl:guest:" + name.encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
