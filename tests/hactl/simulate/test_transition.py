"""What crm_simulate says, read without losing anything."""

from __future__ import annotations

from lxml import etree

from hactl.simulate.transition import Action, Fencing, Transition, transition

SAID = """
<pacemaker-result><cluster_status><resources>
    <clone id="lan"><resource id="lan-i:0" managed="true"><node name="node1"/></resource>
      <resource id="lan-i:1" managed="true"><node name="node2"/></resource></clone>
    <resource id="web1" target_role="Stopped" managed="false"/>
  </resources></cluster_status>
  <actions>
    <node_action task="Fence (reboot)" node="node2" reason="peer is no longer part"/>
    <node_action task="Fence (on)" node="node1" reason="Device definition changed"/>
    <rsc_action action="restart" resource="lan-i:0" source="node1" reason="definition"/>
    <rsc_action action="start" resource="a" node="node1" reason="no quorum" blocked="true"/>
    <rsc_action action="stop" resource="b" node="node1"/>
    <rsc_action action="migrate" resource="c" source="node1" dest="node2"/>
  </actions></pacemaker-result>
"""


def test_actions_have_a_source_and_a_target_whatever_the_tool_calls_them() -> None:
    assert said().actions == (
        Action("restart", "lan-i", "lan-i:0", source="node1", reason="definition"),
        Action("start", "a", "a", target="node1", reason="no quorum", blocked=True),
        Action("stop", "b", "b", source="node1"),
        Action("migrate", "c", "c", source="node1", target="node2"),
    )


def test_unfencing_is_no_fencing() -> None:
    assert said().fencing == (Fencing("node2", "reboot", "peer is no longer part"),)


def test_instances_of_a_clone_are_one_resource_on_several_nodes() -> None:
    assert said().running("lan-i") == ("node1", "node2")
    assert said().running("nobody") == ()


def test_what_is_switched_off_or_unmanaged_is_known() -> None:
    assert said().resources["web1"].target_role == "Stopped"
    assert not said().resources["web1"].managed


def said() -> Transition:
    return transition(etree.fromstring(SAID))
