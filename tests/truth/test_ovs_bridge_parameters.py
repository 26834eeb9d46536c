"""Each parameter of OvsBridge as Open vSwitch's own tools see it: it takes effect, what is changed
by hand is named and mended, and a stop leaves every table of the database as it was.
"""

import random
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.ovs_node import OvsNode, lacking
from tests.support.private_node import wait_until, why
from tests.truth.worlds.ovs_bridge import Lan, ovs_node

pytestmark = [
    pytest.mark.backend,
    pytest.mark.extended,
    pytest.mark.xdist_group("ovs-bridge-parameters"),
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking()),
]
RUNNING, FAILED, DEGRADED = 0, 1, 190
TABLES = (
    "Open_vSwitch", "Bridge", "Port", "Interface", "Controller", "Manager", "QoS", "Queue",
    "Mirror", "sFlow", "SSL", "NetFlow", "IPFIX", "Flow_Table",
)  # fmt: skip
# what the daemons write by themselves
TOLD = {
    "cur_cfg", "next_cfg", "statistics", "status", "ofport", "link_state", "link_resets",
    "admin_state", "duplex", "link_speed", "ifindex", "mac_in_use", "mtu", "error", "_version",
    "datapath_id", "datapath_version", "rstp_statistics", "rstp_status", "bond_active_slave",
    "lacp_current", "is_connected", "role", "datapaths",
}  # fmt: skip


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OvsNode]:
    with ovs_node(tmp_path_factory.mktemp("node")) as node:
        # bystanders in every table
        node.vsctl(
            "add-br", "theirs", "--", "set", "Bridge", "theirs", "datapath_type=netdev", "--",
            "--id=@q", "create", "QoS", "type=linux-htb", "queues:1=@k", "--", "--id=@k", "create",
            "Queue", "other_config:min-rate=1", "--", "set", "Port", "theirs", "qos=@q", "--",
            "set-controller", "theirs", "ptcp:4999", "--", "set-manager", "ptcp:4998", "--",
            "--id=@s", "create", "sFlow", 'targets="127.0.0.1"', "--", "set", "Bridge", "theirs",
            "sflow=@s", "--", "--id=@m", "create", "Mirror", "name=theirs", "output_vlan=9", "--",
            "set", "Bridge", "theirs", "mirrors=@m",
        )  # fmt: skip
        if shutil.which("openssl"):
            node.sh(
                "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=lab -keyout /run/k.pem "
                "-out /run/c.pem 2>/dev/null; chmod 600 /run/k.pem; cp /run/c.pem /run/d.pem"
            )
        node.sh("printf 'priority=5,in_port=LOCAL,actions=NORMAL\\nactions=NORMAL\\n' > /run/f")
        yield node


@pytest.fixture
def lan(node: OvsNode) -> Iterator[Lan]:
    lan = Lan(node)
    yield lan
    node.heal()
    lan.clean_up()


def inventory(node: OvsNode) -> "dict[str, list[dict[str, Any]]]":
    """All that anybody has configured."""
    return {
        table: sorted(
            (
                {
                    name: sorted(cell) if isinstance(cell, list) else cell
                    for name, cell in row.items()
                    if name not in TOLD
                }
                for row in node.rows(table)
            ),
            key=lambda row: str(row["_uuid"]),
        )
        for table in TABLES
    }


def filled(lan: Lan, text: str) -> str:
    """Names of this bridge in a text."""
    number = int(lan.name[3:])
    names = {
        "br": lan.bridge, "up": lan.uplinks[0], "up2": lan.uplinks[1], "bond": f"bo{lan.bridge}",
        "in": f"in{lan.bridge}", "of": 10_000 + number, "of2": 12_000 + number,
        "db": 14_000 + number, "sf": 16_000 + number, "far": lan.switch[0],
    }  # fmt: skip
    for name, value in names.items():
        text = text.replace(f"<{name}>", str(value))
    return text


BOND = {"uplinks": "<up> <up2>", "bond": "<bond>"}
TLS = {
    "ssl_private_key": "/run/k.pem",
    "ssl_certificate": "/run/c.pem",
    "ssl_ca_cert": "/run/c.pem",
}
QUEUES = {"qos_max_rate": "10000000", "qos_queues": "0=0-1000000 7=500000-2000000"}
TRACE = "ovs-appctl ofproto/trace <br> in_port=<up>,dl_dst=ff:ff:ff:ff:ff:ff"

