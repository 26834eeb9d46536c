"""The lab's network, as the kernel and ip(8) see it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hactl.lab import switch
from tests.support.private_node import private_node

SLEEPER = """
import os, subprocess, sys, time
sys.path = {path!r}
from hactl.lab import network, switch

switch.power_up()
sleeper = subprocess.Popen(["unshare", "-n", "sleep", "60"])
while os.readlink(f"/proc/{{sleeper.pid}}/ns/net") == os.readlink("/proc/self/ns/net"):
    time.sleep(0.01)
try:
    {code}
finally:
    sleeper.kill()
"""
INSIDE = (
    "import sys; sys.path = {path!r}; from hactl.lab import switch; switch.give_addresses('node3')"
)
ENTER = "['nsenter', '-t', str(sleeper.pid), '-n', *{words!r}]"


def switched(tmp_path: Path, *steps: str) -> str:
    """What steps print that are taken beside a switch and a namespace that stands for node3."""
    code = "\n    ".join(steps)
    with private_node(tmp_path) as machine:
        script = SLEEPER.format(path=sys.path, code=code)
        return machine.run("/usr/bin/python3", "-c", script).stdout


def show(*words: str, inside: bool = False) -> str:
    """The step that lets ip(8), which did none of it, tell what there is."""
    argv = ENTER.format(words=("ip", *words)) if inside else repr(["ip", *words])
    return f"print(subprocess.run({argv}, capture_output=True, text=True).stdout)"


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
PLUG = "switch.plug_in('node3', sleeper.pid, unplugged={0})"


@needs_root
@pytest.mark.backend
def test_every_node_has_a_cable_to_each_bridge(tmp_path: Path) -> None:
    seen = switched(tmp_path, PLUG, show("-br", "link", "show", "type", "veth"))
    assert sorted(line.split("@")[0] for line in seen.splitlines() if line) == [
        "node3-0",
        "node3-1",
        "node3-2",
    ]
    masters = switched(tmp_path, PLUG, show("-o", "link", "show", "type", "bridge_slave"))
    assert [f"master {bridge}" in masters for bridge in switch.BRIDGES] == [True] * 3


@needs_root
@pytest.mark.backend
def test_a_cut_cable_is_not_powered(tmp_path: Path) -> None:
    seen = switched(tmp_path, PLUG, show("-o", "link", "show", "up", "type", "veth"))
    assert "node3-0@" not in seen
    assert "node3-1@" in seen


@needs_root
@pytest.mark.backend
def test_the_lan_port_of_a_node_has_no_address(tmp_path: Path) -> None:
    words = ("/usr/bin/python3", "-c", INSIDE.format(path=sys.path))
    inside = f"subprocess.run({ENTER.format(words=words)}, check=True)"
    seen = switched(tmp_path, PLUG, inside, show("-4", "-o", "addr", inside=True))
    found = [line.split()[1:4:2] for line in seen.splitlines() if line]
    assert found == [["lo", "127.0.0.1/8"], ["eth0", "10.77.1.3/24"], ["eth1", "10.77.2.3/24"]]


@needs_root
@pytest.mark.backend
def test_a_node_that_is_pulled_out_leaves_nothing_and_may_be_gone_before(tmp_path: Path) -> None:
    gone = ("switch.silence('node3')", "switch.pull_out('node3')", "switch.pull_out('node3')")
    seen = switched(tmp_path, PLUG, *gone, show("-br", "link", "show", "type", "veth"))
    assert seen.strip() == ""


@needs_root
@pytest.mark.backend
def test_what_the_kernel_refuses_is_one_sentence(tmp_path: Path) -> None:
    again = "try: switch.power_up()\n    except Exception as exc: print(type(exc).__name__, exc)"
    seen = switched(tmp_path, again)
    assert seen.strip() == "HactlError the kernel refuses a network device: File exists"


def test_what_a_node_sends_comes_in_at_the_switch() -> None:
    rules = switch.one_way_rules([("node1", 0, "out"), ("node2", 1, "in")])
    assert 'hook ingress device "node1-0"' in rules
    assert 'hook egress device "node2-1"' in rules


def test_no_cuts_leave_no_rules() -> None:
    assert "chain" not in switch.one_way_rules([])


def test_nft_understands_the_rules() -> None:
    if shutil.which("nft") is None or shutil.which("unshare") is None:
        pytest.skip("nft is not installed")
    rules = switch.one_way_rules([("node1", 0, "out"), ("node1", 0, "in")])
    script = "ip link add node1-0 type veth peer name x && nft -f - && nft list ruleset"
    argv = ["unshare", "--map-root-user", "--net", "sh", "-c", script]
    done = subprocess.run(argv, input=rules, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr:
        pytest.skip(f"no network namespace here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("policy drop") == 2
