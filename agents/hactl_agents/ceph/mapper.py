"""The ways an image becomes a block device: what each is asked for, and which are there."""

from hactl_agents.ceph.krbd import Krbd
from hactl_agents.ceph.nbd import Nbd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from hactl_agents.ceph.image import Mapping, Spec, Wish
    from hactl_agents.host.host import Host

    class Mapper(Protocol):
        name: str

        def find(self, spec: Spec, fsid: str) -> list[Mapping]: ...
        def lacks(self) -> str: ...
        def unknown(self, features: int) -> list[str]: ...
        def map(self, spec: Spec, wish: Wish) -> None: ...
        def unmap(self, mapping: Mapping, force: bool) -> None: ...
        def epoch(self, mapping: Mapping) -> int: ...


def mappers(host: "Host") -> "list[Mapper]":
    """All there are, best first."""
    return [Krbd(host), Nbd(host)]
