"""Labs for tests: their names, what makes one whole again, what runs in it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hactl.errors import ClusterError, HactlError
from hactl.lab.guest import GuestSpec, domain_xml, make
from hactl.lab.lab import Lab, wait_until

NEEDED = ("corosync", "pacemakerd", "crm_mon")
Eventually = Callable[..., None]
NOTHING_CONFIGURED = """\
<configuration><crm_config><cluster_property_set id="cib-bootstrap-options">
  <nvpair id="cib-bootstrap-options-dc-deadtime" name="dc-deadtime" value="1s"/>
</cluster_property_set></crm_config>{nodes}<resources/><constraints/></configuration>"""
FENCED_BY_LAB = """\
<configuration><crm_config><cluster_property_set id="cib-bootstrap-options">
  <nvpair id="test-stonith" name="stonith-enabled" value="true"/>
</cluster_property_set></crm_config><resources>
  <primitive id="fence" class="stonith" type="fence_lab">
    <operations><op id="fence-monitor" name="monitor" interval="60s"/></operations>
  </primitive>
</resources></configuration>"""
RESOURCE_ID = re.compile(r"<(?:primitive|group|clone|bundle|template) [^>]*?\bid=\"([^\"]+)")


def lab_name(purpose: str) -> str:
    """A name no other test run on this machine uses."""
    return f"test-{purpose}-{os.getpid()}"


def skip_without_a_cluster_stack() -> None:
    if os.getuid() != 0:
        pytest.skip("a lab with control groups needs root")
    missing = [name for name in NEEDED if shutil.which(name, path="/usr/sbin:/usr/bin") is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def repair(lab: Lab, keep: frozenset[str] = frozenset()) -> None:
    """Make the lab whole; forget what is configured unless it is only ``keep``."""
    for node in lab.status()["nodes"]:
        if node["cut"]:
            lab.heal(node["name"])
        if node["frozen"] and node["power"] == "on":
            lab.power(node["name"], "reboot")
        if node["power"] == "off":
            lab.power(node["name"], "on")
    come_together(lab)
    resources = lab.exec("node1", "cibadmin", "-Q", "-o", "resources").stdout
    if set(RESOURCE_ID.findall(resources)) - keep:
        forget_configuration(lab)


def come_together(lab: Lab) -> None:
    """Wait for the cluster, and start anew what stays down although it has power.

    A node that is a member again before its fencing is reported is told so: its Pacemaker ends with
    100 and nobody starts it again, on any machine. The nodes of the lab boot that fast.
    """
    try:
        lab.wait_formed(30)
    except ClusterError:
        online = lab.formation().online
        for node in lab.status()["nodes"]:
            if node["name"] not in online:
                lab.power(node["name"], "reboot")
        lab.wait_formed(60)


def forget_configuration(lab: Lab) -> None:
    """Stop and remove every resource; what a test has configured is gone.

    Stopped first: what is no longer configured has lost its orders, and may stay.
    """
    stop = ["crm_attribute", "-t", "crm_config", "-n", "stop-all-resources", "-v", "true"]
    lab.exec("node1", *stop)
    wait_until(lambda: not running(lab), 60)
    nodes = lab.exec("node1", "cibadmin", "-Q", "-o", "nodes").stdout
    empty = NOTHING_CONFIGURED.format(nodes=nodes)
    replace = ["cibadmin", "--replace", "--scope", "configuration", "-p"]
    done = lab.exec("node1", *replace, stdin=empty)
    assert done.returncode == 0, done.stderr
    assert wait_until(lambda: not running(lab), 60), f"still running: {running(lab)}"
    lab.exec("node1", "crm_resource", "--refresh", "--force")
    lab.wait_formed(30)


def running(lab: Lab) -> str:
    """One line for each resource that runs anywhere."""
    said = lab.exec("node1", "crm_mon", "-1", "--inactive", "--output-as=text").stdout
    return "\n".join(line for line in said.splitlines() if "Started" in line)


def bring_guest(lab: Lab, folder: Path, name: str, number: int, address: str, bridge: str) -> None:
    """Lay a tiny guest and its definition where all nodes see them; skip without a kernel for it.

    Its console is /var/log/libvirt/NAME.console.
    """
    try:
        files = make(folder)
    except HactlError as exc:
        pytest.skip(f"no kernel for the guest: {exc}")
    lab.write("node1", "/srv/vms/vmlinuz", files.kernel.read_bytes())
    lab.write("node1", "/srv/vms/initrd.img", files.initrd.read_bytes())
    spec = GuestSpec(
        name=name,
        number=number,
        address=address,
        bridge=bridge,
        kernel="/srv/vms/vmlinuz",
        initrd="/srv/vms/initrd.img",
        console=f"/var/log/libvirt/{name}.console",
    )
    lab.write("node1", f"/srv/vms/{name}.xml", domain_xml(spec).encode())
