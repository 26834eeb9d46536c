"""Locks against other actions on this node. Who holds one signs it, so that it can be named.

A lock is held until the process that took it is gone, and every child of it that changes something
(child.py, and commands that are told to): what they are at may come yet.
"""

import fcntl
import posix

from hactl_agents.failures import Failed, TimedOut
from hactl_agents.host import state
from hactl_agents.host.processes import Processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host


def take(host: "Host", name: str) -> int:
    """The descriptor that holds the lock. Raises TimedOut at the deadline, Failed and OSError."""
    held = state.lock_file(host.state_dir, name)

    def taken() -> bool:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    if not host.wait_for("waiting for another action on this resource", taken):
        text = "another action on this resource is still under way"
        posix.close(held)
        raise TimedOut(text + holder(host, name))
    return held


def is_taken(host: "Host", name: str) -> bool:
    """Whether any process holds the lock, be it one that is about to exec."""
    try:
        descriptor = state.lock_file(host.state_dir, name)
    except (Failed, OSError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        posix.close(descriptor)
    return False


def sign(descriptor: int, text: str) -> None:
    """Write down who holds a lock; one that cannot be written is held all the same."""
    try:
        posix.ftruncate(descriptor, 0)
        posix.pwrite(descriptor, text.encode(errors="replace"), 0)
    except OSError:
        pass


def signature(processes: Processes, pid: int, parent: int, step: str) -> str:
    """``parent`` is the process that waits for it, 0 where it is the action itself."""
    return f"{pid} {processes.started(pid)} {parent} {processes.started(parent)} {step}"


def holder(host: "Host", name: str) -> str:
    """Who holds a lock, in words to go on with; '' where nobody has signed it."""
    pid, started, _, _, step = signed(host, name)
    if not pid or str(host.started(int(pid))) != started:
        return ""
    if left_behind(host, name):
        return f": process {pid} hangs in the kernel with this, which may come yet: {step}"
    return f": process {pid}" + (f", {step}" if step else "")


def left_behind(host: "Host", name: str) -> str:
    """What an action that is gone has left behind in the kernel, and may come yet; '' if nothing.

    Only to be asked of a lock that is taken.
    """
    pid, started, parent, parent_started, step = signed(host, name)
    if not pid or parent == "0" or str(host.started(int(pid))) != started:
        return ""
    if str(host.started(int(parent))) == parent_started:
        return ""
    return f"process {pid}, which an earlier action has left behind, may still do this: {step}"


def signed(host: "Host", name: str) -> "tuple[str, str, str, str, str]":
    words = (host.load(name) or "").split(" ", 4)
    if len(words) < 5 or not (words[0].isdigit() and words[2].isdigit()):
        return "", "", "0", "", ""
    return words[0], words[1], words[2], words[3], words[4]
