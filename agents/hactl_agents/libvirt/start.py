"""Starting a guest: it is made paused, verified and written down, and only then let go.

Whoever is killed half way leaves a guest that has never run, and that the next action finds.
"""

from hactl_agents.host.host import Failed
from hactl_agents.libvirt import evidence, verdict
from hactl_agents.libvirt.connection import LIVE, LibvirtError
from hactl_agents.libvirt.domain_xml import Definition
from hactl_agents.libvirt.evidence import same_uuid
from hactl_agents.libvirt.identity_xml import NAMESPACE
from hactl_agents.ocf.errors import WrongHere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host
    from hactl_agents.kvm_guest import KvmGuest
    from hactl_agents.libvirt.connection import Connection, Domain
    from hactl_agents.libvirt.evidence import Guest, Identity

PAUSED = 1  # VIR_DOMAIN_START_PAUSED
RESTORE_PAUSED = 4  # VIR_DOMAIN_SAVE_PAUSED
METADATA_ELEMENT = 2  # VIR_DOMAIN_METADATA_ELEMENT
APPEARS = 10.0  # seconds for a created guest's process and status file to be seen


class Birth:
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

    def start(self) -> None:
        defined = self.namesake()
        self.uuid = self.uuid or (defined.uuid() if defined else fixed_uuid(self.name))
        for sentence in self.definition.oddities():
            self.host.log(f"{self.name}: {sentence}")
        if self.agent.start_resources:
            self.start_resources()
        self.note()
        try:
            domain, leftover = self.make(defined)
        except LibvirtError as exc:
            if exc.answered():
                self.over()
            raise
        guest = self.find()
        evidence.note(self.agent.record, guest)
        self.agent.record.save()
        if leftover:  # memory on disk is out of date as soon as the guest runs
            self.host.remove(leftover)
        domain.call("virDomainResume")
        self.await_running(guest)
        self.over()

    def namesake(self) -> "Domain | None":
        """The operator's own definition of this guest. Raises WrongHere where it is another's."""
        named = self.connection.domain(name=self.name)
        if named is not None and self.uuid and not same_uuid(named.uuid(), self.uuid):
            raise WrongHere(
                f"libvirt has another guest named {self.name}, with the uuid {named.uuid()}"
            )
        twin = self.connection.domain(uuid=self.uuid) if self.uuid else None
        if twin is not None and twin.name() != self.name:
            raise WrongHere(f"libvirt has another guest with that uuid, named {twin.name()}")
        if named is not None and named.active():
            raise Failed(f"libvirt says {self.name} is active, but it has no process of ours")
        return named

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
        record.put("starting", str(round(self.host.now())))
        record.put("journey", None)
        record.save()

    def over(self) -> None:
        """Write down that libvirt has nothing in the making any more."""
        self.agent.record.put("starting", None)
        self.agent.record.save()

    def make(self, defined: "Domain | None") -> "tuple[Domain, str]":
        """(the guest, paused; a file of saved memory that is in the way now)."""
        saved = self.saved_memory()
        if saved and self.agent.restore:
            return self.restore(saved), saved
        if defined is not None and defined.call("virDomainHasManagedSaveImage", 0):
            if self.agent.restore:
                return self.restore_managed(defined), saved
            defined.call("virDomainManagedSaveRemove", 0)
        self.definition.mark(self.agent.instance, self.uuid)
        if self.agent.memory:
            self.definition.set_memory(self.agent.memory)
        if self.agent.vcpus:
            self.definition.set_vcpus(self.agent.vcpus)
        return self.connection.create(self.definition.text(), PAUSED), saved

    def saved_memory(self) -> str:
        """The file a stop with stop_mode=save has left; '' if there is none."""
        path = f"{self.agent.save_dir}/{self.name}.save"
        return path if self.agent.save_dir and self.host.exists(path) else ""

    def restore(self, path: str) -> "Domain":
        self.host.log(f"restoring {self.name} from {path}")
        try:
            self.connection.call("virDomainRestoreFlags", path, None, RESTORE_PAUSED, within=None)
        except LibvirtError as exc:
            text = f"{path}: cannot be restored: {exc}; restore=false starts without it"
            raise LibvirtError(exc.number, exc.origin, text, exc.cause) from None
        domain = self.connection.domain(uuid=self.uuid)
        if domain is None:
            raise Failed(f"{path}: holds another guest than {self.name} with uuid {self.uuid}")
        return domain

    def restore_managed(self, defined: "Domain") -> "Domain":
        """Memory that libvirt itself saved, at the shutdown of the node for instance."""
        self.host.log(f"restoring {self.name} from libvirt's managed save")
        defined.call("virDomainCreateWithFlags", PAUSED, within=None)
        mark = f'<guest resource="{attribute(self.agent.instance)}" uuid="{self.uuid}"/>'
        defined.call("virDomainSetMetadata", METADATA_ELEMENT, mark, "hactl", NAMESPACE, LIVE)
        return defined

    def find(self) -> "Guest":
        """The new guest by evidence: what we cannot see we must not let go."""
        seen: list[Guest] = []

        def there() -> bool:
            found = evidence.find(
                self.host, self.agent.instance, self.agent.record, self.agent.configured
            )
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
