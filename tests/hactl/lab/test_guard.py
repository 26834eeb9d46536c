"""The guards of a node's /proc and /sys, on folders that only look like them.

The kernel of a test machine may lack /proc/sysrq-trigger; the guard must hold where it is there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.backend

SCRIPT = """
import os, sys
from pathlib import Path
from hactl.lab import linux
from hactl.lab import proc_guard as guard

linux.mount("", "/", flags=linux.MS_PRIVATE | linux.MS_REC)
top = Path(sys.argv[1])
guard.guard_proc(top / "proc", top / "fifo", top / "copy")
guard.guard_sys(top / "sys")
reader = os.open(top / "fifo", os.O_RDWR | os.O_NONBLOCK)
for path in sys.argv[2:]:
    try:
        (top / path).write_text("b")
        print(path, "written")
    except OSError as exc:
        print(path, exc.strerror)
try:
    print("fifo", os.read(reader, 9).decode())
except BlockingIOError:
    print("fifo empty")
"""
FILES = (
    "proc/sysrq-trigger",
    "proc/irq/default_smp_affinity",
    "proc/sys/kernel/panic",
    "proc/sys/kernel/sysrq",
    "proc/sys/kernel/hostname",
    "proc/sys/net/ip_forward",
    "proc/sys/vm/swappiness",
    "sys/power/state",
    "sys/devices/virtual/net/br0/forward_delay",
    "copy",
)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    if os.getuid() != 0:
        pytest.skip("mounting needs root")
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("original")
    os.mkfifo(tmp_path / "fifo")
    return tmp_path


def written(machine: Path, *paths: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["unshare", "--mount", sys.executable, "-c", SCRIPT, str(machine), *paths],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": ":".join(filter(None, sys.path))},
    )


def test_a_panic_reaches_the_fifo_and_not_the_trigger(machine: Path) -> None:
    done = written(machine, "proc/sysrq-trigger")
    assert done.stdout.splitlines() == ["proc/sysrq-trigger written", "fifo b"]
    assert (machine / "proc/sysrq-trigger").read_text() == "original"


@pytest.mark.parametrize(
    "path",
    [
        "proc/sys/kernel/panic",
        "proc/sys/vm/swappiness",
        "proc/irq/default_smp_affinity",
        "sys/power/state",
    ],
)
def test_what_belongs_to_the_machine_is_read_only(machine: Path, path: str) -> None:
    assert written(machine, path).stdout.startswith(f"{path} Read-only file system\n")
    assert (machine / path).read_text() == "original"


@pytest.mark.parametrize(
    "path",
    [
        "proc/sys/kernel/hostname",
        "proc/sys/net/ip_forward",
        "sys/devices/virtual/net/br0/forward_delay",
    ],
)
def test_what_belongs_to_the_node_is_written(machine: Path, path: str) -> None:
    assert written(machine, path).stdout.startswith(f"{path} written\n")
    assert (machine / path).read_text() == "b"


def test_pacemaker_may_set_a_sysrq_that_nobody_reads(machine: Path) -> None:
    assert written(machine, "proc/sys/kernel/sysrq").stdout.startswith("proc/sys/kernel/sysrq w")
    assert (machine / "proc/sys/kernel/sysrq").read_text() == "original"
    assert (machine / "copy").read_text() == "b"


def test_a_kernel_without_a_trigger_needs_no_guard(machine: Path) -> None:
    (machine / "proc/sysrq-trigger").unlink()
    assert written(machine).stdout == "fifo empty\n"


def test_a_guard_that_cannot_be_set_stops_everything(machine: Path) -> None:
    (machine / "fifo").unlink()
    done = written(machine, "proc/sysrq-trigger")
    assert done.returncode != 0
    assert "written" not in done.stdout
    assert (machine / "proc/sysrq-trigger").read_text() == "original"
