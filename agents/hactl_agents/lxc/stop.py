"""The end of a container's processes: politely, then by SIGKILL, and never anybody else's."""

from hactl_agents.host import cgroups
from hactl_agents.host.cgroups import Group
from hactl_agents.host.host import SIGKILL, Failed
from hactl_agents.lxc.processes import MONITOR, PAYLOAD, called

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.lxc.processes import Payload, Process

SIGPWR, SIGRTMIN_3 = 30, 37
PATIENCE = 15.0  # seconds that what was killed may take to die
HEEDING = 5.0  # seconds at least in which the init may come to heed the signal to shut down
YOUNG = 120.0  # seconds after its start in which an init may be on its way to that
TICKS = 100  # a second, of the start times in /proc
WHEN_STOPPED = 2.0  # seconds that a monitor process gets that was stopped by a signal
RESERVE = 1.0  # seconds of the time that are kept to look and to answer


class Ending:
    """``swept`` are the control groups that it emptied."""

    def __init__(self, payload: "Payload") -> None:
        self.payload = payload
        self.host = payload.host
        self.name = payload.name
        self.swept: list[Group] = []
        self.ended = False

    def end(self, shutdown: float) -> None:
        """End every process: politely for ``shutdown`` seconds, then by SIGKILL.

        Raises Failed where something does not die.
        """
        self.ended = True
        for launcher in self.payload.launchers():
            launcher.signal(SIGKILL)
        init = self.payload.init()
        groups = self.groups_to_end(init)
        monitor = self.payload.monitor(init)
        cgroups.thaw(self.host, groups)
        if init and shutdown > 0:
            self.shut_down(init, shutdown)
        if init and init.lives():
            self.kill_init(init, groups)
        if monitor:
            self.await_monitor(monitor)
        self.await_hooks()
        if init is None:
            self.refuse_doubtful()
        self.sweep(groups)

    def groups_to_end(self, init: "Process | None") -> "list[Group]":
        """The control groups in which everybody may be killed; none if others are in them."""
        noted = self.payload.noted_groups()
        if init:
            return self.payload.groups_of(init) or noted
        groups = self.payload.groups()
        pids = cgroups.processes(self.host, groups)
        ours = all(
            self.payload.may_be_ours(pid) and (noted or self.payload.proven(pid)) for pid in pids
        )
        return groups if ours else []

    def refuse_doubtful(self) -> None:
        """Raise Failed where processes may be another container's of the same name."""
        if self.payload.record.get("groups"):
            return
        doubtful = [pid for pid in self.payload.orphans() if not self.payload.proven(pid)]
        if doubtful:
            pids = " ".join(map(str, doubtful))
            raise Failed(f"{self.name}: it cannot be told whose the processes {pids} are: end them")

    def shut_down(self, init: "Process", within: float) -> None:
        """Ask the container's init to shut down, and wait until it is gone."""
        number = self.halt_signal(init.pid)
        step = f"waiting for {self.name} to shut down"
        # The kernel drops a signal that the first process of a pid namespace has no handler for,
        # and one that has just been started has none yet.
        if not self.host.wait_for(
            step,
            lambda: self.hears(init, number),
            within=self.until_it_hears(init, within),
            interval=0.05,
        ):
            self.host.log(f"the init of {self.name} does not heed signal {number}: it is killed")
            return
        init.signal(number)
        if not self.host.wait_for(step, lambda: not init.lives(), within=within):
            self.host.log(f"{self.name} did not shut down within {within:.0f} s, so it is killed")

    def until_it_hears(self, init: "Process", within: float) -> float:
        """Seconds in which an init may come to heed signals: all of them while it is young."""
        uptime = (self.host.read("/proc/uptime") or "").partition(" ")[0]
        age = float(uptime) - init.started / TICKS if uptime else YOUNG
        return within if age < YOUNG else min(within, max(HEEDING, within / 4))

    def halt_signal(self, pid: int) -> int:
        """``lxc.signal.halt`` of the running container; LXC's own choice where it is not set."""
        try:
            said = self.payload.socket.config_item("lxc.signal.halt") or ""
        except Failed:
            said = ""
        if said.isdigit() and int(said):
            return int(said)
        return SIGRTMIN_3 if self.has_signal(pid, "SigBlk", SIGRTMIN_3) else SIGPWR  # systemd

    def hears(self, init: "Process", number: int) -> bool:
        """Whether a signal does anything: a process catches it, or blocks it to read it."""
        caught = self.has_signal(init.pid, "SigCgt", number)
        return caught or self.has_signal(init.pid, "SigBlk", number) or not init.lives()

    def has_signal(self, pid: int, mask: str, number: int) -> bool:
        for line in (self.host.read(f"/proc/{pid}/status") or "").split("\n"):
            if line.startswith(mask):
                return bool(int(line[len(mask) + 1 :], 16) >> (number - 1) & 1)
        return False

    def kill_init(self, init: "Process", groups: "list[Group]") -> None:
        """Kill the first process: the kernel kills all others in its pid namespace."""

        def dead() -> bool:
            cgroups.thaw(self.host, groups)
            init.signal(SIGKILL)
            return not init.lives()

        patience = self.host.left_but(RESERVE, PATIENCE)
        self.host.wait_for(f"killing {self.name}", dead, within=patience)

    def await_monitor(self, monitor: "Process") -> None:
        """Let the monitor process clean up. One that does nothing of that is killed.

        Raises Failed where it is at it when the time is over: a hook may hold what others need.
        """
        step = f"waiting for the monitor process of {self.name} to end"

        def over() -> bool:
            return not monitor.lives()

        left = self.rest()
        stunned = (self.host.process(monitor.pid) or "?")[0] in "Tt"
        idle = min(WHEN_STOPPED, left / 2) if stunned else left / 2
        self.host.wait_for(step, lambda: over() or self.cleans_up(), within=idle)
        if not over() and self.cleans_up():
            self.await_end_of([monitor])
        if over():
            return
        self.host.log(f"the monitor process of {self.name} is killed, its hooks do not run")
        monitor.signal(SIGKILL)
        self.host.wait_for(step, over, within=2.0)

    def cleans_up(self) -> bool:
        """Whether the monitor process runs hooks, or has closed its socket to run the last ones."""
        return bool(self.payload.hooks()) or not self.payload.socket.listens()

    def await_hooks(self) -> None:
        """Hooks outlive a monitor process that was killed."""
        hooks = self.payload.hooks()
        if hooks:
            self.await_end_of(hooks)

    def await_end_of(self, workers: "list[Process]") -> None:
        """Raises Failed where they have not come to their end by then."""

        def over() -> bool:
            return not any(worker.lives() for worker in workers)

        step = f"waiting for the last hooks of {self.name}"
        if not self.host.wait_for(step, over, within=self.rest()):
            raise Failed(
                f"{self.name} is not gone: {at_work_text(self.payload.at_work() or workers)}"
            )

    def rest(self) -> float:
        """Seconds that are left to wait."""
        left = self.host.left_but(RESERVE)
        return PATIENCE if left is None else left

    def sweep(self, groups: "list[Group]") -> None:
        """Kill what is left in the control groups. Raises Failed where something does not die."""
        self.swept = groups

        def empty() -> bool:
            if cgroups.processes(self.host, groups):
                cgroups.thaw(self.host, groups)
                cgroups.kill(self.host, groups)
            return not cgroups.processes(self.host, groups)

        patience = self.host.left_but(RESERVE, PATIENCE)
        if not self.host.wait_for(f"killing what is left of {self.name}", empty, within=patience):
            pids = " ".join(map(str, cgroups.processes(self.host, groups)))
            raise Failed(f"{self.name}: the processes {pids} do not die, they may wait for storage")

    def tidy(self) -> None:
        """Remove the empty control groups that a monitor process left when it was killed."""
        groups = self.swept or self.payload.noted_groups()
        for group in groups:
            place, _, name = group.folder.rpartition("/")
            monitor = f"{place}/{MONITOR}{name[len(PAYLOAD) :]}"
            cgroups.remove(self.host, [group, Group(group.controllers, monitor)])
        if self.ended:
            cgroups.remove(self.host, called(self.payload.groups_beside(), MONITOR + self.name))


def at_work_text(workers: "list[Process]") -> str:
    """Who is at work, in words."""
    names = " and ".join(f"{worker.what} (process {worker.pid})" for worker in workers)
    return f"{names} still {'runs' if len(workers) == 1 else 'run'}"
