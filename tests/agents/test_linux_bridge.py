"""What LinuxBridge does on a node made of dictionaries; the kernel's side is in tests/truth."""

from typing import Any

import pytest

from hactl_agents.linux_bridge import LinuxBridge
from hactl_agents.ocf import Status
from hactl_agents.testing import FakeHost, act, reason

MARK = "hactl:test"


def node(*ports: str, **said: Any) -> FakeHost:
    """A node with free devices of the given names, down as a NIC nobody configured."""
    host = FakeHost()
    for name in ports:
        host.devices.put(name, up=False, **said)
    return host


def started(*ports: str, **params: Any) -> FakeHost:
    host = node(*ports)
    assert act(LinuxBridge, host, "start", bridge="br0", ports=" ".join(ports), **params) == 0
    host.devices.changes.clear()
    return host


def monitor(host: FakeHost, **params: Any) -> int:
    meta = {"interval": "10000"}
    return act(LinuxBridge, host, "monitor", meta=meta, **({"bridge": "br0"} | params))


def complaint(host: FakeHost, action: str = "monitor", **params: Any) -> str:
    return reason(LinuxBridge, host, action, **({"bridge": "br0"} | params))


# start


def test_start_makes_a_marked_bridge_with_its_ports_up() -> None:
    host = started("eth2", "eth3")
    bridge = host.devices.devices["br0"]
    assert (bridge.alias, bridge.up, bridge.group) == (MARK, True, 0)
    assert [(port.name, port.up) for port in host.devices.ports(bridge.index)] == [
        ("eth2", True),
        ("eth3", True),
    ]


def test_start_of_what_runs_changes_nothing() -> None:
    host = started("eth2")
    assert act(LinuxBridge, host, "start", bridge="br0", ports="eth2") == 0
    assert host.devices.changes == []


def test_what_is_given_is_set_and_what_is_not_is_left() -> None:
    host = started(stp="yes", forward_delay="4s", mtu="9000", address="52:54:00:AA:bb:01")
    bridge = host.devices.devices["br0"]
    assert bridge.settings == {"stp": 1, "forward_delay": 4, "vlan_filtering": 0, "ageing": 300}
    assert (bridge.mtu, bridge.address) == (9000, "52:54:00:aa:bb:01")


def test_the_address_can_be_pinned_to_the_first_port() -> None:
    host = started("eth2", "eth3", address="port")
    assert host.devices.devices["br0"].address == host.devices.devices["eth2"].address


def test_a_setting_the_kernel_ignores_fails_start_and_leaves_nothing() -> None:
    host = node("eth2")
    host.devices.unchangeable = {"vlan_filtering"}
    text = complaint(host, "start", ports="eth2", vlan_filtering="true")
    assert text == "br0 has vlan_filtering 0 instead of 1"
    assert "br0" not in host.devices.devices
    assert not host.devices.devices["eth2"].up
    assert host.saved == {}


def test_a_port_that_cannot_be_attached_leaves_nothing() -> None:
    host = node("eth2", "eth3")
    host.devices.refusals["eth3"] = "Device does not allow enslaving to a bridge"
    assert "does not allow enslaving" in complaint(host, "start", ports="eth2 eth3")
    assert set(host.devices.devices) == {"eth2", "eth3"}
    assert not host.devices.devices["eth2"].up
    assert monitor(host) == Status.STOPPED


@pytest.mark.parametrize(
    ("device", "said", "text"),
    [
        ("lo", {"loopback": True}, "ports: lo is the loopback and cannot be a port"),
        ("br7", {"kind": "bridge"}, "ports: br7 is a bridge itself and cannot be a port"),
        (
            "eth2",
            {"master": 99},
            "ports: eth2 is a port of another device: take it out there first",
        ),
        ("eth9", None, "ports: this node has no network device eth9"),
    ],
)
def test_a_port_that_does_not_fit_is_refused_before_anything_is_touched(
    device: str, said: "dict[str, Any] | None", text: str
) -> None:
    host = FakeHost()
    if said is not None:
        host.devices.put(device, **said)
    assert act(LinuxBridge, host, "start", bridge="br0", ports=device) == 2
    assert complaint(host, "start", ports=device) == text
    assert (host.devices.changes, host.saved) == ([], {})


