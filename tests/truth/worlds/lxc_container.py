"""The world of LxcContainer: a private node with real LXC, tiny containers in every condition."""

import contextlib
import itertools
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hactl.lab import container as tiny
from tests.support.private_node import PrivateNode, fresh_node, wait_until
from tests.support.private_node import lacking as node_lacks
from tests.truth.breaks import NO_TOOLS, STATE_FOLDER, STATE_FOLDER_MENDED
from tests.truth.table import Exemption, nameless
from tests.truth.world import Presence

AGENT = "LxcContainer"
STATES = (
    "absent", "running", "half started", "frozen", "frozen behind LXC", "orphaned",
    "frozen and orphaned", "forgotten", "started by hand", "halting", "other spelling", "foreign",
)  # fmt: skip
BREAKS = (
    "nothing", "no tools", "no parameters", "parameters broken", "configuration gone",
    "configuration unreadable", "folder hidden", "state folder lost", "state folder read-only",
    "monitor process hangs",
)  # fmt: skip
UNHINDERED = tuple(what for what in BREAKS if what != "no parameters")
TIMEOUT = 8.0
DEEP = True
PLACES = ("configuration", "folder")
DAEMONS = ("monitor process",)
RELOADS = True
EXEMPTIONS = [
    *nameless("forgotten", "no parameters"),
    *nameless("started by hand", "no parameters"),
    Exemption(
        "a_stop_works_where_nothing_hinders_it", "halting", "*", "stop",
        "its last hook does not end before it is healed: nothing may be said to be gone till then",
    ),
]  # fmt: skip
COUNTER = itertools.count(1)
CGROUPS = Path("/sys/fs/cgroup")
UNIFIED = (CGROUPS / "cgroup.controllers").exists()
SURVIVE = "lxc.monitor.signal.pdeath = 0\n"  # the payload outlives its monitor process
STEPS = "rename,connect,sendmsg,vfork,clone,clone3,pidfd_open"


def lacking() -> list[str]:
    return node_lacks("lxc-start", "busybox")


@contextmanager
def world(folder: Path) -> "Iterator[Containers]":  # noqa: ARG001
    with fresh_node() as node:
        yield Containers(node)


class Containers:
    def __init__(self, node: PrivateNode) -> None:
        self.node = node

    def fresh(self) -> "ContainerCell":
        return ContainerCell(Box(self.node, SURVIVE))


