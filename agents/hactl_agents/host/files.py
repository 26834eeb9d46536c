"""The files and folders of a node: what is there, and changing it; every doubt is a failure."""

import errno
import posix

from hactl_agents.failures import ABSENT, Failed, strerror, unreadable
from hactl_agents.host import state
from hactl_agents.host.state import read_all


class Files:
    """Reading and changing files. What is absent is said so; what cannot be told raises Failed."""

    def read(self, path: str) -> "str | None":
        """The text of a file, or None where there is none.

        Raises Failed when the file is there and cannot be read: that is not proof of anything.
        """
        try:
            descriptor = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
        except OSError as exc:
            if exc.errno in ABSENT:
                return None
            raise unreadable(path, exc) from None
        try:
            return read_all(descriptor).decode(errors="replace")
        except OSError as exc:
            if exc.errno in ABSENT:
                return None
            raise unreadable(path, exc) from None
        finally:
            posix.close(descriptor)

    def exists(self, path: str) -> bool:
        """Whether there is something at ``path``; raises Failed where that cannot be told."""
        try:
            posix.stat(path)
        except OSError as exc:
            if exc.errno in ABSENT:
                return False
            raise unreadable(path, exc) from None
        return True

    def facts(self, path: str) -> "tuple[int, int, int, str] | None":
        """Mode, size, block size and identity of a path, links followed; None for nothing."""
        try:
            found = posix.stat(path)
        except OSError as exc:
            if exc.errno in ABSENT:
                return None
            raise unreadable(path, exc) from None
        identity = f"{found.st_dev}/{found.st_ino}"
        if found.st_mode & 0o170000 == 0o060000:  # S_IFBLK
            identity = f"{posix.major(found.st_rdev)}:{posix.minor(found.st_rdev)}"
        return found.st_mode, found.st_size, found.st_blksize, identity

    def read_a_bit(self, path: str) -> None:
        """Open a file or block device and read its beginning. Whatever fails is not told."""
        try:
            descriptor = posix.open(path, posix.O_RDONLY | posix.O_NONBLOCK | posix.O_CLOEXEC)
        except OSError:
            return
        try:
            if posix.fstat(descriptor).st_mode & 0o170000 in (
                0o060000,
                0o100000,
            ):  # S_IFBLK, S_IFREG
                posix.read(descriptor, 4096)
        except OSError:
            pass
        finally:
            posix.close(descriptor)

    def realpath(self, path: str) -> str:
        """The path without any symbolic link in it, as far as it is there."""
        import posixpath

        return posixpath.realpath(path)

    def is_claimed(self, path: str) -> bool:
        """Whether somebody has a block device for itself: a mount, a volume group, a guest."""
        return self.fails_to_open(path, posix.O_RDONLY | posix.O_EXCL, errno.EBUSY)

    def has_direct_io(self, path: str) -> bool:
        """Whether a file can be read past the page cache (open(2), O_DIRECT)."""
        return not self.fails_to_open(path, posix.O_RDONLY | posix.O_DIRECT, errno.EINVAL)

    def fails_to_open(self, path: str, flags: int, how: int) -> bool:
        """Whether opening fails in one way; raises Failed where it fails in another."""
        try:
            posix.close(posix.open(path, flags | posix.O_CLOEXEC))
        except OSError as exc:
            if exc.errno == how:
                return True
            raise unreadable(path, exc) from None
        return False

    def listdir(self, path: str) -> "list[str]":
        """The names in a folder, sorted; empty where there is no such folder."""
        try:
            return sorted(posix.listdir(path))
        except OSError as exc:
            if exc.errno in ABSENT:
                return []
            raise unreadable(path, exc) from None

    def readlink(self, path: str) -> "str | None":
        """Where a symbolic link points to; None where there is none."""
        try:
            return posix.readlink(path)
        except OSError as exc:
            if exc.errno in ABSENT or exc.errno == errno.EINVAL:
                return None
            raise unreadable(path, exc) from None

    def read_secret(self, path: str) -> str:
        """The text of a file that is root's alone; no link is followed. Raises Failed."""
        return state.secret(path)

    def write(self, path: str, text: str, secret: bool = False) -> None:
        """Write to an existing file, such as one in /sys. Raises Failed, without a ``secret``."""
        try:
            descriptor = posix.open(path, posix.O_WRONLY | posix.O_CLOEXEC)
            try:
                posix.write(descriptor, text.encode())
            finally:
                posix.close(descriptor)
        except OSError as exc:
            what = "the secret" if secret else repr(text)
            raise Failed(f"{path}: cannot write {what}: {strerror(exc)}") from None

    def make_folder(self, path: str) -> bool:
        """Make a folder, such as one in configfs; False where there is one. Raises Failed."""
        try:
            posix.mkdir(path, 0o755)
        except FileExistsError:
            return False
        except OSError as exc:
            raise Failed(f"{path}: cannot be made: {strerror(exc)}") from None
        return True

    def link(self, path: str, to: str) -> bool:
        """Make the symbolic link ``path``; False where there is one. Raises Failed."""
        try:
            posix.symlink(to, path)
        except FileExistsError:
            return False
        except OSError as exc:
            raise Failed(f"{path}: cannot be linked to {to}: {strerror(exc)}") from None
        return True

    def rename(self, path: str, to: str) -> None:
        """Give a file another name in its folder, replacing what has that name. Raises Failed."""
        try:
            posix.rename(path, to)
        except OSError as exc:
            raise Failed(f"{path}: cannot be renamed to {to}: {strerror(exc)}") from None

    def remove(self, path: str) -> None:
        """Remove a file that may be gone already. Raises Failed."""
        try:
            posix.unlink(path)
        except OSError as exc:
            if exc.errno not in ABSENT:
                raise Failed(f"{path}: cannot be removed: {strerror(exc)}") from None

    def remove_folder(self, path: str) -> bool:
        """Remove a folder; False where it is still in use. Raises Failed."""
        try:
            posix.rmdir(path)
        except OSError as exc:
            if exc.errno in (errno.EBUSY, errno.ENOTEMPTY):
                return False
            if exc.errno not in ABSENT:
                raise Failed(f"{path}: cannot be removed: {strerror(exc)}") from None
        return True
