"""The ways an image becomes a block device: what each is asked for, and which are there."""

from hactl_agents.ceph.krbd import Krbd
from hactl_agents.ceph.nbd import Nbd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from hactl_agents.ceph.image import Mapping, Spec
    from hactl_agents.host.host import Host

    class Mapper(Protocol):
        name: str

        def find(self, spec: Spec, fsid: str) -> list[Mapping]: ...
        def lacks(self) -> str: ...
        def unknown(self, features: int) -> list[str]: ...
        def map(self, spec: Spec, wish: "Wish") -> None: ...
        def unmap(self, mapping: Mapping, force: bool) -> None: ...
        def epoch(self, mapping: Mapping) -> int: ...


class Wish:
    """How an image is to be mapped, and as whom."""

    def __init__(
        self,
        conf: str,
        client: str,
        keyring: "str | None",
        *,
        read_only: bool,
        exclusive: bool,
        options: "tuple[str, ...]",
    ) -> None:
        self.conf = conf
        self.client = client
        self.keyring = keyring
        self.read_only = read_only
        self.exclusive = exclusive
        self.options = options

    def identity(self) -> "list[str]":
        keyring = [f"--keyring={self.keyring}"] if self.keyring else []
        return [f"--conf={self.conf}", f"--id={self.client}", *keyring]

    def flags(self) -> "list[str]":
        flags = ["--read-only"] if self.read_only else []
        return [*flags, "--exclusive"] if self.exclusive else flags


def mappers(host: "Host") -> "list[Mapper]":
    """All there are, best first."""
    return [Krbd(host), Nbd(host)]
