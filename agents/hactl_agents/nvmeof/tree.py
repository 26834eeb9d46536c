"""The kernel's NVMe target as configfs shows it: what is where, and how it is changed.

Knows no gateway. Reading takes no lock that a hanging disk could hold.
"""

from hactl_agents.ocf.errors import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host

MOUNT = "/sys/kernel/config"
ROOT = f"{MOUNT}/nvmet"
LOADED = "/sys/module/nvmet"
SUBSYSTEMS, PORTS, HOSTS = f"{ROOT}/subsystems", f"{ROOT}/ports", f"{ROOT}/hosts"
OFFERS = "subsystems"  # of a port: links to what it offers


class Tree:
    """The target of one node."""

    def __init__(self, host: "Host") -> None:
        self.host = host

    # looking

    def get(self, path: str) -> str:
        """An attribute; '' where this kernel has none of that name, or its object is gone."""
        return (self.host.read(path) or "").strip()

    def ports(self) -> "list[str]":
        return self.host.listdir(PORTS)

    def subsystems(self) -> "list[str]":
        return self.host.listdir(SUBSYSTEMS)

    def namespaces(self, nqn: str) -> "list[str]":
        return self.host.listdir(f"{subsystem(nqn)}/namespaces")

    def allowed(self, nqn: str) -> "list[str]":
        return self.host.listdir(f"{subsystem(nqn)}/allowed_hosts")

    def offers(self, port_id: str, nqn: str) -> bool:
        return self.host.readlink(f"{port(port_id)}/{OFFERS}/{nqn}") is not None

    def offering(self, nqn: str) -> "list[str]":
        """The ports that offer a subsystem."""
        return [port_id for port_id in self.ports() if self.offers(port_id, nqn)]

    def offered_by(self, port_id: str) -> "list[str]":
        """The subsystems that a port offers."""
        return self.host.listdir(f"{port(port_id)}/{OFFERS}")

    def portal(self, port_id: str) -> "tuple[str, str]":
        """Address and service a port is for; both '' where it was only just made."""
        folder = port(port_id)
        return self.get(f"{folder}/addr_traddr"), self.get(f"{folder}/addr_trsvcid")

    # changing

    def put(self, path: str, value: str, secret: bool = False) -> None:
        """Give an attribute a value it does not have. Raises Failed unless it has it then."""
        if self.get(path) == value:
            return
        self.host.write(path, value, secret)
        now = self.get(path)
        if now != value:
            shown = "another value" if secret else repr(now)
            raise Failed(f"{path}: was set and has {shown}")

    def make(self, path: str) -> None:
        self.host.make_folder(path)

    def take_away(self, path: str) -> None:
        """Raises Failed where something still needs it."""
        if not self.host.remove_folder(path):
            raise Failed(f"{path}: is still in use")


def subsystem(nqn: str) -> str:
    return f"{SUBSYSTEMS}/{nqn}"


def namespace(nqn: str, nsid: "int | str") -> str:
    return f"{SUBSYSTEMS}/{nqn}/namespaces/{nsid}"


def port(port_id: str) -> str:
    return f"{PORTS}/{port_id}"


def ana_state(port_id: str, group: "int | str") -> str:
    return f"{PORTS}/{port_id}/ana_groups/{group}/ana_state"


def host_object(nqn: str) -> str:
    return f"{HOSTS}/{nqn}"
