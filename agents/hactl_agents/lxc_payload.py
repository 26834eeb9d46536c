"""The processes of one LXC container: who they are, whether they are left behind, how they end.

Asks the container's monitor process where it answers, the record of the start where it does not,
and the control groups that bear the container's name where there is neither.
"""

from hactl_agents import cgroups
from hactl_agents.cgroups import Group
from hactl_agents.host import SIGKILL, Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host import Host
    from hactl_agents.lxc_socket import LxcSocket
    from hactl_agents.ocf.record import Record

SIGPWR, SIGRTMIN_3 = 30, 37
TITLE = "[lxc monitor] "
PAYLOAD, MONITOR = "lxc.payload.", "lxc.monitor."
PATIENCE = 15.0  # seconds a monitor process may take to clean up after its container
DEAFNESS = 5.0  # seconds the container's init may take until it heeds the signal to shut down
BLINK = 0.05  # seconds
RESERVE = 1.0  # seconds of the time that are kept to look and to answer


class Process:
    """A process that cannot be mistaken for another one: a pid and when it started."""

    def __init__(self, host: "Host", pid: int, started: int) -> None:
        self.host = host
        self.pid = pid
        self.started = started

    def lives(self) -> bool:
        return self.host.started(self.pid) == self.started

    def signal(self, number: int) -> None:
        self.host.kill(self.pid, number, self.started)

    def __str__(self) -> str:
        return f"{self.pid} {self.started}"


