"""The world of Gfs2Mount: a small machine with a kernel, Corosync and DLM of its own."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.gfs2_machine import AGENT as PROGRAM
from tests.support.gfs2_machine import Gfs2Machine, HactlError, gfs2_machine, lacking
from tests.truth.table import Exemption, Impossible, nameless
from tests.truth.world import Presence

AGENT = "Gfs2Mount"
STATES = (
    "absent", "running", "cut short", "forgotten", "in use", "detached", "moved", "hidden",
    "frozen", "withdrawn", "foreign",
)  # fmt: skip
BREAKS = (
    "nothing", "no tools", "no parameters", "parameters broken", "device gone", "no sysfs",
    "state folder lost", "state folder read-only", "DLM hangs",
)  # fmt: skip
EXTENDED = True
TIMEOUT = 15.0
DEEP = True
NAMED = "stop names who uses it, and ends nobody without force=true"
SOMEBODY_ELSES = "what is mounted elsewhere, and not by us as far as we know, is an operator's"
STUCK = ("in use", "detached", "moved", "hidden")
EXEMPTIONS = [
    *(Exemption("once_healed_it_can_be_stopped", state, "*", "stop", NAMED) for state in STUCK),
    *(
        Exemption(rule, "moved", "state folder lost", "*", SOMEBODY_ELSES)
        for rule in ("what_is_there_is_not_denied", "what_was_stopped_is_absent")
    ),
    *nameless("forgotten", "no parameters", "parameters broken"),
    Exemption(
        "once_healed_it_can_be_stopped", "withdrawn", "*", "stop", "only a reboot ends that: fence"
    ),
]
IMPOSSIBLE = [
    Impossible("withdrawn", "DLM hangs", "the one that is made to withdraw is locked without DLM")
]
COUNTER = itertools.count(1)
OTHER_SYS = "/run/sysfs"  # what the witness looks at
__all__ = ["lacking"]


@dataclass(frozen=True)
class Answer:
    returncode: int
    stderr: str


@contextmanager
def world(folder: Path) -> "Iterator[FileSystems]":
    try:
        with gfs2_machine(folder) as machine:
            machine.must(f"mkdir -p {OTHER_SYS} && mount -t sysfs sysfs {OTHER_SYS}")
            yield FileSystems(machine)
    except HactlError as exc:
        pytest.skip(f"no kernel to boot: {exc}")


class FileSystems:
    def __init__(self, machine: Gfs2Machine) -> None:
        self.machine = machine

    def fresh(self) -> "MountCell":
        return MountCell(self.machine, f"fs{next(COUNTER)}")


class MountCell:
    """A file system, beside a mount and a process that are nobody's business."""

    def __init__(self, machine: Gfs2Machine, name: str) -> None:
        self.machine = machine
        self.name = name
        self.directory = f"/srv/{name}"
        self.broken = ""
        self.protocol = "lock_dlm"
        self.real = machine.make(name)
        self.device = f"/run/device-{name}"
        self.must(f"ln -s {self.real} {self.device}")
        self.must(f"mkdir -p {self.directory}x && mount -t tmpfs {name} {self.directory}x")
        self.must(f"(cd {self.directory}x && exec sleep 100000) >/dev/null 2>&1 & "
                  f"echo $! >/run/{name}.bystander")  # fmt: skip
        self.over = ""  # a foreign mount on the directory

    def must(self, script: str) -> str:
        return self.machine.must(script)

    # states

    def bring_into(self, state: str) -> None:
        if state == "foreign":
            self.over = "tmpfs"
            self.must(f"mount -t tmpfs foreign-{self.name} {self.directory}")
        if state == "withdrawn":  # with DLM it would wait for other nodes
            self.protocol = "lock_nolock"
            self.must(f"tunegfs2 -o lockproto=lock_nolock,locktable={self.name} {self.real}")
        if state == "cut short":
            self.cut_short()
        elif state not in ("absent", "foreign"):
            started = self.call("start", timeout=60, meta={})
            assert started.returncode == 0, started.stderr
        self.spoil(state)

    def cut_short(self) -> None:
        """The agent is killed at the moment in which mount(8) is at work."""
        trace = "strace -o /dev/null -e trace=pidfd_open -e inject=pidfd_open:signal=KILL:when=1"
        self.machine.run(f"{self.environment(30, {})} {trace} {PROGRAM} start")
        settled = ""  # the mount may come through yet, or be given up by the kernel
        while settled != (settled := self.witness()):
            self.must("while pidof mount setpriv >/dev/null; do sleep 0.1; done; sleep 1")

    def spoil(self, state: str) -> None:
        hold = f"(exec 9>{self.directory}/file; exec sleep 100000) >/dev/null 2>&1 &"
        script = {
            "forgotten": "rm -rf /run/hactl",
            "in use": f"{hold} echo $! >/run/{self.name}.user; sleep 0.2",
            "detached": f"{hold} echo $! >/run/{self.name}.user; sleep 0.2; "
                        f"umount -l {self.directory}",
            "moved": f"mkdir -p {self.directory}y && mount --move {self.directory} "
                     f"{self.directory}y",
            "hidden": f"mount -t tmpfs over {self.directory}",
            "frozen": f"fsfreeze --freeze {self.directory}",
            "withdrawn": f"echo 1 >/sys/fs/gfs2/{self.name}/withdraw; sleep 1",
        }.get(state)  # fmt: skip
        if script:
            self.must(script)

    # breaks

    def do_break(self, what: str) -> None:
        self.broken = what
        script = {
            "device gone": f"rm {self.device}",
            "no sysfs": "mount -t tmpfs tmpfs /sys/fs",
            "state folder lost": "rm -rf /run/hactl",
            "state folder read-only": "mkdir -p -m 0700 /run/hactl && "
            "mount --bind /run/hactl /run/hactl && "
            "mount -o remount,bind,ro /run/hactl",
            "DLM hangs": "kill -STOP $(pidof dlm_controld)",
        }.get(what)
        if script:
            self.must(script)

    def heal(self) -> None:
        script = {
            "device gone": f"ln -s {self.real} {self.device}",
            "no sysfs": "umount /sys/fs",
            "state folder read-only": "umount /run/hactl",
            "DLM hangs": "kill -CONT $(pidof dlm_controld); sleep 2",
        }.get(self.broken)
        self.broken = ""
        if script:
            self.must(script)

    def clean(self) -> None:
        name = self.name
        for who in ("user", "bystander"):
            self.machine.run(f"kill -9 $(cat /run/{name}.{who}); rm /run/{name}.{who}")
        # thawing one that is not frozen takes its last reference away, and hangs Linux 6.1
        frozen = f"grep -qx 1 {OTHER_SYS}/fs/gfs2/*{name}/freeze"
        self.machine.run(f"{frozen} && fsfreeze --unfreeze {self.directory}")
        for path in (f"{self.directory}y", f"{self.directory}x"):
            self.machine.run(f"umount {path}; rmdir {path}")
        self.machine.drop(name)
        self.machine.run(f"rm -rf /run/hactl {self.device}")

    # asking

    def witness(self) -> Presence:
        number = self.must(f"cat {OTHER_SYS}/block/{self.real.rpartition('/')[2]}/dev")
        active = self.machine.says(f"grep -lx '{number}' {OTHER_SYS}/fs/gfs2/*/id 2>/dev/null")
        lines = self.must("cat /proc/self/mountinfo").split("\n")
        points = [line.split()[4] for line in lines if line.split()[2] == number]
        if not active and not points:
            return "absent"
        withdrawn = self.machine.says(f"cat {active.removesuffix('/id')}/withdraw") == "1"
        on_top = [line.split()[2] for line in lines if line.split()[4] == self.directory][-1:]
        return "there" if on_top == [number] and not withdrawn else "partly"

    def foreign_untouched(self) -> bool:
        name = self.name
        foreign = [f"{name} {self.directory}x tmpfs"]
        foreign += [f"foreign-{name} {self.directory} tmpfs"] if self.over else []
        mounts = self.must("cat /proc/mounts")
        alive = self.machine.run(f"kill -0 $(cat /run/{name}.bystander)")[0] == 0
        return alive and all(line in mounts for line in foreign)

    def environment(self, timeout: float, meta: Mapping[str, str], level: int = 0) -> str:
        given = {"device": self.device, "directory": self.directory, "patience": "2s"}
        given["lock_protocol"] = self.protocol
        if self.broken == "no parameters":
            given = {}
        elif self.broken == "parameters broken":
            given |= {"directory": "srv/../x", "quota": "perhaps", "nodes": "many"}
        given |= {f"CRM_meta_{key}": value for key, value in meta.items()}
        given["CRM_meta_timeout"] = str(int(timeout * 1000))
        words = [f"OCF_RESKEY_{key}='{value}'" for key, value in given.items()]
        if self.broken == "no tools":
            words += ["OCF_TESTER_FAIL_HAVE_BINARY=1"]
        return f"OCF_RESOURCE_INSTANCE={self.name} OCF_CHECK_LEVEL={level} {' '.join(words)}"

    def call(
        self, action: str, *, timeout: float, meta: Mapping[str, str], level: int = 0
    ) -> Answer:
        limit = f"timeout -s KILL {timeout + 5}"
        code, text = self.machine.run(
            f"{self.environment(timeout, meta, level)} {limit} {PROGRAM} {action}", timeout + 60
        )
        return Answer(code, text)
