"""KvmGuest's live migration between two real libvirtd: it arrives, or it stays; never both."""

import itertools
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.libvirt_host import LibvirtHost, lacking_libvirt, two_libvirt_hosts
from tests.support.private_node import wait_until, why

pytestmark = [
    pytest.mark.backend,
    pytest.mark.xdist_group("kvm-migration"),
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking_libvirt()),
]
RUNNING, FAILED, STOPPED = 0, 1, 7
COUNTER = itertools.count(1)

XML = """\
<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>{memory}</memory>
  <os><type arch='x86_64'>hvm</type></os>
  <features><acpi/></features>
  <devices>{devices}</devices>
</domain>
"""

Hosts = tuple[LibvirtHost, LibvirtHost]


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    with two_libvirt_hosts(tmp_path_factory.mktemp("two")) as hosts:
        yield hosts


class Traveller:
    """A guest that starts on the first host; ``slow`` ones take half a minute to move."""

    def __init__(self, hosts: Hosts, memory: int = 64, **params: Any) -> None:
        self.here, self.there = hosts
        self.name = f"vm{next(COUNTER)}"
        self.file = self.here.dir.parent / f"{self.name}.xml"
        self.file.write_text(XML.format(name=self.name, memory=memory, devices=""))
        self.params: dict[str, Any] = {
            "definition": self.file,
            "migration_transport": "tcp",
            "stop_mode": "destroy",
        } | params

    def call(
        self, host: LibvirtHost, action: str, **more: Any
    ) -> "subprocess.CompletedProcess[str]":
        meta = {
            "migrate_to": {"migrate_target": "host2"},
            "migrate_from": {"migrate_source": "host1"},
        }
        given: dict[str, Any] = {"resource": self.name, "meta": meta.get(action)}
        return host.call("KvmGuest", action, **(given | self.params | more))

    def code(self, host: LibvirtHost, action: str, **more: Any) -> int:
        return self.call(host, action, **more).returncode

    def start(self) -> "Traveller":
        done = self.call(self.here, "start", timeout=60)
        assert done.returncode == 0, done.stderr
        return self

    # The target is always looked at first: a guest on its way is then never seen twice.

    def where(self) -> "tuple[str, str]":
        """The guest's state on both hosts, as libvirt says it."""
        there, here = (
            host.virsh("domstate", self.name, check=False) for host in (self.there, self.here)
        )
        return here, there

    def seen(self) -> "tuple[int, int]":
        """What the agent says on both hosts."""
        there, here = (self.code(host, "monitor") for host in (self.there, self.here))
        return here, there

    def on_its_way(self) -> bool:
        job = self.here.virsh("domjobinfo", self.name, check=False)
        return "Unbounded" in job or self.where()[1] == "paused"

    def pids(self) -> "tuple[int, int]":
        return self.here.guest_pid(self.name), self.there.guest_pid(self.name)


@pytest.fixture
def guest(hosts: Hosts) -> Iterator[Traveller]:
    guest = Traveller(hosts).start()
    yield guest
    clean_up(guest)


@pytest.fixture
def slow(hosts: Hosts) -> Iterator[Traveller]:
    guest = Traveller(hosts, memory=16384, migration_bandwidth=1).start()
    yield guest
    clean_up(guest)


def clean_up(guest: Traveller) -> None:
    for host in (guest.here, guest.there):
        host.virsh("destroy", guest.name, check=False)
        host.sh("rm -rf /run/hactl")


def test_a_guest_moves_and_stop_on_the_source_leaves_it_running(guest: Traveller) -> None:
    done = guest.call(guest.here, "migrate_to", timeout=60)
    assert done.returncode == 0, done.stderr
    assert guest.code(guest.there, "migrate_from") == 0
    assert guest.where() == ("", "running")
    assert guest.seen() == (STOPPED, RUNNING)
    assert guest.code(guest.here, "stop") == 0
    assert guest.where() == ("", "running")
    guest.file.unlink()
    assert guest.code(guest.there, "monitor") == RUNNING
    assert guest.code(guest.there, "stop") == 0
    assert guest.pids() == (0, 0)


