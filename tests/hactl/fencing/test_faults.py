"""Every fault that a CIB shows by itself is named, and nothing else is: real configurations of pcs,
crmsh and hactl, with one thing changed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest
from lxml import etree

from hactl.cib.document import configuration
from hactl.errors import Severity
from hactl.fencing import rules
from hactl.fencing.configuration import Fencing, fencing
from hactl.fencing.faults import faults
from hactl.intent import read
from tests.hactl.topologies import BASE, cluster_of

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))
NODES = ("node1", "node2", "node3")
BMC = {
    f"bmc-{node}": {"ip": f"10.0.9.{n}", "pcmk_host_list": node} for n, node in enumerate(NODES, 1)
}
BANS = {f"bmc-{node}": {node: "-INFINITY"} for node in NODES}
LEVELS = [(node, 1, f"bmc-{node}") for node in NODES]


def cib(
    devices: Mapping[str, Mapping[str, str]] = BMC,
    levels: list[tuple[str, int, str]] = LEVELS,
    bans: Mapping[str, Mapping[str, str]] = BANS,
    agents: Mapping[str, str] | None = None,
    nodes: tuple[str, ...] = NODES,
    properties: Mapping[str, str] | None = None,
    more: str = "",
    constraints: str = "",
    tail: str = "",
) -> Fencing:
    """A cluster of three nodes, each with a management controller, in which a test changes one."""
    of = agents or {}
    made = "".join(
        f'<primitive id="{name}" class="stonith" type="{of.get(name, "fence_ipmilan")}">'
        f'<instance_attributes id="{name}-i">{nvpairs(name, params)}</instance_attributes>'
        "</primitive>"
        for name, params in devices.items()
    )
    banned = "".join(
        f'<rsc_location id="l-{name}-{node}" rsc="{name}" node="{node}" score="{score}"/>'
        for name, scores in bans.items()
        for node, score in scores.items()
    )
    ordered = "".join(
        f'<fencing-level id="v{n}" target="{target}" index="{index}" devices="{names}"/>'
        for n, (target, index, names) in enumerate(levels)
    )
    there = "".join(f'<node id="{n}" uname="{node}"/>' for n, node in enumerate(nodes, 1))
    return fencing(
        etree.fromstring(
            "<cib><configuration><crm_config><cluster_property_set id='p'>"
            f"{nvpairs('p', {'stonith-enabled': 'true', **(properties or {})})}"
            f"</cluster_property_set></crm_config><nodes>{there}</nodes>"
            f"<resources>{made}{more}</resources><constraints>{banned}{constraints}</constraints>"
            f"<fencing-topology>{ordered}{tail}</fencing-topology></configuration></cib>"
        )
    )


def nvpairs(owner: str, params: Mapping[str, str]) -> str:
    return "".join(
        f'<nvpair id="{owner}-{name}" name="{name}" value={quoteattr(value)}/>'
        for name, value in params.items()
    )


def with_params(name: str, **params: str) -> dict[str, dict[str, str]]:
    return {**BMC, name: {**BMC[name], **params}}


def also(name: str, **params: str) -> dict[str, dict[str, str]]:
    return {**BMC, name: params}


def rule(expression: str, score: str = "-INFINITY") -> str:
    return (
        f'<rsc_location id="r" rsc="bmc-node2"><rule id="r1" score="{score}">{expression}</rule>'
        "</rsc_location>"
    )


def elsewhere(operation: str, value: str) -> str:
    return f'<expression id="e" attribute="#uname" operation="{operation}" value="{value}"/>'


GUEST = (
    '<primitive id="web1" class="ocf" provider="heartbeat" type="Dummy"><meta_attributes id="m">'
    '<nvpair id="m1" name="requires" value="{}"/></meta_attributes></primitive>'
)

FAULTY: dict[str, tuple[Fencing, str]] = {
    "maintenance": (
        cib(properties={"maintenance-mode": "true"}),
        "cluster: maintenance-mode is on: while nothing is managed, nobody is fenced",
    ),
    "nodes that were never seen are taken for off": (
        cib(properties={"startup-fencing": "false"}),
        "cluster: startup-fencing=false takes a node that was never seen for one that is off",
    ),
    "a time nobody can read": (
        cib(properties={"stonith-timeout": "a minute"}),
        "cluster: stonith-timeout is 'a minute', which is not a time",
    ),
    "an action that does not fence": (
        cib(properties={"stonith-action": "on"}),
        "cluster: stonith-action is 'on', which is not a way to fence",
    ),
    "a watchdog without SBD": (
        cib(properties={"stonith-watchdog-timeout": "10s", "have-watchdog": "false"}),
        "cluster: stonith-watchdog-timeout=10s counts on SBD, which does not run",
    ),
    "a level of the watchdog, and none is counted on": (
        cib(levels=[*LEVELS, ("node1", 2, "watchdog")]),
        "level 2 of node1: it counts on the watchdog of the node, and stonith-watchdog-timeout is",
    ),
    "resources that wait for a device that is not there": (
        cib(more=GUEST.format("unfencing")),
        "resource web1: requires=unfencing, and no device lets a node in to its storage",
    ),
    "storage from which nodes are cut off for ever": (
        cib(agents={"bmc-node2": "fence_scsi"}),
        "device bmc-node2: a node that it has cut off is never let in again: nobody asks for it",
    ),
    "a resource that does not wait for fencing": (
        cib(more=GUEST.format("nothing")),
        "resource web1: requires=nothing: it is started while its old copy may still run",
    ),
    "a device in a group that is stopped": (
        cib(
            more='<group id="g"><meta_attributes id="g1"><nvpair id="g2" name="target-role" '
            'value="stopped"/></meta_attributes><primitive id="x" class="stonith" '
            'type="fence_ipmilan"/></group>'
        ),
        "device x: it is disabled: Pacemaker does not use it",
    ),
    "a device that no node may use": (
        cib(bans={**BANS, "bmc-node2": dict.fromkeys(NODES, "-INFINITY")}),
        "device bmc-node2: no node may use it",
    ),
    "a device banned by small scores": (
        cib(bans={**BANS, "bmc-node2": {"node1": "-1", "node2": "-INFINITY", "node3": "-100"}}),
        "device bmc-node2: no node may use it",
    ),
    "a device banned by a rule": (
        cib(bans={}, constraints=rule(elsewhere("ne", "node2"))),
        "node node2: no other node may use the device that fences it, and nobody fences itself",
    ),
    "a device that a rule keeps where it fences": (
        cib(bans={}, constraints=rule(elsewhere("ne", "node2"))),
        "level 1 of node2: only node2 itself may use bmc-node2, and nobody fences itself",
    ),
    "a device banned by a pattern": (
        cib(constraints='<rsc_location id="r" rsc-pattern="-node2$" node="node1" score="-1"/>'
            '<rsc_location id="r2" rsc-pattern="-node2$" node="node3" score="-1"/>'),
        "device bmc-node2: no node may use it",
    ),
    "devices that nobody was allowed to use": (
        cib(properties={"symmetric-cluster": "false"}),
        "device bmc-node1: no node may use it",
    ),
    "a level of a node that is misspelt": (
        cib(levels=[*LEVELS[:1], ("nodee2", 1, "bmc-node2"), *LEVELS[2:]]),
        "level 1 of nodee2: there is no such node in this cluster; did you mean 'node2'?",
    ),
    "a level whose pattern fits nobody": (
        cib(tail='<fencing-level id="p" target-pattern="^web" index="1" devices="bmc-node1"/>'),
        "level 1 of some nodes: it is for no node of this cluster",
    ),
    "a level by pattern with a device for another": (
        cib(
            levels=[],
            tail='<fencing-level id="p" target-pattern="node." index="1" devices="bmc-node1"/>',
        ),
        "level 1 of some nodes: bmc-node1 does not fence node2",
    ),
    "a level that is there twice": (
        cib(levels=[*LEVELS, ("node2", 1, "bmc-node2")]),
        "level 1 of node2: it is there 2 times: Pacemaker makes one level of them",
    ),
    "a level that needs what has failed": (
        cib(levels=[*LEVELS, ("node2", 2, "bmc-node2")]),
        "level 2 of node2: it needs bmc-node2 like level 1, which has failed by then",
    ),
    "a device twice in a level": (
        cib(levels=[*LEVELS[:2], ("node3", 1, "bmc-node3,bmc-node3")]),
        "level 1 of node3: bmc-node3 is in it 2 times",
    ),
    "a level beyond the last": (
        cib(levels=[*LEVELS[:2], ("node3", 10, "bmc-node3")]),
        "level 10 of node3: Pacemaker ignores it; number it from 1 to 9",
    ),
    "a dump after the power": (
        cib(
            also("kd", pcmk_host_list="node2"),
            [*LEVELS, ("node2", 2, "kd")],
            agents={"kd": "fence_kdump"},
        ),
        "level 2 of node2: kd waits for a dump that a device before or beside it has cut short",
    ),
    "a dump, and nothing else": (
        cib(BMC, agents={"bmc-node2": "fence_kdump"}),
        "node node2: fence_kdump says only that a node is dumping",
    ),
    "a device that is in no level": (
        cib(also("pdu", pcmk_host_list="node2", ip="10.0.9.9"), agents={"pdu": "fence_apc"}),
        "device pdu: it fences node2 and is in none of its levels, so it is never tried",
    ),
    "one supply of two": (
        cib(
            {
                **BMC,
                "a": {"pcmk_host_list": "node2", "ip": "10.0.8.1", "plug": "1"},
                "b": {"pcmk_host_list": "node2", "ip": "10.0.8.2", "plug": "1"},
            },
            [*LEVELS, ("node2", 2, "a"), ("node2", 3, "b")],
            agents={"a": "fence_apc_snmp", "b": "fence_apc_snmp"},
        ),
        "level 2 of node2: a without b: a node with two supplies would be called off, and run on; "
        "one level with all of its outlets: a,b",
    ),
    "plugs of two nodes, exchanged": (
        cib(
            {
                "sw": {
                    "ip": "10.0.9.1",
                    "pcmk_host_map": "node1:node2;node2:node1;node3:node3",
                }
            },
            [],
            {},
            {"sw": "fence_virsh"},
        ),
        "device sw: fencing node1 would hit node2: the plug is called 'node2'",
    ),
    "plugs that look exchanged": (
        cib(
            {"sw": {"ip": "10.0.9.1", "pcmk_host_map": "node1:vm-node2;node2:vm-node1;node3:x"}},
            [],
            {},
            {"sw": "fence_virsh"},
        ),
        "device sw: the plug 'vm-node2' of node1 looks like that of node2",
    ),
    "one plug for two, in two devices that are spoken to differently": (
        cib(
            {
                **BMC,
                "a": {"pcmk_host_list": "node1", "ip": "10.0.8.1", "plug": "1", "login": "a"},
                "b": {"pcmk_host_list": "node2", "ip": "10.0.8.1", "plug": "1", "login": "b",
                      "power_timeout": "30"},
            },
            [],
            agents={"a": "fence_apc_snmp", "b": "fence_apc_snmp"},
        ),
        "device b: fencing node2 would hit node1: both are plug '1'",
    ),
    "one controller for two": (
        cib(with_params("bmc-node2", ip="10.0.9.1")),
        "device bmc-node2: fencing node2 would hit node1: 10.0.9.1 is the controller of both",
    ),
    "a controller that is the node itself": (
        cib(with_params("bmc-node2", ip="node2")),
        "device bmc-node2: node2 is node2 itself, which does not answer when it has to be fenced",
    ),
    "a list without a list": (
        cib({**BMC, "bmc-node2": {"ip": "10.0.9.2", "pcmk_host_check": "static-list"}}),
        "device bmc-node2: it fences nobody: its list is empty",
    ),
    "a list that is ignored": (
        cib(with_params("bmc-node2", pcmk_host_check="none")),
        "device bmc-node2: pcmk_host_check=none: Pacemaker has it fence every node",
    ),
    "a check that is misspelt": (
        cib(with_params("bmc-node2", pcmk_host_check="staticlist")),
        "pcmk_host_check is 'staticlist', which Pacemaker does not know; did you mean 'static-lis",
    ),
    "pairs separated by commas": (
        cib(with_params("bmc-node2", pcmk_host_map="node2:1,node3:2")),
        "device bmc-node2: pcmk_host_map has 'node2:1,node3:2', which is not NODE:PLUG",
    ),
    "a pair without a plug": (
        cib(with_params("bmc-node2", pcmk_host_map="node2:")),
        "device bmc-node2: pcmk_host_map has 'node2:', which is not NODE:PLUG",
    ),
    "a parameter of Pacemaker's that is misspelt": (
        cib(with_params("bmc-node2", pcmk_of_timeout="90s")),
        "device bmc-node2: pcmk_of_timeout is not a parameter that Pacemaker knows, and is "
            "ignored; "
        "did you mean 'pcmk_off_timeout'?",
    ),
    "an action of its own": (
        cib(with_params("bmc-node2", action="off")),
        "device bmc-node2: action is Pacemaker's to say, and is ignored",
    ),
    "a reboot that is none": (
        cib(with_params("bmc-node2", pcmk_reboot_action="metadata")),
        "device bmc-node2: pcmk_reboot_action=metadata: it would say metadata, and Pacemaker take",
    ),
    "an off that is none": (
        cib(with_params("bmc-node2", pcmk_off_action="status")),
        "device bmc-node2: pcmk_off_action=status: it would say status, and Pacemaker take it for",
    ),
    "an off that is on again": (
        cib(with_params("bmc-node2", pcmk_off_action="reboot")),
        "device bmc-node2: pcmk_off_action=reboot: what Pacemaker believes to be off is on again",
    ),
    "a monitor that asks nobody": (
        cib(with_params("bmc-node2", pcmk_monitor_action="metadata")),
        "device bmc-node2: pcmk_monitor_action=metadata: the device itself is never asked",
    ),
    "a timeout nobody can read": (
        cib(with_params("bmc-node2", pcmk_reboot_timeout="two minutes")),
        "device bmc-node2: pcmk_reboot_timeout is 'two minutes', which is not a time",
    ),
    "an agent that is killed while it only waits": (
        cib(with_params("bmc-node2", delay="40", power_wait="30")),
        "device bmc-node2: the agent waits 70 s by itself (delay and power_wait), Pacemaker gives",
    ),
    "a dump that takes longer than it may": (
        cib(
            {"kd": {"pcmk_host_list": "node2", "pcmk_reboot_timeout": "20s"}, **BMC},
            [*LEVELS[:1], ("node2", 1, "kd"), ("node2", 2, "bmc-node2"), LEVELS[2]],
            agents={"kd": "fence_kdump"},
        ),
        "device kd: the agent waits 60 s by itself (timeout), Pacemaker gives it 20 s",
    ),
    "an agent of ours that was given less than it takes": (
        cib(with_params("bmc-node2", pcmk_off_timeout="20s"), agents={"bmc-node2": "fence_lab"}),
        "device bmc-node2: the agent gives itself 60 s (power_timeout), Pacemaker gives it 20 s",
    ),
    "a delay that is less than its least": (
        cib(with_params("bmc-node2", pcmk_delay_base="10s", pcmk_delay_max="5s")),
        "device bmc-node2: pcmk_delay_max (5 s) is less than pcmk_delay_base (10 s)",
    ),
    "a delay that outweighs the priorities": (
        cib(
            with_params("bmc-node2", pcmk_delay_base="12s"),
            properties={"priority-fencing-delay": "15s"},
        ),
        "cluster: priority-fencing-delay=15s is less than twice the longest delay of a device (12 ",
    ),
    "two nodes with the same delay": (
        cib(
            {n: {**BMC[n], "pcmk_delay_base": "5s"} for n in ("bmc-node1", "bmc-node2")},
            LEVELS[:2],
            nodes=NODES[:2],
        ),
        "cluster: both nodes are fenced after the same delay (5 s), so they can shoot each other",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("faulty", "says"), FAULTY.values(), ids=FAULTY)
def test_a_fault_is_named_with_what_mends_it(faulty: Fencing, says: str) -> None:
    found = [finding for finding in faults(faulty) if says in str(finding)]
    assert found, [str(finding) for finding in faults(faulty)]
    assert all(finding.hint for finding in faults(faulty))


SOUND: dict[str, Fencing] = {
    "a controller for each node": cib(),
    "no levels": cib(levels=[]),
    "names in another case": cib(with_params("bmc-node2", pcmk_host_list="NODE2")),
    "one device for all": cib(
        {"sw": {"ip": "10.0.9.1", "pcmk_host_map": "node1:1;node2:2 node3=3,4"}},
        [],
        {},
        {"sw": "fence_apc_snmp"},
    ),
    "a plug with a colon": cib(
        {"sw": {"ip": "10.0.9.1", "pcmk_host_map": r"node1:a\:1;node2:a\:2;node3:a\:3"}},
        [],
        {},
        {"sw": "fence_pve"},
    ),
    "a device that is asked whom it fences": cib({"sw": {"ip": "10.0.9.1"}}, [], {}),
    "blades behind one controller": cib(
        {
            name: {**params, "ip": "10.0.9.9", "module_name": name, "pcmk_host_list": name[4:]}
            for name, params in BMC.items()
        },
        agents=dict.fromkeys(BMC, "fence_drac5"),
    ),
    "nothing but a watchdog": cib({}, [], {}, properties={"stonith-watchdog-timeout": "10s"}),
    "a watchdog behind the controller": cib(
        levels=[*LEVELS, *((node, 2, "watchdog") for node in NODES)],
        properties={"stonith-watchdog-timeout": "-1", "have-watchdog": "true"},
    ),
    "a cluster of few who are let in": cib(
        bans={name: {n: "0" for n in NODES if n not in name} for name in BMC},
        properties={"symmetric-cluster": "false"},
    ),
    "two supplies in one level": cib(
        {
            **BMC,
            "a": {"pcmk_host_list": "node2", "ip": "10.0.8.1", "plug": "1"},
            "b": {"pcmk_host_list": "node2", "ip": "10.0.8.2", "plug": "1"},
        },
        [*LEVELS, ("node2", 2, "a,b")],
        agents={"a": "fence_apc_snmp", "b": "fence_apc_snmp"},
    ),
    "storage beside two kinds of power": cib(
        {**BMC, "pdu": {"pcmk_host_list": "node2"}, "san": {"pcmk_host_list": "node2"}},
        [*LEVELS[::2], ("node2", 1, "bmc-node2,san"), ("node2", 2, "pdu,san")],
        agents={"pdu": "fence_apc", "san": "fence_scsi"},
        more=GUEST.format("unfencing"),
    ),
    "two nodes of which one is kept": cib(
        {"bmc-node1": {**BMC["bmc-node1"], "pcmk_delay_base": "5s"}, "bmc-node2": BMC["bmc-node2"]},
        LEVELS[:2],
        nodes=NODES[:2],
    ),
}


@pytest.mark.parametrize("sound", SOUND.values(), ids=SOUND)
def test_what_is_sound_is_not_accused(sound: Fencing) -> None:
    assert [str(finding) for finding in faults(sound)] == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_what_hactl_renders_of_an_example_is_sound(example: Path) -> None:
    cluster, _ = read(str(example))
    whole = etree.Element("cib")
    whole.append(configuration(cluster))
    assert [str(finding) for finding in faults(fencing(whole))] == []


@pytest.mark.parametrize(
    "section",
    [
        "{watchdog: {timeout: 10s}, devices: {bmc: {agent: fence_lab}}}",
        "{watchdog: {disks: [/dev/a, /dev/b, /dev/c]}, devices: {bmc: {agent: fence_lab}}}",
        "{devices: {bmc: {agent: fence_lab, timeout: 20s}}}",
        "{devices: {bmc: {agent: fence_apc, ip: 10.0.9.9}}}",
    ],
)
def test_what_hactl_renders_of_a_fencing_section_is_sound(section: str) -> None:
    whole = etree.Element("cib")
    text = BASE.replace("{devices: {bmc: {agent: fence_lab}}}", section)
    text = text.replace("plug: node", "plug: outlet") if "apc" in section else text
    whole.append(configuration(cluster_of(text)))
    assert [str(finding) for finding in faults(fencing(whole))] == []


def test_a_remote_node_fences_nobody_and_has_to_be_fenced() -> None:
    whole = etree.fromstring(
        "<cib><configuration><nodes><node id='1' uname='node1'/>"
        "<node id='r' uname='remote1' type='remote'/></nodes><resources>"
        "<primitive id='d' class='stonith' type='fence_apc'><instance_attributes id='i'>"
        "<nvpair id='h' name='pcmk_host_list' value='node1 remote1'/></instance_attributes>"
        "</primitive></resources></configuration></cib>"
    )
    found = fencing(whole)
    assert found.users(found.devices[0]) == ("node1",)
    said = [str(finding) for finding in faults(found)]
    assert [each for each in said if "node node1: no other node may use" in each]


def test_what_is_only_odd_is_a_warning() -> None:
    odd = cib(with_params("bmc-node2", action="off"))
    assert {finding.severity for finding in faults(odd)} == {Severity.WARNING}


def test_a_device_without_an_agent_is_no_reason_to_break() -> None:
    odd = etree.fromstring(
        "<cib><configuration><nodes><node id='1' uname='node1'/></nodes><resources>"
        "<primitive id='d' class='stonith'/></resources></configuration></cib>"
    )
    assert fencing(odd).devices[0].agent == ""


RULES = Path(rules.__file__).parent


def test_every_rule_has_a_lasting_name_of_its_own_subject() -> None:
    sources = [*RULES.glob("*.py"), RULES.parent / "faults.py", RULES.parent / "prerequisites.py"]
    calls = [
        node
        for source in sources
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding"
    ]
    names = [call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)]
    assert len(calls) == len(names) == len(set(names)) > 40
    assert all(re.fullmatch(r"(cluster|node|device|level|resource)\.[a-z-]+", n) for n in names)
