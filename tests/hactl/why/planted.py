"""Twelve reasons for a guest not to run, each planted in a cluster in which it did."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from lxml import etree
from lxml.etree import _Element

from hactl.model.constraint import INFINITY

GUEST = "web3"
NODES = ("node1", "node2", "node3")
SHARED = """\
cluster: {name: room}
nodes:
  node1: {cpus: 32, memory: 32GiB, fencing: {bmc: {plug: n1}}}
  node2: {cpus: 32, memory: 32GiB, fencing: {bmc: {plug: n2}}}
  node3: {cpus: 32, memory: 32GiB, fencing: {bmc: {plug: n3}}}
fencing: {devices: {bmc: {agent: fence_lab}}}
storage: {vms: {kind: directory, path: /srv/vms, device: "nas:/vms"}}
guests:
  web1: {cpus: 1, memory: 20GiB, disks: [vms]}
  web2: {cpus: 1, memory: 20GiB, disks: [vms]}
  web3: {cpus: 1, memory: 8GiB, disks: [vms]}
"""

Plant = Callable[[_Element], None]


@dataclass(frozen=True)
class Reason:
    """``sort`` and ``says`` are what `why` has to answer, on ``node`` where it is about one."""

    name: str
    plant: Plant
    sort: str
    says: str
    command: str


def section(cib: _Element, path: str) -> _Element:
    found = cib.find(path)
    assert found is not None, path
    return found


def add(cib: _Element, path: str, text: str) -> None:
    section(cib, path).append(etree.fromstring(text))


def state(cib: _Element, node: str) -> _Element:
    return section(cib, f"status/node_state[@uname='{node}']")


def transient(cib: _Element, node: str, name: str, value: str) -> None:
    where = state(cib, node)
    attributes = where.find("transient_attributes")
    if attributes is None:
        attributes = etree.SubElement(where, "transient_attributes", id=where.get("id", ""))
        etree.SubElement(attributes, "instance_attributes", id=f"status-{where.get('id')}")
    pairs = section(attributes, "instance_attributes")
    id_ = f"status-{node}-{name.replace('#', '-')}"
    etree.SubElement(pairs, "nvpair", id=id_, name=name, value=value)


def banned(prefix: str) -> Plant:
    def plant(cib: _Element) -> None:
        for node in NODES:
            made = f'<rsc_location id="{prefix}{GUEST}-on-{node}" rsc="{GUEST}" node="{node}" '
            add(cib, "configuration/constraints", f'{made}score="-INFINITY"/>')

    return plant


def full(cib: _Element) -> None:
    """Leave so little on each node that only the two others fit."""
    for pair in cib.iterfind("configuration/nodes/node/utilization/nvpair[@name='memory']"):
        pair.set("value", str(22 << 10))
    for pair in cib.iterfind(".//primitive[@id='web3']/utilization/nvpair[@name='memory']"):
        pair.set("value", str(23 << 10))


def failed(cib: _Element) -> None:
    now = int(time.time())  # failures are forgotten after ten minutes
    for node in NODES:
        transient(cib, node, f"fail-count-{GUEST}#start_0", "INFINITY")
        transient(cib, node, f"last-failure-{GUEST}#start_0", str(now))
        resources = section(state(cib, node), "lrm/lrm_resources")
        for old in resources.findall(f"lrm_resource[@id='{GUEST}']"):
            resources.remove(old)
        resources.append(etree.fromstring(FAILED.format(GUEST, node, now)))


FAILED = """<lrm_resource id="{0}" type="KvmGuest" class="ocf" provider="hactl">
 <lrm_rsc_op id="{0}_last_failure_0" operation_key="{0}_start_0" operation="start"
  crm-debug-origin="x" crm_feature_set="3.16.1"
  transition-key="5:1:0:00000000-0000-0000-0000-000000000000"
  transition-magic="0:1;5:1:0:00000000-0000-0000-0000-000000000000"
  exit-reason="no such device" on_node="{1}" call-id="30" rc-code="1" op-status="0" interval="0"
  last-rc-change="{2}"/>
 <lrm_rsc_op id="{0}_last_0" operation_key="{0}_stop_0" operation="stop"
  crm-debug-origin="x" crm_feature_set="3.16.1"
  transition-key="6:2:0:00000000-0000-0000-0000-000000000000"
  transition-magic="0:0;6:2:0:00000000-0000-0000-0000-000000000000"
  on_node="{1}" call-id="31" rc-code="0" op-status="0" interval="0"
  last-rc-change="{2}"/></lrm_resource>"""


def meta(name: str, value: str) -> Plant:
    def plant(cib: _Element) -> None:
        guest = section(cib, f".//primitive[@id='{GUEST}']")
        found = guest.find("meta_attributes")
        if found is None:
            found = etree.SubElement(guest, "meta_attributes", id=f"{GUEST}-meta_attributes")
        etree.SubElement(found, "nvpair", id=f"{GUEST}-meta-{name}", name=name, value=value)
        stopped(cib)

    return plant


def stopped(cib: _Element) -> None:
    """It has been stopped, before whatever keeps it from being started."""
    for node in NODES:
        resources = section(state(cib, node), "lrm/lrm_resources")
        for old in resources.findall(f"lrm_resource[@id='{GUEST}']"):
            for record in list(old):
                old.remove(record)
            magic = "0:7;5:1:7:00000000-0000-0000-0000-000000000000"
            made = {"id": f"{GUEST}_last_0", "operation_key": f"{GUEST}_monitor_0"}
            made |= {"operation": "monitor", "crm_feature_set": "3.16.1", "on_node": node}
            made |= {"transition-key": magic[4:], "transition-magic": magic, "call-id": "5"}
            made |= {"rc-code": "7", "op-status": "0", "interval": "0", "last-rc-change": "1"}
            etree.SubElement(old, "lrm_rsc_op", made)


def maintenance(cib: _Element) -> None:
    stopped(cib)
    add(
        cib,
        "configuration/crm_config/cluster_property_set",
        '<nvpair id="mm" name="maintenance-mode" value="true"/>',
    )


def standby(cib: _Element) -> None:
    for node in NODES:
        found = section(cib, f"configuration/nodes/node[@uname='{node}']")
        own = etree.SubElement(found, "instance_attributes", id=f"nodes-{node}")
        etree.SubElement(own, "nvpair", id=f"nodes-{node}-sb", name="standby", value="on")


def storage_down(cib: _Element) -> None:
    for node in NODES:
        transient(cib, node, "fail-count-vms-mount#start_0", str(INFINITY))


def ticket(cib: _Element) -> None:
    made = f'<rsc_ticket id="t1" rsc="{GUEST}" ticket="paris" loss-policy="stop"/>'
    add(cib, "configuration/constraints", made)


def no_quorum(cib: _Element) -> None:
    cib.set("have-quorum", "0")


def unfenced(cib: _Element) -> None:
    """The node of the guest is gone, and has not been fenced."""
    (where,) = (
        record.getparent().getparent().getparent().getparent().get("uname")  # type: ignore[union-attr]
        for record in cib.iterfind(f"status//lrm_resource[@id='{GUEST}']/lrm_rsc_op[@rc-code='0']")
        if record.get("operation") == "start"
    )
    state(cib, str(where)).set("in_ccm", "false")


REASONS = (
    Reason("ban", banned("no-"), "may not", "banned by no-web3-on-{node}", "cibadmin --delete"),
    Reason("leftover move", banned("cli-ban-"), "may not", "left over from a move", "--clear"),
    Reason("capacity", full, "cannot", "needs 23552MiB memory: ", ""),
    Reason("fail count", failed, "failed here", '"no such device"', "--cleanup --resource web3"),
    Reason("unmanaged", meta("is-managed", "false"), "somebody said so", "not managed", "--meta"),
    Reason("maintenance", maintenance, "somebody said so", "maintenance mode", "crm_attribute"),
    Reason("standby", standby, "somebody said so", "the node is in standby", "crm_attribute"),
    Reason("target-role", meta("target-role", "Stopped"), "somebody said so", "Stopped", "--meta"),
    Reason("storage down", storage_down, "waits for", "waits for vms: ", "--cleanup --res"),
    Reason("ticket", ticket, "waits for", "ticket paris is not granted", "crm_ticket"),
    Reason("no quorum", no_quorum, "waits for", "there is no quorum", ""),
    Reason("unfenced node", unfenced, "waits for", "has not been fenced", "stonith_admin"),
)
