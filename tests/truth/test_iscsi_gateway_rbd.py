"""IscsiGateway on images that tgtd opens itself, from a real Ceph that hangs, and moves between
two nodes.
"""

import json
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.ceph_cluster import ADDRESS, CephCluster
from tests.support.iscsi.pair import INITIATOR, IPADDR2, TARGET, Pair, Side, lacking, lan, plug_in
from tests.support.iscsi.writer import PLACES
from tests.support.private_node import PrivateNode, wait_until, why
from tests.truth.worlds.rbd_image import lacking as ceph_lacks
from tests.truth.worlds.rbd_image import small_ceph

BS_RBD = Path("/usr/lib/tgt/backing-store/bs_rbd.so")
LACKS = [*lacking("tgtd", "tgtadm", "nft", "pgrep", "iscsi-inq", "iscsi-test-cu"), *ceph_lacks()]
LACKS += [] if BS_RBD.exists() else ["tgt-rbd is not installed"]
LACKS += [] if shutil.which(IPADDR2) else ["resource-agents is not installed"]
pytestmark = [
    pytest.mark.backend,
    pytest.mark.extended,
    pytest.mark.xdist_group("iscsi-gateway-rbd"),
    pytest.mark.timeout(600),
    *(pytest.mark.skipif(True, reason=reason) for reason in LACKS),
]
RUNNING, FAILED, WRONG_HERE, STOPPED = 0, 1, 2, 7
SERVER = 200  # of Ceph, on the LAN
CLIENT = """\
[global]
fsid = {fsid}
mon host = [v2:{address}:3300,v1:{address}:6789]
ms bind ipv6 = false
keyring = {keyring}
[client]
log file = /dev/null
"""


class Images:
    """A Ceph, two nodes that can reach it, and what a resource on one of them is given."""

    def __init__(self, ceph: CephCluster, both: Pair, conf: Path) -> None:
        self.ceph, self.both, self.conf = ceph, both, conf

    @property
    def node(self) -> PrivateNode:
        return self.both.serving.node

    def lun(self, image: str, number: int = 1) -> str:
        return f"{number}=rbd:rbd/{image},conf={self.conf},client=vm"

    def params(self, number: int, **more: Any) -> dict[str, Any]:
        """A target of its own, on 127.0.0.1."""
        return {
            "resource": f"images{number}", "iqn": f"{TARGET}{number}", "backend": "tgt",
            "portals": f"127.0.0.1:{3260 + number}", "initiators": f"{INITIATOR} {INITIATOR}-2",
            "luns": self.lun(f"disk{number}"), "timeout": 30,
        } | more  # fmt: skip

    def call(self, action: str, number: int, **more: Any) -> "subprocess.CompletedProcess[str]":
        return self.node.call("IscsiGateway", action, **self.params(number, **more))

    def code(self, action: str, number: int, **more: Any) -> int:
        return self.call(action, number, **more).returncode

    def answers(self, number: int, tool: str = "iscsi-readcapacity16") -> bool:
        url = f"iscsi://127.0.0.1:{3260 + number}/{TARGET}{number}/1"
        done = self.node.run("timeout", "10", tool, "-i", INITIATOR, url, check=False)
        return done.returncode == 0

    def locks(self, image: str) -> list[Any]:
        found: list[Any] = json.loads(self.ceph.rbd("lock", "list", image, "--format", "json"))
        return found

    def signal(self, name: str) -> None:
        """Freeze or thaw Ceph."""
        for daemon in ("mon.a", "osd.0"):
            self.ceph.node.sh(f"kill -{name} $(cat {self.ceph.run_dir}/{daemon}.pid)")

    def tgtds(self) -> list[str]:
        return self.node.sh("pgrep -x tgtd || :").split()


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    with small_ceph(tmp_path_factory.mktemp("ceph")) as ceph, lan() as (left, right, client):
        plug_in(ceph.node, client, SERVER)
        for node in (left, right):
            node.sh(f"echo route add {ADDRESS} via 192.0.2.{SERVER} >/run/routes")
            node.sh("ip -batch /run/routes")
        for name in ("disk", "disk1", "disk2"):
            ceph.rbd("create", name, "--size", "16", "--image-feature", "layering,exclusive-lock")
        keyring = ceph.dir / "vm.keyring"
        fsid = ceph.ceph("fsid")
        conf = ceph.dir / "client.conf"
        conf.write_text(CLIENT.format(fsid=fsid, address=ADDRESS, keyring=keyring))
        found = Images(ceph, Pair(Side(left, ""), Side(right, ""), client), conf)
        for side in (found.both.serving, found.both.other):
            side.target["luns"] = found.lun("disk")
        yield found


