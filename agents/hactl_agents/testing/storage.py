"""Its block devices, mounts and kernel log."""

from collections.abc import Iterator

from hactl_agents.host.host import Failed
from hactl_agents.host.storage import KernelLog, Storage


class FakeStorage(Storage):
    """Block devices and mounts as the test lays them out.

    ``numbers`` maps devices to their numbers ('' if it is none), ``blocks`` to their
    content by offset, or a Failed; ``mounts`` maps paths to the mounts they are on. ``said`` is
    what the kernel logs; ``trouble`` why a file system does not work; ``detached`` what was
    unmounted in other namespaces; ``sockets`` those bound on a device, by network namespace.
    """

    def __init__(self) -> None:
        self.numbers: dict[str, str] = {}
        self.blocks: dict[str, dict[int, bytes] | Failed] = {}
        self.mounts: dict[str, int] = {}
        self.files: dict[str, str] = {}
        self.kept: dict[str, str] = {}  # mountinfo of namespaces without a process, by its path
        self.said: list[str] = []
        self.trouble = ""
        self.written: list[str] = []
        self.detached: list[tuple[int, str]] = []
        self.sockets: dict[tuple[str, str], set[str]] = {}

    def read(self, path: str, offset: int, size: int) -> bytes:
        found = self.blocks.get(path, {})
        if isinstance(found, Failed):
            raise found
        return found.get(offset, b"")[:size].ljust(size, b"\0")

    def mount_of(self, path: str) -> int | None:
        return self.mounts.get(path)

    def device_of(self, path: str) -> str:
        return self.files.get(path, "")

    def exercise(self, directory: str, note: str = "") -> None:
        if self.trouble:
            raise Failed(f"{directory} does not work: {self.trouble}")
        self.written += [note] if note else []

    def detach(self, pid: int, point: str) -> None:
        self.detached.append((pid, point))

    def kept_mountinfo(self) -> Iterator[tuple[str, str]]:
        return iter(self.kept.items())

    def sockets_on(self, number: str, namespace: str) -> set[str]:
        return self.sockets.get((number, namespace), set())

    def kernel_log(self) -> KernelLog:
        return FakeLog(self.said)


class FakeLog(KernelLog):
    def __init__(self, said: list[str]) -> None:
        self.said = said

    def lines(self) -> list[str]:
        return self.said
