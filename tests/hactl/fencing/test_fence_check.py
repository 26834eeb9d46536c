"""`hactl fence check` finds every planted fault, each by its own sentence, and none in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner
from lxml import etree

from hactl.cli import hactl
from hactl.errors import Severity
from hactl.fencing.configuration import fencing
from hactl.fencing.finding import Finding
from hactl.live.fencing.check import Reach, check, complaint
from hactl.live.runner import Result, Runner, TimedOut

NODES = ("node1", "node2", "node3")

METADATA = """\
<resource-agent name="fence_switch"><parameters>
<parameter name="action" required="1"><content type="string" default="reboot"/></parameter>
<parameter name="plug" required="0"><content type="string"/></parameter>
<parameter name="ip" required="1"><content type="string"/></parameter>
<parameter name="password" required="0"><content type="string"/></parameter>
<parameter name="power_timeout" required="0"><content type="second" default="60"/></parameter>
</parameters></resource-agent>
"""

DEVICE = """\
<primitive class="stonith" type="fence_switch" id="bmc-{node}">
<instance_attributes id="i-{node}">
<nvpair id="a-{node}" name="ip" value="10.0.0.9"/>
<nvpair id="b-{node}" name="pcmk_host_map" value="{node}:outlet-{node}"/>
<nvpair id="c-{node}" name="password" value="lrm://"/>
<nvpair id="d-{node}" name="power_timeout" value="40"/>
</instance_attributes></primitive>
"""

CIB = """\
<cib><configuration>
<crm_config><cluster_property_set id="p">
<nvpair id="x" name="stonith-enabled" value="true"/></cluster_property_set></crm_config>
<nodes>{nodes}</nodes><resources>{devices}</resources>
<constraints>{bans}</constraints><fencing-topology>{levels}</fencing-topology>
</configuration><status>{states}</status></cib>
"""


KEY = "/etc/hactl/key"
UUIDS = {node: f"{n}0000000-1111-2222-3333-444444444444" for n, node in enumerate(NODES, 1)}


def with_actions(*names: str) -> str:
    actions = "".join(f'<action name="{name}"/>' for name in names)
    return METADATA.replace("</resource-agent>", f"<actions>{actions}</actions></resource-agent>")


@dataclass
class Site:
    """A cluster of three nodes with a power switch, as it should be; a test breaks something."""

    folder: Path
    outlets: dict[str, str] = field(default_factory=lambda: {f"outlet-{n}": "on" for n in NODES})
    unreachable_from: set[str] = field(default_factory=set)
    lacking_on: set[str] = field(default_factory=set)
    silent_on: set[str] = field(default_factory=set)
    garbled_on: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    dead: set[str] = field(default_factory=set)
    # what the fencer of a node does not know, or that there is none
    forgotten_by: dict[str, set[str]] = field(default_factory=dict)
    stopped_on: set[str] = field(default_factory=set)
    texts: dict[str, str] = field(default_factory=dict)
    texts_of: dict[str, dict[str, str]] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    modes_of: dict[str, dict[str, int]] = field(default_factory=dict)
    metadata: str = METADATA
    accepts: str = "geheim"
    listing: str = "outlet-node1,\noutlet-node2,\noutlet-node3,\n"

    def __post_init__(self) -> None:
        bans = (
            f'<rsc_location id="l-{n}" rsc="bmc-{n}" node="{n}" score="-INFINITY"/>' for n in NODES
        )
        levels = (
            f'<fencing-level id="v-{n}" target="{n}" index="1" devices="bmc-{n}"/>' for n in NODES
        )
        states = (f'<node_state uname="{n}" in_ccm="true" crmd="online"/>' for n in NODES)
        self.cib = etree.fromstring(
            CIB.format(
                nodes="".join(f'<node id="{i}" uname="{n}"/>' for i, n in enumerate(NODES)),
                devices="".join(DEVICE.format(node=n) for n in NODES),
                bans="".join(bans),
                levels="".join(levels),
                states="".join(states),
            )
        )
        for node in NODES:
            (self.folder / f"bmc-{node}").mkdir()
            (self.folder / f"bmc-{node}/password").write_text("geheim\n")

    def one(self, path: str) -> etree._Element:
        return self.cib.find(f".//{path}")

    def remove(self, path: str) -> None:
        found = self.one(path)
        found.getparent().remove(found)

    def findings(self) -> list[Finding]:
        reach = Reach(Switchboard(self), "node1", ("on", "{node}"), self.folder)
        return check(fencing(self.cib), reach, NODES)

    # a node, looked at by stat and cat

    def look(self, node: str, command: Sequence[str], stdin: bytes) -> Result:
        if node in self.dead:
            return Result(255, b"", b"ssh: connect to host node3 port 22: No route to host\n")
        texts = self.texts | self.texts_of.get(node, {})
        if command[0] == "cat":
            return Result(0, "".join(texts.get(path, "") for path in command[1:]).encode(), b"")
        modes = self.modes | self.modes_of.get(node, {})
        there = [path for path in stdin.decode().split("\0") if path in modes]
        lines = (f"{modes[path]:x}:{len(texts.get(path, ''))}:{path}\n" for path in there)
        return Result(0, "".join(lines).encode(), b"")

    def registered(self, node: str) -> Result:
        if node in self.stopped_on:
            return Result(107, b"", b"could not connect to fencer\n")
        known = {f"bmc-{each}" for each in NODES if each != node} - self.forgotten_by.get(
            node, set()
        )
        items = "".join(f'<item name="device">{each}</item>' for each in sorted(known))
        return Result(0, f"<pacemaker-result><list>{items}</list></pacemaker-result>".encode(), b"")

    # the power switch, as seen from a node

    def answer(self, node: str, said: dict[str, str]) -> tuple[int, str, str]:
        self.asked.append((said["action"], said.get("plug", "")))
        if said["action"] == "metadata":
            return 0, "<oops" if node in self.garbled_on else self.metadata, ""
        if node in self.unreachable_from:
            return 1, "", "10.0.0.9: Connection refused"
        if said.get("password", "") != self.accepts:
            return 1, "", "login failed"
        if said["action"] == "status":
            power = self.outlets.get(said["plug"])
            return {"on": 0, "off": 2}.get(power or "", 1), "", f"no plug {said['plug']}"
        return 0, self.listing if said["action"] == "list" else "", ""


@dataclass(frozen=True)
class Switchboard(Runner):
    site: Site = None  # type: ignore[assignment]

    def __init__(self, site: Site) -> None:
        super().__init__()
        object.__setattr__(self, "site", site)

    def run(self, argv: Sequence[str], stdin: bytes = b"", timeout: float = 30) -> Result:
        node = argv[1] if argv[0] == "on" else "node1"
        command = argv[2:] if argv[0] == "on" else argv
        if command[0] == "/usr/sbin/stonith_admin":
            return self.site.registered(node)
        if command[0] in ("true", "xargs", "cat"):
            return self.site.look(node, command, stdin)
        assert list(command) in (["/usr/sbin/fence_switch"], ["/usr/sbin/fence_libvirt"])
        assert "geheim" not in "".join(argv)
        if node in self.site.lacking_on:
            return Result(127, b"", b"sh: /usr/sbin/fence_switch: not found\n")
        if node in self.site.silent_on:
            raise TimedOut(f"fence_switch gave no answer within {timeout:g} s")
        lines = (line.partition("=") for line in stdin.decode().splitlines())
        code, output, said = self.site.answer(node, {name: value for name, _, value in lines})
        return Result(code, output.encode(), said.encode())


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_nothing_is_found_where_nothing_is_wrong(site: Site) -> None:
    assert site.findings() == []
    assert {action for action, _ in site.asked} == {"metadata", "monitor", "status"}
    assert ("status", "outlet-node2") in site.asked


def test_nobody_is_fenced(site: Site) -> None:
    site.outlets.clear()
    site.findings()
    assert not {"off", "on", "reboot"} & {action for action, _ in site.asked}


def wrong_plug(site: Site) -> None:
    site.one("nvpair[@id='b-node2']").set("value", "node2:outlet-node9")


def somebody_elses_plug(site: Site) -> None:
    site.outlets["spare"] = "off"
    site.one("nvpair[@id='b-node2']").set("value", "node2:spare")


def same_plug(site: Site) -> None:
    site.one("nvpair[@id='b-node2']").set("value", "node2:outlet-node1")


def wrong_password(site: Site) -> None:
    (site.folder / "bmc-node2/password").write_text("falsch")


def no_secret(site: Site) -> None:
    (site.folder / "bmc-node2/password").unlink()


def cut_off(site: Site) -> None:
    site.unreachable_from = {"node3"}


def not_installed(site: Site) -> None:
    site.lacking_on = {"node3"}


def hangs(site: Site) -> None:
    site.silent_on = {"node3"}


def garbled(site: Site) -> None:
    site.garbled_on = {"node3"}


def parameter_missing(site: Site) -> None:
    site.remove("nvpair[@id='a-node2']")


def parameter_misspelt(site: Site) -> None:
    site.one("nvpair[@id='d-node2']").set("name", "power_timeuot")


def node_without_device(site: Site) -> None:
    site.remove("primitive[@id='bmc-node2']")
    site.remove("fencing-level[@target='node2']")


def level_without_device(site: Site) -> None:
    site.one("fencing-level[@target='node2']").set("devices", "bmc-node2,pdu-node2")


def level_of_another(site: Site) -> None:
    site.one("fencing-level[@target='node2']").set("devices", "bmc-node1")


def level_of_nobody(site: Site) -> None:
    site.one("fencing-level[@target='node2']").set("target", "node4")


def only_on_itself(site: Site) -> None:
    for node in ("node1", "node3"):
        ban = etree.SubElement(site.one("constraints"), "rsc_location", id=f"only-{node}")
        ban.attrib.update({"rsc": "bmc-node2", "node": node, "score": "-INFINITY"})
    site.remove("rsc_location[@id='l-node2']")


def switched_off(site: Site) -> None:
    site.one("nvpair[@id='x']").set("value", "false")


def disabled(site: Site) -> None:
    meta = etree.SubElement(site.one("primitive[@id='bmc-node2']"), "meta_attributes", id="m")
    etree.SubElement(meta, "nvpair", id="n", name="target-role", value="Stopped")


def stranger(site: Site) -> None:
    site.one("nvpair[@id='b-node2']").set("value", "node2:outlet-node2;node7:outlet-node7")


def dead(site: Site) -> None:
    site.dead = {"node3"}


def key_file(site: Site, mode: int = 0o100600, text: str = "key") -> None:
    site.one("nvpair[@id='c-node2']").attrib.update({"name": "password_script", "value": KEY})
    site.metadata = METADATA.replace('"password"', '"password_script"')
    site.accepts = ""
    for one in site.cib.iterfind(".//nvpair[@name='password']"):
        one.getparent().remove(one)
    site.modes[KEY], site.texts[KEY] = mode, text


def key_is_missing(site: Site) -> None:
    key_file(site)
    del site.modes[KEY]


def key_is_empty(site: Site) -> None:
    key_file(site, text="")


def key_is_everybodys(site: Site) -> None:
    key_file(site)
    site.modes_of["node3"] = {KEY: 0o100644}


def key_is_a_socket(site: Site) -> None:
    key_file(site, 0o140600)


def watchdog(site: Site, timeout: str = "20s") -> None:
    holder = site.one("cluster_property_set")
    etree.SubElement(holder, "nvpair", id="w", name="stonith-watchdog-timeout", value=timeout)
    site.texts["/etc/default/sbd"] = 'SBD_WATCHDOG_TIMEOUT="10" # of the hardware\n'


def watchdog_is_given_up_too_soon(site: Site) -> None:
    watchdog(site, "15s")


def watchdog_is_slower_on_one_node(site: Site) -> None:
    watchdog(site)
    site.texts_of["node3"] = {"/etc/default/sbd": "SBD_WATCHDOG_TIMEOUT=30\n"}


def no_sbd_on_one_node(site: Site) -> None:
    watchdog(site)
    site.texts_of["node3"] = {"/etc/default/sbd": ""}


def fencer_without_the_cib(site: Site) -> None:
    """As one that could not reach the CIB when it started: it knows only what was started there."""
    site.forgotten_by["node3"] = {"bmc-node1"}


def no_way_to_turn_off(site: Site) -> None:
    site.metadata = with_actions("on", "monitor", "status")


def wrong_action(site: Site) -> None:
    site.metadata = with_actions("on", "off", "reboot", "monitor", "status")
    site.one("nvpair[@id='d-node2']").attrib.update({"name": "pcmk_off_action", "value": "kill"})


def asked_whom_it_fences(site: Site) -> None:
    """It is known by its list, and one plug has another name there."""
    site.one("nvpair[@id='b-node2']").attrib.update({"name": "pcmk_host_check"})
    site.one("nvpair[@id='b-node2']").set("value", "dynamic-list")


def cannot_let_itself_in(site: Site) -> None:
    site.metadata = METADATA.replace(
        "</resource-agent>",
        '<actions><action name="off"/><action name="monitor"/><action name="status"/>'
        '<action name="on" automatic="1" on_target="1"/></actions></resource-agent>',
    )


def too_slow(site: Site) -> None:
    site.one("nvpair[@id='d-node2']").set("value", "90")


PLANTED: list[tuple[Callable[[Site], None], str]] = [
    (wrong_plug, "device bmc-node2 (from node1): it cannot see whether node2 is on or off"),
    (somebody_elses_plug, "it says node2 is off, which is a member of the cluster"),
    (same_plug, "fencing node2 would hit node1"),
    (wrong_password, "device bmc-node2 (from node3): its monitor fails: login failed"),
    (no_secret, "its secret password cannot be read"),
    (cut_off, "device bmc-node1 (from node3): its monitor fails: 10.0.0.9: Connection refused"),
    (not_installed, "device bmc-node1 (from node3): fence_switch cannot be run"),
    (hangs, "device bmc-node1 (from node3): fence_switch cannot be run: fence_switch gave no"),
    (garbled, "device bmc-node1 (from node3): fence_switch gives no metadata"),
    (parameter_missing, "ip is required, and not set"),
    (parameter_misspelt, "power_timeuot is not a parameter of fence_switch"),
    (node_without_device, "node node2: no device fences it"),
    (level_without_device, "level 1 of node2: there is no device pdu-node2"),
    (level_of_another, "level 1 of node2: bmc-node1 does not fence node2"),
    (level_of_nobody, "level 1 of node4: there is no such node"),
    (only_on_itself, "node node2: no other node may use the device that fences it"),
    (switched_off, "cluster: fencing is switched off"),
    (disabled, "device bmc-node2: it is disabled"),
    (stranger, "device bmc-node2: it fences node7, which is not a node"),
    (dead, "node node3: it cannot be asked: ssh: connect to host node3 port 22: No route to host"),
    (key_is_missing, "device bmc-node2 (from node1): /etc/hactl/key is missing; copy it to node1"),
    (key_is_empty, "device bmc-node2 (from node1): /etc/hactl/key is empty"),
    (key_is_everybodys, "device bmc-node2 (from node3): others may read /etc/hactl/key; chmod 06"),
    (key_is_a_socket, "device bmc-node2 (from node1): /etc/hactl/key is not a file"),
    (watchdog_is_given_up_too_soon, "stonith-watchdog-timeout=15s gives it up before its watch"),
    (watchdog_is_slower_on_one_node, "node node3 (from node3): stonith-watchdog-timeout=20s give"),
    (no_sbd_on_one_node, "node node3 (from node3): stonith-watchdog-timeout=20s counts on SBD"),
    (
        fencer_without_the_cib,
        "node node3 (from node3): its fencer does not know bmc-node1; end its",
    ),
    (no_way_to_turn_off, "fence_switch offers neither off nor reboot"),
    (
        wrong_action,
        "pcmk_off_action=kill, and fence_switch offers monitor, off, on, reboot, status",
    ),
    (asked_whom_it_fences, "it does not name 'node2' among its plugs, so it does not fence node2"),
    (cannot_let_itself_in, "it lets node2 in to its storage again, on node2 itself, and may not"),
    (too_slow, "the agent gives itself 90 s (power_timeout), Pacemaker gives it 60 s"),
]


@pytest.mark.parametrize(("plant", "says"), PLANTED, ids=[plant.__name__ for plant, _ in PLANTED])
def test_a_planted_fault_is_found(site: Site, plant: Callable[[Site], None], says: str) -> None:
    plant(site)
    found = site.findings()
    assert any(says in str(finding) for finding in found), [str(finding) for finding in found]
    assert all("geheim" not in str(finding) for finding in found)


def test_a_node_that_cannot_be_asked_is_named_once(site: Site) -> None:
    dead(site)
    (found,) = site.findings()
    assert str(found.subject) == "node node3"


def test_a_file_of_its_own_and_a_watchdog_that_fits_are_not_accused(site: Site) -> None:
    key_file(site)
    watchdog(site)
    assert [str(finding) for finding in site.findings()] == []


def test_a_node_without_pacemaker_has_no_fencer_to_accuse(site: Site) -> None:
    site.stopped_on = {"node3"}
    assert site.findings() == []


def test_an_agent_is_not_asked_for_what_it_does_not_offer(site: Site) -> None:
    site.metadata = with_actions("off", "metadata")
    assert site.findings() == []
    assert {action for action, _ in site.asked} == {"metadata"}


def test_of_two_names_for_a_parameter_one_is_enough(site: Site) -> None:
    """As fence-agents has them: both are required, one is the older."""
    old = (
        '<parameter name="ipaddr" required="1" deprecated="1"><content type="string"/></parameter>'
    )
    site.metadata = METADATA.replace('"ip" required="1"', '"ip" required="1" obsoletes="ipaddr"')
    site.metadata = site.metadata.replace("</parameters>", f"{old}</parameters>")
    assert site.findings() == []
    site.one("nvpair[@id='a-node2']").set("name", "ipaddr")
    assert site.findings() == []


def test_a_plug_that_is_the_machine_of_another_node_is_found_by_its_uuid(site: Site) -> None:
    for primitive in site.cib.iterfind(".//primitive"):
        primitive.set("type", "fence_libvirt")
    for node in NODES:
        site.texts_of[node] = {"/sys/class/dmi/id/product_uuid": UUIDS[node].upper()}
    site.listing = "".join(f"outlet-{node},{UUIDS[node]}\n" for node in NODES)
    assert site.findings() == []
    site.one("nvpair[@id='b-node1']").set("value", "node1:outlet-node2")
    site.one("nvpair[@id='b-node2']").set("value", "node2:outlet-node1")
    said = {finding.message for finding in site.findings() if finding.node == "node3"}
    assert said == {
        "fencing node1 would hit node2: 'outlet-node2' is the machine node2 runs on",
        "fencing node2 would hit node1: 'outlet-node1' is the machine node1 runs on",
    }


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b"", ""),
        (b"login failed\n", "login failed"),
        (
            b"2026-11-21 09:12:24,362 ERROR: Unable to connect/login\n\n"
            b"2026-11-21 09:12:24,363 ERROR: Please use '-h' for usage\n\n",
            "Unable to connect/login",
        ),
        (b"Please use '-h' for usage\n", "Please use '-h' for usage"),
    ],
)
def test_what_an_agent_complains_of_is_told_without_its_frills(written: bytes, said: str) -> None:
    assert complaint(written) == said


def test_what_is_in_order_is_not_accused(site: Site) -> None:
    wrong_plug(site)
    assert {str(finding.subject) for finding in site.findings()} == {"device bmc-node2"}


def test_a_secret_in_the_cib_is_a_warning(site: Site) -> None:
    site.one("nvpair[@id='c-node2']").set("value", "geheim")
    (found,) = site.findings()
    assert found.severity is Severity.WARNING
    assert "geheim" not in str(found)


def test_the_verb_reads_a_file_and_exits_1_where_something_is_wrong(
    site: Site, tmp_path: Path
) -> None:
    node_without_device(site)
    path = tmp_path / "cib.xml"
    path.write_bytes(etree.tostring(site.cib))
    done = CliRunner().invoke(hactl, ["fence", "check", "--here", "--cib", str(path)])
    assert done.exit_code == 1
    assert "node node2: no device fences it" in done.output