def test_a_port_with_an_address_is_refused() -> None:
    host = node("eth0")
    host.devices.ips["eth0"] = ["10.0.0.1/24"]
    assert "10.0.0.1/24, which would stop answering" in complaint(host, "start", ports="eth0")
    assert host.devices.changes == []


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"bridge": "a-name-too-long-1"}, "it is longer than 15 characters"),
        ({"bridge": "br0;reboot"}, "use letters, digits and . _ - @ +"),
        ({"bridge": "$(reboot)"}, "use letters, digits"),
        ({"bridge": "-br0"}, "use letters, digits"),
        ({"bridge": "br%d"}, "use letters, digits"),
        ({"bridge": ".."}, "use letters, digits"),
        ({"ports": "eth2 eth2"}, "names a device twice"),
        ({"ports": "eth2\teth3"}, "is not a device name"),
        ({"ports": "br0"}, "br0 cannot be a port of itself"),
        ({"address": "52:54:00:12:34"}, "is not a MAC address"),
        ({"address": "01:00:5e:00:00:01"}, "is not an address of a single device"),
        ({"address": "port"}, "there is no port to take it from"),
        ({"stp": "1", "forward_delay": "1s"}, "with stp it is from 2s to 30s"),
        ({"mtu": "67"}, "is less than 68"),
        ({"mtu": "big"}, "is not a whole number"),
        ({"drift": "panic"}, "is none of report, repair, fail"),
    ],
)
def test_bad_parameters_are_configuration_errors(params: "dict[str, Any]", text: str) -> None:
    host = node("eth2")
    given: dict[str, Any] = {"bridge": "br0"} | params
    for wanted in ("start", "validate-all"):
        assert act(LinuxBridge, host, wanted, **given) == 6
        assert text in complaint(host, wanted, **given)
    assert host.devices.changes == []
    assert act(LinuxBridge, host, "stop", **given) == 0


def test_one_address_for_every_node_of_a_clone_is_refused() -> None:
    given: dict[str, Any] = {"bridge": "br0", "address": "52:54:00:00:00:01"}
    assert act(LinuxBridge, node(), "start", meta={"clone_max": "3"}, **given) == 6
    assert act(LinuxBridge, node(), "start", meta={"clone_max": "1"}, **given) == 0


# whose is it


def test_a_bridge_with_a_longer_name_is_another_one() -> None:
    host = node()
    host.devices.put("br10", "bridge", alias=MARK)
    assert monitor(host, bridge="br1") == Status.STOPPED


def test_the_bridge_of_a_resource_with_a_longer_name_is_another_one() -> None:
    host = node()
    host.devices.put("br0", "bridge", alias=MARK + "2")
    assert monitor(host) == Status.STOPPED


def test_a_foreign_bridge_is_neither_ours_nor_taken() -> None:
    host = node()
    host.devices.put("br0", "bridge")
    assert monitor(host) == Status.STOPPED
    assert act(LinuxBridge, host, "stop", bridge="br0") == 0
    assert act(LinuxBridge, host, "start", bridge="br0") == 2
    assert complaint(host, "start") == (
        "br0 is there already and not ours: delete it, or set adopt=true"
    )
    assert host.devices.changes == []


def test_a_bridge_of_another_resource_is_not_even_adopted() -> None:
    host = node()
    host.devices.put("br0", "bridge", alias="hactl:lan2")
    text = complaint(host, "start", adopt="true")
    assert text == "br0 belongs to the resource lan2: stop that first"
    assert host.devices.changes == []


def test_a_device_of_that_name_that_is_no_bridge_is_refused_and_left() -> None:
    host = node()
    host.devices.put("br0", "veth", alias=MARK)
    assert monitor(host) == Status.STOPPED
    assert act(LinuxBridge, host, "stop", bridge="br0") == 0
    assert act(LinuxBridge, host, "start", bridge="br0", adopt="1") == 2
    assert "is a veth device on this node, not a bridge" in complaint(host, "start")
    assert host.devices.changes == []


