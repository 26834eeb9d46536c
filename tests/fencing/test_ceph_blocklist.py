"""fence_ceph_blocklist: off is what the monitors say when they are asked again."""

from __future__ import annotations

import pytest

from hactl_agents.host.host import Failed
from tests.fencing.fake_ceph import BOOT, NOW, CephWorld

YEAR = 365 * 86400
NODE2 = ("10.1.0.2", "fd00:1::2")


@pytest.fixture
def world() -> CephWorld:
    return CephWorld()


def cut_off(world: CephWorld, *addresses: str, seconds: float = YEAR, ago: float = 0) -> None:
    for address in addresses:
        mask = "128" if ":" in address else "32"
        world.monitors.ranges[f"{address}/{mask}"] = world.monitors.now - ago + seconds


def complaint(capfd: pytest.CaptureFixture[str]) -> str:
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    return said


def test_off_puts_every_address_on_the_list_for_years_and_reads_it_back(world: CephWorld) -> None:
    assert world.call("off") == 0
    assert world.monitors.changes == ["add 10.1.0.2/32", "add fd00:1::2/128"]
    assert all(until - NOW > 4 * YEAR for until in world.monitors.ranges.values())
    assert all(world.monitors.blocks(address) for address in NODE2)
    assert "osdmap epoch 18" in world.output
    assert world.call("status") == 2


def test_off_again_changes_nothing(world: CephWorld) -> None:
    cut_off(world, *NODE2)
    assert world.call("off") == 0
    assert world.monitors.changes == []


def test_status_tells_on_off_and_half_apart(
    world: CephWorld, capfd: pytest.CaptureFixture[str]
) -> None:
    assert world.call("status") == 0
    cut_off(world, "10.1.0.2")
    assert world.call("status") == 1
    assert "10.1.0.2/32 is cut off, but fd00:1::2/128 is not" in complaint(capfd)
    cut_off(world, "fd00:1::2")
    assert world.call("status") == 2


@pytest.mark.parametrize("name", ["10.1.0.2:0/0", "[fd00:1::2]:0/0"])
def test_an_entry_of_an_address_counts_like_a_range(world: CephWorld, name: str) -> None:
    cut_off(world, *(a for a in NODE2 if a not in name))
    world.monitors.plain[name] = NOW + YEAR
    assert world.call("status") == 2


def test_an_entry_of_a_single_client_does_not_count(world: CephWorld) -> None:
    world.monitors.plain = {"10.1.0.2:0/77": NOW + YEAR, "[fd00:1::2]:0/78": NOW + YEAR}
    assert world.call("status") == 0


def test_an_entry_that_ends_soon_is_not_off_and_is_prolonged(world: CephWorld) -> None:
    cut_off(world, *NODE2, seconds=3600)
    assert world.call("status") == 1
    assert world.call("off") == 0
    assert all(until - NOW > 4 * YEAR for until in world.monitors.ranges.values())


def test_a_clock_that_is_behind_makes_no_entry_longer(world: CephWorld) -> None:
    cut_off(world, *NODE2, seconds=3600)
    host = world.new_host
    world.new_host = lambda: late(host())  # type: ignore[method-assign]

    def late(made):  # type: ignore[no-untyped-def]
        made.epoch -= 2 * YEAR
        return made

    assert world.call("status") == 1


@pytest.mark.parametrize("mood", ["gone", "deaf", "denied", "liar", "forgetful", "garbage", "half"])
def test_monitors_that_fail_are_never_off(
    world: CephWorld, mood: str, capfd: pytest.CaptureFixture[str]
) -> None:
    world.monitors.mood = mood
    assert world.call("off", power_timeout="30") == 1
    assert world.used() < 21.5
    complaint(capfd)


def test_monitors_that_cannot_be_reached_are_tried_once(world: CephWorld) -> None:
    world.monitors.mood = "gone"
    assert world.call("off") == 1
    assert len(world.rados.opened) == 1


def test_what_was_put_on_the_list_stays_though_the_rest_failed(world: CephWorld) -> None:
    world.monitors.mood = "half"
    assert world.call("off") == 1
    assert world.monitors.blocks("10.1.0.2")


def test_monitors_without_ranges_take_single_addresses(world: CephWorld) -> None:
    world.monitors.mood = "old"
    assert world.call("off") == 0
    assert set(world.monitors.plain) == {"10.1.0.2:0/0", "[fd00:1::2]:0/0"}
    assert world.call("off", plug="node3") == 1


def test_a_node_does_not_cut_itself_off(
    world: CephWorld, capfd: pytest.CaptureFixture[str]
) -> None:
    assert world.call("off", plug="node1") == 1
    assert "10.1.0.1/32 is ours" in complaint(capfd)
    assert world.monitors.changes == []


