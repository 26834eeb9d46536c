"""The world of IscsiGateway where the kernel has no target: a private node with real tgtds."""

import contextlib
import itertools
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.private_node import PrivateNode, fresh_node, wait_until
from tests.support.private_node import lacking as node_lacks
from tests.truth.iscsi_surroundings import BREAKS, PLACES, Surroundings
from tests.truth.world import Presence

AGENT = "IscsiGateway"
TITLE = "IscsiGateway on tgt"
STATES = (
    "absent", "running", "half started", "offline", "emptied", "frozen", "forgotten", "foreign",
    "a foreign prefix",
)  # fmt: skip
UNHINDERED = BREAKS
TIMEOUT = 12.0
DEEP = True
DAEMONS = ("tgtd",)
__all__ = ["PLACES", "lacking", "world"]
COUNTER = itertools.count(1)
FIRST_PORT = 13000
USER, SECRET = "joe", "joes-long-secret"
TARGET_USER, TARGET_SECRET = "target", "targets-long-secret"
ACCOUNT = (
    f"# who may log in\nuser = {USER}\npassword = {SECRET}\n"
    f"mutual_user = {TARGET_USER}\nmutual_password = {TARGET_SECRET}\n"
)
SIZE = 16 << 20
STEPS = "mkdir,openat,rename,connect,sendmsg,vfork,clone,clone3"
SHARED = "/run/tgtd"  # of the distribution's tgtd


def lacking() -> list[str]:
    return node_lacks("tgtd", "tgtadm", "iscsi-inq")


@contextmanager
def world(folder: Path) -> "Iterator[Targets]":  # noqa: ARG001
    with fresh_node() as node:
        yield Targets(node)


class Targets:
    def __init__(self, node: PrivateNode) -> None:
        self.node = node

    def fresh(self) -> "TargetCell":
        return TargetCell(Target(self.node))


