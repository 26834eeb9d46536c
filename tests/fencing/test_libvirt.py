"""fence_libvirt: off is a guest that no host runs, and nothing else."""

from __future__ import annotations

import pytest

from hactl_fencing.libvirt import LibvirtGuest, speechless
from tests.fencing.hypervisors import (
    BLOCKED,
    CRASHED,
    DESTROYED,
    MIGRATED,
    NOSTATE,
    PAUSED,
    PMSUSPENDED,
    RUNNING,
    SHUTDOWN,
    SHUTOFF,
    World,
)


@pytest.fixture
def world() -> World:
    made = World("a", agent=LibvirtGuest)
    made["a"].add("vm1")
    return made


@pytest.fixture
def two() -> World:
    """A guest that may run on either of two hosts."""
    return World("a", "b", agent=LibvirtGuest)


@pytest.mark.parametrize("state", [RUNNING, BLOCKED, PAUSED, SHUTDOWN, CRASHED, PMSUSPENDED])
def test_a_guest_that_has_a_qemu_is_not_off(world: World, state: int) -> None:
    world["a"].add("vm1", state)
    assert world.call("status") == 0
    assert world.call("off") == 0
    assert not world.runs("vm1")
    assert world.libvirt.changes == ["destroy vm1"]


@pytest.mark.parametrize(("state", "reason"), [(NOSTATE, 0), (SHUTOFF, MIGRATED), (8, 0)])
def test_doubt_is_not_off(world: World, state: int, reason: int) -> None:
    world["a"].add("vm1", state, reason=reason)
    assert world.call("status") == 1
    assert world.call("off") == 1
    assert world.used() < 1


def test_a_guest_that_is_shut_off_is_off(world: World) -> None:
    world["a"].add("vm1", SHUTOFF, reason=DESTROYED)
    assert world.call("status") == 2
    assert world.call("off") == 0
    assert world.libvirt.changes == []


@pytest.mark.parametrize("mood", ["gone", "deaf", "broken", "stubborn", "liar"])
def test_a_host_that_fails_is_never_off(
    world: World, mood: str, capfd: pytest.CaptureFixture[str]
) -> None:
    world["a"].mood = mood
    assert world.call("off", power_timeout="30") == 1
    assert world.runs("vm1")
    assert world.used() < 21.5
    assert capfd.readouterr().err.count("\n") == 1


def test_a_host_that_hangs_is_asked_once(world: World) -> None:
    world["a"].mood = "deaf"
    assert world.call("off") == 1
    assert world.libvirt.uris == []  # the only attempt never came back
    assert world.used() == pytest.approx(14)  # of 20: the rest is kept for a last look


@pytest.mark.parametrize("plug", ["vm2", "", "VM1", "*", "vm1,vm2", "vm1 vm3"])
def test_a_wrong_plug_touches_nobody(world: World, plug: str) -> None:
    world["a"].add("vm3")
    assert world.call("off", plug=plug, nodename="vm1") == 1
    assert world.used() < 1
    assert world.call("status", plug=plug) == 1
    assert world.libvirt.changes == []


def test_a_uuid_is_as_good_as_a_name(world: World) -> None:
    assert world.call("off", plug=world["a"].guests["vm1"].uuid) == 0
    assert not world.runs("vm1")


def test_a_transient_guest_that_we_destroyed_is_off(world: World) -> None:
    world["a"].add("vm1", persistent=False)
    assert world.call("off") == 0


def test_a_transient_guest_that_is_not_there_is_not_off(world: World) -> None:
    """It may be anywhere, or the name is wrong."""
    del world["a"].guests["vm1"]
    assert world.call("off") == 1


def test_a_guest_that_comes_back_at_once_is_destroyed_again(world: World) -> None:
    world["a"].add("vm1", spring=1)
    assert world.call("off") == 0
    assert world.libvirt.changes == ["destroy vm1", "destroy vm1"]
    assert not world.runs("vm1")


def test_reboot_boots_afresh_instead_of_waking_a_saved_memory(world: World) -> None:
    assert world.call("reboot") == 0
    assert world.libvirt.changes == ["destroy vm1", "create vm1 8"]


def test_reboot_of_a_transient_guest_is_a_success_once_it_is_off(world: World) -> None:
    world["a"].add("vm1", persistent=False)
    assert world.call("reboot") == 0
    assert "cannot be started" in world.host.logged[0]