def in_cgroups(pattern: str, *more: str) -> list[Path]:
    """Paths in the tree that all of this machine shares; others' come and go meanwhile."""
    command = ["find", str(CGROUPS), "-path", pattern, *more, "-print"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return [Path(line) for line in found.stdout.splitlines()]


class Box:
    """A container of the agent's; its name is used once on this machine."""

    def __init__(
        self, node: PrivateNode, more: str = "", lxcpath: str = "c", name: str = ""
    ) -> None:
        self.node = node
        self.number = next(COUNTER)
        self.name = name or f"t{os.getpid():x}x{self.number}"
        self.lxcpath = node.dir / lxcpath
        self.port = 8000 + self.number
        self.folder = self.lxcpath / self.name
        self.config = tiny.make(self.folder, port=self.port, more=more)
        self.params: dict[str, Any] = {"container": self.name, "lxcpath": str(self.lxcpath)}

    def call(self, action: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        given: dict[str, Any] = {"resource": self.name, "timeout": 20} | self.params | more
        return self.node.call("LxcContainer", action, **given)

    def code(self, action: str, **more: Any) -> int:
        return self.call(action, **more).returncode

    def monitor(self, **more: Any) -> int:
        return self.code("monitor", **more)

    def hook(self, when: str, script: str) -> None:
        """Have LXC run a script on the node at some point of the start."""
        path = self.folder / when
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        with self.config.open("a") as config:
            config.write(f"lxc.hook.{when} = {path}\n")

    # witnesses of their own

    def processes(self) -> list[int]:
        """Pids, in the node, of all that is in a control group with the container's name."""
        ours = re.compile(f"/lxc.payload.{re.escape(self.name)}(-[0-9]+)?(/|$)", re.M)
        return self.pids("cgroup", ours)

    def monitors(self) -> list[int]:
        """Pids, in the node, of its monitor process and of lxc-start itself."""
        ours = re.compile(f"^(\\[lxc monitor\\]|.*lxc-start).*[ \0]{re.escape(self.name)}(\0|$)")
        return self.pids("cmdline", ours)

    def hooks(self) -> list[int]:
        """Pids of its hooks: LXC gives them its name and what they are."""
        return self.pids("cmdline", re.compile(f"\0{re.escape(self.name)}\0lxc\0"))

    def pids(self, file: str, wanted: "re.Pattern[str]") -> list[int]:
        found = []
        for path in Path(f"/proc/{self.node.pid}/root/proc").glob(f"[0-9]*/{file}"):
            with contextlib.suppress(OSError):
                if wanted.search(path.read_text(errors="replace")):
                    found.append(int(path.parent.name))
        return sorted(filter(self.lives, found))

    def described(self) -> str:
        return self.node.sh("ps axf -o pid,ppid,stat,args; cat /run/hactl/*.run", check=False)

    def answers(self) -> bool:
        done = self.node.run("wget", "-qO-", f"http://127.0.0.1:{self.port}/", check=False)
        return done.stdout.strip() == self.name

    def gone(self) -> bool:
        """Whether nothing of it is left: no process, no monitor process, no control group."""
        return not (self.processes() or self.monitors() or self.groups())

    def groups(self) -> list[Path]:
        return in_cgroups(f"*/lxc.*.{self.name}*", "-type", "d", "-prune")

    def kill(self, pids: "list[int]", number: int = 9) -> None:
        """Signal processes; returns when they are dead, if that is what it does."""
        self.node.run("kill", f"-{number}", *map(str, pids), check=False)
        if number == 9:
            wait_until(lambda: not any(map(self.lives, pids)), f"{pids} do not die", 10)

    def lives(self, pid: int) -> bool:
        with contextlib.suppress(OSError):
            stat = Path(f"/proc/{self.node.pid}/root/proc/{pid}/stat").read_text()
            return stat.rpartition(")")[2].split()[0] not in "ZX"
        return False

    def clean_up(self) -> None:
        """By other means than the agent's."""
        self.node.sh("umount /run/hactl; rm -rf /run/hactl", check=False)
        self.kill(self.monitors())
        for state in in_cgroups(f"*/lxc.payload.{self.name}*/freezer.state"):
            state.write_text("THAWED")
        self.kill(self.processes())
        wait_until(self.no_groups, f"the control groups of {self.name} cannot be removed", 5)

    def no_groups(self) -> bool:
        for group in self.groups():
            inner = [path for path in group.rglob("*") if path.is_dir()]
            for path in (*sorted(inner, reverse=True), group):
                with contextlib.suppress(OSError):  # somebody in it is still dying
                    path.rmdir()
        return not self.groups()


class ContainerCell:
    """A container in one state. Its processes outlive its monitor process."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.sh = box.node.sh
        self.place = ("-n", box.name, "-P", str(box.lxcpath))
        self.namesake: Box | None = None
        self.foreign: list[int] = []  # pids
        self.hung: list[int] = []
        self.halting = False
        self.broken = ""
        self.given: dict[str, Any] = {}

    @property
    def node(self) -> PrivateNode:
        return self.box.node

    def move(self, place: str, behind: Path, shown: Path) -> None:
        """Its configuration, or its folder without the root one."""
        box = self.box
        text = box.config.read_text()
        if place == "configuration":
            (behind / "config").write_text(text)
            box.params["config"] = str(shown / "config")
        else:
            (behind / box.name).mkdir()
            (behind / box.name / "config").write_text(text)
            box.params["lxcpath"] = str(shown)

    def pids(self, daemon: str) -> list[int]:  # noqa: ARG002
        return self.ours(self.box.monitors())

    def bring_into(self, state: str) -> None:
        box = self.box
        if state == "absent":
            return
        if state == "foreign":
            self.namesake = Box(box.node, SURVIVE, lxcpath="elsewhere", name=box.name)
            assert self.namesake.code("start", resource="another") == 0
            wait_until(self.namesake.answers, "the namesake is not up", 10)
            self.foreign = [*self.namesake.processes(), *self.namesake.monitors()]
        elif state == "half started":
            self.start_half()
        elif state == "started by hand":
            box.node.run("lxc-start", *self.place, "-d")
        elif state == "halting":
            self.halt()
        elif state == "other spelling":
            assert box.code("start") == 0
            alias = box.node.dir / f"alias{box.number}"
            alias.symlink_to(box.lxcpath)
            box.params["lxcpath"] = str(alias)
        else:
            assert box.code("start") == 0
        self.spoil(state)

    def start_half(self) -> None:
        """Kill the start at the first step after which there are processes."""
        box = self.box
        for step in itertools.count(1):
            cut = box.node.call_killed(
                "LxcContainer", "start", STEPS, step, resource=box.name, **box.params
            )
            assert cut, "start was never half done"
            if box.processes():
                return
            box.clean_up()

    def halt(self) -> None:
        """Switched off from inside, with a last hook that does not end before it is told to."""
        box = self.box
        box.hook("post-stop", f"while [ ! -e {self.over} ]; do sleep 0.1; done")
        assert box.code("start") == 0
        self.sh(f"lxc-attach {' '.join(self.place)} -- /bin/kill -PWR 1", check=False)
        wait_until(lambda: not box.processes(), "it does not halt", 10)
        wait_until(lambda: bool(box.hooks()), "its hook does not run", 10)
        self.halting = True

    @property
    def over(self) -> Path:
        return self.box.folder / "over"

    def spoil(self, state: str) -> None:
        box = self.box
        if state == "frozen behind LXC":
            switch = "cgroup.freeze" if UNIFIED else "freezer.state"
            (path,) = in_cgroups(f"*/lxc.payload.{box.name}/{switch}")
            path.write_text("1" if UNIFIED else "FROZEN")
        elif state.startswith("frozen"):
            box.node.run("lxc-freeze", *self.place)
        if state.endswith("orphaned"):
            box.kill(box.monitors())
        if state == "forgotten":
            self.sh("rm -rf /run/hactl")

    def do_break(self, what: str) -> None:
        box = self.box
        self.broken = what
        if what == "no tools":
            self.given = {"wrapper": NO_TOOLS}
        elif what == "no parameters":
            self.given = {"container": "", "lxcpath": ""}
        elif what == "parameters broken":
            self.given = {"memory_limit": "much", "cpus": "two", "on_frozen": "maybe"}
        elif what.startswith("configuration"):
            box.config.rename(box.config.with_name("elsewhere"))
            if what.endswith("unreadable"):
                box.config.mkdir()
        elif what == "folder hidden":
            self.sh(f"mount -t tmpfs tmpfs {box.lxcpath}")
        elif what in STATE_FOLDER:
            self.sh(STATE_FOLDER[what])
        elif what == "monitor process hangs":
            self.hung = self.ours(box.monitors())
            box.kill(self.hung, 19)

    def heal(self) -> None:
        box = self.box
        self.over.touch()
        if self.broken.startswith("configuration"):
            if box.config.is_dir():
                box.config.rmdir()
            box.config.with_name("elsewhere").rename(box.config)
        elif self.broken == "folder hidden":
            self.sh(f"umount {box.lxcpath}")
        elif self.broken in STATE_FOLDER_MENDED:
            self.sh(STATE_FOLDER_MENDED[self.broken])
        if self.hung:
            box.kill(self.hung, 18)
        self.broken, self.given, self.hung = "", {}, []
        if self.halting:
            wait_until(lambda: not (box.hooks() or box.monitors()), "its hook does not end", 10)

    def clean(self) -> None:
        for box in (self.box, self.namesake):
            if box is not None:
                box.clean_up()

    def witness(self) -> Presence:
        payload, monitors = self.ours(self.box.processes()), self.ours(self.box.monitors())
        monitors += self.box.hooks()
        if payload and monitors:
            return "there"
        return "partly" if payload or monitors else "absent"

    def ours(self, pids: "list[int]") -> "list[int]":
        """Those that are not of the namesake, which has the same name, in another folder; without
        a launch that was killed and hangs in the kernel: it never runs again.
        """
        found = [pid for pid in pids if pid not in self.foreign]
        return [pid for pid in found if not self.is_dead_launch(pid)]

    def is_dead_launch(self, pid: int) -> bool:
        folder = Path(f"/proc/{self.node.pid}/root/proc/{pid}")
        with contextlib.suppress(OSError):
            if b"lxc-start" in (folder / "cmdline").read_bytes():
                pending = re.findall(r"(?:Sig|Shd)Pnd:\t(\w+)", (folder / "status").read_text())
                return any(int(mask, 16) & 1 << 8 for mask in pending)
        return False

    def foreign_untouched(self) -> bool:
        return all(map(self.box.lives, self.foreign))

    def call(self, action: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        return self.box.call(action, **{**more, **self.given})