def test_an_adopted_bridge_is_given_back_as_it_was_found() -> None:
    host = node("eth2")
    bridge = host.devices.put("br0", "bridge", alias="built by hand", up=False)
    host.devices.put("eth1", master=bridge.index)
    before = {name: vars_of(host, name) for name in host.devices.devices}
    params: dict[str, Any] = {
        "bridge": "br0",
        "ports": "eth1 eth2",
        "adopt": "true",
        "stp": "1",
        "mtu": "9000",
    }
    assert act(LinuxBridge, host, "start", **params) == 0
    assert bridge.alias == f"{MARK} adopted built by hand"
    assert (bridge.up, bridge.mtu, host.devices.devices["eth1"].mtu) == (True, 9000, 9000)
    assert monitor(host, **params) == 0
    assert act(LinuxBridge, host, "stop", **params) == 0
    assert {name: vars_of(host, name) for name in host.devices.devices} == before
    assert monitor(host, **params) == Status.STOPPED


def test_without_its_record_an_adopted_bridge_is_let_go_and_its_ports_stay() -> None:
    host = node()
    bridge = host.devices.put("br0", "bridge", alias="by hand")
    host.devices.put("eth1", master=bridge.index)
    assert act(LinuxBridge, host, "start", bridge="br0", ports="eth1", adopt="1") == 0
    host.saved.clear()
    assert act(LinuxBridge, host, "stop", bridge="br0", ports="eth1", adopt="1") == 0
    assert (bridge.alias, host.devices.devices["eth1"].master) == ("by hand", bridge.index)


def test_without_its_record_a_bridge_is_still_ours() -> None:
    host = started("eth2")
    host.saved.clear()
    assert monitor(host, ports="eth2") == 0
    assert act(LinuxBridge, host, "stop", bridge="br0", ports="eth2") == 0
    assert "br0" not in host.devices.devices
    assert host.devices.devices["eth2"].up, "nobody knows that it was down before"


def test_without_its_mark_a_bridge_is_still_ours_and_says_so() -> None:
    host = started()
    host.devices.devices["br0"].alias = ""
    assert monitor(host) == Status.DEGRADED
    assert complaint(host) == "br0 has lost its alias, our mark"
    assert monitor(host, drift="repair") == 0
    assert host.devices.devices["br0"].alias == MARK


def test_a_bridge_made_anew_by_hand_is_not_ours_any_more() -> None:
    host = started()
    host.devices.put("br0", "bridge")
    assert monitor(host) == Status.STOPPED


def test_instances_of_a_clone_are_one_resource() -> None:
    host = node()
    names = {"OCF_RESOURCE_INSTANCE": "lan:0"}
    agent = LinuxBridge(host, names | {"OCF_RESKEY_bridge": "br0"})
    assert agent.work.mark == "hactl:lan"


# stop


def test_stop_leaves_ports_up_or_down_as_they_were_found() -> None:
    host = node("eth2")
    host.devices.put("eth3", up=True)
    params: dict[str, Any] = {"bridge": "br0", "ports": "eth2 eth3", "mtu": "9000"}
    assert act(LinuxBridge, host, "start", **params) == 0
    assert act(LinuxBridge, host, "stop", **params) == 0
    found = host.devices.devices
    assert [(d.name, d.up, d.mtu) for d in found.values()] == [
        ("eth2", False, 1500),
        ("eth3", True, 1500),
    ]


def test_a_port_that_was_replaced_in_the_meantime_is_not_touched() -> None:
    host = started("eth2")
    host.devices.put("eth2", up=True)
    assert act(LinuxBridge, host, "stop", bridge="br0") == 0
    assert host.devices.devices["eth2"].up


def test_ports_are_put_back_even_where_the_bridge_was_deleted_by_hand() -> None:
    host = started("eth2")
    host.devices.delete(host.devices.devices["br0"])
    assert monitor(host) == Status.STOPPED
    assert act(LinuxBridge, host, "stop", bridge="br0", ports="eth2") == 0
    assert not host.devices.devices["eth2"].up