# parameters -> commands and what they have to say
EFFECTS: "list[tuple[dict[str, str], list[tuple[str, str]]]]" = [
    (
        {**BOND, "bond_mode": "active-backup", "bond_primary": "<up2>", "bond_updelay": "100",
         "bond_downdelay": "200"},
        [
            ("ovs-appctl bond/show <bond>", "bond_mode: active-backup"),
            ("ovs-appctl bond/show <bond>", "active-backup primary: <up2>"),
            ("ovs-appctl bond/show <bond>", "updelay: 100 ms"),
            ("ovs-appctl bond/show <bond>", "downdelay: 200 ms"),
        ],
    ),
    ({**BOND, "bond_mode": "balance-slb"}, [("ovs-appctl bond/show <bond>", "mode: balance-slb")]),
    (
        {**BOND, "bond_mode": "balance-tcp", "lacp": "passive", "lacp_time": "fast",
         "lacp_fallback": "true"},
        [
            ("ovs-appctl bond/show <bond>", "bond_mode: balance-tcp"),
            ("ovs-appctl bond/show <bond>", "lacp_fallback_ab: true"),
            ("ovs-appctl lacp/show <bond>", "status: passive"),
            ("ovs-appctl lacp/show <bond>", "lacp_time: fast"),
        ],
    ),
    (
        {"tag": "10", "internal": "<in>"},
        [
            (f"{TRACE},vlan_tci=0", "push_vlan(vid=10"),
            (f"{TRACE},dl_vlan=10", "Datapath actions: drop"),
        ],
    ),
    (
        {"trunks": "10,20-22,21-23", "internal": "<in>"},
        [
            (f"{TRACE},dl_vlan=23", "bridge("),
            (f"{TRACE},dl_vlan=24", "Datapath actions: drop"),
            ("ovs-vsctl get Port <up> trunks", "[10, 20, 21, 22, 23]"),
        ],
    ),
    (
        {"tag": "7", "trunks": "10", "vlan_mode": "native-untagged", "internal": "<in>=7"},
        [
            ("ovs-vsctl get Port <up> vlan_mode", "native-untagged"),
            (f"{TRACE},vlan_tci=0", "bridge("),
            (f"{TRACE},dl_vlan=11", "Datapath actions: drop"),
        ],
    ),
    (
        {"tag": "7", "vlan_mode": "native-tagged"},
        [("ovs-vsctl get Port <up> vlan_mode", "native-tagged")],
    ),
    (
        {"rstp": "true", "rstp_priority": "4096"},
        [("ovs-appctl rstp/show <br>", "stp-priority    4096")],
    ),
    ({"stp": "true"}, [("ovs-appctl stp/show <br>", "This bridge is the root")]),
    (
        {"multicast_snooping": "true"},
        [("ovs-vsctl get Bridge <br> mcast_snooping_enable", "true")],
    ),
    (
        {"controllers": "ptcp:<of>:127.0.0.1 punix:/var/run/openvswitch/<br>.x",
         "fail_mode": "secure"},
        [
            ("ovs-vsctl get-controller <br> | wc -l", "2"),
            ("ovs-vsctl get-fail-mode <br>", "secure"),
            ("ovs-ofctl show tcp:127.0.0.1:<of>", "<up>"),
            ("ovs-ofctl show unix:/var/run/openvswitch/<br>.x", "<up>"),
        ],
    ),
    (
        {"controllers": "pssl:<of>", "managers": "pssl:<db>", **TLS},
        [
            ("ovs-ofctl -p /run/k.pem -c /run/c.pem -C /run/c.pem show ssl:127.0.0.1:<of>", "<up>"),
            (
                "ovs-vsctl -p /run/k.pem -c /run/c.pem -C /run/c.pem --db=ssl:127.0.0.1:<db> show",
                "<br>",
            ),
        ],
    ),
    (
        {"controllers": "ptcp:<of>", "connection_mode": "out-of-band"},
        [("ovs-vsctl list Controller $(ovs-vsctl get Bridge <br> controller | tr -d '[]')",
          "out-of-band")],
    ),
    ({"managers": "ptcp:<db>"}, [("ovs-vsctl --db=tcp:127.0.0.1:<db> list-br", "<br>")]),
    (
        {"protocols": "OpenFlow13 OpenFlow15"},
        [
            ("ovs-ofctl -O OpenFlow15 show <br>", "<up>"),
            ("ovs-ofctl -O OpenFlow10 show <br> 2>&1 || :", "version negotiation failed"),
        ],
    ),
    (
        {"flows": "/run/f"},
        [("ovs-ofctl dump-flows <br>", "priority=5,in_port=LOCAL actions=NORMAL")],
    ),
    (
        QUEUES,
        [
            ("ovs-appctl qos/show <up>", "max-rate: 10000000"),
            ("ovs-appctl qos/show <up>", "Queue 7"),
            ("ovs-appctl qos/show <up>", "min-rate: 500000"),
            ("tc class show dev <up>", "class htb"),
        ],
    ),
    (
        {**QUEUES, "qos_type": "linux-hfsc"},
        [("ovs-appctl qos/show <up>", "QoS: <up> linux-hfsc"), ("tc class show dev <up>", "hfsc")],
    ),
    (
        {"mirror_to": "<up2>", "internal": "<in>"},
        [
            ("ovs-vsctl get Mirror hactl-<br> select_all", "true"),
            ("ovs-vsctl get Port <up2> name", "<up2>"),
        ],
    ),
    (
        {"mirror_to": "<up2>", "mirror_ports": "<br> <in>", "internal": "<in>"},
        [
            ("ovs-vsctl get Mirror hactl-<br> select_src_port | tr , '\\n' | wc -l", "2"),
            ("ovs-vsctl get Mirror hactl-<br> select_dst_port | tr , '\\n' | wc -l", "2"),
        ],
    ),
    ({"mirror_vlan": "99"}, [("ovs-vsctl get Mirror hactl-<br> output_vlan", "99")]),
    (
        {"mtu": "1400", "internal": "<in>", "mirror_to": "<up2>"},
        [(f"cat /sys/class/net/<{name}>/mtu", "1400") for name in ("up", "up2", "in")],
    ),
    (
        {"address": "52:54:00:00:00:77"},
        [("cat /sys/class/net/<br>/address", "52:54:00:00:00:77")],
    ),
    (
        {"internal": "<in>=10"},
        [("ovs-vsctl get Interface <in> type", "internal"), ("ovs-vsctl get Port <in> tag", "10")],
    ),
]  # fmt: skip


