"""The hosts that may connect to a subsystem: admitting them with their keys, dismissing them.

A host is one object for all subsystems of a node, so it goes only when nobody admits it any more.
"""

from hactl_agents.nvmeof import tree
from hactl_agents.ocf.errors import NotInstalled, WrongHere
from hactl_agents.ocf.record import file_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.nvmeof.keys import Keys
    from hactl_agents.nvmeof_gateway import NvmeofGateway


NO_KEYS = {"dhchap_key": "", "dhchap_ctrl_key": ""}


class Guests:
    """The hosts of one NvmeofGateway."""

    def __init__(self, agent: "NvmeofGateway", target: "tree.Tree") -> None:
        self.agent = agent
        self.host = agent.host
        self.nqn: str = agent.nqn
        self.tree = target
        self.folder = f"{tree.subsystem(self.nqn)}/allowed_hosts"

    def admit(self) -> None:
        """Exactly the hosts that are given, or any host where none is."""
        keys = self.agent.keys()
        wanted = self.wanted(keys)
        for name in self.known():
            if name not in wanted:
                self.send_away(name)
        self.agent.record.put("hosts", " ".join(wanted))
        self.agent.record.save()
        anybody = f"{tree.subsystem(self.nqn)}/attr_allow_any_host"
        self.tree.put(anybody, "0" if wanted else "1")
        for name in wanted:
            self.host.at(f"admitting {name}")
            self.introduce(name, keys.get(name))
            self.host.link(f"{self.folder}/{name}", tree.host_object(name))

    def wanted(self, keys: "dict[str, Keys]") -> "list[str]":
        return list(self.agent.hosts) or sorted(keys)

    def introduce(self, name: str, keys: "Keys | None") -> None:
        """Make the host's object, or use the one that is there if it has the same keys."""
        folder = tree.host_object(name)
        if not self.host.exists(folder):
            self.host.save(made(name), self.agent.instance)
            self.tree.make(folder)
        ours = self.host.load(made(name)) is not None and not self.admitted_elsewhere(name)
        if keys and not self.host.exists(f"{folder}/dhchap_key"):
            raise NotInstalled("this kernel's target has no DH-HMAC-CHAP: leave out auth_file")
        secrets = keys.secret if keys else NO_KEYS
        other = [key for key in secrets if self.tree.get(f"{folder}/{key}") != secrets[key]]
        if other and not ours:
            raise WrongHere(
                f"the host {name} has another {other[0]} on this node, not from us: remove "
                f"{folder}, or give it the same key"
            )
        if any(not secrets[key] for key in other):  # the kernel forgets no key
            self.host.remove(f"{self.folder}/{name}")
            self.tree.take_away(folder)
            self.tree.make(folder)
            other = [key for key in secrets if secrets[key]]
        for key in other:
            self.tree.put(f"{folder}/{key}", secrets[key], secret=True)
        for key, value in (keys.public if keys else {}).items():
            self.tree.put(f"{folder}/{key}", value)

    def dismiss(self) -> None:
        for name in self.known():
            self.send_away(name)

    def known(self) -> "list[str]":
        """Those that are admitted, and those that were about to be."""
        noted = (self.agent.record.get("hosts") or "").split()
        return sorted({*self.tree.allowed(self.nqn), *noted})

    def send_away(self, name: str) -> None:
        self.host.at(f"dismissing {name}")
        self.host.remove(f"{self.folder}/{name}")
        if self.host.load(made(name)) is not None and not self.admitted_elsewhere(name):
            self.tree.take_away(tree.host_object(name))
            self.host.drop(made(name))

    def admitted_elsewhere(self, name: str) -> bool:
        others = (other for other in self.tree.subsystems() if other != self.nqn)
        return any(name in self.tree.allowed(other) for other in others)


def made(name: str) -> str:
    """The file that says that a resource made the object of a host."""
    return file_name(f"nvmet host {name}")
