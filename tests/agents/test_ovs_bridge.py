"""What OvsBridge does on a node made of dictionaries; Open vSwitch's side is in tests/truth."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hactl_agents.host.host import Failed, TimedOut
from hactl_agents.ocf import Status
from hactl_agents.ovs import change, drift, flows, wire
from hactl_agents.ovs import vsctl as spelling
from hactl_agents.ovs.database import Snapshot, plain
from hactl_agents.ovs.evidence import Evidence
from hactl_agents.ovs.wanted import Wanted
from hactl_agents.ovs_bridge import OvsBridge
from hactl_agents.testing import FakeHost, act, done, environ, reason

DATABASE, CONTROL = b"/run/openvswitch/db.sock", b"/run/openvswitch/ovs-vswitchd.7.ctl"


# a node


class FakeOvs:
    """Both daemons: ``tables`` holds rows as OVSDB spells them, ``runs`` what is switched."""

    def __init__(self, host: FakeHost) -> None:
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self.put("Open_vSwitch", cur_cfg=1, next_cfg=1, manager_options=none(), ssl=none())
        self.runs: list[str] = []
        self.applies = True
        host.files[CONTROL.decode()] = ""
        host.sockets[DATABASE] = self.database
        host.sockets[CONTROL] = self.control
        host.replies |= {"ovs-vsctl": done("ovs-vsctl"), "ovs-ofctl": done("ovs-ofctl")}

    def put(self, table: str, **columns: Any) -> str:
        rows = self.tables.setdefault(table, [])
        uuid = f"{table}-{len(rows)}"
        rows.append({"_uuid": ["uuid", uuid], "external_ids": ["map", []], **columns})
        return uuid

    def port(self, name: str, **more: Any) -> str:
        """A port with one interface of its name, which is up."""
        interface = self.put(
            "Interface", name=name, type="", mtu_request=none(), mtu=1500, error=none(),
            link_state="up", ofport=1, lacp_current=none(), mac_in_use=none(),
            ifindex=none(),
        )  # fmt: skip
        columns = {"tag": none(), "trunks": none(), "vlan_mode": none(), "qos": none()}
        columns |= {"other_config": ["map", []], "interfaces": ["uuid", interface]}
        columns |= {"bond_mode": none(), "lacp": none(), "bond_updelay": 0, "bond_downdelay": 0}
        return self.put("Port", name=name, **(columns | more))

    def bridge(self, name: str, *ports: str, **more: Any) -> None:
        columns = {
            "ports": ["set", [["uuid", uuid] for uuid in ports]], "datapath_type": "",
            "fail_mode": none(), "rstp_enable": False, "stp_enable": False, "protocols": none(),
            "mcast_snooping_enable": False, "other_config": ["map", []], "controller": none(),
            "mirrors": none(), "sflow": none(),
        }  # fmt: skip
        self.put("Bridge", name=name, **(columns | more))
        self.runs.append(name)

    def database(self, request: bytes) -> bytes:
        _, *operations = json.loads(request)["params"]
        return answer([self.perform(operation) for operation in operations])

    def perform(self, operation: "dict[str, Any]") -> "dict[str, Any]":
        if operation["op"] == "mutate":
            (root,) = self.tables["Open_vSwitch"]
            root["next_cfg"] += 1
            root["cur_cfg"] = root["next_cfg"] if self.applies else root["cur_cfg"]
            return {"count": 1}
        return {"rows": self.select(operation)}

    def select(self, operation: "dict[str, Any]") -> "list[dict[str, Any]]":
        rows = self.tables.get(operation["table"], [])
        names = {value for _, _, value in operation["where"]}
        found = [row for row in rows if not names or row["name"] in names]
        return [{name: row[name] for name in operation["columns"]} for row in found]

    def control(self, request: bytes) -> bytes:
        listed = json.loads(request)["method"] == "ofproto/list"
        return answer("".join(f"{name}\n" for name in self.runs) if listed else "3.1.0")


def none() -> "list[Any]":
    return ["set", []]


def ids(**marks: str) -> "list[Any]":
    return ["map", [[key.replace("_", "-"), value] for key, value in marks.items()]]


def answer(result: Any) -> bytes:
    return json.dumps({"id": 1, "result": result, "error": None}).encode()


def node() -> "tuple[FakeHost, FakeOvs]":
    host = FakeHost()
    host.devices.put("eth2")
    host.devices.put("br0", "openvswitch")
    return host, FakeOvs(host)


def with_bridge(owner: str = "test") -> "tuple[FakeHost, FakeOvs]":
    host, ovs = node()
    marks = ids(hactl_resource=owner) if owner else ids()
    ovs.bridge("br0", ovs.port("br0"), ovs.port("eth2", external_ids=marks), external_ids=marks)
    return host, ovs


PARAMS = {"bridge": "br0", "uplinks": "eth2"}
META = {"interval": "10000"}


def monitor(host: FakeHost, **params: object) -> int:
    return act(OvsBridge, host, "monitor", meta=META, **(PARAMS | params))


def complaint(host: FakeHost, action: str = "monitor", **params: object) -> str:
    return reason(OvsBridge, host, action, **(PARAMS | params))


def started(host: FakeHost) -> None:
    """As a start leaves the record."""
    host.saved["test.run"] = "param.bridge=br0\nparam.uplinks=eth2\n"


# the truth


def test_a_bridge_both_daemons_vouch_for_is_running() -> None:
    host, _ = with_bridge()
    started(host)
    assert monitor(host) == Status.RUNNING
    assert host.calls == []


def test_a_foreign_bridge_is_not_ours() -> None:
    for owner in ("", "lan2"):
        host, _ = with_bridge(owner)
        assert monitor(host) == Status.STOPPED
        assert act(OvsBridge, host, "stop", **PARAMS) == 0
        assert act(OvsBridge, host, "start", **PARAMS) == 2
        assert host.calls == []


def test_a_row_that_vswitchd_does_not_run_is_a_failure() -> None:
    host, ovs = with_bridge()
    ovs.runs.clear()
    assert complaint(host) == "br0 is configured, but ovs-vswitchd does not run it"
    del host.sockets[CONTROL]
    assert complaint(host) == "br0 is configured, but ovs-vswitchd is not running"


def test_sockets_of_dead_daemons_mislead_nobody() -> None:
    host, _ = with_bridge()
    host.files["/run/openvswitch/ovs-vswitchd.3.ctl"] = ""
    started(host)
    assert monitor(host) == Status.RUNNING


@pytest.mark.parametrize("kind", ["openvswitch", "tun"])
def test_without_database_a_device_of_that_name_is_doubt(kind: str) -> None:
    host = FakeHost()
    host.devices.put("br0", kind)
    assert act(OvsBridge, host, "monitor", **PARAMS) == 1
    assert "so nobody knows whose br0 is" in complaint(host)
    assert act(OvsBridge, host, "stop", **PARAMS) == 1


@pytest.mark.parametrize("kind", ["", "bridge", "veth"])
def test_without_database_what_is_no_such_bridge_proves_nothing(kind: str) -> None:
    host = FakeHost()
    if kind:
        host.devices.put("br0", kind)
    assert act(OvsBridge, host, "monitor", **PARAMS) == Status.STOPPED
    assert act(OvsBridge, host, "stop", **PARAMS) == 0


def test_without_database_what_was_started_here_is_a_failure() -> None:
    host = FakeHost()
    started(host)
    assert act(OvsBridge, host, "monitor", **PARAMS) == 1
    assert complaint(host).endswith(
        "nobody listens on /run/openvswitch/db.sock; br0 was started here"
    )


def test_a_vswitchd_that_forwards_without_database_is_seen() -> None:
    host, ovs = with_bridge()
    del host.sockets[DATABASE]
    assert "ovs-vswitchd still runs it" in complaint(host)
    ovs.runs.clear()
    assert "the kernel still has the device br0" in complaint(host)
    del host.devices.devices["br0"]
    assert monitor(host) == Status.STOPPED


def test_a_hanging_daemon_is_a_failure_never_stopped() -> None:
    for socket in (DATABASE, CONTROL):
        host, _ = with_bridge()
        host.sockets[socket] = TimedOut("asking: no answer within 10.0 s")
        assert monitor(host) == 1
        assert act(OvsBridge, host, "stop", **PARAMS) == 1


def test_a_half_made_bridge_is_a_failure() -> None:
    host, ovs = with_bridge()
    ovs.tables["Bridge"][0]["external_ids"] = ids(hactl_resource="test", hactl_unfinished="true")
    assert complaint(host) == "br0 is half made: a start or stop of it was cut short"


def test_a_bridge_deleted_from_the_database_only_is_a_failure() -> None:
    host, ovs = with_bridge()
    started(host)
    ovs.tables["Bridge"].clear()
    assert complaint(host) == (
        "br0 is not in the database any more, but ovs-vswitchd still runs it"
    )


def test_stop_waits_while_vswitchd_has_not_let_go_of_a_deleted_row_yet() -> None:
    # what a stop leaves that was killed right after its del-br
    host, ovs = with_bridge()
    host.saved["test.run"] = "param.bridge=br0\nbridge=Bridge-0\n"
    ovs.tables["Bridge"] = []
    asked = [0]

    def control(request: bytes) -> bytes:
        asked[0] += 1
        if asked[0] > 12:
            ovs.runs = []
        if asked[0] > 24:
            host.devices.devices.pop("br0", None)
        return ovs.control(request)

    host.sockets[CONTROL] = control
    assert act(OvsBridge, host, "stop", **PARAMS) == 0
    assert asked[0] > 24


def test_stop_does_not_wait_for_ever_for_a_vswitchd_that_keeps_a_deleted_row() -> None:
    host, ovs = with_bridge()
    host.saved["test.run"] = "param.bridge=br0\nbridge=Bridge-0\n"
    ovs.tables["Bridge"] = []
    assert act(OvsBridge, host, "stop", **PARAMS) == 1
    assert reason(OvsBridge, host, "stop", **PARAMS).endswith("but ovs-vswitchd still runs it")


def test_a_stop_that_fails_half_way_notes_what_it_has_deleted_the_row_of() -> None:
    # without record and row nobody knew that the bridge ovs-vswitchd still runs is ours
    host, ovs = with_bridge()

    def deleted(*_: str) -> Any:
        ovs.tables["Bridge"] = []
        return done("ovs-vsctl", stderr="did not apply", code=1)

    host.replies["ovs-vsctl"] = deleted
    assert act(OvsBridge, host, "stop", **PARAMS) == 1
    assert complaint(host) == (
        "br0 is not in the database any more, but ovs-vswitchd still runs it"
    )


def test_a_change_that_is_not_applied_is_waited_for_and_then_a_failure() -> None:
    host, ovs = with_bridge()
    started(host)
    ovs.tables["Open_vSwitch"][0]["next_cfg"] = 2
    assert "does not apply what the database says" in complaint(host)
    assert host.clock > 1004


def test_what_could_not_be_attached_is_said_in_open_vswitchs_words() -> None:
    host, ovs = with_bridge()
    started(host)
    error = "could not open network device eth2 (No such device)"
    ovs.tables["Interface"][1] |= {"error": error, "ofport": -1}
    assert complaint(host) == f"eth2 could not be attached: {error}"


@pytest.mark.parametrize(
    ("choice", "code"), [("degraded", Status.DEGRADED), ("fail", 1), ("ignore", Status.RUNNING)]
)
def test_a_pulled_cable_is_degraded_a_failure_or_nothing(choice: str, code: int) -> None:
    host, ovs = with_bridge()
    started(host)
    ovs.tables["Interface"][1]["link_state"] = "down"
    assert monitor(host, on_member_down=choice) == code


def test_a_controller_that_is_not_connected_is_degraded() -> None:
    host, ovs = with_bridge()
    started(host)
    target = "tcp:192.0.2.1:6653"
    uuid = ovs.put("Controller", target=target, connection_mode=none(), is_connected=False)
    ovs.tables["Bridge"][0]["controller"] = ["uuid", uuid]
    assert monitor(host, controllers=target) == Status.DEGRADED
    assert complaint(host, controllers=target) == f"controller {target} is not connected"
    assert monitor(host, controllers=target, on_controller_down="ignore") == Status.RUNNING


# comparing words


def test_a_monitor_that_found_all_good_only_compares_words_the_next_time() -> None:
    host, ovs = with_bridge()
    started(host)
    assert monitor(host) == Status.RUNNING
    seen = host.saved["test.run.seen"]
    assert monitor(host) == Status.RUNNING
    ovs.tables["Interface"][1]["link_state"] = "down"
    assert monitor(host) == Status.DEGRADED
    assert monitor(host, on_member_down="fail") == 1
    assert host.saved["test.run.seen"] == seen, "only what is good is remembered"


def test_a_start_completes_a_bridge_that_came_back_by_itself() -> None:
    host, _ = with_bridge()
    host.devices.devices["eth2"].up = False  # as after a reboot
    assert act(OvsBridge, host, "start", **PARAMS) == 0
    assert host.devices.devices["eth2"].up
    assert host.saved["test.run"]
    before = len(host.calls)
    assert act(OvsBridge, host, "start", **PARAMS) == 0
    assert len(host.calls) == before, "now there is nothing to do"


def test_other_parameters_are_judged_anew() -> None:
    host, _ = with_bridge()
    started(host)
    assert monitor(host) == Status.RUNNING
    assert monitor(host, tag="10") == Status.DEGRADED


def test_an_answer_that_is_shorter_than_before_is_an_answer() -> None:
    host, ovs = with_bridge()
    started(host)
    assert monitor(host) == Status.RUNNING
    ovs.tables["Bridge"].clear()
    ovs.runs.clear()
    assert complaint(host).endswith("but the kernel still has the device br0")
    del host.devices.devices["br0"]
    assert monitor(host) == Status.STOPPED


# parameters


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"bridge": "br0;reboot"}, "is not a device name"),
        ({"uplinks": "br0"}, "br0: this name is given to two different things"),
        ({"bond": "bond0"}, "bond: bond0 needs two uplinks or more"),
        ({"lacp": "active"}, "bond: not given, but something about it is"),
        (
            {"uplinks": "eth2 eth3", "bond": "b0", "bond_mode": "balance-tcp"},
            "balance-tcp needs lacp",
        ),
        ({"uplinks": "eth2 eth3", "bond": "b0", "rstp": "1"}, "no spanning tree on a bond"),
        ({"rstp": "1", "stp": "1"}, "either RSTP or STP"),
        ({"rstp_priority": "5"}, "is not a multiple of 4096"),
        ({"trunks": "0"}, "is not a VLAN (1-4094)"),
        ({"trunks": "10-"}, "is not a VLAN"),
        ({"trunks": "9-3"}, "the wrong way round"),
        ({"internal": "a=5 a=6"}, "names a port twice"),
        ({"internal": "=5"}, "does not name a device"),
        ({"vlan_mode": "access", "tag": "5", "trunks": "6"}, "carries one VLAN"),
        ({"controllers": "ptcp:6653 ptcp:6653"}, "names a controller twice"),
        ({"controllers": "ptcp:1", "managers": "ptcp:1"}, "a controller has the same target"),
        ({"managers": "unix:relative"}, "needs an absolute path"),
        ({"managers": "tcp:"}, "lacks an address"),
        ({"managers": "tcp:a b`reboot`"}, "is not a target"),
        ({"managers": "tcp:$(reboot)"}, "has no address such as"),
        ({"managers": "punix:/run/../etc/x"}, "needs an absolute path"),
        ({"controllers": "ptcp"}, "is not a target"),
        ({"controllers": "ptcp:0"}, "has no port from 1 to 65535"),
        ({"controllers": "ptcp:6653:here"}, "has no IP address such as"),
        ({"controllers": "tcp:192.0.2.1:65536"}, "has no port from 1 to 65535"),
        ({"controllers": "tcp:192.0.2.1:"}, "has a colon and no port after it"),
        ({"controllers": "tcp:192.0.2.256:6653"}, "has no IP address such as"),
        ({"controllers": "ssl:2001:db8::1:6653"}, "has no port from 1 to 65535"),
        ({"controllers": "ssl:[2001:db8::g]:6653"}, "has no IP address such as"),
        ({"sflow": "here;there"}, "has no address such as"),
        ({"sflow": "192.0.2.9:x"}, "has no port from 1 to 65535"),
        ({"sflow": "192.0.2.9 192.0.2.9"}, "names a collector twice"),
        ({"sflow_agent": "lo"}, "there is no sflow"),
        ({"protocols": "OpenFlow13 OpenFlow13"}, "one is named twice"),
        ({"tag": "5", "trunks": "6"}, "vlan_mode: with tag and trunks say native-untagged"),
        ({"rstp_priority": "4096"}, "means nothing without rstp=true"),
        (
            {
                "uplinks": "eth2 eth3",
                "bond": "b0",
                "bond_mode": "balance-slb",
                "bond_primary": "eth2",
            },
            "falls back to it, prefers a member",
        ),
        ({"uplinks": "eth2 eth3", "bond": "b0", "lacp_time": "fast"}, "lacp: is off"),
        ({"ssl_private_key": "/k"}, "all three or none"),
        ({"flows": "relative"}, "named by their whole path"),
        ({"qos_queues": "0=1-2"}, "qos_max_rate: queues need it"),
        ({"qos_queues": "0=5-2"}, "minimum is above its maximum"),
        ({"mirror_to": "eth9", "mirror_vlan": "5"}, "a mirror has one output"),
        ({"mirror_vlan": "5", "mirror_ports": "tap0"}, "tap0 is not a port of this resource"),
        ({"protocols": "OpenFlow9"}, "are OpenFlow10 to OpenFlow15"),
        ({"bridge": "@x"}, "begins with a letter or a digit"),
        ({"bridge": "ovs-system"}, "no bridge or port can have one of these names"),
        ({"internal": "default=5"}, "no bridge or port can have one of these names"),
        ({"drift": "panic"}, "is none of report, repair, fail"),
    ],
)
def test_bad_parameters_are_configuration_errors(params: "dict[str, str]", text: str) -> None:
    host, _ = node()
    for wanted in ("start", "validate-all"):
        assert act(OvsBridge, host, wanted, **(PARAMS | params)) == 6
        assert text in complaint(host, wanted, **params)
    assert host.calls == []
    assert act(OvsBridge, host, "stop", **(PARAMS | params)) == 0


@pytest.mark.parametrize(
    "target",
    [
        "tcp:192.0.2.1", "ssl:192.0.2.1:6653", "ssl:[2001:db8::1]:6653", "tcp:[fe80::1%eth0]",
        "ssl:sdn.example:6653", "ptcp:", "pssl:6640", "ptcp:6653:127.0.0.1", "ptcp:6653:[::1]",
        "ptcp::192.0.2.1", "unix:/run/x.sock", "punix:/run/x.sock",
    ],
)  # fmt: skip
def test_what_open_vswitch_calls_a_target_is_one(target: str) -> None:
    host, _ = node()
    assert act(OvsBridge, host, "validate-all", **PARAMS, controllers=target) == 0
    assert act(OvsBridge, host, "validate-all", **PARAMS, managers=target) == 0


@pytest.mark.parametrize("collector", ["192.0.2.9", "192.0.2.9:6343", "[2001:db8::9]:6343", "s.x"])
def test_what_open_vswitch_calls_a_collector_is_one(collector: str) -> None:
    host, _ = node()
    assert act(OvsBridge, host, "validate-all", **PARAMS, sflow=collector) == 0


def test_one_address_for_every_node_of_a_clone_is_refused() -> None:
    host, _ = node()
    given = PARAMS | {"address": "52:54:00:00:00:01"}
    assert act(OvsBridge, host, "validate-all", meta={"clone_max": "3"}, **given) == 6
    assert act(OvsBridge, host, "validate-all", meta={"clone_max": "1"}, **given) == 0


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("exited 1: ovs-ofctl: -:4: must specify an action",
         "exited 1: ovs-ofctl: /f:3: must specify an action"),
        ("exited 1: out of memory", "exited 1: out of memory"),
        ("exited 1: -: x", "exited 1: -: x"),
    ],
)  # fmt: skip
def test_a_wrong_flow_is_told_by_its_line_in_the_file(said: str, told: str) -> None:
    assert flows.located(said, "/f") == told


def test_a_flow_file_with_cookies_is_refused_by_line() -> None:
    host, _ = node()
    del host.devices.devices["br0"]
    host.files["/f"] = "# flows\ncookie=1,actions=drop\n"
    text = complaint(host, "start", flows="/f")
    assert text == "flows: /f:2 sets a cookie or changes flows: only add flows there"
    assert act(OvsBridge, host, "start", flows="/f", **PARAMS) == 6


# changes


def wanted(**params: object) -> Wanted:
    host = FakeHost()
    host.devices.put("eth2", address="52:54:00:00:00:02")
    evidence = Evidence(OvsBridge(host, environ(PARAMS | params)))
    return evidence.wanted(evidence.devices())


def seen(owner: str = "test") -> "tuple[Snapshot, FakeOvs]":
    host, ovs = with_bridge(owner)
    return Evidence(OvsBridge(host, environ(PARAMS))).look_at_all(), ovs


def said(found: "list[spelling.Difference]") -> "list[str]":
    return [difference.sentence for difference in found]


def test_a_bridge_as_given_has_no_differences() -> None:
    now, _ = seen()
    assert drift.differences(now, wanted(), "test") == []


def test_every_difference_is_a_sentence_and_a_command() -> None:
    now, _ = seen()
    found = drift.differences(
        now, wanted(tag=10, fail_mode="secure", controllers="ptcp:6653", rstp="on"), "test"
    )
    assert said(found) == [
        "br0 has fail_mode nothing instead of secure",
        "br0 has rstp_enable false instead of true",
        "eth2 has tag nothing instead of 10",
        "Controller ptcp:6653 is missing from br0",
    ]
    assert all(difference.commands for difference in found)


def test_a_new_bridge_is_one_list_of_commands_with_every_row_marked() -> None:
    host, _ = node()
    empty = Evidence(OvsBridge(host, environ(PARAMS))).look_at_all()
    commands = change.build(empty, wanted(tag=10), "lan", False)
    assert commands[:3] == [
        ["add-br", "br0"],
        ["set", "Bridge", "br0", 'external_ids:"hactl-resource"="lan"'],
        ["set", "Bridge", "br0", 'external_ids:"hactl-unfinished"="true"'],
    ]
    assert ["add-port", "br0", "eth2"] in commands
    assert ["set", "Port", "eth2", 'external_ids:"hactl-resource"="lan"'] in commands
    assert ["set", "Port", "eth2", "tag=10"] in commands


def test_what_a_setting_was_is_noted_once_and_restored() -> None:
    now, _ = seen("")
    assert now.bridge is not None
    now.bridge["other_config"] = {"rstp-priority": "8192"}
    commands = change.build(now, wanted(rstp="on", rstp_priority=4096), "test", False)
    notes = [command[3] for command in commands if "hactl-was-" in command[-1]]
    assert notes == [
        'external_ids:"hactl-was-rstp_enable"="false"',
        'external_ids:"hactl-was-other_config:rstp-priority"="\\"8192\\""',
    ]
    now.bridge["external_ids"] = {
        "hactl-resource": "test",
        "hactl-adopted": "true",
        "hactl-was-rstp_enable": "false",
        "hactl-was-other_config:rstp-priority": '"8192"',
        "by": "hand",
    }
    assert change.notes(now, wanted(rstp="on", rstp_priority=4096)) == []
    back = change.undo(now, "test")
    assert ["set", "Bridge", "br0", "rstp_enable=false"] in back
    assert ["set", "Bridge", "br0", 'other_config:"rstp-priority"="8192"'] in back
    assert ["remove", "Bridge", "br0", "external_ids", '"by"'] not in back
    assert ["del-br", "br0"] not in back


def test_a_setting_that_was_not_there_is_taken_away_again() -> None:
    row = {"external_ids": {"hactl-was-other_config:hwaddr": "[]"}}
    first, _ = spelling.restore("Bridge", "br0", row, "other_config:hwaddr")
    assert first == ["remove", "Bridge", "br0", "other_config", '"hwaddr"']


def test_a_bridge_of_somebody_else_is_never_in_the_way_back() -> None:
    for owner in ("", "lan2"):
        now, _ = seen(owner)
        assert change.undo(now, "test") == []
        assert change.detach(now, "test") == []


def test_a_missing_bond_member_comes_back_and_a_strange_one_goes() -> None:
    now, _ = seen()
    strange = "Interface-9"
    now.ports["bond0"] = now.ports.pop("eth2") | {"name": "bond0"}
    now.ports["bond0"]["interfaces"] = (now.interfaces["eth2"]["_uuid"], strange)
    found = drift.differences(now, wanted(uplinks="eth2 eth3", bond="bond0"), "test")
    assert said(found) == [
        "eth3 is not a member of bond0 any more",
        "bond0 has a member that nobody gave",
    ]
    assert found[1].commands == (["remove", "Port", "bond0", "interfaces", strange],)


def test_a_new_bond_member_has_the_mtu_of_the_others() -> None:
    now, _ = seen()
    now.ports["bond0"] = now.ports.pop("eth2") | {"name": "bond0"}
    given = wanted(uplinks="eth2 eth3", bond="bond0", mtu=1400)
    missing = drift.differences(now, given, "test")[0]
    assert missing.sentence == "eth3 is not a member of bond0 any more"
    assert "mtu_request=1400" in missing.commands[0]


def test_what_a_port_we_made_is_not_given_any_more_goes_again() -> None:
    host, _ = node()
    empty = Evidence(OvsBridge(host, environ(PARAMS))).look_at_all()
    commands = change.build(empty, wanted(tag=10, mtu=1400), "lan", False)
    assert ["set", "Port", "eth2", 'external_ids:"hactl-was-tag"="[]"'] in commands
    assert ["set", "Interface", "eth2", 'external_ids:"hactl-was-mtu_request"="[]"'] in commands
    now, _ = seen()
    now.ports["eth2"] |= {"tag": 10}
    now.ports["eth2"]["external_ids"]["hactl-was-tag"] = "[]"
    (found,) = drift.differences(now, wanted(), "test")
    assert found.sentence == "eth2 keeps tag, which is not given any more"
    assert found.commands[0] == ["set", "Port", "eth2", "tag=[]"]


def test_an_internal_port_that_was_made_anew_as_an_uplink_is_seen() -> None:
    now, _ = seen()
    now.ports["mgmt"] = now.ports["eth2"] | {"name": "mgmt", "_uuid": "Port-m"}
    now.interfaces["mgmt"] = now.interfaces["eth2"] | {"name": "mgmt", "_uuid": "Interface-m"}
    now.ports["mgmt"]["interfaces"] = "Interface-m"
    assert now.bridge is not None
    now.bridge["ports"] += ("Port-m",)
    found = drift.differences(now, wanted(internal="mgmt"), "test")
    assert said(found) == ["mgmt has type nothing instead of internal"]


@pytest.mark.parametrize(
    ("owner", "commands"), [("", ["remove", "create"]), ("test", ["remove", "destroy", "create"])]
)
def test_a_row_that_stands_where_ours_belongs_is_drift(owner: str, commands: "list[str]") -> None:
    now, found = replaced(owner)
    assert said(found) == ["QoS of eth2 has another other_config:max-rate than given"]
    done = [word for command in found[0].commands for word in command[:2]]
    assert [word for word in done if word in ("remove", "create", "destroy")] == commands
    assert now.children["QoS"]


def test_a_row_of_another_resource_is_named_and_left() -> None:
    _, found = replaced("lan2")
    assert said(found) == ["QoS of eth2 has another other_config:max-rate than given"]
    assert found[0].commands == ()


def replaced(owner: str) -> "tuple[Snapshot, list[spelling.Difference]]":
    """A port that is shaped by hand."""
    now, _ = seen()
    ids = {"hactl-resource": owner} if owner else {}
    config = {"max-rate": "5000"}
    now.children["QoS"]["Q"] = {
        "_uuid": "Q", "type": "linux-htb", "other_config": config, "queues": {},
        "external_ids": ids,
    }  # fmt: skip
    now.ports["eth2"]["qos"] = "Q"
    return now, drift.differences(now, wanted(qos_max_rate=1000000), "test")


@pytest.mark.parametrize(
    ("name", "mode", "text"),
    [
        ("flows", 0o100666, "others may write /f: chmod go-w it"),
        ("flows", 0o100664, "others may write /f: chmod go-w it"),
        ("flows", 0o040755, "/f is not a regular file"),
        ("flows", 0o010600, "/f is not a regular file"),
        ("ssl_ca_cert", 0o100646, "others may write /f: chmod go-w it"),
        ("ssl_private_key", 0o100640, "others may read /f: chmod 600 it"),
    ],
)
def test_files_that_others_could_change_are_refused(name: str, mode: int, text: str) -> None:
    host, _ = node()
    del host.devices.devices["br0"]
    host.files["/f"] = "actions=drop\n"
    host.files["/other"] = ""
    host.modes["/f"] = mode
    ssl = dict.fromkeys(("ssl_private_key", "ssl_certificate", "ssl_ca_cert"), "/other")
    given = {name: "/f"} if name == "flows" else ssl | {name: "/f"}
    assert complaint(host, "start", **given) == f"{name}: {text}"
    assert host.calls == []


def test_cells_lose_their_wrapping() -> None:
    row = {"a": ["set", [["uuid", "x"], 5]], "b": ["map", [["k", ["uuid", "y"]]]], "c": "d"}
    assert plain(row) == {"a": ("x", 5), "b": {"k": "y"}, "c": "d"}


# the wire

TEXT = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), TEXT))
def test_what_is_written_is_json_and_json_is_read(value: "dict[str, Any]") -> None:
    assert json.loads(wire.encode(value)) == value
    assert wire.decode(json.dumps(value)) == value
    assert wire.decode(json.dumps(value, ensure_ascii=False)) == value


@given(st.dictionaries(st.text('{}"\\a', max_size=6), TEXT, min_size=1))
def test_an_answer_is_whole_at_its_last_brace_and_not_before(value: "dict[str, Any]") -> None:
    text = json.dumps(value)
    assert wire.complete(text.encode())
    assert not any(wire.complete(text[:end].encode()) for end in range(len(text)))


def test_what_is_no_json_is_a_failure() -> None:
    with pytest.raises(Failed, match="an answer that is not JSON"):
        wire.decode('{"a": }')


def test_a_daemons_refusal_is_passed_on() -> None:
    host = FakeHost()
    host.sockets[b"/s"] = lambda _: b'{"id":1,"result":null,"error":"no such thing\\n"}'
    with pytest.raises(Failed, match=r"^ovsdb-server refused list: no such thing$"):
        wire.Wire(host, "/s", "ovsdb-server").call("list", [])