@pytest.fixture(autouse=True)
def nothing_left(images: Images) -> Iterator[None]:
    yield
    images.signal("CONT")
    for side in (images.both.serving, images.both.other):
        side.node.sh("kill -9 $(pgrep -x tgtd) 2>/dev/null || :; rm -rf /run/hactl")


def test_an_image_is_served_and_let_go_of(images: Images) -> None:
    assert images.code("monitor", 1) == STOPPED
    done = images.call("start", 1)
    assert done.returncode == 0, done.stderr
    assert (images.code("start", 1), images.answers(1)) == (0, True)
    assert (images.code("monitor", 1), images.code("monitor", 1, level=10)) == (RUNNING, RUNNING)
    assert images.code("stop", 1) == 0
    assert (images.code("monitor", 1), images.tgtds(), images.locks("disk1")) == (STOPPED, [], [])
    assert images.ceph.json("osd", "dump")["blocklist"] == {}, "it let go of the image by itself"


@pytest.mark.parametrize(
    ("lun", "text"),
    [
        ("1=rbd:rbd/nosuch,conf={conf},client=vm", "adding LUN 1"),
        ("1=rbd:nosuch/disk1,conf={conf},client=vm", "adding LUN 1"),
        ("1=rbd:rbd/disk1,conf={conf},client=nobody", "adding LUN 1"),
        ("1=rbd:rbd/disk1,conf=/nowhere,client=vm", "/nowhere"),
    ],
)
def test_what_ceph_does_not_have_is_refused(images: Images, lun: str, text: str) -> None:
    done = images.call("start", 1, luns=lun.format(conf=images.conf))
    assert (done.returncode in (FAILED, WRONG_HERE), text in why(done)) == (True, True), done.stderr
    assert (images.tgtds(), images.code("monitor", 1)) == ([], STOPPED)
    assert images.code("stop", 1) == 0


def test_one_image_is_not_served_twice_on_a_node(images: Images) -> None:
    assert images.code("start", 1) == 0
    done = images.call("start", 2, luns=images.lun("disk1"))
    assert (done.returncode, "is served by LUN 1 of" in why(done)) == (WRONG_HERE, True)
    assert images.answers(1)


def test_a_crash_by_one_initiator_takes_no_other_target_with_it(images: Images) -> None:
    """A READ of no block is more than bs_rbd bears."""
    assert (images.code("start", 1), images.code("start", 2)) == (0, 0)
    assert len(images.tgtds()) == 2
    url = f"iscsi://127.0.0.1:3261/{TARGET}1/1"
    crash = ("iscsi-test-cu", "-i", INITIATOR, "-n", "-t", "SCSI.Read10.ZeroBlocks", url)
    images.node.run("timeout", "10", *crash, check=False)
    if len(images.tgtds()) == 2:
        pytest.skip("this tgt bears a READ of no block")
    assert (images.code("monitor", 1), images.code("monitor", 2)) == (STOPPED, RUNNING)
    assert images.answers(2)
    assert (images.code("stop", 1), images.code("start", 1)) == (0, 0)
    assert (images.answers(1), images.answers(2)) == (True, True)
    assert (images.code("stop", 1), images.code("stop", 2)) == (0, 0)


def test_a_hanging_ceph_hangs_no_action(images: Images) -> None:
    assert images.code("start", 1) == 0
    assert images.answers(1)
    images.signal("STOP")
    began = time.monotonic()
    assert images.code("monitor", 1, timeout=10) == RUNNING
    done = images.call("start", 2, timeout=10)
    assert (done.returncode, "LUN 1" in why(done)) == (FAILED, True), done.stderr
    assert (len(images.tgtds()), images.code("monitor", 2)) == (1, STOPPED)
    done = images.call("stop", 1, timeout=20)
    assert (done.returncode, images.tgtds()) == (0, []), done.stderr
    assert time.monotonic() - began < 40
    images.signal("CONT")
    wait_until(lambda: images.code("start", 1) == 0, "it does not start again", 60)
    assert images.answers(1)
    assert images.code("stop", 1) == 0


def test_no_write_is_lost_and_no_io_fails_while_it_moves(images: Images) -> None:
    failovers = [Pair.move] * 3 + [Pair.lose_power, Pair.isolate, Pair.crash]
    random.Random(7).shuffle(failovers)
    both = images.both
    both.serving.start()
    try:
        with both.writing() as writing:
            for fail_over in failovers:
                fail_over(both)
                writing.goes_on(within=90)
            report = writing.report()
        print(report)
        assert report.is_clean, report
        assert report.verified == PLACES
    finally:
        both.serving.stop()