class Target:
    """A target of the agent's; its names and its port are used once."""

    def __init__(self, node: PrivateNode) -> None:
        self.node = node
        self.number = next(COUNTER)
        self.name = f"disks{self.number}"
        self.iqn = f"iqn.2026-11.example.test:{self.name}"
        self.port = FIRST_PORT + self.number
        self.folder = node.dir / self.name
        self.folder.mkdir()
        self.disk = self.folder / "disk"
        with self.disk.open("wb") as disk:
            disk.truncate(SIZE)
        self.auth = self.folder / "auth"
        self.auth.write_text(ACCOUNT)
        self.auth.chmod(0o600)
        self.params: dict[str, Any] = {
            "iqn": self.iqn, "portals": f"127.0.0.1:{self.port}", "backend": "tgt",
            "luns": f"1={self.disk}", "auth_file": str(self.auth),
        }  # fmt: skip

    # asking the agent

    def call(self, action: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        given: dict[str, Any] = {"resource": self.name, "timeout": 30} | self.params | more
        return self.node.call("IscsiGateway", action, **given)

    def code(self, action: str, **more: Any) -> int:
        return self.call(action, **more).returncode

    def cut(self, action: str, calls: str, step: int) -> bool:
        return self.node.call_killed(
            "IscsiGateway", action, calls, step, resource=self.name, **self.params
        )

    # witnesses of their own

    def processes(self) -> list[int]:
        """Pids, in the node, of the tgtds that an agent started; a test has one at a time."""
        found = []
        for path in Path(f"/proc/{self.node.pid}/root/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                is_tgtd = (path / "comm").read_text() == "tgtd\n"
                if is_tgtd and b"TGT_IPC_SOCKET=/run/hactl/" in (path / "environ").read_bytes():
                    found.append(int(path.name))
        return sorted(filter(self.lives, found))

    def lives(self, pid: int) -> bool:
        with contextlib.suppress(OSError):
            stat = Path(f"/proc/{self.node.pid}/root/proc/{pid}/stat").read_text()
            return stat.rpartition(")")[2].split()[0] not in "ZX"
        return False

    def url(self, lun: int = 1, user: str = USER, secret: str = SECRET, iqn: str = "") -> str:
        account = f"{user}%{secret}@" if user else ""
        return f"iscsi://{account}127.0.0.1:{self.port}/{iqn or self.iqn}/{lun}"

    def answers(self, **more: Any) -> bool:
        """Whether an initiator is served."""
        words = ("timeout", "5", "iscsi-inq", self.url(**more))
        done = self.node.run(*words, check=False)
        return done.returncode == 0 and "Vendor:" in done.stdout

    def listens(self) -> bool:
        return self.node.sh(f"ss -Hltn 'sport = :{self.port}'") != ""

    def tgtadm(self, *words: str, socket: str = "") -> "subprocess.CompletedProcess[str]":
        base = socket or self.socket()
        given = ("tgtadm", "--lld", "iscsi", *words)
        return self.node.run(*given, env={"TGT_IPC_SOCKET": base}, check=False)

    def socket(self) -> str:
        """The base of our tgtd's socket."""
        for pid in self.processes():
            environ = Path(f"/proc/{self.node.pid}/root/proc/{pid}/environ").read_bytes()
            for word in environ.decode().split("\0"):
                if word.startswith("TGT_IPC_SOCKET="):
                    return word.partition("=")[2]
        return ""

    def tid(self) -> str:
        shown = self.tgtadm("--op", "show", "--mode", "target").stdout
        return shown.partition("Target ")[2].partition(":")[0]

    def kill(self, number: int = 9) -> None:
        pids = self.processes()
        self.node.run("kill", f"-{number}", *map(str, pids), check=False)
        if number == 9:
            wait_until(lambda: not any(map(self.lives, pids)), f"{pids} do not die", 10)

    def clean_up(self) -> None:
        """By other means than the agent's."""
        self.node.sh("umount /run/hactl; rm -rf /run/hactl", check=False)
        if self.processes():
            self.kill()


class Foreign:
    """A tgtd of somebody else's, by hand, with the distribution's socket."""

    def __init__(self, target: Target, iqn: str) -> None:
        self.target = target
        self.node = target.node
        self.disk = target.folder / "foreign"
        with self.disk.open("wb") as disk:
            disk.truncate(SIZE)
        words = f"--iscsi portal=127.0.0.1:{target.port + 1000}"
        self.node.sh(f"mkdir -p {SHARED}; setsid tgtd -f {words} >/dev/null 2>&1 & echo $!")
        wait_until(lambda: self.show().returncode == 0, "the other tgtd is not up", 10)
        self.adm("--op", "new", "--mode", "target", "--tid", "5", "-T", iqn)
        new_lun = ("--op", "new", "--mode", "logicalunit", "--tid", "5", "--lun", "1")
        self.adm(*new_lun, "-b", str(self.disk))
        self.before = self.show().stdout
        assert iqn in self.before

    def adm(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return self.node.run("tgtadm", "--lld", "iscsi", *words, check=False)

    def show(self) -> "subprocess.CompletedProcess[str]":
        return self.adm("--op", "show", "--mode", "target")

    def untouched(self) -> bool:
        return self.show().stdout == self.before

    def end(self) -> None:
        self.adm("--op", "delete", "--mode", "target", "--tid", "5", "--force")
        self.adm("--op", "delete", "--mode", "system")
        wait_until(lambda: self.show().returncode != 0, "the other tgtd stays", 10)
        self.node.sh(f"rm -rf {SHARED}")


class TargetCell(Surroundings):
    """A target in one state."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.target = target
        self.foreign: Foreign | None = None
        self.frozen = False

    def bring_into(self, state: str) -> None:
        target = self.target
        if state == "absent":
            return
        if state == "foreign":
            self.foreign = Foreign(target, target.iqn)
        elif state == "a foreign prefix":
            self.foreign = Foreign(target, f"{target.iqn}b")
        elif state == "half started":
            self.start_half()
        else:
            done = target.call("start")
            assert done.returncode == 0, done.stderr
        self.spoil(state)

    def start_half(self) -> None:
        """Kill the start at the first step after which there is a process."""
        for step in itertools.count(1):
            assert self.target.cut("start", STEPS, step), "start was never half done"
            if self.target.processes():
                return
            self.target.clean_up()

    def spoil(self, state: str) -> None:
        target = self.target
        if state == "offline":
            words = ("--op", "update", "--mode", "target", "--tid", target.tid())
            target.tgtadm(*words, "--name", "state", "-v", "offline")
        elif state == "emptied":
            target.tgtadm("--op", "delete", "--mode", "target", "--force", "--tid", target.tid())
        elif state == "frozen":
            target.kill(19)
            self.frozen = True
        elif state == "forgotten":
            self.sh("rm -f /run/hactl/*.run")

    def heal(self) -> None:
        if self.frozen and self.target.processes():
            self.target.kill(18)
        self.frozen = False
        super().heal()

    def clean(self) -> None:
        self.target.clean_up()
        if self.foreign is not None:
            self.foreign.end()

    def witness(self) -> Presence:
        """Asked of the process and of an initiator; a frozen one has all it had."""
        if not self.target.processes():
            return "absent"
        if self.frozen:
            return "there"
        return "there" if self.target.answers() else "partly"

    def pids(self, daemon: str) -> list[int]:  # noqa: ARG002
        return self.target.processes()

    def foreign_untouched(self) -> bool:
        return self.foreign is None or self.foreign.untouched()
