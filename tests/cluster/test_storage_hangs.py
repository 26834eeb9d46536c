"""Storage that stops answering on every node while a resource starts: nobody is fenced for that.

Nothing runs yet, so a start that fails is no reason to fence; nor is one that an operator disables
or bans while it hangs. When the storage answers again, each resource runs once.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hactl.lab.lab import Lab
from tests.cluster.labs import Eventually
from tests.support import stalling_fs

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.extended,
    pytest.mark.timeout(600),
    *(
        pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed")
        for tool in ("tgtd", "lxc-start", "busybox")
    ),
]
FOLDER = "/run/storage"
PROGRAM = "/run/stalling_fs.py"
PROCESSES = {"disks": "^(/usr/sbin/)?tgtd ", "box": r"lxc.*monitor.* box"}
TIMEOUT = 8  # seconds of each operation
RESOURCES = f"""\
<resources>
  <primitive id="disks" class="ocf" provider="hactl" type="IscsiGateway">
    <instance_attributes id="disks-p">
      <nvpair id="disks-iqn" name="iqn" value="iqn.2026-11.test:hangs"/>
      <nvpair id="disks-portals" name="portals" value="127.0.0.1:3260"/>
      <nvpair id="disks-backend" name="backend" value="tgt"/>
      <nvpair id="disks-initiators" name="initiators" value="iqn.2026-11.test:host"/>
      <nvpair id="disks-luns" name="luns" value="1={FOLDER}/mount/disk"/>
    </instance_attributes>
    {{operations[disks]}}
  </primitive>
  <primitive id="box" class="ocf" provider="hactl" type="LxcContainer">
    <instance_attributes id="box-p">
      <nvpair id="box-container" name="container" value="box"/>
      <nvpair id="box-config" name="config" value="{FOLDER}/mount/config"/>
    </instance_attributes>
    {{operations[box]}}
  </primitive>
</resources>"""


def operations(name: str) -> str:
    lines = "".join(
        f'<op id="{name}-{action}" name="{action}" interval="{interval}" timeout="{TIMEOUT}s"/>'
        for action, interval in (("start", "0s"), ("stop", "0s"), ("monitor", "10s"))
    )
    return f"<operations>{lines}</operations>"


@dataclass(frozen=True)
class Storage:
    """The same file system on every node, each with a daemon of its own that can stop answering."""

    lab: Lab

    def up(self) -> None:
        for node in self.lab.nodes:
            self.lab.write(node, PROGRAM, Path(stalling_fs.__file__).read_bytes())
            self.sh(node, f"mkdir -p {FOLDER}/mount {FOLDER}/behind {FOLDER}/control")
            self.sh(node, f"truncate -s 16M {FOLDER}/behind/disk")
            self.sh(node, "lxc-create -n box -t busybox")
            self.sh(node, f"cp /var/lib/lxc/box/config {FOLDER}/behind/config")
            parts = " ".join(f"{FOLDER}/{name}" for name in ("mount", "behind", "control"))
            self.sh(node, f"setsid /usr/bin/python3 {PROGRAM} {parts} >/dev/null 2>&1 &")

    def stall(self) -> None:
        for node in self.lab.nodes:
            self.sh(node, f"echo 0 >{FOLDER}/control/after")

    def answer(self) -> None:
        for node in self.lab.nodes:
            self.sh(node, f"rm -f {FOLDER}/control/after")

    def asked(self, name: str) -> list[str]:
        """The nodes on which somebody asks for a file and waits."""
        look = f"grep -q {name} {FOLDER}/control/asked"
        return [
            node for node in self.lab.nodes if self.lab.exec(node, "sh", "-c", look).returncode == 0
        ]

    def down(self) -> None:
        self.answer()
        for node in self.lab.nodes:
            self.lab.exec(node, "sh", "-c", f"umount -l {FOLDER}/mount; lxc-destroy -f -n box")

    def sh(self, node: str, script: str) -> None:
        done = self.lab.exec(node, "sh", "-ec", script)
        assert done.returncode == 0, f"{node}: {script}: {done.stdout}{done.stderr}"


@pytest.fixture
def storage(fenced_lab: Lab, eventually: Eventually) -> Iterator[Storage]:
    storage = Storage(fenced_lab)
    storage.up()
    mounted = f"grep -q '{FOLDER}/mount fuse' /proc/self/mounts"
    for node in fenced_lab.nodes:
        eventually(
            lambda node=node: fenced_lab.exec(node, "sh", "-c", mounted).returncode == 0,
            f"{node} has the storage",
        )
    yield storage
    storage.down()


class Cluster:
    """What an operator does and sees."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def configure(self) -> None:
        xml = RESOURCES.format(operations={name: operations(name) for name in ("disks", "box")})
        done = self.lab.exec("node1", "cibadmin", "--modify", "--allow-create", "-p", stdin=xml)
        assert done.returncode == 0, done.stderr

    def do(self, *words: str) -> str:
        done = self.lab.exec("node1", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def role(self, name: str, value: str) -> None:
        self.do("crm_resource", "-r", name, "--meta", "-p", "target-role", "-v", value)

    def is_idle(self) -> bool:
        return "S_IDLE" in self.lab.exec("node1", "crmadmin", "-S", self.dc()).stdout

    def dc(self) -> str:
        return self.lab.exec("node1", "crmadmin", "-D", "-q").stdout.split()[-1]

    def failures(self, name: str) -> int:
        said = self.lab.exec("node1", "crm_mon", "-1").stdout.partition("Failed Resource")[2]
        return said.count(f"{name} start on")

    def copies(self) -> dict[str, list[str]]:
        """Where what the resources stand for runs, by its processes."""
        found: dict[str, list[str]] = {"disks": [], "box": []}
        for node in self.lab.nodes:
            for name, pattern in (
                ("disks", "^/usr/sbin/tgtd|^tgtd"),
                ("box", "lxc.*monitor.* box"),
            ):
                if self.lab.exec(node, "pgrep", "-f", pattern).stdout.strip():
                    found[name].append(node)
        return found


def test_a_start_that_hangs_fences_nobody_and_runs_once_the_storage_answers(
    fenced_lab: Lab, storage: Storage, eventually: Eventually
) -> None:
    cluster = Cluster(fenced_lab)
    used = fenced_lab.history()
    storage.stall()
    cluster.configure()
    eventually(lambda: storage.asked("disk"), "the target's start hangs", 40)
    eventually(lambda: storage.asked("config"), "the container's start hangs", 40)
    cluster.role("disks", "Stopped")  # the operator disables the one
    hanging = storage.asked("config")[0]
    cluster.do("crm_resource", "--ban", "-r", "box", "-N", hanging)  # and moves the other
    eventually(lambda: cluster.failures("box") >= 2, "two other nodes have tried it", 90)
    eventually(cluster.is_idle, "the cluster has come to rest", 60)
    assert cluster.copies() == {"disks": [], "box": []}
    assert fenced_lab.history() == used, "somebody was fenced, and nothing ran"
    storage.answer()
    cluster.do("crm_resource", "--clear", "-r", "box")
    cluster.do("crm_resource", "--cleanup")
    cluster.role("disks", "Started")
    eventually(lambda: all(len(each) == 1 for each in cluster.copies().values()), "both run", 60)
    eventually(cluster.is_idle, "the cluster has come to rest", 60)
    assert [len(each) for each in cluster.copies().values()] == [1, 1]
    assert cluster.failures("disks") + cluster.failures("box") == 0
    assert fenced_lab.history() == used
