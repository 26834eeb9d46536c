"""fence_ceph_blocklist against a real Ceph: who is cut off writes nothing, not even when thawed."""

from __future__ import annotations

import json
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.fencing.calls import Answer, fence, instructions
from tests.support.ceph_cluster import CephCluster, ceph_cluster, lacking_ceph
from tests.support.private_node import private_node, wait_until

pytestmark = [
    pytest.mark.backend,
    pytest.mark.extended,
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking_ceph()),
]

FENCER, VICTIM, OTHER = "10.80.0.11", "10.80.0.12", "10.80.0.13"
NODES = f"node1={FENCER} node2={VICTIM},fd00:80::12 node3={OTHER}"
CAPS = 'allow r, allow command "osd blocklist"'

# Writes a counter as fast as it can, and says what became of the first write that failed.
WRITER = """
import os, rados, rbd, sys
print(os.getpid(), flush=True)
cluster = rados.Rados(conffile=sys.argv[1], name="client.admin")
cluster.connect()
pool = cluster.open_ioctx("rbd")
image = rbd.Image(pool, sys.argv[2])
image.lock_acquire(rbd.RBD_LOCK_MODE_EXCLUSIVE)
number = 0
while True:
    number += 1
    try:
        image.write(b"%016d" % number, 0)
        image.flush()
        pool.write_full("raw", b"%016d" % number)
    except Exception as exc:
        print(type(exc).__name__, exc.errno, flush=True)
        cached = lambda: (image.write(b"x", 0), image.flush())
        for attempt in (cached, lambda: pool.write_full("raw", b"x")):
            try:
                attempt()
                print("ACCEPTED", flush=True)
            except Exception as exc:
                print("refused", exc.errno, flush=True)
        sys.stdin.read()
    if number == 20:
        print("writes", flush=True)
"""

READER = """
import rados, rbd, sys
cluster = rados.Rados(conffile=sys.argv[1], name="client.admin")
cluster.connect()
pool = cluster.open_ioctx("rbd")
with rbd.Image(pool, sys.argv[2], read_only=True) as image:
    print(image.read(0, 16).decode(), pool.read("raw").decode())
"""


@pytest.fixture(scope="module")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CephCluster]:
    directory = tmp_path_factory.mktemp("node")
    with private_node(directory) as node, ceph_cluster(node, directory / "ceph") as cluster:
        cluster.user("fencing", mon=CAPS)
        cluster.user("powerless", mon="allow r")
        cluster.rbd("create", "--size", "16", "disk")
        yield cluster


@pytest.fixture(autouse=True)
def nobody_is_cut_off(ceph: CephCluster) -> Iterator[None]:
    yield
    ceph.ceph("osd", "blocklist", "clear")
    ceph.node.run("rm", "-rf", "/run/hactl")


def ask(
    ceph: CephCluster, action: str, plug: str = "node2", at: str = FENCER, **options: str
) -> Answer:
    """A call of the agent on the node with the address ``at``."""
    user = options.get("client", "fencing")
    given = {
        "addresses": NODES,
        "conf": str(ceph.conf),
        "keyring": str(ceph.dir / f"{user}.keyring"),
        "power_timeout": "40",
    } | options
    wrapper = ceph.client(at)
    return fence(ceph.node, "fence_ceph_blocklist", wrapper, action=action, plug=plug, **given)


class Writer:
    """A client that writes to the image, until it is killed."""

    def __init__(self, ceph: CephCluster, at: str) -> None:
        self.ceph = ceph
        words = ("/usr/bin/python3", "-c", WRITER, str(ceph.conf), "disk")
        self.process = ceph.popen(*ceph.client(at), *words)
        self.pid = int(self.line())
        assert self.line() == "writes"

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self, number: signal.Signals) -> None:
        self.ceph.node.sh(f"kill -{number.value} {self.pid}")

    def end(self) -> None:
        self.kill(signal.SIGKILL)
        self.process.send_signal(signal.SIGCONT)  # nsenter has stopped with its child
        self.process.communicate(timeout=10)


@contextmanager
def writer(ceph: CephCluster, at: str = VICTIM) -> Iterator[Writer]:
    made = Writer(ceph, at)
    try:
        yield made
    finally:
        made.end()


def content(ceph: CephCluster) -> str:
    """What the image and the object hold, read by a client that was never cut off."""
    python = ("/usr/bin/python3", "-c", READER, str(ceph.conf), "disk")
    return ceph.node.run(*ceph.client(OTHER), *python).stdout.strip()


def test_a_client_that_writes_is_refused_from_then_on(ceph: CephCluster) -> None:
    with writer(ceph) as victim:
        answer = ask(ceph, "off")
        assert answer.code == 0, answer.complaint
        assert victim.line().endswith(" 108")  # ESHUTDOWN: blocklisted
        before = content(ceph)
        assert [victim.line(), victim.line()] == ["refused 108", "refused 108"]
        assert content(ceph) == before
    assert "cut off since osdmap epoch" in answer.output
    assert ask(ceph, "status").code == 2