def given(lan: Lan, params: "dict[str, str]") -> None:
    lan.params |= {name: filled(lan, value) for name, value in params.items()}
    if "ssl_private_key" in params and shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")


@pytest.mark.parametrize(
    ("params", "effects"), EFFECTS, ids=[" ".join(params)[:40] for params, _ in EFFECTS]
)
def test_what_is_given_takes_effect_and_goes_without_a_trace(
    lan: Lan, params: "dict[str, str]", effects: "list[tuple[str, str]]"
) -> None:
    before = inventory(lan.node)
    given(lan, params)
    # nobody speaks LACP with us, and the other ends of bonds are not bonds
    lan.params["on_member_down"] = "ignore"
    done = lan.call("start")
    if "the kernel has no hfsc" in done.stderr:
        pytest.skip("this kernel has no sch_hfsc")
    assert done.returncode == 0, done.stderr
    assert (lan.monitor(), lan.monitor()) == (RUNNING, RUNNING)
    for command, said in effects:
        text = lan.node.sh(filled(lan, command))
        assert filled(lan, said) in text, f"{command}: {text}"
    assert lan.code("stop") == 0
    assert inventory(lan.node) == before
    assert lan.untouched()


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"controllers": "ptcp:<of> ptcp:<of2>"},
         "controller ptcp:<of>: ovs-vswitchd does not listen there, see its log"),
        ({"managers": "ptcp:<of>"},
         "manager ptcp:<of>: ovsdb-server does not listen there, see its log"),
        ({"controllers": "punix:/run/elsewhere/<br>.x"}, "ovs-vswitchd does not listen there"),
        ({"controllers": "tcp:127.0.0.1:<of2> unix:/run/nobody"},
         "controller tcp:127.0.0.1:<of2> is not connected; controller unix:/run/nobody is not"),
        ({"managers": "tcp:127.0.0.1:<of2>"}, "manager tcp:127.0.0.1:<of2> is not connected"),
    ],
)  # fmt: skip
def test_a_controller_or_manager_that_cannot_be_is_named(
    lan: Lan, params: "dict[str, str]", said: str
) -> None:
    given(lan, params)
    other = (
        "import socket, time; s = socket.socket(); s.bind(('', <of>)); s.listen(); "
        "print('mine', flush=True); time.sleep(1000)"
    )
    shell = f'/usr/bin/python3 -c "{other}" >/run/other 2>&1 & echo $!'
    pid = lan.node.sh(filled(lan, shell))
    wait_until(lambda: lan.node.sh("cat /run/other") == "mine", "the port is not taken", 10)
    assert lan.code("start") == 0, "the bridge switches all the same"
    done = lan.call("monitor", meta={"interval": "10000"})
    assert (done.returncode, filled(lan, said) in why(done)) == (DEGRADED, True), done.stderr
    assert lan.monitor(on_controller_down="fail") == FAILED
    assert lan.monitor(on_controller_down="ignore") == RUNNING
    lan.node.sh(f"kill {pid}")
    assert lan.code("stop") == 0
    assert lan.untouched()