class Payload:
    """A container's processes. Every look may raise Failed where it cannot tell."""

    def __init__(self, host: "Host", record: "Record", socket: "LxcSocket") -> None:
        self.host = host
        self.record = record
        self.socket = socket
        self.lxcpath = socket.lxcpath
        self.name = socket.name
        self.swept: list[Group] = []  # the control groups that were emptied
        self.ended = False

    # who they are

    def init(self) -> "Process | None":
        """The container's first process, while it lives."""
        try:
            pid = self.socket.init_pid()
        except Failed as exc:
            self.host.log(str(exc))
            pid = None
        return self.process(pid) if pid else self.noted("init")

    def process(self, pid: int) -> "Process | None":
        started = self.host.started(pid)
        return Process(self.host, pid, started) if started is not None else None

    def noted(self, key: str) -> "Process | None":
        """A process in the record, if it is still the same one."""
        pid, _, started = (self.record.get(key) or "").partition(" ")
        if not pid.isdigit() or not started.isdigit():
            return None
        process = Process(self.host, int(pid), int(started))
        return process if process.lives() else None

    def note(self, init: Process) -> None:
        """Write down what is needed to find the processes without their monitor process."""
        self.record.put("init", str(init))
        monitor = self.monitor(init)
        self.record.put("monitor", str(monitor) if monitor else None)
        self.record.put("groups", "\n".join(map(str, self.groups_of(init))))
        self.record.put("launching", None)
        self.record.save()

    def groups_of(self, init: Process) -> "list[Group]":
        """The control groups that LXC made for the container, by its first process."""
        paths = cgroups.memberships(self.host, init.pid)
        found = []
        for tree in cgroups.trees(self.host):
            path = self.made_for_it(paths.get(tree.controllers, ""))
            folder = tree.folder(path) if path else None
            if folder:
                found.append(Group(tree.controllers, folder))
        return found

    def made_for_it(self, path: str) -> str:
        """A group's path up to the part with the container's name: its init may sit deeper.

        Empty if there is no such part: a group that others may be in is nobody's to kill.
        """
        parts = path.split("/")
        for depth, part in enumerate(parts):
            if part == PAYLOAD + self.name or part.startswith(PAYLOAD + self.name + "-"):
                return "/".join(parts[: depth + 1])
        return ""

    def groups(self) -> "list[Group]":
        """The container's control groups: as noted, or else those that LXC would have made."""
        noted = self.noted_groups()
        return noted or [*self.groups_called(PAYLOAD + self.name), *self.numbered_groups()]

    def groups_called(self, name: str) -> "list[Group]":
        """Control groups of that name where LXC makes them."""
        return [group for group in self.groups_beside() if group.folder.endswith(f"/{name}")]

    def numbered_groups(self) -> "list[Group]":
        """What LXC calls NAME-1 where there is a NAME; NAME-1 may be another container, too."""
        start = PAYLOAD + self.name + "-"
        found = []
        for group in self.groups_beside():
            name = group.folder.rpartition("/")[2]
            if name.startswith(start) and name[len(start) :].isdigit():
                pids = cgroups.processes(self.host, [group])
                found += [group] if pids and all(map(self.proven, pids)) else []
        return found

    def groups_beside(self) -> "list[Group]":
        """The control groups beside those of PID 1, or in ours: there LXC makes its own."""
        found = []
        bases = [cgroups.memberships(self.host, pid) for pid in ("1", "self")]
        for tree in cgroups.trees(self.host):
            paths = {base[tree.controllers] for base in bases if tree.controllers in base}
            for path in sorted(paths):
                place = tree.folder(path.removesuffix("/init.scope") or "/")
                names = self.host.listdir(place) if place else []
                groups = [name for name in names if name.startswith((PAYLOAD, MONITOR))]
                found += [Group(tree.controllers, f"{place}/{name}") for name in groups]
        return found

    def noted_groups(self) -> "list[Group]":
        return [cgroups.parsed(line) for line in (self.record.get("groups") or "").splitlines()]

    def monitor(self, init: "Process | None") -> "Process | None":
        """The monitor process: the one noted, the parent of init, or one with its title."""
        parent = self.parent(init.pid) if init else None
        if parent and self.title(parent) == self.own_title():
            return self.process(parent)
        known = self.noted("monitor")
        if known:
            return known
        for name in self.host.listdir("/proc"):
            if name.isdigit() and self.title(int(name)) == self.own_title():
                return self.process(int(name))
        return None

    def parent(self, pid: int) -> int:
        line = self.host.read(f"/proc/{pid}/stat") or ") ? 0"
        return int(line[line.rindex(")") + 2 :].split()[1])

    def title(self, pid: int) -> str:
        return (self.host.read(f"/proc/{pid}/cmdline") or "").rstrip("\0 ")

    def own_title(self) -> str:
        return f"{TITLE}{self.lxcpath} {self.name}"

    # left behind

    def announce(self) -> None:
        """Note that lxc-start is about to be run; ``note`` says that it has come back.

        An empty control group left by a killed monitor process would make LXC choose another name.
        """
        self.record.put("launching", "1")
        self.record.save()
        for prefix in (PAYLOAD, MONITOR):
            cgroups.remove(self.host, self.groups_called(prefix + self.name))

    def launchers(self) -> "list[Process]":
        """What is left of a launch that was cut short, before there is anything else to see.

        Raises Failed while the launch is made: our lock goes along until lxc-start is executed.
        """
        if not self.record.get("launching"):
            return []
        if self.host.busy(f"{self.record.name}.lock"):
            raise Failed(f"a start or stop of {self.name} is under way")
        found = self.launching()
        if not found:  # what is just being executed has no command line yet
            self.host.sleep(BLINK)
            found = self.launching()
        return found

    def launching(self) -> "list[Process]":
        pids = [int(name) for name in self.host.listdir("/proc") if name.isdigit()]
        found = [self.process(pid) for pid in pids if self.launches(pid)]
        return [process for process in found if process is not None]

    def launches(self, pid: int) -> bool:
        words = (self.host.read(f"/proc/{pid}/cmdline") or "").split("\0")
        named = any(word.endswith("lxc-start") for word in words)
        return named and self.name in words and self.lxcpath in words

    def orphans(self) -> "list[int]":
        """Processes of the container though no monitor process listens for it."""
        inside = cgroups.processes(self.host, self.groups())
        found = {pid for pid in inside if self.may_be_ours(pid)}
        others = [self.noted("init"), *self.launchers()]
        return sorted(found | {process.pid for process in others if process})

    def may_be_ours(self, pid: int) -> bool:
        """False if the process has a monitor process that speaks for another container."""
        while pid > 1:
            title = self.title(pid)
            if title.startswith(TITLE):
                return title == self.own_title()
            pid = self.parent(pid)
        return True

    def proven(self, pid: int) -> bool:
        """Whether the root folder of a process is that of this container."""
        for line in (self.host.read(f"/proc/{pid}/mountinfo") or "").splitlines():
            fields = line.split()
            if fields[4] == "/":
                place = cgroups.unescaped(fields[3]).rpartition("/")[0]
                return bool(place) and f"{self.lxcpath}/{self.name}".endswith(place)
        return False

    def groups_to_end(self, init: "Process | None") -> "list[Group]":
        """The control groups in which everybody may be killed; none if others are in them."""
        noted = self.noted_groups()
        if init:
            return self.groups_of(init) or noted
        groups = self.groups()
        pids = cgroups.processes(self.host, groups)
        ours = all(self.may_be_ours(pid) and (noted or self.proven(pid)) for pid in pids)
        return groups if ours else []

    def refuse_doubtful(self) -> None:
        """Raise Failed where processes may be another container's of the same name."""
        if self.record.get("groups"):
            return
        doubtful = [pid for pid in self.orphans() if not self.proven(pid)]
        if doubtful:
            pids = " ".join(map(str, doubtful))
            raise Failed(f"{self.name}: it cannot be told whose the processes {pids} are: end them")

    # their end

    def end(self, shutdown: float) -> None:
        """End every process: politely for ``shutdown`` seconds, then by SIGKILL.

        Raises Failed where something does not die.
        """
        self.ended = True
        for launcher in self.launchers():
            launcher.signal(SIGKILL)
        init = self.init()
        groups = self.groups_to_end(init)
        monitor = self.monitor(init)
        cgroups.thaw(self.host, groups)
        if init and shutdown > 0:
            self.shut_down(init, shutdown)
        if init and init.lives():
            self.strike(init, groups)
        if monitor:
            self.await_monitor(monitor, patient=init is not None)
        if init is None:
            self.refuse_doubtful()
        self.sweep(groups)

    def shut_down(self, init: Process, within: float) -> None:
        """Ask the container's init to shut down, and wait until it is gone."""
        number = self.halt_signal(init.pid)
        step = f"waiting for {self.name} to shut down"
        # The kernel drops a signal that the first process of a pid namespace has no handler for,
        # and one that has just been started has none yet.
        if not self.host.wait_for(
            step, lambda: self.hears(init, number), within=min(within, DEAFNESS), interval=0.05
        ):
            self.host.log(f"the init of {self.name} does not heed signal {number}: it is killed")
            return
        init.signal(number)
        if not self.host.wait_for(step, lambda: not init.lives(), within=within):
            self.host.log(f"{self.name} did not shut down within {within:.0f} s, so it is killed")

    def halt_signal(self, pid: int) -> int:
        """``lxc.signal.halt`` of the running container; LXC's own choice where it is not set."""
        try:
            said = self.socket.config_item("lxc.signal.halt") or ""
        except Failed:
            said = ""
        if said.isdigit() and int(said):
            return int(said)
        return SIGRTMIN_3 if self.has_signal(pid, "SigBlk", SIGRTMIN_3) else SIGPWR  # systemd

    def hears(self, init: Process, number: int) -> bool:
        """Whether a signal does anything: a process catches it, or blocks it to read it."""
        caught = self.has_signal(init.pid, "SigCgt", number)
        return caught or self.has_signal(init.pid, "SigBlk", number) or not init.lives()

    def has_signal(self, pid: int, mask: str, number: int) -> bool:
        for line in (self.host.read(f"/proc/{pid}/status") or "").splitlines():
            if line.startswith(mask):
                return bool(int(line[len(mask) + 1 :], 16) >> (number - 1) & 1)
        return False

    def strike(self, init: Process, groups: "list[Group]") -> None:
        """Kill the first process: the kernel kills all others in its pid namespace."""

        def dead() -> bool:
            cgroups.thaw(self.host, groups)
            init.signal(SIGKILL)
            return not init.lives()

        patience = max(0.0, (self.host.left(PATIENCE) or 0.0) - RESERVE)
        self.host.wait_for(f"killing {self.name}", dead, within=patience)

    def await_monitor(self, monitor: Process, *, patient: bool) -> None:
        """Let the monitor process clean up; kill it if it hangs, or if nothing runs below it."""
        patience = (self.host.left(PATIENCE if patient else 2.0) or 0.0) / 2
        step = f"waiting for the monitor process of {self.name} to end"
        if self.host.wait_for(step, lambda: not monitor.lives(), within=patience):
            return
        self.host.log(f"the monitor process of {self.name} is killed, its hooks do not run")
        monitor.signal(SIGKILL)
        self.host.wait_for(step, lambda: not monitor.lives(), within=2.0)

    def sweep(self, groups: "list[Group]") -> None:
        """Kill what is left in the control groups. Raises Failed where something does not die."""
        self.swept = groups

        def empty() -> bool:
            if cgroups.processes(self.host, groups):
                cgroups.thaw(self.host, groups)
                cgroups.kill(self.host, groups)
            return not cgroups.processes(self.host, groups)

        patience = max(0.0, (self.host.left(PATIENCE) or 0.0) - RESERVE)
        if not self.host.wait_for(f"killing what is left of {self.name}", empty, within=patience):
            pids = " ".join(map(str, cgroups.processes(self.host, groups)))
            raise Failed(f"{self.name}: the processes {pids} do not die, they may wait for storage")

    def tidy(self) -> None:
        """Remove the empty control groups that a monitor process left when it was killed."""
        groups = self.swept or self.noted_groups()
        for group in groups:
            place, _, name = group.folder.rpartition("/")
            monitor = f"{place}/{MONITOR}{name[len(PAYLOAD) :]}"
            cgroups.remove(self.host, [group, Group(group.controllers, monitor)])
        if self.ended:
            cgroups.remove(self.host, self.groups_called(MONITOR + self.name))
