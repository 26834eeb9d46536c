"""The tgtd that serves one target and nothing else: which process it is, starting and ending it.

It is found by the pid and start time in the record, or by the name of its pid file among its
arguments, which no other tgtd has. It may be gone, frozen or hang in the kernel.
"""

from hactl_agents.failures import seconds
from hactl_agents.iscsi.tgt_wire import Tgtd
from hactl_agents.ocf.errors import Failed, NotInstalled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host
    from hactl_agents.ocf.record import Record

PROGRAM = "tgtd"
NOWHERE = "portal=127.0.0.1:0"  # it listens on everything where it is told nothing
KILL = 9
END = 10.0  # seconds for a process that was killed
UP = 20.0  # seconds for one that was started


class Daemon:
    """``name`` is the resource's in those of its objects; all files are in the state folder."""

    def __init__(self, host: "Host", record: "Record", name: str) -> None:
        self.host = host
        self.record = record
        self.base = f"{host.state_dir}/{name}"

    @property
    def socket(self) -> str:
        return f"{self.base}.0"

    @property
    def pid_file(self) -> str:
        """Never written: in the foreground tgtd ignores it. It marks the process as ours."""
        return f"{self.base}.pid"

    @property
    def log(self) -> str:
        return f"{self.base}.log"

    def wire(self) -> Tgtd:
        return Tgtd(self.host, self.socket)

    # which it is

    def find(self) -> "list[tuple[int, int]]":
        """(pid, start time) of our processes: one, or none, whatever became of the record."""
        noted = (self.record.get("tgtd") or "").split()
        if len(noted) == 2 and self.host.started(int(noted[0])) == int(noted[1]):
            return [(int(noted[0]), int(noted[1]))]
        found = []
        for name in self.host.listdir("/proc"):
            if name.isdigit() and self.is_ours(int(name)):
                started = self.host.started(int(name))
                if started is not None:
                    found.append((int(name), started))
        return found

    def is_ours(self, pid: int) -> bool:
        if (self.host.read(f"/proc/{pid}/comm") or "").strip() != PROGRAM:
            return False
        return self.pid_file in (self.host.read(f"/proc/{pid}/cmdline") or "").split("\0")

    def why_deaf(self) -> str:
        """Why it need not be asked, as it will not answer; '' if it may."""
        letters = [(self.host.process(pid) or "?")[0] for pid, _ in self.find()]
        if any(letter in "Tt" for letter in letters):
            return "was stopped by a signal"
        return "was killed, and the kernel holds on to it" if "Z" in letters else ""

    # starting and ending it

    def start(self) -> None:
        """Start it with no portal that anybody could reach. Raises NotInstalled, Failed."""
        program = self.host.which(PROGRAM)
        if program is None:
            raise NotInstalled(f"{PROGRAM}: command not found: install the package tgt")
        words = (program, "--foreground", "--pid-file", self.pid_file, "--iscsi", NOWHERE)
        pid = self.host.launch(*words, log=self.log, environment={"TGT_IPC_SOCKET": self.base})
        started = self.host.started(pid)
        if started is None:
            raise Failed(f"tgtd ended at once: {self.last_words()}")
        self.record.put("tgtd", f"{pid} {started}")
        self.record.save()
        within = self.host.left(UP)
        up = self.host.wait_for(
            "starting tgtd", lambda: self.answers(pid), within=within, interval=0.02
        )
        if not up:
            raise Failed(
                f"tgtd does not answer {seconds(within)} after its start: {self.last_words()}"
            )

    def answers(self, pid: int) -> bool:
        if self.host.started(pid) is None:
            raise Failed(f"tgtd ended at once: {self.last_words()}")
        connection = self.host.dial(self.socket)
        if connection is not None:
            connection.close()
        return connection is not None

    def last_words(self) -> str:
        lines = (self.host.read(self.log) or "").strip().split("\n")
        return lines[-1][-200:] or "it said nothing"

    def kill(self) -> None:
        """Kill it; what it had open is closed with it. Raises Failed where it stays."""
        for pid, started in self.find():
            self.host.kill(pid, KILL, started)
            if not self.wait_for_end(pid, started):
                raise Failed(f"tgtd (process {pid}) was killed and stays: the kernel holds it")

    def wait_for_end(self, pid: int, started: int, within: float = END) -> bool:
        def ended() -> bool:
            return self.host.started(pid) != started

        return self.host.wait_for("waiting for tgtd to end", ended, within=within, interval=0.02)

    def sweep(self) -> None:
        """Remove the files of a process that is gone; those that stay harm nobody."""
        for path in (self.socket, f"{self.socket}.lock", self.log):
            try:
                self.host.remove(path)
            except Failed as exc:
                self.host.log(str(exc))
