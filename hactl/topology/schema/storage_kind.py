"""What each kind of storage has to say of itself, so that nobody else has to know its kind."""

from __future__ import annotations

from abc import ABC, abstractmethod

from typing_extensions import override

from hactl.model.resource import Agent
from hactl.topology.schema.operations import Operated

Where = tuple[str | int, ...]

DLM, LVMLOCKD = "dlm", "lvmlockd"


class StorageKind(Operated, ABC):
    """A storage; `hactl.topology.schema.storage.KINDS` lists the kinds there are."""

    @property
    @abstractmethod
    def run_by(self) -> Agent:
        """The agent that runs it where it is a resource."""

    @property
    @abstractmethod
    def root(self) -> str:
        """The path that everything in it begins with."""

    @property
    @abstractmethod
    def claim(self) -> tuple[str, str, str]:
        """What no other storage may be too: in words, its name, and the key that names it."""

    @property
    @abstractmethod
    def lies_on(self) -> tuple[tuple[Where, str], ...]:
        """The devices below it, each with its key: a path, or the name of another storage."""

    @property
    @abstractmethod
    def holds_files(self) -> bool:
        """Whether it is a directory, with files and other storage in it."""

    @property
    @abstractmethod
    def is_mounted(self) -> bool:
        """Whether the cluster mounts a file system for it."""

    @property
    @abstractmethod
    def is_shared(self) -> bool:
        """Whether all nodes use what it lies on at the same time."""

    @property
    @abstractmethod
    def lock_managers(self) -> tuple[str, ...]:
        """The lock managers that keep its users apart, the one it speaks to first."""

    @abstractmethod
    def block_device(self, volume: str | None) -> str | None:
        """Return the path of the device that it is, or of a volume in it, if there is one."""

    @abstractmethod
    def disk_path(self, stem: str, volume: str | None, form: str) -> str:
        """Return where a disk in it is that nobody named: ``stem`` is the guest's name."""

    @property
    @abstractmethod
    def usual_format(self) -> str:
        """The format of a disk in it, where nobody said."""

    @property
    def put_everywhere_by(self) -> tuple[str, str]:
        """The key and value that put what is on one node on all of them."""
        return "attach", "everywhere"

    @property
    def migrated_by(self) -> tuple[str, str]:
        """The key and value that let its users be migrated live."""
        return "attach", "native"

    @property
    def inside(self) -> str:
        """What the paths of all begin with that is made of it."""
        return f"{self.root}/"

    @property
    def has_volumes(self) -> bool:
        """Whether a disk may name a volume in it."""
        return False


def complete(*kinds: type[StorageKind]) -> tuple[type[StorageKind], ...]:
    """Return the kinds; mypy refuses the call where one leaves a question open."""
    return kinds


class FileSystem(StorageKind, ABC):
    """A directory with files in it."""

    @property
    def holds_files(self) -> bool:
        return True

    @property
    def claim(self) -> tuple[str, str, str]:
        return "the directory", self.root, "path"

    @override
    def block_device(self, volume: str | None) -> str | None:
        return None

    @override
    def disk_path(self, stem: str, volume: str | None, form: str) -> str:
        return f"{self.root}/{stem}.{form}"

    @property
    def usual_format(self) -> str:
        return "qcow2"


class BlockDevice(StorageKind, ABC):
    """A device, or several in a group."""

    @property
    def holds_files(self) -> bool:
        return False

    @property
    def is_mounted(self) -> bool:
        return False

    @property
    def usual_format(self) -> str:
        return "raw"
