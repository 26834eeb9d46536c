"""IscsiGateway as it is installed, on a look-alike of the kernel's target: its cost, its end."""

import itertools
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.nvmet_node import MOUNT
from tests.nvmet_node import lacking as fuse_lacks
from tests.private_node import PrivateNode, private_node, public_folder, wait_until, why

pytestmark = [
    pytest.mark.backend,
    pytest.mark.xdist_group("iscsi-gateway-lio"),
    *(pytest.mark.skipif(True, reason=reason) for reason in fuse_lacks()),
]
FUSE = Path(__file__).parents[1] / "lio_fuse.py"
RUNNING, FAILED, STOPPED, PROMOTED = 0, 1, 7, 8
LUNS = 8
MONITOR, START = 30_000_000, 120_000_000  # instructions; 3 million take a millisecond
PROMOTABLE = {"promotable": "true", "on_node": "node3", "on_node_uuid": "3"}
NO_SCORE = {"promotion_score": 0}  # crm_attribute is no cost of ours, and valgrind cannot follow it
PYTHON = ("/usr/bin/python3", "-IS")


class Look:
    """A target of the agent's on the look-alike."""

    def __init__(self, node: PrivateNode) -> None:
        self.node = node
        self.tree = Path(f"/proc/{node.pid}/root{MOUNT}/target")
        self.control = node.dir / "control"
        disks = [node.dir / f"disk{number}" for number in range(LUNS)]
        for disk in disks:
            disk.write_bytes(bytes(1 << 20))
        self.auth = node.dir / "auth"
        self.auth.write_text("user = joe\npassword = joes-long-secret\n")
        self.auth.chmod(0o600)
        self.params: dict[str, Any] = {
            "iqn": "iqn.2026-11.test:disks", "portals": "127.0.0.1:3260",
            "luns": " ".join(f"{number}={disk}" for number, disk in enumerate(disks)),
            "initiators": "iqn.2026-11.test:host", "auth_file": str(self.auth),
        }  # fmt: skip

    def up(self) -> None:
        self.control.mkdir()
        self.node.sh(f"mount -t tmpfs tmpfs /sys/kernel; mkdir {MOUNT}")
        words = f"/usr/bin/python3 {FUSE} {MOUNT} {self.control}"
        self.node.sh(f"setsid {words} >{self.control}/output 2>&1 & :")
        wait_until(self.tree.is_dir, "the look-alike is not mounted", 20)

    def call(self, action: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        given: dict[str, Any] = {"resource": "disks", "timeout": 30} | self.params | more
        return self.node.call("IscsiGateway", action, **given)

    def code(self, action: str, **more: Any) -> int:
        return self.call(action, **more).returncode

    def objects(self) -> list[str]:
        found = [*self.tree.glob("core/*_*"), *self.tree.glob("iscsi/iqn*")]
        return sorted(path.name for path in found)

    def cut(self, action: str, step: int) -> bool:
        """Kill it while it waits for its worker the ``step``-th time; False: it came to its end."""
        return self.node.call_killed(
            "IscsiGateway", action, "select,pselect6", step, resource="disks", **self.params
        )

    def instructions(self, action: str, **more: Any) -> int:
        """Of all its processes; a child's count includes what its parent had done before."""
        grind = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *PYTHON)
        done = self.call(action, wrapper=grind, timeout=100, **more)
        assert done.returncode in (RUNNING, PROMOTED), done.stderr
        parts = done.stderr.split("Collected : ")[1:]
        return sum(int(part.split()[0]) for part in parts)


@pytest.fixture(scope="module")
def node() -> Iterator[Look]:
    with public_folder() as folder, private_node(folder) as node:
        look = Look(node)
        look.up()
        yield look


@pytest.fixture
def look(node: Look) -> Iterator[Look]:
    yield node
    (node.control / "stuck").unlink(missing_ok=True)
    assert node.code("stop") == 0
    assert node.objects() == []


def test_a_target_comes_and_goes(look: Look) -> None:
    assert look.code("monitor") == STOPPED
    done = look.call("start")
    assert done.returncode == 0, done.stderr
    assert (look.code("monitor"), look.code("monitor", level=10)) == (RUNNING, RUNNING)
    assert look.code("stop") == 0
    assert (look.code("monitor"), look.objects()) == (STOPPED, [])


def test_roles_change(look: Look) -> None:
    for action, after in (("start", RUNNING), ("promote", PROMOTED), ("demote", RUNNING)):
        assert look.code(action, meta=PROMOTABLE) == 0
        assert look.code("monitor", meta=PROMOTABLE) == after


def test_a_kernel_that_hangs_fails_the_stop_in_time_and_is_named(look: Look) -> None:
    assert look.code("start") == 0
    (look.control / "stuck").write_text("tpgt_1/enable")
    done = look.call("stop", timeout=6)
    assert done.returncode == FAILED, done.stderr
    assert "ending the sessions of iqn.2026-11.test:disks: no answer" in why(done)
    assert look.code("monitor") in (RUNNING, FAILED)
    (look.control / "stuck").unlink()
    assert look.code("stop") == 0


@pytest.mark.extended
@pytest.mark.parametrize("action", ["start", "stop"])
def test_killed_at_any_step_it_tells_the_truth_and_stop_cleans_up(look: Look, action: str) -> None:
    for step in itertools.count(1):
        if action == "stop":
            assert look.code("start") == 0
        cut = look.cut(action, step)
        answer = look.code("monitor")
        assert answer != STOPPED if look.objects() else answer == STOPPED, step
        assert (look.code("stop"), look.objects()) == (0, []), step
        if not cut or step > 40:
            break
    assert step > 5


def test_a_monitor_forks_nothing(look: Look) -> None:
    assert look.code("start") == 0
    trace = ("strace", "-f", "-qq", "-e", "trace=%process", "-e", "signal=none")
    done = look.call("monitor", wrapper=trace)
    seen = [line for line in done.stderr.splitlines() if "exit" not in line]
    assert [line.partition("(")[0] for line in seen] == ["execve"], done.stderr


@pytest.mark.parametrize("meta", [{}, PROMOTABLE], ids=["plain", "promotable"])
def test_eight_luns_cost_no_more_than_agreed(look: Look, meta: "dict[str, str]") -> None:
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    start = look.instructions("start", meta=meta, **NO_SCORE)
    monitor = look.instructions("monitor", meta=meta, **NO_SCORE)
    print(f"start {start:,}, monitor {monitor:,}")
    assert (start <= START, monitor <= MONITOR) == (True, True), (start, monitor)
