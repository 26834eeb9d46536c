"""A lab with two levels of fencing for node3 and a service on it, for tests of drills."""

from __future__ import annotations

import json
from typing import Any

from hactl.lab.lab import Lab, wait_until
from tests.cluster.labs import running

TARGET = "node3"
DEVICE = """\
<primitive id="{name}" class="stonith" type="{agent}"><instance_attributes id="{name}-i">
<nvpair id="{name}-list" name="pcmk_host_list" value="node3"/>
<nvpair id="{name}-delay" name="pcmk_delay_base" value="{delay}"/>
</instance_attributes></primitive>"""
SERVICE = """\
<primitive id="{name}" class="ocf" provider="pacemaker" type="Dummy"><operations>
<op id="{name}-m" name="monitor" interval="5s"/></operations></primitive>"""
LOCATION = '<rsc_location id="{rsc}-at-{node}" rsc="{rsc}" node="{node}" score="{score}"/>'
LEVEL = '<fencing-level id="{devices}-level" target="node3" index="{index}" devices="{devices}"/>'
CONFIGURATION = """\
<configuration><crm_config><cluster_property_set id="cib-bootstrap-options">
<nvpair id="test-stonith" name="stonith-enabled" value="true"/></cluster_property_set></crm_config>
<resources>{resources}</resources><constraints>{constraints}</constraints>
<fencing-topology>{levels}</fencing-topology></configuration>"""


def furnish(lab: Lab, bmc: str = "fence_lab", delay: str = "0s", pinned: bool = False) -> None:
    """Levels bmc and pdu, service ``web`` on node3; ``pinned``: it can run nowhere else."""
    resources = [
        DEVICE.format(name="bmc", agent=bmc, delay="0s"),
        DEVICE.format(name="pdu", agent="fence_lab", delay=delay),
        SERVICE.format(name="web"),
    ]
    constraints = [
        LOCATION.format(rsc=name, node=TARGET, score="-INFINITY") for name in ("bmc", "pdu")
    ]
    constraints.append(LOCATION.format(rsc="web", node=TARGET, score="100"))
    if pinned:
        constraints += [
            LOCATION.format(rsc="web", node=node, score="-INFINITY") for node in ("node1", "node2")
        ]
    levels = [LEVEL.format(index=1, devices="bmc"), LEVEL.format(index=2, devices="pdu")]
    modify(lab, CONFIGURATION.format(
        resources="".join(resources), constraints="".join(constraints), levels="".join(levels)
    ))  # fmt: skip
    there = {"web (": TARGET, "bmc\t": "", "pdu\t": ""}
    assert wait_until(lambda: all(name.strip("\t (") in running(lab) for name in there), 30)
    assert wait_until(
        lambda: lab.exec("node1", "crmadmin", "-S", dc(lab)).stdout.count("S_IDLE") > 0, 120
    ), "the cluster does not come to rest"


def modify(lab: Lab, xml: str) -> None:
    done = lab.exec("node1", "cibadmin", "--modify", "--allow-create", "-p", stdin=xml)
    assert done.returncode == 0, done.stderr


def dc(lab: Lab) -> str:
    return lab.formation().dc


def drill(lab: Lab, *words: str) -> tuple[int, dict[str, Any], str]:
    """(exit code, the JSON of the drill or nothing, what was said)."""
    argv = ("hactl", "fence", "drill", TARGET, "--yes", "--format", "json", *words)
    done = lab.exec("node1", *argv, timeout=180)
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


def topology(lab: Lab) -> str:
    return lab.exec("node1", "cibadmin", "--query", "--scope", "fencing-topology").stdout


def proofs(lab: Lab) -> dict[int, str]:
    """Level of the target -> how well it is proven, by `hactl status`."""
    said = json.loads(lab.exec("node1", "hactl", "status", "--format", "json").stdout)
    return {each["level"]: each["state"] for each in said["proofs"] if each["node"] == TARGET}


def forget_proofs(lab: Lab) -> None:
    for node in lab.nodes:
        xpath = f"//instance_attributes[@id='{node}-fence-drill']"
        lab.exec("node1", "cibadmin", "--delete", "--xpath", xpath)


def fenced_with(lab: Lab, device: str) -> int:
    """How often a device has been used on the target, by the logs of its peers."""
    said = f"targeting {TARGET} using {device}"
    count = 0
    for node in ("node1", "node2"):
        log = lab.exec(
            node, "grep", "-c", f"{said}.*returned 0", "/var/log/pacemaker/pacemaker.log"
        )
        count += int(log.stdout or "0")
    return count