def test_on_boots_a_guest_that_is_off(world: World) -> None:
    world["a"].add("vm1", SHUTOFF)
    assert world.call("on") == 0
    assert world.runs("vm1")


# several hosts


def test_it_is_destroyed_wherever_it_runs(two: World) -> None:
    two["a"].add("vm1", SHUTOFF, reason=MIGRATED)
    two["b"].add("vm1", persistent=False)
    assert two.call("status") == 0
    assert two.call("off") == 0
    assert not two.runs("vm1")
    assert two.call("status") == 2


def test_one_host_that_does_not_answer_is_doubt(two: World) -> None:
    two["a"].add("vm1", SHUTOFF)
    two["b"].add("vm1")
    two["b"].mood = "gone"
    assert two.call("status") == 1
    assert two.call("off") == 1
    assert two.call("on") == 1
    assert two.libvirt.changes == []


def test_a_guest_is_turned_off_where_it_can_be_though_another_host_is_silent(two: World) -> None:
    """Not a proof, but less harm; and the next level may succeed."""
    two["a"].mood = "gone"
    two["b"].add("vm1")
    assert two.call("status") == 0
    assert two.call("off") == 1
    assert not two.runs("vm1")


def test_a_guest_that_moves_while_we_look_is_seen(two: World) -> None:
    """Migrating from b to a between the look at a and the look at b."""
    two["a"].add("vm1", SHUTOFF)
    two["b"].add("vm1")
    original = two.libvirt.virDomainGetState

    def moving(domain, flags):  # type: ignore[no-untyped-def]
        seen = original(domain, flags)
        if domain[0] is two["a"] and two["b"].runs("vm1"):
            two["b"].add("vm1", SHUTOFF, reason=MIGRATED)
            two["a"].add("vm1")
        return seen

    two.libvirt.virDomainGetState = moving  # type: ignore[method-assign]
    assert two.call("status") == 0


def test_on_starts_it_once_and_where_it_is_defined(two: World) -> None:
    two["b"].add("vm1", SHUTOFF)
    assert two.call("on") == 0
    assert two.call("on") == 0
    assert two.libvirt.changes == ["create vm1 8"]


def test_list_names_every_guest_of_every_host_with_its_uuid(two: World) -> None:
    two["a"].add("vm1")
    two["b"].add("vm1", SHUTOFF, reason=MIGRATED)
    two["b"].add("vm2", SHUTOFF)
    assert two.call("list-status", plug="") == 0
    first, second = two.output.splitlines()
    assert first == f"vm1,{two['a'].guests['vm1'].uuid},on"
    assert second == f"vm2,{two['b'].guests['vm2'].uuid},off"


def test_monitor_notices_a_host_that_is_gone_and_a_plug_that_is_not_there(two: World) -> None:
    two["a"].add("vm1")
    assert two.call("monitor", plug="") == 0
    assert two.call("monitor") == 0
    assert two.call("monitor", plug=two["a"].guests["vm1"].uuid) == 0
    assert two.call("monitor", plug="vm2") == 1
    two["b"].mood = "gone"
    assert two.call("monitor") == 1


# options


@pytest.mark.parametrize(
    "uri",
    ["", "host1", "://x", "qemu+tcp://root:geheim@host/system", "qemu+ssh://u:p@[fd00::1]/system"],
)
def test_a_wrong_uri_is_refused_and_no_secret_repeated(
    world: World, uri: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert world.call("validate-all", uri=uri) == 1
    assert "geheim" not in capfd.readouterr().err
    assert world.libvirt.uris == []


@pytest.mark.parametrize(
    "uri",
    [
        "qemu+ssh://fencer@[fd00::1]:2222/system?keyfile=/etc/hactl/fence",
        "qemu+tls://[fd00::1]/system qemu+tls://10.0.0.1:16514/system",
        "qemu+unix:///system?socket=/run/vm/libvirt-sock",
        "qemu:///system",
    ],
)
def test_a_proper_uri_is_taken(world: World, uri: str) -> None:
    assert world.call("validate-all", uri=uri) == 0


def test_ssh_asks_nobody_for_a_password() -> None:
    assert speechless("qemu+ssh://h/system") == "qemu+ssh://h/system?no_tty=1"
    assert speechless("qemu+ssh://h/system?keyfile=k") == "qemu+ssh://h/system?keyfile=k&no_tty=1"
    assert speechless("qemu+ssh://h/system?no_tty=0") == "qemu+ssh://h/system?no_tty=0"
    assert speechless("qemu+tls://h/system") == "qemu+tls://h/system"