def test_a_client_that_was_frozen_writes_nothing_when_it_thaws(ceph: CephCluster) -> None:
    with writer(ceph) as victim:
        victim.kill(signal.SIGSTOP)
        assert ask(ceph, "off").code == 0
        victim.kill(signal.SIGCONT)  # at once: the monitors have only just agreed
        before = content(ceph)
        assert victim.line().endswith(" 108")
        assert [victim.line(), victim.line()] == ["refused 108", "refused 108"]
        assert content(ceph) == before


def test_a_client_that_was_not_cut_off_goes_on(ceph: CephCluster) -> None:
    """The detector: without the fence, the thawed client does write."""
    with writer(ceph) as victim:
        victim.kill(signal.SIGSTOP)
        before = content(ceph)
        victim.kill(signal.SIGCONT)
        wait_until(lambda: content(ceph) != before, "it does not write", 10)
        assert ask(ceph, "off", "node3").code == 0
        later = content_by_admin(ceph)
        wait_until(lambda: content_by_admin(ceph) != later, "node2 was hit, not node3", 10)


def content_by_admin(ceph: CephCluster) -> str:
    python = ("/usr/bin/python3", "-c", READER, str(ceph.conf), "disk")
    return ceph.node.run(*python).stdout.strip()


def test_a_node_is_let_in_once_its_old_clients_are_gone(ceph: CephCluster) -> None:
    with writer(ceph):
        assert ask(ceph, "off").code == 0
        refused = ask(ceph, "on", at=VICTIM)
        assert refused.code == 1
        assert "not let in" in refused.complaint
        assert "python3" in refused.complaint
        assert ask(ceph, "status").code == 2
    assert ask(ceph, "on", at=VICTIM).code == 0
    assert ask(ceph, "status").code == 0
    put = ("rados", "-c", str(ceph.conf), "-p", "rbd", "put", "anew", "/proc/version")
    ceph.node.run(*ceph.client(VICTIM), *put)


# Holds a connection, and writes nothing.
IDLE = """
import rados, sys
cluster = rados.Rados(conffile=sys.argv[1], name="client.admin")
cluster.connect()
print("there", flush=True)
sys.stdin.read()
"""


def test_a_frozen_node_is_fenced_thawed_and_let_in_only_by_its_next_boot(
    ceph: CephCluster,
) -> None:
    """The whole story, with what storage holds as the judge."""
    assert ask(ceph, "on", at=VICTIM).code == 0  # it joins, and this boot is noted
    with writer(ceph) as victim:
        victim.kill(signal.SIGSTOP)
        assert ask(ceph, "off").code == 0
        before = content(ceph)
        with another_boot(ceph, clock_only=True):
            assert ask(ceph, "on", at=VICTIM).code == 1, "a clock is not proof"
        victim.kill(signal.SIGCONT)
        assert [victim.line().split()[-1] for _ in range(3)] == ["108"] * 3
        assert ask(ceph, "on", at=VICTIM).code == 1
        assert (ask(ceph, "status").code, content(ceph)) == (2, before)
    with another_boot(ceph), client_that_waits(ceph):
        let_in = ask(ceph, "on", at=VICTIM)
        assert let_in.code == 0, let_in.complaint
    assert (ask(ceph, "status").code, content(ceph)) == (0, before)


@contextmanager
def another_boot(ceph: CephCluster, clock_only: bool = False) -> Iterator[None]:
    """What the kernel of a node tells that has booted an hour from now."""
    began = f"btime {int(time.time()) + 3600}"
    fakes = {"/proc/stat": began, "/proc/sys/kernel/random/boot_id": str(uuid.uuid4())}
    if clock_only:
        fakes.popitem()
    for number, (path, text) in enumerate(fakes.items()):
        fake = f"{ceph.dir}/boot-{number}"
        ceph.node.sh(f"echo '{text}' >{fake}; mount --bind {fake} {path}")
    try:
        yield
    finally:
        for path in fakes:
            ceph.node.sh(f"umount {path}")


@contextmanager
def client_that_waits(ceph: CephCluster) -> Iterator[None]:
    """A client of the new boot: there is nothing old about it."""
    words = ("/usr/bin/python3", "-c", IDLE, str(ceph.conf))
    process = ceph.popen(*ceph.client(OTHER), *words)
    assert process.stdout is not None
    assert process.stdout.readline() == "there\n"
    try:
        yield
    finally:
        process.communicate("", timeout=10)


