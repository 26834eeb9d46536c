"""One node as processes: booting, killing and freezing it. It knows no other node."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
import traceback
from dataclasses import dataclass
from pathlib import Path

from hactl.errors import ClusterError
from hactl.lab import checksum, linux, places, root, switch
from hactl.lab.cgroups import Groups
from hactl.lab.lab_spec import LAN, port_name

NAMESPACES = (
    linux.CLONE_NEWNS
    | linux.CLONE_NEWUTS
    | linux.CLONE_NEWIPC
    | linux.CLONE_NEWPID
    | linux.CLONE_NEWNET
)
DEATH_TAKES = 10.0  # seconds a killed node may need to be gone
BOOT_TAKES = 20.0
DROPPED = ("sys_module", "sys_time", "syslog", "wake_alarm")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
INIT = "/usr/lib/hactl-lab/init"


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What every boot of a node starts from."""

    name: str
    groups: Groups
    visible: tuple[str, ...]
    services: tuple[str, ...]
    rootless: bool


class Running:
    """A booted node: its first process, and the namespaces that belong to it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.handle = os.pidfd_open(pid)

    def kill(self) -> None:
        """SIGKILL everything in the node; returns when the last process is gone.

        Raises ClusterError where the kernel holds on to one: then the node is not off.
        """
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, signal.SIGKILL)
        # the first process of a pid namespace ends only after all the others
        if not select.select([self.handle], [], [], DEATH_TAKES)[0]:
            raise ClusterError(f"a process of the node is still there after {DEATH_TAKES:.0f} s")
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def forget(self) -> None:
        os.close(self.handle)


def boot(blueprint: Blueprint, unplugged: tuple[int, ...]) -> Running:
    """Start a node. Raises ClusterError with the reason where it does not come up."""
    blueprint.groups.make(blueprint.name)
    report, child_report = os.pipe()
    child_plugged, plugged = os.pipe()
    middle = os.fork()
    if middle == 0:
        os.close(report)
        os.close(plugged)
        become_parent_of_init(blueprint, child_report, child_plugged)
    os.close(child_report)
    os.close(child_plugged)
    try:
        return finish_boot(blueprint.name, middle, report, plugged, unplugged)
    finally:
        os.close(report)
        with contextlib.suppress(OSError):
            os.close(plugged)


def finish_boot(
    name: str, middle: int, report: int, plugged: int, unplugged: tuple[int, ...]
) -> Running:
    os.waitpid(middle, 0)
    head = os.read(report, 4)
    if len(head) < 4:
        raise ClusterError(f"{name} does not boot: {last_boot_line(name)}")
    running = Running(struct.unpack("i", head)[0])
    try:
        switch.plug_in(name, running.pid, unplugged)
        with contextlib.suppress(OSError):  # then all works but switches in user space
            checksum.compute(port_name(name, LAN))
        os.write(plugged, b"!")
        # the pipe closes when the node's init is executed
        if not select.select([report], [], [], BOOT_TAKES)[0] or os.read(report, 1):
            raise ClusterError(f"{name} does not boot: {last_boot_line(name)}")
    except BaseException:
        running.kill()
        running.forget()
        switch.pull_out(name)
        raise
    return running


def last_boot_line(name: str) -> str:
    """The last line of a node's boot log."""
    log = boot_log(name)
    lines = log.read_text().strip().splitlines() if log.exists() else []
    return lines[-1] if lines else "it does not say why"


def boot_log(name: str) -> Path:
    return places.folder(name) / "boot.log"


def become_parent_of_init(blueprint: Blueprint, report: int, plugged: int) -> None:
    """Never returns: makes the namespaces, starts the node's first process in them, and goes."""
    code = 1
    log = os.open(boot_log(blueprint.name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        blueprint.groups.join(blueprint.name)
        if blueprint.groups.trees:
            linux.unshare(linux.CLONE_NEWCGROUP)
            blueprint.groups.settle(blueprint.name)
        linux.unshare(NAMESPACES)
        init = os.fork()
        if init == 0:
            become_init(blueprint, report, plugged, log)
        os.write(report, struct.pack("i", init))
        code = 0
    except BaseException:
        os.write(log, traceback.format_exc().encode())
    os._exit(code)


def become_init(blueprint: Blueprint, report: int, plugged: int, log: int) -> None:
    """Never returns: builds the node around this process and executes its init."""
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (
            signal.SIGCHLD,
            signal.SIGHUP,
            signal.SIGINT,
            signal.SIGTERM,
            signal.SIGPIPE,
        ):
            signal.signal(number, signal.SIG_DFL)
        linux.sethostname(blueprint.name)
        os.read(plugged, 1)
        switch.give_addresses(blueprint.name)
        root.build(blueprint.name, blueprint.groups, blueprint.visible, rootless=blueprint.rootless)
        linux.drop_capabilities(DROPPED)
        connect_console()
        os.execve(INIT, [INIT, *blueprint.services], environment(blueprint.name))
    except BaseException:
        os.write(log, traceback.format_exc().encode())
        os.write(report, b"x")
    os._exit(70)


def connect_console() -> None:
    console = os.open("/var/log/console.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open("/dev/null", os.O_RDONLY)
    for source, target in ((nothing, 0), (console, 1), (console, 2)):
        os.dup2(source, target)


def environment(name: str) -> dict[str, str]:
    return {"PATH": PATH, "HOME": "/root", "TERM": "linux", "LANG": "C.UTF-8", "HACTL_LAB": name}


def processes(pid: int) -> list[int]:
    """Every process of the node whose first process is ``pid``, containers in it included."""
    target = pid_namespace(pid)
    every = (int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit())
    return [each for each in every if target in pid_namespaces(each)]


def pid_namespace(pid: int) -> int:
    return Path(f"/proc/{pid}/ns/pid").stat().st_ino


def pid_namespaces(pid: int) -> list[int]:
    """The inodes of the pid namespaces a process is in, innermost first, up to our own."""
    chain: list[int] = []
    try:
        descriptor = os.open(f"/proc/{pid}/ns/pid", os.O_RDONLY)
    except OSError:
        return chain
    try:
        while True:
            chain.append(os.fstat(descriptor).st_ino)
            above = fcntl.ioctl(descriptor, linux.NS_GET_PARENT)
            os.close(descriptor)
            descriptor = above
    except OSError:  # EPERM: the one above is not ours to see
        return chain
    finally:
        os.close(descriptor)


def signal_all(pid: int, number: signal.Signals, done: str) -> int:
    """Send a signal to every process of a node until all are in a state of ``done``; how many.

    ``done`` are the state letters of proc(5) that count. New processes may appear meanwhile.
    """
    for _ in range(50):
        left = [each for each in processes(pid) if state(each) not in done]
        if not left:
            break
        for each in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, number)
        select.select([], [], [], 0.01)
    return len(processes(pid))


def state(pid: int) -> str:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "X"
    return text[text.rindex(")") + 2]