@pytest.mark.parametrize("server", ["10.1.0.100", "10.1.0.101"])
def test_hosts_of_ceph_itself_are_spared_unless_that_is_wanted(
    world: CephWorld, server: str, capfd: pytest.CaptureFixture[str]
) -> None:
    nodes = f"node1=10.1.0.1 node2={server}"
    assert world.call("off", addresses=nodes) == 1
    assert "would hurt Ceph itself" in complaint(capfd)
    assert world.monitors.changes == []
    assert world.call("off", addresses=nodes, allow_osd_hosts="true") == 0


@pytest.mark.parametrize("plug", ["", "node4", "NODE2", "10.1.0.2", "node2,node3"])
@pytest.mark.parametrize("action", ["off", "on", "status"])
def test_a_wrong_plug_changes_nothing(world: CephWorld, action: str, plug: str) -> None:
    assert world.call(action, plug=plug, nodename="node2") == 1
    assert world.monitors.changes == []


def test_there_is_no_reboot(world: CephWorld) -> None:
    assert world.call("reboot") == 1
    assert world.call("") == 1  # the action left out
    assert world.monitors.changes == []


# letting in


@pytest.fixture
def fenced(world: CephWorld) -> CephWorld:
    """node2, cut off a minute ago, an hour after it has booted, asks to be let in."""
    cut_off(world, *NODE2, seconds=5 * YEAR, ago=60)
    world.on_node(2)
    return world


def test_a_node_without_old_clients_is_let_in(fenced: CephWorld) -> None:
    assert fenced.call("on") == 0
    assert not any(fenced.monitors.blocks(address) for address in NODE2)


def test_entries_of_its_single_clients_go_too(fenced: CephWorld) -> None:
    fenced.monitors.plain = {"10.1.0.2:0/77": NOW + YEAR, "10.1.0.1:0/77": NOW + YEAR}
    assert fenced.call("on") == 0
    assert set(fenced.monitors.plain) == {"10.1.0.1:0/77"}


OLD_CLIENTS = {
    "a mapped image": {"/sys/bus/rbd/devices/0/name": "web1"},
    "a kernel client": {"/sys/kernel/debug/ceph/fsid.client4711/status": ""},
    "a qemu": {
        "/proc/77/cmdline": "qemu-system-x86_64\0-name\0guest=web1",
        "/proc/77/maps": "7f00-7f01 r-xp 0 08:01 1 /usr/lib/x86_64-linux-gnu/librbd.so.1 (deleted)",
    },
    "a mount": {"/proc/1/mountinfo": "36 35 0:9 / /srv rw - ceph 10.1.0.100:/ rw\n"},
    "the threads of one": {
        "/proc/77/maps": "",
        "/proc/77/task/77/maps": "",
        "/proc/77/task/78/maps": "librados.so.2",
    },
    "what cannot be read": {"/proc/77/maps": Failed("/proc/77/maps: cannot be read")},
}


@pytest.mark.parametrize("files", OLD_CLIENTS.values(), ids=OLD_CLIENTS)
def test_a_node_with_an_old_client_stays_out(fenced: CephWorld, files: dict[str, str]) -> None:
    fenced.files |= files
    assert fenced.call("on") == 1
    assert all(fenced.monitors.blocks(address) for address in NODE2)


def test_a_process_that_is_ending_cannot_be_read_and_is_no_client(fenced: CephWorld) -> None:
    fenced.files |= OLD_CLIENTS["what cannot be read"]
    fenced.ended.add(77)
    assert fenced.call("on") == 0


def test_the_reason_names_the_old_client(
    fenced: CephWorld, capfd: pytest.CaptureFixture[str]
) -> None:
    fenced.files |= OLD_CLIENTS["a qemu"]
    fenced.call("on")
    assert "process 77 (qemu-system-x86_64 -name guest=web1)" in complaint(capfd)


def test_a_fence_agent_that_looks_at_the_same_time_is_no_old_client(fenced: CephWorld) -> None:
    fenced.files |= {
        "/proc/78/cmdline": "/usr/bin/python3\0-IS\0/usr/sbin/fence_ceph_blocklist",
        "/proc/78/maps": "librados.so.2",
    }
    assert fenced.call("on") == 0


def test_a_node_that_has_booted_since_may_have_clients(fenced: CephWorld) -> None:
    fenced.files |= OLD_CLIENTS["a qemu"] | {"/proc/stat": f"btime {NOW + 3600}\n"}
    assert fenced.call("on") == 0


