"""fence_libvirt against real libvirtd with real QEMUs, in private nodes."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.fencing.calls import Answer, fence, instructions
from tests.fencing.libvirt_guests import SixToo, boot
from tests.support.libvirt_host import LibvirtHost, lacking_libvirt, two_libvirt_hosts
from tests.support.private_node import wait_until

pytestmark = [
    pytest.mark.backend,
    pytest.mark.extended,
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking_libvirt()),
]

URI = "qemu:///system"
BOTH = "qemu+tcp://10.9.8.1/system qemu+tcp://10.9.8.2/system"
BUDGET = 75_000_000  # instructions


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LibvirtHost]:
    host = SixToo(tmp_path_factory.mktemp("host"), "host1")
    try:
        host.up()
        yield host
    finally:
        host.down()


@pytest.fixture
def host(running: LibvirtHost) -> Iterator[LibvirtHost]:
    """A host with one guest, vm1, that runs."""
    boot(running, "vm1")
    yield running
    for name in running.virsh("list", "--all", "--name").split():
        running.virsh("destroy", name, check=False)
        running.virsh("undefine", name, check=False)


def ask(host: LibvirtHost, action: str, plug: str = "vm1", **options: str) -> Answer:
    given = {"uri": URI, "power_timeout": "40"} | options
    return fence(host, "fence_libvirt", action=action, plug=plug, **given)


def test_off_kills_the_qemu_and_on_boots_another(host: LibvirtHost) -> None:
    pid = host.guest_pid("vm1")
    assert ask(host, "status").code == 0
    assert ask(host, "off").code == 0
    assert not host.alive(pid)
    assert ask(host, "status").code == 2
    assert ask(host, "off").code == 0
    assert ask(host, "on").code == 0
    assert host.guest_pid("vm1") not in (0, pid)


def test_reboot_is_another_qemu(host: LibvirtHost) -> None:
    pid = host.guest_pid("vm1")
    assert ask(host, "reboot").code == 0
    assert not host.alive(pid)
    assert host.guest_pid("vm1")


def test_others_are_left_alone(host: LibvirtHost) -> None:
    boot(host, "vm2")
    other = host.guest_pid("vm2")
    assert ask(host, "off").code == 0
    assert host.alive(other)
    assert sorted(line.split(",")[0] for line in ask(host, "list").output.split()) == ["vm1", "vm2"]


@pytest.mark.parametrize("plug", ["vm", "vm2", "VM1", "", "1", "vm1 vm2"])
def test_a_wrong_plug_touches_nobody(host: LibvirtHost, plug: str) -> None:
    for action in ("off", "reboot", "status"):
        answer = ask(host, action, plug)
        assert answer.code == 1
        assert answer.complaint.count("\n") == 1
    assert host.guest_pid("vm1")


def test_a_paused_guest_is_not_off(host: LibvirtHost) -> None:
    host.virsh("suspend", "vm1")
    assert ask(host, "status").code == 0
    assert ask(host, "off").code == 0
    assert not host.guest_pid("vm1")


def test_a_guest_with_a_saved_memory_boots_afresh(host: LibvirtHost) -> None:
    """The old node must not wake up in the middle of what it did."""
    host.virsh("managedsave", "vm1")
    assert ask(host, "status").code == 2
    assert ask(host, "reboot").code == 0
    assert "Managed save:   no" in host.virsh("dominfo", "vm1")


def test_a_frozen_qemu_is_killed(host: LibvirtHost) -> None:
    pid = host.guest_pid("vm1")
    host.sh(f"kill -STOP {pid}")
    answer = ask(host, "off")
    assert answer.code == 0
    assert not host.alive(pid)


def test_a_transient_guest_is_off_once_we_have_destroyed_it(host: LibvirtHost) -> None:
    boot(host, "brief", transient=True)
    pid = host.guest_pid("brief")
    assert ask(host, "off", "brief").code == 0
    assert not host.alive(pid)
    assert ask(host, "off", "brief").code == 1  # nobody knows it any more


def test_a_uuid_names_the_guest_too(host: LibvirtHost) -> None:
    assert ask(host, "off", host.virsh("domuuid", "vm1")).code == 0
    assert not host.guest_pid("vm1")


def test_ipv6_is_as_good_as_ipv4(host: LibvirtHost) -> None:
    assert ask(host, "off", uri="qemu+tcp://[::1]/system").code == 0
    assert not host.guest_pid("vm1")


def test_two_fencers_at_once_both_succeed(host: LibvirtHost) -> None:
    program = str(host.dir / "usr/sbin/fence_libvirt")
    words = f"{program} -o off -n vm1 --uri {URI}"
    assert host.sh(f"{words} & first=$!; {words}; wait $first && echo both").endswith("both")
    assert not host.guest_pid("vm1")


def test_a_libvirtd_that_is_dead_is_not_off(host: LibvirtHost) -> None:
    host.signal_libvirtd(signal.SIGKILL)
    try:
        for action in ("status", "off", "reboot", "monitor", "list"):
            answer = ask(host, action)
            assert answer.code == 1
            assert answer.complaint.count("\n") == 1
            assert answer.seconds < 5
        assert host.guest_pid("vm1")
    finally:
        host.start_libvirtd()
    assert ask(host, "off").code == 0


def test_a_libvirtd_that_hangs_is_given_up_within_70_percent(host: LibvirtHost) -> None:
    host.signal_libvirtd(signal.SIGSTOP)
    try:
        answer = ask(host, "off", power_timeout="10")
        assert answer.code == 1
        assert "no answer within" in answer.complaint
        assert answer.seconds < 7.5
        assert host.guest_pid("vm1")
    finally:
        host.signal_libvirtd(signal.SIGCONT)


def test_monitor_wants_the_plug_to_be_there(host: LibvirtHost) -> None:
    assert ask(host, "monitor").code == 0
    assert ask(host, "monitor", "vm9").code == 1


def test_asking_is_cheap(host: LibvirtHost) -> None:
    metadata = instructions(host, "fence_libvirt", "-o", "metadata")
    status = instructions(host, "fence_libvirt", "-o", "status", "-n", "vm1", "--uri", URI)
    print(f"metadata {metadata / 1e6:.1f} M, status {status / 1e6:.1f} M instructions")
    assert metadata <= 25_000_000
    assert status <= BUDGET


# two hosts


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LibvirtHost, LibvirtHost]]:
    with two_libvirt_hosts(tmp_path_factory.mktemp("pair")) as hosts:
        yield hosts


def test_a_guest_that_has_migrated_is_off_only_where_it_runs(
    pair: tuple[LibvirtHost, LibvirtHost],
) -> None:
    first, second = pair
    boot(first, "vm1")
    first.virsh("migrate", "--live", "--p2p", "--unsafe", "vm1", "qemu+tcp://10.9.8.2/system")
    wait_until(lambda: second.guest_pid("vm1") and not first.guest_pid("vm1"), "no migration", 20)

    alone = ask(first, "off", uri="qemu+tcp://10.9.8.1/system", power_timeout="5")
    assert alone.code == 1  # it is shut off there; but that is not to say that it is off
    assert second.guest_pid("vm1")

    assert ask(first, "status", uri=BOTH).code == 0
    assert ask(first, "off", uri=BOTH).code == 0
    assert not second.guest_pid("vm1")
    assert ask(second, "status", uri=BOTH).code == 2
