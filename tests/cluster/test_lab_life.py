"""The life of a lab: it starts whole, ends without a trace, and never meets another one."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hactl.errors import HactlError
from hactl.lab import abstract_socket, names
from hactl.lab.lab import Lab, wait_until
from hactl.lab.lab_spec import LabSpec
from hactl.lab.start import up
from tests.cluster.labs import lab_name, skip_without_a_cluster_stack

pytestmark = pytest.mark.cluster

LAB_LINK = re.compile(r"node\d+-\d|link\d|lan\b")
HACTL = [sys.executable, "-c", "from hactl.cli import main; main()", "lab"]


@pytest.fixture(autouse=True)
def needs_a_cluster_stack() -> None:
    skip_without_a_cluster_stack()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    """A name for a lab, which is down when the test is over."""
    chosen = lab_name(f"life-{abs(hash(request.node.name)) % 9999}")
    yield chosen
    if chosen in names.here():
        Lab(chosen).down()


def hactl(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*HACTL, *words], capture_output=True, text=True, check=False)


def traces(name: str) -> list[str]:
    """Everything of a lab that can be seen from outside."""
    found = [f"socket {name}"] if name in names.here() else []
    for path, _, _ in os.walk("/sys/fs/cgroup"):
        if f"hactl-lab-{name}-" in path:
            found.append(f"group {path}")
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and belongs(process, name):
            found.append(f"process {process.name}")
    return found


def belongs(process: Path, name: str) -> bool:
    try:
        words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        groups = (process / "cgroup").read_text()
    except OSError:
        return False
    return f'"name": "{name}"'.encode() in words or f"hactl-lab-{name}-" in groups


def litter() -> list[str]:
    """What labs could leave on the machine itself: networks, mounts, files."""
    shown = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True)
    links = [line.split(":")[1].strip() for line in shown.stdout.splitlines()]
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    spaces = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True)
    return [
        *(link for link in links if LAB_LINK.match(link)),
        *(mount for mount in mounts if "hactl-lab" in mount),
        *spaces.stdout.split(),
        *(
            str(path)
            for folder in ("/run", "/tmp", "/lab")
            for path in Path(folder).glob("*hactl-lab*")
        ),
    ]


def test_killing_the_one_process_leaves_nothing(name: str) -> None:
    before = litter()
    lab = up(LabSpec(name, 2, services=("libvirt",), start=False))
    for node in lab.nodes:
        assert lab.exec(node, "systemctl", "start", "pacemaker").returncode == 0
    assert traces(name), "the search for traces must find a running lab"
    with names.connect(name) as connection:
        pid, _ = abstract_socket.peer(connection)
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not traces(name), 5), traces(name)
    assert litter() == before


def test_killing_the_keeper_takes_the_lab_along(name: str) -> None:
    up(LabSpec(name, 1, start=False))
    keeper = Lab(name).status()["keeper"]
    os.kill(keeper, signal.SIGKILL)
    assert wait_until(lambda: not traces(name), 5), traces(name)


def test_down_returns_when_nothing_is_left(name: str) -> None:
    before = litter()
    lab = up(LabSpec(name, 2, start=False))
    # containers make control groups of their own, which the kernel does not remove
    lab.exec("node1", "mkdir", "-p", "/sys/fs/cgroup/memory/lxc.payload.c1/deep")
    lab.down()
    assert traces(name) == []
    assert litter() == before


def test_two_labs_side_by_side_do_not_meet() -> None:
    specs = [LabSpec(lab_name(f"side-{letter}"), 2) for letter in "ab"]
    with ThreadPoolExecutor() as pool:
        labs = list(pool.map(up, specs))
    try:
        for lab in labs:
            assert lab.formation().online == {"node1", "node2"}
            lab.write("node1", "/lab/whose", lab.name.encode())
        assert [lab.exec("node2", "cat", "/lab/whose").stdout for lab in labs] == [
            lab.name for lab in labs
        ]
        labs[0].kill("node2")
        assert labs[1].power("node2", "status") == "on"
        labs[0].down()
        assert labs[1].formation().complete(["node1", "node2"])
    finally:
        for lab in labs:
            if lab.name in names.here():
                lab.down()


@pytest.mark.parametrize(
    ("number", "after"),
    [
        (signal.SIGINT, 0.0),
        (signal.SIGINT, 0.2),
        (signal.SIGINT, 1.5),
        (signal.SIGTERM, 0.2),
        (signal.SIGKILL, 1.5),
    ],
)
def test_an_interrupted_start_leaves_nothing(name: str, number: int, after: float) -> None:
    starting = subprocess.Popen(
        [*HACTL, "up", "--name", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    claimed = f"@hactl-lab-{name}\n"
    assert wait_until(lambda: claimed in Path("/proc/net/unix").read_text(), 20, 0.005)
    time.sleep(after)
    starting.send_signal(number)
    starting.wait()
    assert starting.returncode == (130 if number == signal.SIGINT else -number)
    assert wait_until(lambda: not traces(name), 5), traces(name)


def test_after_an_interrupt_a_lab_of_the_same_name_starts_and_bears_faults(name: str) -> None:
    starting = subprocess.Popen(
        [*HACTL, "up", "--name", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    claimed = f"@hactl-lab-{name}\n"
    assert wait_until(lambda: claimed in Path("/proc/net/unix").read_text(), 20, 0.005)
    time.sleep(0.1)
    starting.send_signal(signal.SIGINT)
    starting.wait()
    lab = up(LabSpec(name, 2, start=False))
    lab.kill("node1")
    lab.cut("node2", link=0)
    assert lab.power("node1", "on") == "on"
    assert lab.exec("node2", "cat", "/sys/class/net/eth0/carrier").stdout.strip() != "1"


def test_a_name_in_use_is_refused_and_the_lab_lives_on(name: str) -> None:
    up(LabSpec(name, 1, start=False))
    done = hactl("up", "--name", name)
    assert done.returncode == 1
    assert f"a lab '{name}' is running" in done.stderr
    assert "Traceback" not in done.stderr
    assert hactl("exec", "--name", name, "node1", "--", "true").returncode == 0


def test_a_lab_that_cannot_be_built_says_why_and_leaves_nothing(name: str) -> None:
    done = subprocess.run(
        ["prlimit", "--fsize=1000", *HACTL, "up", "--name", name],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("hactl: the lab cannot start: ")
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert traces(name) == []


def test_status_tells_power_cuts_and_history_in_json(name: str) -> None:
    up(LabSpec(name, 2, start=False))
    hactl("kill", "--name", name, "node2")
    hactl("cut", "--name", name, "node1", "--link", "1", "--one-way", "in")
    shown = json.loads(hactl("status", "--name", name, "--format", "json").stdout)
    assert [(node["name"], node["power"]) for node in shown["nodes"]] == [
        ("node1", "on"),
        ("node2", "off"),
    ]
    assert shown["nodes"][0]["cut"] == [{"link": 1, "way": "in"}]
    assert [(use["node"], use["action"], use["result"]) for use in shown["power"]] == [
        ("node2", "off", "off")
    ]
    history = hactl("power", "--name", name, "--history", "--format", "json")
    assert json.loads(history.stdout) == shown["power"]


def test_logs_can_be_read_while_the_node_is_off(name: str) -> None:
    lab = up(LabSpec(name, 1, start=False))
    lab.write("node1", "/var/log/console.log", b"last words\n")
    lab.kill("node1")
    shown = hactl("logs", "--name", name, "node1", "--which", "console")
    assert shown.stdout == "last words\n"


def test_a_command_that_does_not_end_is_given_up(name: str) -> None:
    lab = up(LabSpec(name, 1, start=False))
    with pytest.raises(HactlError, match=r"has not ended within 0\.3 s"):
        lab.exec("node1", "sleep", "60", timeout=0.3)