def test_a_clock_cannot_talk_away_that_this_boot_was_let_in_before(fenced: CephWorld) -> None:
    fenced.files |= OLD_CLIENTS["a qemu"] | {"/proc/stat": f"btime {NOW + 3600}\n"}
    fenced.saved["ceph-blocklist.boot"] = BOOT
    assert fenced.call("on") == 1


def test_joining_without_having_been_cut_off_is_remembered(fenced: CephWorld) -> None:
    fenced.monitors.ranges.clear()
    assert fenced.call("on") == 0
    assert fenced.monitors.changes == []
    assert fenced.saved == {"ceph-blocklist.boot": BOOT}


def test_a_node_is_not_let_in_from_elsewhere(
    fenced: CephWorld, capfd: pytest.CaptureFixture[str]
) -> None:
    fenced.on_node(1)
    assert fenced.call("on") == 1
    assert "let in by itself alone" in complaint(capfd)
    assert fenced.monitors.changes == []


def test_a_range_that_is_not_this_nodes_alone_is_left(
    fenced: CephWorld, capfd: pytest.CaptureFixture[str]
) -> None:
    fenced.monitors.ranges["10.1.0.0/24"] = NOW + YEAR
    assert fenced.call("on") == 1
    assert "more than node2 alone" in complaint(capfd)
    assert fenced.monitors.changes == []


@pytest.mark.parametrize("mood", ["gone", "denied", "liar", "garbage"])
def test_monitors_that_fail_let_nobody_in(fenced: CephWorld, mood: str) -> None:
    fenced.monitors.mood = mood
    assert fenced.call("on", power_timeout="10") == 1
    assert "ceph-blocklist.boot" not in fenced.saved


# by day


def test_monitor_is_content_where_all_is_well(world: CephWorld) -> None:
    assert world.call("monitor", plug="") == 0
    assert world.call("monitor") == 0
    assert world.monitors.changes == []


@pytest.mark.parametrize(
    ("mood", "options", "says"),
    [
        ("denied", {}, "needs the caps mon 'allow r, allow command"),
        ("gone", {}, "error connecting"),
        ("garbage", {}, "not understood"),
        ("well", {"plug": "node9"}, "there is no node 'node9' in it"),
        ("well", {"addresses": "node1=10.1.0.1 node2=10.1.0.101"}, "hurt Ceph itself"),
        ("well", {"keyring": "/etc/ceph/none"}, "/etc/ceph/none: there is no such file"),
        ("well", {"conf": "/etc/none.conf"}, "/etc/none.conf: there is no such file"),
    ],
)
def test_monitor_finds_by_day_what_would_fail_by_night(
    world: CephWorld,
    mood: str,
    options: dict[str, str],
    says: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    world.monitors.mood = mood
    assert world.call("monitor", **options) == 1
    assert says in complaint(capfd)


def test_monitor_warns_before_an_entry_ends(
    world: CephWorld, capfd: pytest.CaptureFixture[str]
) -> None:
    cut_off(world, "10.1.0.2", seconds=86400)
    assert world.call("monitor") == 1
    assert "node2 is cut off, but not for long" in complaint(capfd)


def test_a_short_entry_beside_a_long_one_is_no_reason_to_warn(world: CephWorld) -> None:
    cut_off(world, *NODE2)
    world.monitors.plain["10.1.0.2:0/0"] = NOW + 3600
    assert world.call("monitor") == 0


def test_list_names_the_nodes(world: CephWorld) -> None:
    cut_off(world, *NODE2)
    assert world.call("list", plug="") == 0
    assert world.output == "node1,\nnode2,\nnode3,\n"
    assert world.call("list-status", plug="") == 0
    assert world.output == "node1,,on\nnode2,,off\nnode3,,on\n"


@pytest.mark.parametrize(
    "options",
    [
        {"addresses": ""},
        {"addresses": "node1=everywhere"},
        {"expire": "60"},
        {"expire": "0"},
        {"minimum_life": "10000h"},
        {"client": "../admin"},
        {"power_timeout": "0"},
    ],
)
def test_wrong_options_are_refused_before_anybody_is_asked(
    world: CephWorld, options: dict[str, str]
) -> None:
    if "minimum_life" in options:
        options = options | {"expire": "10001h"}
    assert world.call("off", **options) == 1
    assert world.rados.opened == []


def test_the_key_is_named_by_its_file_and_stderr_kept_clean(world: CephWorld) -> None:
    world.files["/etc/ceph/f.keyring"] = "secret"
    assert world.call("status", keyring="/etc/ceph/f.keyring", client="f") == 0
    opened = world.rados.opened[0]
    assert opened["name"] == "client.f"
    assert opened["conf"]["keyring"] == "/etc/ceph/f.keyring"
    assert opened["conf"]["log_to_stderr"] == "false"