def test_samples_are_sent_to_the_collector(lan: Lan) -> None:
    given(lan, {"sflow": "127.0.0.1:<sf>", "sflow_agent": "lo", "sflow_sampling": "1",
                "sflow_polling": "1", "internal": "<in>"})  # fmt: skip
    before = inventory(lan.node)
    assert lan.code("start") == 0
    listen = (
        "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.settimeout(10); "
        "s.bind(('127.0.0.1', <sf>)); print(len(s.recv(2000)))"
    )
    assert int(lan.node.run("/usr/bin/python3", "-c", filled(lan, listen)).stdout) > 28
    assert lan.code("stop") == 0
    assert inventory(lan.node) == before


# parameters, what somebody does by hand, and what is said of it
DRIFTS: "list[tuple[dict[str, str], str, str]]" = [
    ({**BOND, "bond_mode": "balance-slb"},
     "ovs-vsctl set Port <bond> bond_mode=active-backup",
     "<bond> has bond_mode active-backup instead of balance-slb"),
    ({**BOND, "lacp": "active"}, "ovs-vsctl clear Port <bond> lacp",
     "<bond> has lacp nothing instead of active"),
    ({**BOND, "lacp": "active", "lacp_time": "fast"},
     "ovs-vsctl remove Port <bond> other_config lacp-time",
     "<bond> has other_config:lacp-time nothing instead of fast"),
    ({**BOND, "bond_primary": "<up2>"},
     "ovs-vsctl set Port <bond> other_config:bond-primary=<up>",
     "<bond> has other_config:bond-primary <up> instead of <up2>"),
    ({**BOND, "bond_updelay": "100"}, "ovs-vsctl set Port <bond> bond_updelay=5",
     "<bond> has bond_updelay 5 instead of 100"),
    ({**BOND, "mtu": "1400"},
     "ovs-vsctl remove Port <bond> interfaces $(ovs-vsctl get Interface <up2> _uuid)",
     "<up2> is not a member of <bond> any more"),
    (BOND, "ovs-vsctl --id=@i create Interface name=extra type=internal "
     "-- add Port <bond> interfaces @i", "<bond> has a member that nobody gave"),
    ({"tag": "10"}, "ovs-vsctl clear Port <up> tag", "<up> has tag nothing instead of 10"),
    ({"trunks": "10,20"}, "ovs-vsctl set Port <up> trunks=10,30",
     "<up> has trunks 10,30 instead of 10,20"),
    ({"trunks": "10,20"}, "ovs-vsctl set Port <up> tag=10",
     "<up> has tag 10 instead of nothing"),
    ({"tag": "10"}, "ovs-vsctl set Port <up> vlan_mode=trunk",
     "<up> has vlan_mode trunk instead of nothing"),
    ({"mirror_to": "<up2>"}, "ovs-vsctl set Mirror hactl-<br> select_vlan=5",
     "Mirror hactl-<br> of <br> has another select_vlan than given"),
    ({"tag": "7", "vlan_mode": "native-untagged"}, "ovs-vsctl set Port <up> vlan_mode=access",
     "<up> has vlan_mode access instead of native-untagged"),
    ({"internal": "<in>=10"}, "ovs-vsctl del-port <in>", "<in> is not a port of <br> any more"),
    ({"internal": "<in>=10"}, "ovs-vsctl set Interface <in> 'type=\"\"'",
     "<in> has type nothing instead of internal"),
    ({"rstp": "true"}, "ovs-vsctl set Bridge <br> rstp_enable=false",
     "<br> has rstp_enable false instead of true"),
    ({"rstp": "true", "rstp_priority": "4096"},
     "ovs-vsctl set Bridge <br> other_config:rstp-priority=8192",
     "<br> has other_config:rstp-priority 8192 instead of 4096"),
    ({"stp": "true"}, "ovs-vsctl set Bridge <br> stp_enable=false",
     "<br> has stp_enable false instead of true"),
    ({"multicast_snooping": "true"}, "ovs-vsctl set Bridge <br> mcast_snooping_enable=false",
     "<br> has mcast_snooping_enable false instead of true"),
    ({"protocols": "OpenFlow13"}, "ovs-vsctl clear Bridge <br> protocols",
     "<br> has protocols nothing instead of OpenFlow13"),
    ({"fail_mode": "secure"}, "ovs-vsctl del-fail-mode <br>",
     "<br> has fail_mode nothing instead of secure"),
    ({"controllers": "ptcp:<of> ptcp:<of2>"}, "ovs-vsctl set-controller <br> ptcp:<of>",
     "Controller ptcp:<of2> is missing from <br>"),
    ({"controllers": "ptcp:<of>", "connection_mode": "out-of-band"},
     "ovs-vsctl set-controller <br> ptcp:<of>",
     "Controller ptcp:<of> of <br> has another connection_mode than given"),
    ({"managers": "ptcp:<db>"},
     "ovs-vsctl remove Open_vSwitch . manager_options "
     "$(ovs-vsctl --columns=_uuid --bare find Manager target='\"ptcp:<db>\"')",
     "Manager ptcp:<db> is missing from ."),
    (TLS, "ovs-vsctl del-ssl", "SSL is missing from ."),
    (TLS, "ovs-vsctl set-ssl /run/k.pem /run/d.pem /run/c.pem",
     "SSL of . has another certificate than given"),
    (QUEUES, "ovs-vsctl clear Port <up> qos", "QoS is missing from <up>"),
    (QUEUES, "ovs-vsctl set QoS $(ovs-vsctl get Port <up> qos) other_config:max-rate=5000",
     "QoS of <up> has another other_config:max-rate than given"),
    (QUEUES, "ovs-vsctl set Queue $(ovs-vsctl get QoS $(ovs-vsctl get Port <up> qos) queues:7) "
     "other_config:min-rate=7", "QoS of <up> has another queues than given"),
    (QUEUES, "ovs-vsctl --id=@q create QoS type=linux-htb other_config:max-rate=77 "
     "-- set Port <up> qos=@q", "QoS of <up> has another other_config:max-rate, queues than given"),
    ({"mirror_to": "<up2>"}, "ovs-vsctl clear Bridge <br> mirrors",
     "Mirror hactl-<br> is missing from <br>"),
    ({"mirror_to": "<up2>"}, "ovs-vsctl set Mirror hactl-<br> select_all=false",
     "Mirror hactl-<br> of <br> has another select_all than given"),
    ({"mirror_vlan": "99"}, "ovs-vsctl set Mirror hactl-<br> output_vlan=98",
     "Mirror hactl-<br> of <br> has another output_vlan than given"),
    ({"sflow": "127.0.0.1:<sf>"}, "ovs-vsctl clear Bridge <br> sflow",
     "sFlow is missing from <br>"),
    ({"sflow": "127.0.0.1:<sf>"},
     "ovs-vsctl --id=@s create sFlow 'targets=\"127.0.0.9\"' -- set Bridge <br> sflow=@s",
     "sFlow of <br> has another targets, sampling, polling than given"),
    ({"mtu": "1400"}, "ovs-vsctl set Interface <up> mtu_request=1300",
     "<up> has mtu_request 1300 instead of 1400"),
    ({"address": "52:54:00:00:00:77"}, "ovs-vsctl remove Bridge <br> other_config hwaddr",
     "<br> has other_config:hwaddr nothing instead of 52:54:00:00:00:77"),
    ({"flows": "/run/f"}, "ovs-ofctl del-flows --strict <br> priority=5,in_port=LOCAL",
     "<br> has 1 of the 2 flows of /run/f"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("params", "by_hand", "said"), DRIFTS, ids=[said[:50] for _, _, said in DRIFTS]
)
def test_what_somebody_changes_is_named_and_mended(
    lan: Lan, params: "dict[str, str]", by_hand: str, said: str
) -> None:
    before = inventory(lan.node)
    given(lan, params)
    lan.params["on_member_down"] = "ignore"
    assert lan.code("start") == 0
    assert (lan.monitor(), lan.monitor()) == (RUNNING, RUNNING)
    lan.node.sh(filled(lan, by_hand))
    done = lan.call("monitor", meta={"interval": "10000"})
    if done.returncode == RUNNING:  # the daemon notices what the kernel does a moment later
        wait_until(lambda: lan.monitor() == DEGRADED, f"{by_hand} is not seen", 8)
        done = lan.call("monitor", meta={"interval": "10000"})
    assert (done.returncode, filled(lan, said) in why(done)) == (DEGRADED, True), done.stderr
    assert lan.monitor(drift="fail") == FAILED
    mended = lan.call("monitor", drift="repair", meta={"interval": "10000"})
    assert mended.returncode == RUNNING, mended.stderr
    assert lan.monitor() == RUNNING
    assert lan.code("stop") == 0
    if said.endswith("max-rate, queues than given"):  # a row made by hand is not ours to destroy
        lan.node.sh(
            "ovs-vsctl destroy QoS "
            "$(ovs-vsctl --columns=_uuid --bare find QoS other_config:max-rate=77)"
        )
    assert inventory(lan.node) == before
    assert lan.untouched()


def test_open_vswitch_itself_keeps_mtu_and_address(lan: Lan) -> None:
    given(lan, {"mtu": "1400", "address": "52:54:00:00:00:77"})
    assert lan.code("start") == 0
    lan.node.sh(
        f"ip link set {lan.uplinks[0]} mtu 1350; ip link set {lan.bridge} address 52:54:00:00:00:78"
    )
    wait_until(lambda: lan.link(lan.uplinks[0])[1] == "1400", "the MTU stays", 5)
    address = f"cat /sys/class/net/{lan.bridge}/address"
    wait_until(lambda: lan.node.sh(address) == "52:54:00:00:00:77", "the address stays", 5)
    assert lan.monitor() == RUNNING


# what is not given any more

DROPPED = [
    ({"tag": "10"}, "ovs-vsctl get Port <up> tag", "[]"),
    ({"trunks": "10,20"}, "ovs-vsctl get Port <up> trunks", "[]"),
    ({"mtu": "1400"}, "cat /sys/class/net/<up>/mtu", "1500"),
    ({"fail_mode": "secure"}, "ovs-vsctl get Bridge <br> fail_mode", "[]"),
    ({"qos_max_rate": "1000000"}, "ovs-vsctl get Port <up> qos", "[]"),
    ({"mirror_vlan": "9"}, "ovs-vsctl get Bridge <br> mirrors", "[]"),
    ({"controllers": "ptcp:<of>"}, "ovs-vsctl get Bridge <br> controller", "[]"),
    (
        {"flows": "/run/f"},
        "ovs-ofctl dump-flows <br> cookie=0x6861637461676e74/-1 | grep -c actions || :",
        "0",
    ),
]


@pytest.mark.parametrize(
    ("params", "command", "said"), DROPPED, ids=[" ".join(p) for p, _, _ in DROPPED]
)
def test_what_is_not_given_any_more_goes_by_a_reload(
    lan: Lan, params: "dict[str, str]", command: str, said: str
) -> None:
    bare = dict(lan.params)
    given(lan, params)
    assert lan.code("start") == 0
    assert lan.code("reload-agent") == 0, "which changes nothing"
    lan.params = bare
    assert lan.code("reload-agent") == 0
    assert lan.node.sh(filled(lan, command)).splitlines()[-1] == said
    assert lan.monitor() == RUNNING
    assert lan.code("stop") == 0
    assert lan.untouched()


@pytest.mark.parametrize("seed", [1, 2])
def test_from_any_parameters_to_any_others_by_reloads(lan: Lan, seed: int) -> None:
    before = inventory(lan.node)
    bare = {**lan.params, "on_member_down": "ignore"}
    lan.params = bare
    assert lan.code("start") == 0
    steps = [params for params, _ in EFFECTS if "linux-hfsc" not in params.values()]
    for params in random.Random(seed).sample(steps, len(steps)):
        lan.params = dict(bare)
        given(lan, params)
        done = lan.call("reload-agent")
        assert done.returncode == 0, f"{params}: {done.stderr}"
        done = lan.call("monitor", meta={"interval": "10000"})
        assert done.returncode == RUNNING, f"{params}: {done.stderr}"
    assert lan.code("stop") == 0
    assert inventory(lan.node) == before
    assert lan.untouched()


# somebody's bridge


def adopted(lan: Lan) -> None:
    """A bridge made by hand, and parameters that change nearly all of it."""
    given(
        lan,
        {
            "bond": "<bond>", "uplinks": "<up> <up2>", "bond_mode": "balance-slb", "adopt": "true",
            "bond_updelay": "10", "trunks": "10,20-22", "internal": "old<br>=10 new<br>=20",
            "fail_mode": "secure", "controllers": "ptcp:<of>", "managers": "ptcp:<db>",
            "flows": "/run/f", "mtu": "1400", "address": "port", **QUEUES, "mirror_vlan": "99",
            "sflow": "127.0.0.1:<sf>", "sflow_agent": "lo", "on_member_down": "ignore",
        },
    )  # fmt: skip
    script = (
        "ovs-vsctl add-br <br> -- set Bridge <br> datapath_type=netdev fail_mode=standalone "
        "other_config:mac-table-size=4096 -- add-port <br> old<br> -- set Interface old<br> "
        "type=internal -- add-bond <br> <bond> <up> <up2> bond_mode=active-backup trunks=5 "
        "other_config:bond-primary=<up> -- set-controller <br> ptcp:<of2>; "
        "ip link set <up> up mtu 1450; ip link set <up2> up"
    )
    lan.node.sh(filled(lan, script))


def devices(lan: Lan) -> "list[tuple[bool, str]]":
    return [lan.link(name) for name in (*lan.uplinks, lan.bridge, f"old{lan.bridge}")]


def test_an_adopted_bridge_with_everything_on_it_is_given_back(lan: Lan) -> None:
    adopted(lan)
    before = inventory(lan.node), devices(lan)
    assert lan.code("start") == 0
    assert (lan.monitor(), lan.monitor()) == (RUNNING, RUNNING)
    assert lan.code("reload-agent", mtu=1300, tag="", trunks="") == 0
    assert lan.code("stop") == 0
    assert (inventory(lan.node), devices(lan)) == before


def test_an_adoption_that_was_killed_at_any_step_is_taken_back(lan: Lan) -> None:
    adopted(lan)
    before = inventory(lan.node), devices(lan)
    calls = "sendmsg,sendto,rename,vfork,clone,clone3,write"
    for step in range(1, 200, 4):
        cut = lan.node.call_killed(
            "OvsBridge", "start", calls, step, resource=lan.name, **lan.params
        )
        assert lan.code("stop") == 0, step
        assert (inventory(lan.node), devices(lan)) == before, step
        if not cut:
            break
    assert step > 30


def test_a_controller_of_somebody_else_is_not_changed(lan: Lan) -> None:
    adopted(lan)
    before = inventory(lan.node)
    taken = filled(lan, "ptcp:<of2>")
    done = lan.call("start", controllers=taken, connection_mode="out-of-band")
    said = f"{lan.bridge} has another Controller {taken} already, and it is not ours"
    assert (done.returncode, why(done)) == (2, said)
    assert lan.code("stop") == 0
    assert inventory(lan.node) == before