def test_its_memory_takes_the_migration_network(guest: Traveller) -> None:
    done = guest.call(guest.here, "migrate_to", migration_network="-mig", timeout=60)
    assert done.returncode == 0, done.stderr
    wrong = Traveller((guest.here, guest.there)).start()
    lost = wrong.call(wrong.here, "migrate_to", migration_network="-nowhere", timeout=60)
    assert (lost.returncode, "stays here" in why(lost)) == (FAILED, True)
    assert wrong.seen() == (RUNNING, STOPPED)
    clean_up(wrong)


def test_a_guest_moves_through_sockets_in_a_shared_folder(guest: Traveller) -> None:
    socket = guest.file.parent / "%n/run/libvirt-sock"
    done = guest.call(
        guest.here, "migrate_to", timeout=60, migration_transport="unix", migration_socket=socket
    )
    assert done.returncode == 0, done.stderr
    assert guest.where() == ("", "running")


def test_its_memory_moves_inside_a_tunnel(guest: Traveller) -> None:
    done = guest.call(guest.here, "migrate_to", timeout=60, migration_tunnelled="true")
    assert done.returncode == 0, done.stderr
    assert guest.where() == ("", "running")


def test_several_connections_carry_its_memory(guest: Traveller) -> None:
    done = guest.call(guest.here, "migrate_to", timeout=60, migration_parallel=2)
    assert done.returncode == 0, done.stderr
    assert guest.where() == ("", "running")


def test_a_migration_that_cannot_end_in_time_is_aborted_and_the_guest_stays(
    slow: Traveller,
) -> None:
    started = time.monotonic()
    done = slow.call(slow.here, "migrate_to", timeout=9)
    assert time.monotonic() - started < 9
    assert done.returncode == FAILED
    assert "not done within" in why(done)
    assert "% of 16384 MiB" in why(done)
    assert why(done).endswith("stays here")
    assert slow.where() == ("running", "")
    assert slow.seen() == (RUNNING, STOPPED)


def test_post_copy_ends_what_would_not_end(hosts: Hosts) -> None:
    guest = Traveller(hosts, memory=6144, migration_bandwidth=1, post_copy="true").start()
    done = guest.call(guest.here, "migrate_to", timeout=9)
    assert done.returncode == 0, done.stderr
    assert f"{guest.name} runs on host2 now (post-copy)" in done.stderr
    assert guest.where() == ("", "running")
    clean_up(guest)


def test_a_migration_told_to_go_is_aborted(slow: Traveller) -> None:
    done = slow.call(slow.here, "migrate_to", timeout=60, wrapper=("timeout", "-s", "TERM", "2"))
    assert "told to stop waiting" in why(done)
    assert slow.where() == ("running", "")


@pytest.mark.parametrize("after", [0.1, 0.3, 1.5])
def test_a_migration_whose_agent_is_killed_leaves_one_active_guest(
    slow: Traveller, after: float
) -> None:
    kill = ("timeout", "-s", "KILL", str(after))
    slow.call(slow.here, "migrate_to", timeout=60, migration_bandwidth=40, wrapper=kill)
    one_active_until_it_is_over(slow)
    for host in (slow.there, slow.here):  # what Pacemaker does then
        assert slow.code(host, "stop") == 0
    assert slow.pids() == (0, 0)
    time.sleep(1)
    assert slow.pids() == (0, 0)


def one_active_until_it_is_over(guest: Traveller) -> None:
    until = time.monotonic() + 8
    while time.monotonic() < until and guest.on_its_way():
        before, seen, after = guest.where(), guest.seen(), guest.where()
        assert before != ("running", "running")
        assert seen != (RUNNING, RUNNING)
        if before == after:  # it did not move between one look and the other
            for state, code in zip(before, seen, strict=True):
                assert code == {"running": RUNNING, "": STOPPED}.get(state, FAILED)
    assert guest.where().count("running") == 1


def test_a_stop_in_the_middle_of_an_abandoned_migration_ends_it_everywhere(slow: Traveller) -> None:
    kill = ("timeout", "-s", "KILL", "1.5")
    slow.call(slow.here, "migrate_to", timeout=60, wrapper=kill)
    assert slow.where() == ("running", "paused")
    assert slow.code(slow.here, "stop") == 0
    wait_until(lambda: slow.pids() == (0, 0), "the guest is still somewhere", 10)


