"""Which nodes a device fences, by its host map and list: we read it as a real pacemaker-fenced."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from hactl.fencing.configuration import Device

FENCER = "/usr/lib/pacemaker/pacemaker-fenced"
pytestmark = [
    pytest.mark.backend,
    pytest.mark.skipif(os.getuid() != 0, reason="pacemaker-fenced needs root"),
    pytest.mark.skipif(not Path(FENCER).exists(), reason=f"{FENCER} is not installed"),
    pytest.mark.skipif(shutil.which("fence_dummy") is None, reason="fence_dummy is not installed"),
]

NODES = tuple(f"node{n}" for n in range(1, 7))
# A fencer of its own, which belongs to no cluster, registers the devices and is asked.
SCRIPT = f"""\
for folder in /run /dev/shm /var/log/pacemaker; do mount -t tmpfs none $folder; done
mkdir -p /run/crm && chown hacluster:haclient /run/crm
ip link set lo up
{FENCER} -s >/run/log 2>&1 &
for try in $(seq 100); do stonith_admin -L >/dev/null 2>&1 && break; sleep 0.1; done
"""

DEVICES = {
    "colons": {"pcmk_host_map": "node1:1;node2:2"},
    "equals": {"pcmk_host_map": "node1=1 node2=2"},
    "two-plugs": {"pcmk_host_map": "node1:1,2;node2:3"},
    "commas": {"pcmk_host_map": "node1:1,node2:2"},
    "two-colons": {"pcmk_host_map": "node1:a:b;node2:c"},
    "escaped": {"pcmk_host_map": r"node1:a\:b;node2:c"},
    "list": {"pcmk_host_list": "node1,node2;node3 node4"},
    "both": {"pcmk_host_list": "node1", "pcmk_host_map": "node2:2"},
    "other-case": {"pcmk_host_list": "NODE1"},
    "nobody": {"pcmk_host_check": "static-list"},
    "whatever-is-listed": {"pcmk_host_list": "node1", "pcmk_host_check": "none"},
}


@pytest.fixture(scope="module")
def fenced() -> dict[str, set[str]]:
    """Device -> the nodes that the fencer says it can fence."""
    lines = [SCRIPT]
    for name, params in DEVICES.items():
        words = ["stonith_admin", "-R", name, "-a", "fence_dummy"]
        for pair in params.items():
            words += ["-o", "=".join(pair)]
        lines.append(shlex.join(words))
    lines += [f"echo {node} $(stonith_admin -l {node} 2>/dev/null)" for node in NODES]
    lines += ["kill %1"]
    done = subprocess.run(
        ["unshare", "-m", "-n", "-i", "-p", "--fork", "--kill-child", "--mount-proc", "bash"],
        input="\n".join(lines), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    answers = {words[0]: words[1:] for line in done.stdout.splitlines() if (words := line.split())}
    assert set(answers) >= set(NODES), done.stderr
    return {name: {node for node in NODES if name in answers[node]} for name in DEVICES}


@pytest.mark.parametrize("name", DEVICES)
def test_we_read_a_device_as_pacemaker_does(fenced: dict[str, set[str]], name: str) -> None:
    device = Device(name, "fence_dummy", DEVICES[name], frozenset(), enabled=True)
    assert {node for node in NODES if device.fences(node)} == fenced[name]


def test_the_fencer_tells_them_apart(fenced: dict[str, set[str]]) -> None:
    assert fenced["colons"] == {"node1", "node2"}
    assert fenced["commas"] == set()
    assert fenced["whatever-is-listed"] == set(NODES)