def test_entries_of_single_clients_go_as_well(ceph: CephCluster) -> None:
    ceph.ceph("osd", "blocklist", "add", f"{VICTIM}:0/4711", "3600")
    ceph.ceph("osd", "blocklist", "add", f"{OTHER}:0/4711", "3600")
    assert ask(ceph, "off").code == 0
    assert ask(ceph, "on", at=VICTIM).code == 0
    left = ceph.json("osd", "dump")
    assert (list(left["blocklist"]), left["range_blocklist"]) == ([f"{OTHER}:0/4711"], {})


def test_a_node_is_not_let_in_from_elsewhere(ceph: CephCluster) -> None:
    assert ask(ceph, "off").code == 0
    assert ask(ceph, "on").code == 1
    assert ask(ceph, "status").code == 2


def test_a_short_entry_is_no_proof_and_is_prolonged(ceph: CephCluster) -> None:
    for address in (VICTIM, "fd00:80::12"):
        ceph.ceph("osd", "blocklist", "add", address, "3600")
    assert ask(ceph, "status").code == 1
    assert ask(ceph, "monitor").code == 1
    assert ask(ceph, "off").code == 0
    assert ask(ceph, "monitor").code == 0


def test_two_fencers_at_once_both_succeed(ceph: CephCluster) -> None:
    agent = ceph.node.dir / "usr/sbin/fence_ceph_blocklist"
    words = f"{agent} -o off -n node2 --addresses '{NODES}' --conf {ceph.conf} --client fencing"
    words += f" --keyring {ceph.dir}/fencing.keyring"
    one = f"nsenter --net=/run/netns/c11 {words}"
    ceph.client(FENCER)
    assert ceph.node.sh(f"{one} & first=$!; {one}; wait $first && echo both").endswith("both")


def test_a_node_does_not_cut_itself_or_ceph_off(ceph: CephCluster) -> None:
    answer = ask(ceph, "off", at=VICTIM)
    assert answer.code == 1
    assert "does not cut itself off" in answer.complaint
    answer = ask(ceph, "off", addresses=f"node1={FENCER} node2=10.80.0.1")
    assert answer.code == 1
    assert "would hurt Ceph itself" in answer.complaint
    assert ceph.json("osd", "dump")["range_blocklist"] == {}


@pytest.mark.parametrize("plug", ["", "node9", VICTIM])
def test_a_wrong_plug_changes_nothing(ceph: CephCluster, plug: str) -> None:
    assert ask(ceph, "off", plug).code == 1
    assert ceph.json("osd", "dump")["range_blocklist"] == {}


def test_a_user_without_the_right_caps_is_found_by_the_monitor(ceph: CephCluster) -> None:
    answer = ask(ceph, "monitor", client="powerless")
    assert answer.code == 1
    assert "client.powerless may not use 'osd blocklist'" in answer.complaint
    assert ask(ceph, "off", client="powerless").code == 1
    assert ask(ceph, "monitor").code == 0


def test_a_wrong_key_is_one_sentence(ceph: CephCluster) -> None:
    (ceph.dir / "wrong.keyring").write_text(
        "[client.fencing]\n\tkey = AQDbAZ9jAAAAABAAxPJTRMlwDbWrnWtXqT2xSw==\n"
    )
    answer = ask(ceph, "off", keyring=str(ceph.dir / "wrong.keyring"))
    assert answer.code == 1
    assert answer.complaint.count("\n") == 1


def test_monitors_that_cannot_be_reached_are_given_up_in_time(ceph: CephCluster) -> None:
    conf = ceph.dir / "nobody.conf"
    conf.write_text("[global]\nmon host = 10.80.0.1:1\n")
    answer = ask(ceph, "off", conf=str(conf), power_timeout="20")
    assert answer.code == 1
    assert answer.complaint.count("\n") == 1
    assert answer.seconds < 10  # connecting is tried for 5 s, once


def test_monitors_that_hang_are_given_up_in_time(ceph: CephCluster) -> None:
    ceph.node.sh(f"kill -STOP $(cat {ceph.run_dir}/mon.a.pid)")
    try:
        answer = ask(ceph, "off", power_timeout="20")
        assert answer.code == 1
        assert answer.complaint.count("\n") == 1
        assert answer.seconds < 10  # connecting is tried for 5 s, once
    finally:
        ceph.node.sh(f"kill -CONT $(cat {ceph.run_dir}/mon.a.pid)")
    wait_until(lambda: ask(ceph, "status").code == 0, "the monitors do not come back", 60)


def test_asking_is_cheap(ceph: CephCluster) -> None:
    metadata = instructions(ceph.node, "fence_ceph_blocklist", "-o", "metadata")
    print(f"metadata {metadata / 1e6:.1f} M instructions")
    assert metadata <= 25_000_000


def test_the_map_is_read_as_this_ceph_writes_it(ceph: CephCluster) -> None:
    assert ask(ceph, "off").code == 0
    found = ceph.json("osd", "dump")["range_blocklist"]
    assert set(found) == {f"cidr:{VICTIM}:0/32", "cidr:[fd00:80::12]:0/128"}, json.dumps(found)
