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
from hactl.live.fence_check import Reach, check
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

    # the power switch, as seen from a node

    def answer(self, node: str, said: dict[str, str]) -> tuple[int, str, str]:
        self.asked.append((said["action"], said.get("plug", "")))
        if said["action"] == "metadata":
            return 0, "<oops" if node in self.garbled_on else METADATA, ""
        if node in self.unreachable_from:
            return 1, "", "10.0.0.9: Connection refused"
        if said.get("password") != "geheim":
            return 1, "", "login failed"
        if said["action"] == "status":
            power = self.outlets.get(said["plug"])
            return {"on": 0, "off": 2}.get(power or "", 1), "", f"no plug {said['plug']}"
        return 0, "", ""


@dataclass(frozen=True)
class Switchboard(Runner):
    site: Site = None  # type: ignore[assignment]

    def __init__(self, site: Site) -> None:
        super().__init__()
        object.__setattr__(self, "site", site)

    def run(self, argv: Sequence[str], stdin: bytes = b"", timeout: float = 30) -> Result:
        node = argv[1] if argv[0] == "on" else "node1"
        assert argv[-1] == "/usr/sbin/fence_switch"
        assert b"geheim" not in b"".join(word.encode() for word in argv)
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
    (parameter_misspelt, "power_timeuot is no parameter of fence_switch"),
    (node_without_device, "node node2: no device fences it"),
    (level_without_device, "level 1 of node2: there is no device pdu-node2"),
    (level_of_another, "level 1 of node2: bmc-node1 does not fence node2"),
    (level_of_nobody, "level 1 of node4: there is no such node"),
    (only_on_itself, "node node2: no other node may use the device that fences it"),
    (switched_off, "cluster: fencing is switched off"),
    (disabled, "device bmc-node2: it is disabled"),
    (stranger, "device bmc-node2: it fences node7, which is no node"),
    (too_slow, "the agent gives itself 90 s (power_timeout), Pacemaker gives it 60 s"),
]


@pytest.mark.parametrize(("plant", "says"), PLANTED, ids=[plant.__name__ for plant, _ in PLANTED])
def test_a_planted_fault_is_found(site: Site, plant: Callable[[Site], None], says: str) -> None:
    plant(site)
    found = site.findings()
    assert any(says in str(finding) for finding in found), [str(finding) for finding in found]
    assert all("geheim" not in str(finding) for finding in found)


def test_what_is_in_order_is_not_accused(site: Site) -> None:
    wrong_plug(site)
    assert {finding.subject for finding in site.findings()} == {"device bmc-node2"}


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
