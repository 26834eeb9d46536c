"""Small CIBs for tests: what is not given is as an empty cluster of three nodes has it."""

from __future__ import annotations

from lxml import etree
from lxml.etree import _Element

from hactl.cib.ownership import mark

NODES = '<node id="1" uname="node1"/><node id="2" uname="node2"/><node id="3" uname="node3"/>'
PACEMAKERS_OWN = """
  <nvpair id="cib-bootstrap-options-have-watchdog" name="have-watchdog" value="false"/>
  <nvpair id="cib-bootstrap-options-dc-version" name="dc-version" value=""/>
  <nvpair id="cib-bootstrap-options-cluster-name" name="cluster-name" value="demo"/>
"""
ONLINE = "".join(
    f'<node_state id="{n}" uname="node{n}" in_ccm="true" crmd="online" join="member" '
    f'expected="member"><lrm id="{n}"><lrm_resources/></lrm></node_state>'
    for n in (1, 2, 3)
)


def cib(
    resources: str = "",
    constraints: str = "",
    properties: str = "",
    nodes: str = NODES,
    more: str = "",
    status: str = ONLINE,
) -> _Element:
    """Return a live CIB at epoch 0.10 in which fencing is off."""
    return etree.fromstring(f"""
<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.7" admin_epoch="0" epoch="10"
     num_updates="3" have-quorum="1" dc-uuid="1"><configuration>
  <crm_config><cluster_property_set id="cib-bootstrap-options">{PACEMAKERS_OWN}
    <nvpair id="their-stonith" name="stonith-enabled" value="false"/>{properties}
  </cluster_property_set></crm_config>
  <nodes>{nodes}</nodes><resources>{resources}</resources><constraints>{constraints}</constraints>
  {more}</configuration><status>{status}</status></cib>""")


def wanted(
    *resources: _Element,
    constraints: str = "",
    properties: str = "",
    nodes: str = NODES,
    more: str = "",
) -> _Element:
    """Return what hactl would render."""
    configuration = etree.fromstring(f"""<configuration>
  <crm_config><cluster_property_set id="cib-bootstrap-options">{properties}</cluster_property_set>
  </crm_config><nodes>{nodes}</nodes><resources/>
  <constraints>{constraints}</constraints>{more}</configuration>""")
    section = configuration.find("resources")
    assert section is not None
    section.extend(resources)
    return configuration


def dummy(name: str, kind: str = "guest", meta: str = "", **params: str) -> _Element:
    """Return a marked ocf:pacemaker:Dummy."""
    return mark(etree.fromstring(dummy_text(name, meta, **params)), kind)


def dummy_text(name: str, meta: str = "", **params: str) -> str:
    pairs = "".join(
        f'<nvpair id="{name}-instance_attributes-{key}" name="{key}" value="{value}"/>'
        for key, value in params.items()
    )
    sets = f'<instance_attributes id="{name}-instance_attributes">{pairs}</instance_attributes>'
    metas = "".join(
        f'<nvpair id="{name}-meta_attributes-{pair.partition("=")[0]}" '
        f'name="{pair.partition("=")[0]}" value="{pair.partition("=")[2]}"/>'
        for pair in meta.split()
    )
    meta_set = f'<meta_attributes id="{name}-meta_attributes">{metas}</meta_attributes>'
    return (
        f'<primitive id="{name}" class="ocf" provider="pacemaker" type="Dummy">'
        f"{sets if pairs else ''}{meta_set if metas else ''}<operations>"
        f'<op id="{name}-monitor-interval-10s" name="monitor" interval="10s" timeout="20s"/>'
        "</operations></primitive>"
    )


def clone(name: str, member: _Element, kind: str = "network") -> _Element:
    """Return a marked clone of a primitive that had its own mark."""
    member.attrib.pop("description", "")
    made = etree.Element("clone", id=name)
    made.append(member)
    return mark(made, kind)


def text(element: _Element) -> str:
    return etree.tostring(element, encoding="unicode")


def section(cib: _Element, name: str) -> _Element:
    found = cib.find(f"configuration/{name}")
    assert found is not None
    return found


def ids(cib: _Element, name: str) -> list[str]:
    return [element.get("id", "") for element in section(cib, name)]


def configuration(cib: _Element) -> _Element:
    found = cib.find("configuration")
    assert found is not None
    return found


def fail(state: _Element) -> None:
    """Put it on a node's record that web1 could not be started there."""
    for old in state.findall("lrm/lrm_resources/lrm_resource[@id='web1']"):
        for record in old:
            record.attrib.update(
                {"operation": "start", "rc-code": "1", "exit-reason": "no such disk"}
            )
            record.attrib.update({"operation_key": "web1_start_0", "id": "web1_last_failure_0"})
    name = state.get("uname")
    attributes = state.find("transient_attributes")
    if attributes is None:
        attributes = etree.SubElement(state, "transient_attributes", id=state.get("id", ""))
    pairs = etree.SubElement(attributes, "instance_attributes", id=f"status-{name}")
    etree.SubElement(
        pairs, "nvpair", id=f"f-{name}", name="fail-count-web1#start_0", value="INFINITY"
    )
