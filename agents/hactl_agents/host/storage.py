"""Block devices, file systems and mounts as system calls show them; knows no kind of file system.

What may hang is called by ``Host.read_in_child``. Tests pass ``hactl_agents.testing.FakeStorage``.
"""

import errno
import posix

from hactl_agents.failures import ABSENT, Failed, strerror, unreadable
from hactl_agents.host.state import read_all, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

LOG = "/dev/kmsg"
NEWNS = 0x20000  # CLONE_NEWNS
NOFOLLOW = 8  # UMOUNT_NOFOLLOW


class Storage:
    """What this node says of devices and mounts."""

    def read(self, path: str, offset: int, size: int) -> bytes:
        """Part of a device as it is on the medium, past this node's cache. Raises Failed.

        ``offset`` and ``size`` are multiples of 4096 bytes.
        """
        import mmap

        buffer = mmap.mmap(-1, size)
        try:
            descriptor = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC | posix.O_DIRECT)
            try:
                got = posix.preadv(descriptor, [buffer], offset)
            finally:
                posix.close(descriptor)
        except OSError as exc:
            raise unreadable(path, exc) from None
        return buffer[:got]

    def mount_of(self, path: str) -> "int | None":
        """The id of the mount that ``path`` is on, such as a process's cwd; None where it is gone.

        The file system itself is not asked: it might not answer any more.
        """
        try:
            descriptor = posix.open(path, posix.O_PATH | posix.O_CLOEXEC)
        except OSError as exc:
            if exc.errno in (*ABSENT, errno.EACCES, errno.ENXIO):
                return None
            raise unreadable(path, exc) from None
        try:
            own = posix.open(f"/proc/self/fdinfo/{descriptor}", posix.O_RDONLY | posix.O_CLOEXEC)
            try:
                return mount_id(posix.read(own, 4096).decode())
            finally:
                posix.close(own)
        finally:
            posix.close(descriptor)

    def device_of(self, path: str) -> str:
        """The number of the device that the file at ``path`` is on; '' where it is gone.

        Asks the file system, which may take for ever.
        """
        try:
            found = posix.stat(path).st_dev
        except OSError:
            return ""
        return f"{posix.major(found)}:{posix.minor(found)}"

    def exercise(self, directory: str, note: str = "") -> None:
        """Let a file system answer: its size, its root and, with ``note``, a written file.

        Raises Failed. Takes for ever where the file system hangs.
        """
        try:
            posix.statvfs(directory)
            posix.close(posix.open(directory, posix.O_RDONLY | posix.O_DIRECTORY))
            if note:
                write_through(f"{directory}/{note}")
        except OSError as exc:
            raise Failed(f"{directory} does not work: {strerror(exc)}") from None

    def detach(self, pid: int, point: str) -> None:
        """Unmount ``point`` in the mount namespace of a process. Moves the caller there for good.

        By the C library: a program called umount in a container is not ours to run. Raises Failed.
        """
        import ctypes

        library = ctypes.CDLL(None, use_errno=True)
        namespace = posix.open(f"/proc/{pid}/ns/mnt", posix.O_RDONLY | posix.O_CLOEXEC)
        if library.setns(namespace, NEWNS) or library.umount2(point.encode(), NOFOLLOW):
            why = posix.strerror(ctypes.get_errno())
            raise Failed(f"{point} in the namespace of process {pid} stays mounted: {why}")

    def kept_mountinfo(self) -> "Iterator[tuple[str, str]]":
        """(who keeps it, its mountinfo) of the mount namespaces that no process is in.

        Leaves the caller in the last of them. Those that cannot be entered are left out.
        """
        from hactl_agents.host import namespaces

        proc = posix.open("/proc", posix.O_RDONLY | posix.O_DIRECTORY | posix.O_CLOEXEC)
        for path, descriptor in list(namespaces.without_process("mnt")):
            try:
                namespaces.go("mnt", path, descriptor)
                table = posix.open("self/mountinfo", posix.O_RDONLY | posix.O_CLOEXEC, dir_fd=proc)
            except (Failed, OSError):
                continue
            yield path, read_all(table).decode(errors="replace")

    def sockets_on(self, number: str, namespace: str) -> "set[str]":
        """The unix sockets bound to names on a device, each as ``socket:[INODE]``.

        ``namespace`` is the path of a network namespace, in which the caller then stays; '' for
        his own. None where the kernel does not tell.
        """
        from hactl_agents.netlink.bound_sockets import on_device

        try:
            return on_device(number, namespace)
        except (Failed, OSError):
            return set()

    def kernel_log(self) -> "KernelLog":
        """What the kernel says from now on."""
        return KernelLog()


class KernelLog:
    """The kernel's messages since this was made (/dev/kmsg)."""

    def __init__(self) -> None:
        self.descriptor = -1
        try:
            flags = posix.O_RDONLY | posix.O_NONBLOCK | posix.O_CLOEXEC
            self.descriptor = posix.open(LOG, flags)
            posix.lseek(self.descriptor, 0, 2)
        except OSError:
            pass  # a container may have none; then there is nothing to tell

    def lines(self) -> "list[str]":
        """The messages, without what the kernel says of each."""
        found = []
        while self.descriptor >= 0:
            try:
                record = posix.read(self.descriptor, 8192).decode(errors="replace")
            except BrokenPipeError:
                continue  # overtaken by newer ones
            except OSError:
                break
            if not record:
                break
            found.append(record.partition(";")[2].partition("\n")[0])
        return found


def write_through(path: str) -> None:
    """Write a file down to the medium. A link in its place is not followed. Raises OSError."""
    flags = posix.O_WRONLY | posix.O_CREAT | posix.O_NOFOLLOW | posix.O_CLOEXEC
    descriptor = posix.open(path, flags, 0o600)
    try:
        write_all(descriptor, b"written by a monitor of ocf:hactl:Gfs2Mount\n")
        posix.fsync(descriptor)
    finally:
        posix.close(descriptor)


def mount_id(fdinfo: str) -> "int | None":
    """The mnt_id line of a file in /proc/PID/fdinfo (proc(5))."""
    for line in fdinfo.split("\n"):
        if line.startswith("mnt_id:"):
            return int(line[7:])
    return None