def test_a_bridge_under_guests_is_not_deleted() -> None:
    host = started("eth2")
    bridge = host.devices.devices["br0"]
    host.devices.put("vnet0", "tun", master=bridge.index)
    host.devices.put("vnet1", "tun", master=bridge.index)
    assert act(LinuxBridge, host, "stop", bridge="br0", ports="eth2") == 1
    text = complaint(host, "stop", ports="eth2")
    assert text.startswith("br0 still carries vnet0 vnet1: stop or move what uses it")
    assert (bridge.alias, host.devices.changes) == (MARK, [])
    assert host.clock > 1010, "guests that are stopping were given time"


def test_force_deletes_under_guests() -> None:
    host = started()
    host.devices.put("vnet0", "tun", master=host.devices.devices["br0"].index)
    assert act(LinuxBridge, host, "stop", bridge="br0", force="yes") == 0
    assert set(host.devices.devices) == {"vnet0"}
    assert host.devices.devices["vnet0"].up


def test_stop_waits_for_a_guest_that_is_leaving() -> None:
    host = started()
    host.devices.put("vnet0", "tun", master=host.devices.devices["br0"].index)
    sleep = host.sleep

    def leave(seconds: float) -> None:
        host.devices.devices.pop("vnet0", None)
        sleep(seconds)

    host.sleep = leave  # type: ignore[method-assign]
    assert act(LinuxBridge, host, "stop", bridge="br0") == 0


def test_stop_survives_a_broken_configuration() -> None:
    host = started("eth2", mtu="9000")
    assert act(LinuxBridge, host, "stop", bridge="br0", ports="no/name", mtu="many") == 0
    assert set(host.devices.devices) == {"eth2"}
    host = started("eth2")
    assert act(LinuxBridge, host, "stop") == 0
    assert set(host.devices.devices) == {"eth2"}


def test_a_bridge_the_kernel_does_not_let_go_fails_stop() -> None:
    host = started()
    host.devices.refusals["br0"] = "Device or resource busy"
    assert act(LinuxBridge, host, "stop", bridge="br0") == 1


# monitor


def test_a_healthy_bridge_is_running() -> None:
    assert monitor(started("eth2", stp="0"), ports="eth2", stp="0") == 0


@pytest.mark.parametrize(
    ("device", "change", "text"),
    [
        ("br0", {"up": False}, "br0 is down"),
        ("br0", {"mtu": 1400}, "br0 has mtu 1400 instead of 1500"),
        ("eth2", {"master": 0}, "eth2 is not a port of br0 any more"),
        ("eth2", {"up": False}, "port eth2 is down"),
    ],
)
def test_drift_is_reported_repaired_or_a_failure(
    device: str, change: "dict[str, Any]", text: str
) -> None:
    host = started("eth2", mtu="1500")
    params: dict[str, Any] = {"ports": "eth2", "mtu": "1500"}
    for name, value in change.items():
        setattr(host.devices.devices[device], name, value)
    assert complaint(host, **params) == text
    assert monitor(host, **params) == Status.DEGRADED
    assert monitor(host, drift="fail", **params) == 1
    assert host.devices.changes == []
    assert monitor(host, drift="repair", **params) == 0
    assert host.logged[-1] == f"repairing: {text}"
    assert monitor(host, **params) == 0


def test_a_changed_setting_is_drift() -> None:
    host = started(stp="0", ageing="60")
    host.devices.devices["br0"].settings |= {"stp": 1, "ageing": 10}
    text = complaint(host, stp="0", ageing="60")
    assert text == "br0 has ageing 10 instead of 60; br0 has stp 1 instead of 0"


def test_what_another_root_bridge_dictates_is_no_drift() -> None:
    host = started(stp="1", forward_delay="4", ageing="60")
    host.devices.devices["br0"].settings |= {"forward_delay": 15, "root_port": 1}
    host.devices.devices["br0"].settings |= {"ageing": 30, "topology_change": 1}
    assert monitor(host, stp="1", forward_delay="4", ageing="60") == 0


def test_a_probe_repairs_nothing() -> None:
    host = started("eth2")
    host.devices.devices["eth2"].up = False
    params: dict[str, Any] = {"bridge": "br0", "ports": "eth2", "drift": "repair"}
    assert act(LinuxBridge, host, "monitor", meta={"interval": "0"}, **params) == Status.RUNNING
    assert host.devices.changes == []


