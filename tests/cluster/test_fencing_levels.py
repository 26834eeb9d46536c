"""Fencing levels through a real pacemaker-fenced: what fails or lies hands over to what is true."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hactl.lab.lab import Lab, wait_until
from tests.cluster.labs import Eventually, repair
from tests.cluster.lying_devices import BLIND, LIAR, TARGET, configure, known, spread

pytestmark = pytest.mark.cluster


@pytest.fixture
def levels(fenced_lab: Lab) -> Iterator[Lab]:
    """A lab in which a test may add devices that lie; afterwards as it was."""
    yield fenced_lab
    fenced_lab.power(TARGET, "reboot")  # it may run, and yet have been told that it is fenced
    for name in ("fence_liar", "fence_blind"):
        for node in fenced_lab.nodes:
            if fenced_lab.power(node, "status") == "on":
                fenced_lab.exec(node, "rm", "-f", f"/usr/sbin/{name}")
    repair(fenced_lab)


def fenced(lab: Lab, action: str) -> tuple[str, float]:
    """(why it failed, '' if Pacemaker calls it a success; seconds)."""
    began = time.monotonic()
    done = lab.exec("node1", "stonith_admin", f"--{action}", TARGET, "--timeout", "60")
    complaint = f"{done.returncode}: {done.stderr}" if done.returncode else ""
    return complaint, time.monotonic() - began


def used_since(lab: Lab, began: float) -> list[str]:
    return [use["action"] for use in lab.history() if use["node"] == TARGET and use["time"] > began]


UNREACHABLE = ("fence_libvirt", {"uri": "qemu+unix:///system?socket=/nonexistent", "plug": TARGET})
NO_STORAGE = ("fence_ceph_blocklist", {"addresses": f"{TARGET}=10.1.0.3", "conf": "/none.conf"})


def test_a_device_that_is_out_of_reach_hands_over_at_once(
    levels: Lab, eventually: Eventually
) -> None:
    configure(levels, "vm", "fence", vm=UNREACHABLE)
    eventually(lambda: known(levels, "vm"), "the device is registered")
    began = time.time()
    failure, took = fenced(levels, "reboot")
    assert failure == ""
    assert took < 15
    assert used_since(levels, began)[:1] == ["off"]


def test_storage_that_cannot_be_cut_off_fails_its_level_and_not_the_next(
    levels: Lab, eventually: Eventually
) -> None:
    """It has no reboot: Pacemaker turns that into off for the whole level."""
    configure(levels, "fence,ceph", "fence", ceph=NO_STORAGE)
    eventually(lambda: known(levels, "ceph"), "the device is registered")
    began = time.time()
    failure, _ = fenced(levels, "reboot")
    assert failure == ""
    assert used_since(levels, began)[:1] == ["off"]


def test_a_liar_hands_over_to_the_true_device(levels: Lab, eventually: Eventually) -> None:
    spread(levels, "fence_liar", LIAR)
    configure(levels, "liar", "fence", liar=("fence_liar", {}))
    eventually(lambda: known(levels, "liar"), "the device is registered")
    began = time.time()
    failure, _ = fenced(levels, "fence")
    assert failure == ""
    assert levels.power(TARGET, "status") == "off"
    assert used_since(levels, began) == ["off"]


def test_without_a_look_the_liar_would_be_believed(levels: Lab, eventually: Eventually) -> None:
    """Shows that the test above can fail."""
    spread(levels, "fence_blind", BLIND)
    configure(levels, "blind", "fence", blind=("fence_blind", {}))
    eventually(lambda: known(levels, "blind"), "the device is registered")
    failure, _ = fenced(levels, "fence")
    assert failure == ""
    assert levels.power(TARGET, "status") == "on"


def test_an_agent_that_is_not_installed_fails_its_level_and_not_the_next(levels: Lab) -> None:
    configure(levels, "ghost", "fence", ghost=("fence_that_is_nowhere", {}))
    began = time.time()
    failure, _ = fenced(levels, "fence")
    assert failure == ""
    assert levels.power(TARGET, "status") == "off"
    assert used_since(levels, began)[:1] == ["off"]


def test_both_devices_of_a_level_are_used_off_off_on_on(
    levels: Lab, eventually: Eventually
) -> None:
    """As with two power supplies: were one turned on between, the node would never be off."""
    configure(levels, "left,right", left=("fence_lab", {}), right=("fence_lab", {}))
    eventually(lambda: known(levels, "left") and known(levels, "right"), "both are registered")
    said = f"Operation '(off|on)' .* targeting {TARGET} using (left|right) returned 0"
    before = len(in_logs(levels, said))
    failure, _ = fenced(levels, "reboot")
    assert failure == ""
    eventually(lambda: len(in_logs(levels, said)) >= before + 4, "all four are done")
    done = [(line[1], line[2]) for line in in_logs(levels, said)[before:]]
    assert [action for action, _ in done] == ["off", "off", "on", "on"]
    assert {name for _, name in done[:2]} == {name for _, name in done[2:]} == {"left", "right"}


@pytest.mark.extended
def test_of_two_devices_in_a_level_one_that_lies_fails_it(
    levels: Lab, eventually: Eventually
) -> None:
    spread(levels, "fence_liar", LIAR)
    configure(levels, "liar,right", "fence", liar=("fence_liar", {}), right=("fence_lab", {}))
    eventually(lambda: known(levels, "liar") and known(levels, "right"), "both are registered")
    failure, _ = fenced(levels, "fence")
    assert failure == ""
    assert levels.power(TARGET, "status") == "off"


def test_a_device_is_asked_which_nodes_it_fences(levels: Lab) -> None:
    """No host list anywhere: Pacemaker asks the device (dynamic-list)."""
    said = levels.exec("node1", "stonith_admin", "--list-targets", "fence").stdout
    assert set(levels.nodes) <= set(said.split())
    began = time.time()
    stranger = levels.exec("node1", "stonith_admin", "--fence", "node9", "--timeout", "10")
    assert stranger.returncode != 0
    assert not [use for use in levels.history() if use["time"] > began and use["action"] == "off"]


@pytest.mark.extended
def test_a_device_that_hangs_fails_its_monitor_in_time_and_hands_over(
    levels: Lab, eventually: Eventually
) -> None:
    with mute_switch(levels):
        configure(levels, "mute", "fence", mute=("fence_lab", {"socket": MUTE}))
        eventually(lambda: known(levels, "mute"), "the device is registered")
        began = time.monotonic()
        asked = levels.exec("node1", "stonith_admin", "--query", "mute", "--timeout", "10")
        assert asked.returncode != 0
        assert time.monotonic() - began < 12
        failure, took = fenced(levels, "fence")
    assert failure == ""
    assert took < 20
    assert levels.power(TARGET, "status") == "off"


STAMP = len("Nov 21 05:47:01.888")  # of a line of the log
MUTE = "/lab/mute.sock"
# Accepts every connection, and says nothing.
LISTEN = (
    "import socket, time; s = socket.socket(socket.AF_UNIX); "
    f"s.bind({MUTE!r}); s.listen(50); time.sleep(120)"
)


@contextmanager
def mute_switch(lab: Lab) -> Iterator[None]:
    """A power switch that listens and never answers, for all nodes."""
    start = f'/usr/bin/python3 -c "{LISTEN}" >/dev/null 2>&1 & echo $!'
    pid = lab.exec("node1", "sh", "-c", start).stdout.strip()
    assert wait_until(lambda: lab.exec("node1", "test", "-S", MUTE).returncode == 0, 10)
    try:
        yield
    finally:
        lab.exec("node1", "kill", pid)
        lab.exec("node1", "rm", "-f", MUTE)


def in_logs(lab: Lab, pattern: str) -> list[re.Match[str]]:
    """What the fencers of the target's peers have done, in order of time."""
    found = []
    for node in ("node1", "node2"):
        log = lab.exec(node, "grep", "targeting", "/var/log/pacemaker/pacemaker.log").stdout
        for line in log.splitlines():
            match = re.search(pattern, line)
            if match and "pacemaker-fenced" in line:
                found.append((line[:STAMP], match))
    return [match for _, match in sorted(found, key=lambda pair: pair[0])]


def test_fence_check_asks_the_devices_of_a_real_cluster(fenced_lab: Lab, tmp_path: Path) -> None:
    lab = fenced_lab
    code, said = check(lab, tmp_path)
    assert code == 0
    assert said.endswith("fencing would work: 1 devices, asked from 3 nodes\n")
    assert [line for line in said.splitlines()[:-1] if not line.startswith("warning: drill")] == []
    lab.exec("node2", "mv", "/usr/sbin/fence_lab", "/usr/sbin/fence_lab.away")
    try:
        code, said = check(lab, tmp_path)
    finally:
        lab.exec("node2", "mv", "/usr/sbin/fence_lab.away", "/usr/sbin/fence_lab")
    assert code == 1
    assert "device fence (from node2): fence_lab cannot be run" in said


def check(lab: Lab, folder: Path) -> tuple[int, str]:
    path = folder / "cib.xml"
    path.write_text(lab.exec("node1", "cibadmin", "--query").stdout)
    hactl = Path(sys.executable).parent / "hactl"
    via = f"{shlex.quote(str(hactl))} lab exec --name {lab.name} {{node}} --"
    done = subprocess.run(
        [hactl, "fence", "check", "--cib", path, "--via", via],
        capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": "/root"},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr
