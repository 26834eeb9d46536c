"""However a VM lab ends, also where `up` is killed half way: nothing of it is left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hactl_vmlab import places, requirements
from tests.vmlab import idle_machine

pytestmark = [pytest.mark.backend, pytest.mark.timeout(300)]
NODES = ("node1", "node2", "node3")


@dataclass(frozen=True)
class Desk:
    """Where somebody has a VM lab of their own, with machines that never answer."""

    home: Path
    environment: dict[str, str]

    @property
    def run(self) -> Path:
        return self.home / "run"

    def vm_lab(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.argv(*words), env=self.environment, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip

    def begin(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.argv(*words), env=self.environment, stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "hactl_vmlab", *words]

    def processes(self) -> list[str]:
        """Everything that runs with a file or with the settings of this lab."""
        return [said for pid in Path("/proc").glob("[0-9]*") if (said := self.about(pid))]

    def about(self, process: Path) -> str:
        try:
            command = (process / "cmdline").read_bytes()
            known = command + (process / "environ").read_bytes()
        except OSError:
            return ""
        ours = str(self.home).encode() in known and process.name != str(os.getpid())
        return command.replace(b"\0", b" ").decode() if ours else ""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    if os.geteuid() != 0:
        pytest.skip("a VM lab needs root")
    lacking = [each for each in requirements.PROGRAMS if shutil.which(each) is None]
    if lacking or not requirements.TUN.exists():
        pytest.skip(f"a VM lab needs {', '.join(lacking) or requirements.TUN}")
    monkeypatch.setenv("HACTL_VM_HOME", str(tmp_path))
    idle_machine.put_in_place()
    places.key().write_text("a key that opens nothing\n")
    found = Desk(tmp_path, {**os.environ, "HACTL_VM_NAME": f"test-{os.getpid()}-{time.time_ns()}"})
    yield found
    found.vm_lab("down")


def wait(holds: Callable[[], bool], what: str, within: float = 60.0) -> None:
    until = time.monotonic() + within
    while not holds():
        assert time.monotonic() < until, f"not within {within} s: {what}"
        time.sleep(0.05)


@pytest.mark.parametrize("seen", ["run", "run/node3.qcow2", "run/node1.qmp", "run/ssh_config"])
def test_up_killed_half_way_leaves_nothing(desk: Desk, seen: str) -> None:
    starting = desk.begin("up", "--accelerator", "tcg")
    wait((desk.home / seen).exists, f"{seen} is there")
    starting.send_signal(signal.SIGKILL)
    starting.communicate()
    done = desk.vm_lab("down")
    assert done.returncode == 0, done.stderr
    assert not desk.run.exists()
    wait(lambda: not desk.processes(), f"{desk.processes()} have ended", within=5)
    assert "no VM lab is running" in desk.vm_lab("down").stderr


def test_machines_are_gone_as_soon_as_up_is(desk: Desk) -> None:
    starting = desk.begin("up", "--accelerator", "tcg")
    wait((desk.run / "ssh_config").exists, "all machines are on")
    machines = [each for each in desk.processes() if each.startswith("qemu-system")]
    assert len(machines) == len(NODES), machines
    starting.send_signal(signal.SIGKILL)
    starting.communicate()
    wait(lambda: "qemu" not in " ".join(desk.processes()), "the machines are off", within=10)
    assert desk.run.exists(), "the files wait for the next up or down"


def test_the_files_of_a_dead_lab_are_removed_by_the_next_up(desk: Desk) -> None:
    desk.run.mkdir()
    (desk.run / "node1.qcow2").write_text("of yesterday")
    starting = desk.begin("up", "--accelerator", "tcg")
    wait((desk.run / "ssh_config").exists, "all machines are on")
    second = desk.vm_lab("up", "--accelerator", "tcg")
    assert second.returncode == 1
    assert "a VM lab is running; scripts/vm-lab down ends it" in second.stderr
    starting.send_signal(signal.SIGINT)
    _, said = starting.communicate(timeout=60)
    assert "removing the files of a lab that had died" in said
    assert not desk.run.exists(), "an interrupted up takes everything down"
    wait(lambda: not desk.processes(), f"{desk.processes()} have ended", within=5)


def test_a_node_that_goes_off_is_not_waited_for(desk: Desk) -> None:
    (desk.home / "box" / idle_machine.SUITE / "vmlinuz").write_text("no kernel")
    done = desk.vm_lab("up", "--accelerator", "tcg")
    assert done.returncode == 1
    # as it is started, or a moment later
    off = ("has switched itself off: qemu", "does not start: qemu")
    assert any(f"{words}: linux kernel too old" in done.stderr for words in off), done.stderr
    assert not desk.run.exists()
    assert not desk.processes()
