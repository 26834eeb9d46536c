"""The definition that is handed to libvirt: the operator's, with our mark and our figures in it.

Reads the whole document with ElementTree, which a monitor never needs.
"""

from hactl_agents.declare import BadValue
from hactl_agents.libvirt.identity import NAMESPACE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

PREFIXES = {
    "hactl": NAMESPACE,
    "qemu": "http://libvirt.org/schemas/domain/qemu/1.0",
    "lxc": "http://libvirt.org/schemas/domain/lxc/1.0",
}
# libvirt's units of memory (formatdomain, "memory"), in bytes; it ignores case
UNITS = {
    "b": 1, "byte": 1, "bytes": 1, "kb": 10**3, "k": 2**10, "kib": 2**10,
    "mb": 10**6, "m": 2**20, "mib": 2**20, "gb": 10**9, "g": 2**30, "gib": 2**30,
    "tb": 10**12, "t": 2**40, "tib": 2**40,
}  # fmt: skip


class Definition:
    """One domain document that may be changed and written out again."""

    def __init__(self, text: str) -> None:
        from xml.etree import ElementTree

        for prefix, uri in PREFIXES.items():
            ElementTree.register_namespace(prefix, uri)
        self.root = ElementTree.fromstring(text)

    def text(self) -> str:
        from xml.etree import ElementTree

        return ElementTree.tostring(self.root, encoding="unicode")

    def mark(
        self, resource: str, uuid: str, *, until_started: bool = False, asked: str = ""
    ) -> None:
        """Say in the guest itself whose it is, and give it the uuid it shall have.

        ``until_started``: that this is a definition which goes as soon as the guest is there;
        ``asked``: which daemon was asked for that.
        """
        child(self.root, "uuid").text = uuid
        metadata = child(self.root, "metadata")
        tag = f"{{{NAMESPACE}}}guest"
        for old in metadata.findall(tag):
            metadata.remove(old)
        said = {"resource": resource, "uuid": uuid}
        if until_started:
            said |= {"until": "started", "asked": asked}
        metadata.insert(0, metadata.makeelement(tag, said))

    def set_memory(self, mebibytes: int) -> None:
        """What the guest gets; the most it may get is raised to that where it is less."""
        wanted = mebibytes * 1024
        if kibibytes(self.root.find("memory")) < wanted:
            write_kibibytes(child(self.root, "memory"), wanted)
        write_kibibytes(child(self.root, "currentMemory"), wanted)

    def set_vcpus(self, number: int) -> None:
        vcpu = child(self.root, "vcpu")
        most = int((vcpu.text or "1").strip() or 1)
        vcpu.text = str(max(most, number))
        vcpu.set("current", str(number))

    def memory(self) -> int:
        """The memory the guest has at first, in KiB."""
        return kibibytes(self.root.find("currentMemory")) or kibibytes(self.root.find("memory"))

    def vcpus(self) -> int:
        """The virtual CPUs the guest has at first."""
        vcpu = self.root.find("vcpu")
        if vcpu is None:
            return 1
        return int(vcpu.get("current") or (vcpu.text or "1").strip() or 1)

    def networks(self) -> "list[str]":
        """libvirt's own networks the guest is attached to."""
        return named(self.root, "devices/interface/source", "network")

    def pools(self) -> "list[str]":
        """libvirt's storage pools its disks are in."""
        return named(self.root, "devices/disk/source", "pool")

    def files(self) -> "list[str]":
        """The files and devices of this node that libvirt opens to start the guest."""
        disks = "devices/disk/source"
        found = [*named(self.root, disks, "file"), *named(self.root, disks, "dev")]
        inside = ("os/kernel", "os/initrd", "os/loader", "os/nvram")
        found += [(self.root.findtext(path) or "").strip() for path in inside]
        return [path for path in found if path.startswith("/")]

    def cpu_mode(self) -> str:
        cpu = self.root.find("cpu")
        return "" if cpu is None else cpu.get("mode", "")

    def agent_connected(self) -> bool:
        """Whether the guest has the agent's channel open (in the document of a live guest)."""
        channel = self.agent_channel()
        return channel is not None and channel.get("state") == "connected"

    def agent_channel(self) -> "Element | None":
        for target in self.root.iterfind("devices/channel/target"):
            if target.get("name") == "org.qemu.guest_agent.0":
                return target
        return None

    def oddities(self) -> "list[str]":
        """What will surprise somebody after a failover, as sentences."""
        said = []
        if any(nic.find("mac") is None for nic in self.root.iterfind("devices/interface")):
            said.append("an interface has no <mac>: it gets another address at every start")
        if self.root.find("features/acpi") is None:
            said.append("the guest has no <acpi/>: it cannot be asked to shut down")
        if self.is_uefi() and not (self.root.findtext("os/nvram") or "").strip():
            said.append("no <nvram> file is named: UEFI variables stay behind on this node")
        return said

    def is_uefi(self) -> bool:
        system = self.root.find("os")
        return system is not None and (
            system.get("firmware") == "efi" or system.find("loader") is not None
        )


def well_formed(text: str) -> None:
    """Raise BadValue where ElementTree could not make sense of the numbers in ``text``."""
    try:
        definition = Definition(text)
        definition.memory(), definition.vcpus()
    except (ValueError, KeyError) as exc:
        raise BadValue(f"<memory> or <vcpu> is not a number: {exc}") from None


def child(parent: "Element", tag: str) -> "Element":
    """The first child of that name, made if missing."""
    found = parent.find(tag)
    if found is None:
        found = parent.makeelement(tag, {})
        parent.insert(1, found)
    return found


def kibibytes(element: "Element | None") -> int:
    """The amount in KiB, rounded up as libvirt does; 0 where there is none."""
    if element is None:
        return 0
    unit = UNITS[element.get("unit", "KiB").lower()]
    return -(-int((element.text or "0").strip()) * unit // 1024)


def write_kibibytes(element: "Element", amount: int) -> None:
    element.text = str(amount)
    element.set("unit", "KiB")


def named(root: "Element", path: str, attribute: str) -> "list[str]":
    found = [element.get(attribute) for element in root.iterfind(path)]
    return sorted({name for name in found if name})
