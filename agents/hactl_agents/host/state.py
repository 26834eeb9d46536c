"""What agents remember about this node: small private files, gone at reboot.

The folder belongs to root alone (0700) and no link in it is followed: what stands in it decides
which process gets killed.
"""

import _stat
import posix

from hactl_agents.failures import Failed, strerror, unreadable

FOLDER = posix.O_DIRECTORY | posix.O_NOFOLLOW | posix.O_CLOEXEC
READ = posix.O_RDONLY | posix.O_NOFOLLOW | posix.O_CLOEXEC
DRAFT = posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_NOFOLLOW | posix.O_CLOEXEC
LOCK = posix.O_RDWR | posix.O_CREAT | posix.O_NOFOLLOW | posix.O_CLOEXEC


def opened(path: str) -> int:
    """A descriptor of the folder, made if missing. Raises Failed if it is not ours alone."""
    try:
        posix.mkdir(path, 0o700)
    except FileExistsError:
        pass
    except OSError as exc:
        raise Failed(f"{path}: cannot be made: {strerror(exc)}") from None
    try:
        folder = posix.open(path, FOLDER)
    except OSError as exc:
        raise Failed(f"{path}: is not a folder: {strerror(exc)}") from None
    found = posix.fstat(folder)
    if found.st_uid != posix.geteuid() or found.st_mode & 0o022:
        posix.close(folder)
        raise Failed(f"{path}: not ours alone: it must be owned by root, mode 0700")
    return folder


def load(path: str, name: str) -> "str | None":
    """The text saved under ``name`` since boot, or None."""
    try:
        found = posix.lstat(path)
    except OSError:
        return None
    if not _stat.S_ISDIR(found.st_mode):
        raise Failed(f"{path}: is not a folder")
    folder = opened(path)
    try:
        descriptor = posix.open(name, READ, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise unreadable(f"{path}/{name}", exc) from None
    finally:
        posix.close(folder)
    try:
        return read_all(descriptor).decode(errors="surrogateescape")
    finally:
        posix.close(descriptor)


def secret(path: str) -> str:
    """The text of a regular file that only its owner, root, can read. Raises Failed."""
    try:
        descriptor = posix.open(path, READ | posix.O_NONBLOCK)
    except OSError as exc:
        raise unreadable(path, exc) from None
    try:
        found = posix.fstat(descriptor)
        if not _stat.S_ISREG(found.st_mode):
            raise Failed(f"{path}: is not a regular file")
        if found.st_uid != posix.geteuid() or found.st_mode & 0o077:
            raise Failed(f"{path}: others may read it: run chown root and chmod 0600 on it")
        return read_all(descriptor).decode(errors="replace")
    except OSError as exc:
        raise unreadable(path, exc) from None
    finally:
        posix.close(descriptor)


def save(path: str, name: str, text: str) -> None:
    """Save ``text`` under ``name``, whole or not at all."""
    folder = opened(path)
    draft = f".{name}.{posix.getpid()}"
    try:
        descriptor = posix.open(draft, DRAFT, 0o600, dir_fd=folder)
        try:
            write_all(descriptor, text.encode(errors="surrogateescape"))
        finally:
            posix.close(descriptor)
        posix.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError as exc:
        forget(draft, folder)
        raise Failed(f"{path}/{name}: cannot be saved: {strerror(exc)}") from None
    finally:
        posix.close(folder)


def drop(path: str, name: str) -> None:
    """Forget what was saved under ``name``, and drafts that a killed save has left."""
    try:
        folder = opened(path)
    except Failed:
        return
    draft = f".{name}."
    for entry in posix.listdir(folder):
        if entry == name or (entry.startswith(draft) and entry[len(draft) :].isdigit()):
            forget(entry, folder)
    posix.close(folder)


def lock_file(path: str, name: str) -> int:
    """A descriptor of the file to lock. Raises Failed or OSError."""
    folder = opened(path)
    try:
        return posix.open(name, LOCK, 0o600, dir_fd=folder)
    finally:
        posix.close(folder)


def forget(name: str, folder: int) -> None:
    try:
        posix.unlink(name, dir_fd=folder)
    except OSError:
        pass


def read_all(descriptor: int) -> bytes:
    pieces = []
    while piece := posix.read(descriptor, 65536):
        pieces.append(piece)
    return b"".join(pieces)


def write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[posix.write(descriptor, data) :]