def test_a_port_that_vanished_cannot_be_repaired() -> None:
    host = started("eth2")
    del host.devices.devices["eth2"]
    assert monitor(host, ports="eth2", drift="repair") == 1
    assert monitor(host, ports="eth2") == Status.DEGRADED
    assert complaint(host, ports="eth2") == "port eth2 does not exist any more"


def test_a_port_without_carrier_is_degraded_a_failure_or_nothing() -> None:
    host = started("eth2")
    host.devices.devices["eth2"].carrier = False
    assert monitor(host, ports="eth2") == Status.DEGRADED
    assert complaint(host, ports="eth2") == "no carrier on eth2, port of br0"
    assert monitor(host, ports="eth2", on_port_down="fail") == 1
    assert monitor(host, ports="eth2", on_port_down="ignore") == 0


def test_a_monitor_runs_no_command() -> None:
    host = started("eth2")
    monitor(host, ports="eth2")
    assert host.calls == []


# reload


def test_reload_changes_ports_and_settings_in_place() -> None:
    host = started("eth2", "eth3", stp="1")
    host.devices.put("eth4", up=False)
    index = host.devices.devices["br0"].index
    params: dict[str, Any] = {"bridge": "br0", "ports": "eth3 eth4", "mtu": "1400"}
    assert act(LinuxBridge, host, "reload-agent", **params) == 0
    assert {port.name for port in host.devices.ports(index)} == {"eth3", "eth4"}
    assert not host.devices.devices["eth2"].up, "left as it was found"
    assert host.devices.devices["br0"].settings["stp"] == 0, "what is not given is given back"
    assert monitor(host, **params) == 0
    assert act(LinuxBridge, host, "stop", **params) == 0
    assert sorted(host.devices.devices) == ["eth2", "eth3", "eth4"]
    assert all((d.up, d.mtu) == (False, 1500) for d in host.devices.devices.values())


def test_reload_with_a_port_that_does_not_fit_changes_nothing() -> None:
    host = started("eth2")
    assert act(LinuxBridge, host, "reload-agent", bridge="br0", ports="eth9") == 2
    assert host.devices.changes == []


def test_reload_of_what_does_not_run_is_a_failure() -> None:
    assert act(LinuxBridge, node(), "reload-agent", bridge="br0") == 1


# cut short


class Killed(BaseException):
    """The agent was killed."""


class MortalHost(FakeHost):
    """A node on which the agent is killed just before its ``fuse``-th change, and stays dead."""

    fuse = -1

    def burn(self, *_: str) -> None:
        self.fuse -= 1
        if self.fuse < 0:
            raise Killed

    def save(self, name: str, text: str) -> None:
        self.burn()
        super().save(name, text)

    def drop(self, name: str) -> None:
        self.burn()
        super().drop(name)


def mortal(ports: "dict[str, bool]") -> MortalHost:
    host = MortalHost()
    for name, up in ports.items():
        host.devices.put(name, up=up)
    change = host.devices.changed

    def changed(*what: str) -> None:
        host.burn()
        change(*what)

    host.devices.changed = changed  # type: ignore[method-assign]
    return host


def killed_at(host: MortalHost, fuse: int, action: str, params: "dict[str, Any]") -> bool:
    """Run an action that is killed before its ``fuse``-th change; False if it came to its end."""
    host.fuse = fuse
    try:
        assert act(LinuxBridge, host, action, **params) == 0
    except Killed:
        return True
    finally:
        host.fuse = 1 << 30
    return False


def vars_of(host: FakeHost, name: str) -> "tuple[object, ...]":
    device = host.devices.devices[name]
    return device.alias, device.up, device.mtu, device.master, dict(device.settings)


PORTS = {"eth2": False, "eth3": True}
FULL = {"bridge": "br0", "ports": "eth2 eth3", "stp": "1", "mtu": "9000", "address": "port"}