def test_a_guest_that_an_abandoned_migration_took_away_is_stopped_there(slow: Traveller) -> None:
    """The target was stopped before the guest came; nobody else would ever look there again."""
    kill = ("timeout", "-s", "KILL", "1")
    slow.call(slow.here, "migrate_to", timeout=60, migration_bandwidth=100, wrapper=kill)
    wait_until(lambda: slow.where() == ("", "running"), "it did not arrive", 15)
    assert slow.code(slow.here, "stop") == 0
    assert slow.pids() == (0, 0)


def test_a_target_that_hangs_is_found_out_before_anything_happens(guest: Traveller) -> None:
    guest.there.signal_libvirtd(signal.SIGSTOP)
    try:
        done = guest.call(guest.here, "migrate_to", timeout=12)
    finally:
        guest.there.signal_libvirtd(signal.SIGCONT)
    assert (done.returncode, "cannot be reached" in why(done)) == (FAILED, True)
    assert guest.seen() == (RUNNING, STOPPED)


def test_a_target_that_hangs_on_the_way_leaves_the_guest_here(slow: Traveller) -> None:
    timer = threading.Timer(2, slow.there.signal_libvirtd, (signal.SIGSTOP,))
    timer.start()
    try:
        done = slow.call(slow.here, "migrate_to", timeout=16)
        assert done.returncode == FAILED
        assert slow.code(slow.here, "monitor") == RUNNING
    finally:
        timer.join()
        slow.there.signal_libvirtd(signal.SIGCONT)
    wait_until(lambda: slow.where() == ("running", ""), "the target keeps its half", 15)


def test_a_cut_cable_leaves_the_guest_here(slow: Traveller) -> None:
    timer = threading.Timer(2, slow.there.sh, ("ip link set eth0 down",))
    timer.start()
    try:
        done = slow.call(slow.here, "migrate_to", timeout=20)
        assert done.returncode == FAILED
        assert slow.code(slow.here, "monitor") == RUNNING
    finally:
        timer.join()
        slow.there.sh("ip link set eth0 up")
    wait_until(lambda: slow.where() == ("running", ""), "the target keeps its half", 15)


def test_another_guest_of_that_name_on_the_target_stops_the_migration(guest: Traveller) -> None:
    other = guest.file.with_suffix(".other")
    other.write_text(XML.format(name=guest.name, memory=32, devices=""))
    guest.there.virsh("create", str(other))
    done = guest.call(guest.here, "migrate_to")
    assert why(done) == f"host2 has another guest named {guest.name}"
    assert guest.code(guest.here, "monitor") == RUNNING


def test_a_disk_on_one_node_only_stops_the_migration(hosts: Hosts) -> None:
    guest = Traveller(hosts)
    disk = guest.file.with_suffix(".img")
    disk.write_bytes(bytes(1 << 20))
    source = f"<disk type='file'><source file='{disk}'/><target dev='vda' bus='virtio'/></disk>"
    guest.file.write_text(XML.format(name=guest.name, memory=64, devices=source))
    guest.start()
    done = guest.call(guest.here, "migrate_to", timeout=30)
    assert (done.returncode, "unsafe" in why(done).lower()) == (FAILED, True)
    assert guest.seen() == (RUNNING, STOPPED)
    # the operator knows better: this folder is the same on both
    assert guest.code(guest.here, "migrate_to", timeout=30, migration_unsafe="true") == 0
    assert guest.where() == ("", "running")
    clean_up(guest)


def test_nothing_is_migrated_that_does_not_run(hosts: Hosts) -> None:
    guest = Traveller(hosts)
    done = guest.call(guest.here, "migrate_to")
    assert (done.returncode, why(done)) == (FAILED, "the guest does not run here")


def test_migrate_from_without_a_guest_gives_up(hosts: Hosts) -> None:
    guest = Traveller(hosts)
    done = guest.call(guest.there, "migrate_from", timeout=4)
    assert (done.returncode, why(done)) == (FAILED, "the guest did not arrive from host1")