@pytest.mark.parametrize("adopted", [False, True], ids=["made", "adopted"])
@pytest.mark.parametrize("wanted", ["start", "stop"])
def test_killed_at_any_step_it_tells_the_truth_and_stop_cleans_up(
    wanted: str, adopted: bool
) -> None:
    params: dict[str, Any] = FULL | {"adopt": str(adopted)}
    for fuse in range(100):
        host = mortal(PORTS)
        if adopted:
            host.devices.put("br0", "bridge", up=False, alias="by hand")
        before = {name: vars_of(host, name) for name in host.devices.devices}
        if wanted == "stop":
            killed_at(host, 1 << 30, "start", params)
        cut = killed_at(host, fuse, wanted, params)
        now = {name: vars_of(host, name) for name in host.devices.devices}
        answer = monitor(host, **params)
        assert answer in (0, 1, Status.STOPPED)
        if answer == Status.STOPPED:
            assert now == before
        assert act(LinuxBridge, host, "stop", **params) == 0
        assert {name: vars_of(host, name) for name in host.devices.devices} == before
        assert monitor(host, **params) == Status.STOPPED
        assert act(LinuxBridge, host, "start", **params) == 0
        assert monitor(host, **params) == 0
        if not cut:
            assert fuse > 3
            return
    raise AssertionError("it never came to an end")


@pytest.mark.parametrize("adopted", [False, True], ids=["made", "adopted"])
def test_a_start_that_was_killed_is_completed_by_the_next(adopted: bool) -> None:
    params: dict[str, Any] = FULL | {"adopt": str(adopted)}
    for fuse in range(100):
        host = mortal(PORTS)
        if adopted:
            host.devices.put("br0", "bridge", up=False, alias="by hand")
        before = {name: vars_of(host, name) for name in host.devices.devices}
        cut = killed_at(host, fuse, "start", params)
        assert act(LinuxBridge, host, "start", **params) == 0
        assert monitor(host, **params) == 0
        assert act(LinuxBridge, host, "stop", **params) == 0
        assert {name: vars_of(host, name) for name in host.devices.devices} == before
        if not cut:
            return
    raise AssertionError("it never came to an end")


# the thing, not its name


def test_a_renamed_bridge_is_found_by_its_index_and_mark() -> None:
    host = started("eth2")
    device = host.devices.devices.pop("br0")
    device.name = "old0"
    host.devices.devices["old0"] = device
    assert monitor(host, ports="eth2") == Status.DEGRADED
    assert complaint(host, ports="eth2") == "br0 is called old0 by now"
    device.alias = "hactl:another"
    assert monitor(host, ports="eth2") == Status.STOPPED


def test_what_another_boot_noted_claims_no_bridge() -> None:
    host = started("eth2")
    host.devices.devices["br0"].alias = ""
    assert monitor(host, ports="eth2") == Status.DEGRADED, "ours by the record, unmarked"
    host.files["/proc/sys/kernel/random/boot_id"] = "one\n"
    host.saved["test.run"] = "boot=another\n" + host.saved["test.run"]
    assert monitor(host, ports="eth2") == Status.STOPPED


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_devices_upon_the_bridge_are_named_and_waited_for(where: str) -> None:
    host = started("eth2")
    index = host.devices.devices["br0"].index
    if where == "here":
        host.devices.uppers.append((index, "mv0", "macvlan"))
    else:
        host.devices.uppers_elsewhere.append((index, "mv0 (macvlan, in another)"))
    assert "br0 still carries mv0 (macvlan" in complaint(host, "stop", ports="eth2")
    assert host.clock > 1010
    assert act(LinuxBridge, host, "stop", bridge="br0", ports="eth2", force="true") == 0


def test_a_bridge_that_is_a_port_itself_stays_and_one_in_a_vrf_goes() -> None:
    host = started("eth2")
    above = host.devices.put("ovs-system", "openvswitch")
    host.devices.devices["br0"].master = above.index
    assert "br0 still carries ovs-system (openvswitch)" in complaint(host, "stop", ports="eth2")
    above.kind = "vrf"
    assert act(LinuxBridge, host, "stop", bridge="br0", ports="eth2") == 0


def test_notes_follow_a_port_to_its_new_name() -> None:
    host = started("eth2")
    device = host.devices.devices.pop("eth2")
    device.name = "ens2"
    host.devices.devices["ens2"] = device
    assert act(LinuxBridge, host, "reload-agent", bridge="br0", ports="ens2") == 0
    assert "port.ens2=1 down 1500 free\n" in host.saved["test.run"]
    assert "port.eth2" not in host.saved["test.run"]
    assert host.devices.changes == []
