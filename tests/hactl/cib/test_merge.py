"""Merging keeps what is not ours, and makes ours what is wanted."""

from __future__ import annotations

import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.cib.canonical import canonical
from hactl.cib.edits import Switch, edits, switches
from hactl.cib.merge import merge
from hactl.cib.ownership import edited_by_hand
from hactl.cib.refusals import Refused
from tests.hactl.cibs import (
    cib,
    clone,
    configuration,
    dummy,
    dummy_text,
    ids,
    section,
    text,
    wanted,
)

ORDER = '<rsc_order id="hactl-order-lan-then-web1" first="lan" then="web1" kind="Mandatory"/>'


def test_what_is_wanted_and_absent_is_created() -> None:
    merged = merge(cib(), wanted(dummy("web1"), dummy("lan"), constraints=ORDER))
    assert ids(merged, "resources") == ["web1", "lan"]
    assert ids(merged, "constraints") == ["hactl-order-lan-then-web1"]


def test_what_is_ours_and_no_longer_wanted_is_deleted() -> None:
    live = cib(text(dummy("web1")) + text(dummy("lan")), ORDER)
    merged = merge(live, wanted(dummy("web1")))
    assert ids(merged, "resources") == ["web1"]
    assert ids(merged, "constraints") == []


def test_the_inputs_stay_untouched() -> None:
    live, want = cib(text(dummy("web1"))), wanted(dummy("web1", memory="2048"))
    before = text(live), text(want)
    merge(live, want)
    assert (text(live), text(want)) == before


def test_a_changed_parameter_is_written_and_bears_a_fresh_mark() -> None:
    live = cib(text(dummy("web1", memory="1024")))
    merged = merge(live, wanted(dummy("web1", memory="2048")))
    web1 = section(merged, "resources")[0]
    assert canonical(web1) == canonical(dummy("web1", memory="2048"))
    assert not edited_by_hand(web1)


def test_foreign_resources_and_constraints_stay() -> None:
    ban = '<rsc_location id="cli-ban-web1-on-node1" rsc="web1" node="node1" score="-INFINITY"/>'
    prefer = '<rsc_location id="cli-prefer-shop" rsc="shop" role="Started" node="node2" score="1"/>'
    live = cib(dummy_text("shop") + text(dummy("web1")), ban + prefer)
    merged = merge(live, wanted(dummy("web1", memory="1")))
    assert ids(merged, "resources") == ["shop", "web1"]
    assert ids(merged, "constraints") == ["cli-ban-web1-on-node1", "cli-prefer-shop"]


def test_acls_alerts_tags_remote_nodes_and_tickets_stay() -> None:
    more = """
      <acls><acl_role id="operator"/></acls>
      <alerts><alert id="mail" path="/usr/bin/mail"/></alerts>
      <tags><tag id="shops"><obj_ref id="shop"/></tag></tags>"""
    remote = '<node id="1" uname="node1"/><node id="r1" uname="r1" type="remote"/>'
    ticket = '<rsc_ticket id="t" rsc="shop" ticket="A" loss-policy="stop"/>'
    live = cib(dummy_text("shop"), ticket, nodes=remote, more=more)
    live.append(etree.fromstring('<status><tickets><ticket_state id="A"/></tickets></status>'))
    merged = merge(live, wanted(nodes='<node id="1" uname="node1"/>'))
    assert canonical(merged) == canonical(live)


def test_what_pacemaker_writes_itself_stays_among_our_properties() -> None:
    ours = '<nvpair id="hactl-no-quorum-policy" name="no-quorum-policy" value="freeze"/>'
    merged = merge(cib(), wanted(properties=ours))
    values = {pair.get("name"): pair.get("value") for pair in section(merged, "crm_config").iter()}
    assert values["have-watchdog"] == "false"
    assert values["cluster-name"] == "demo"
    assert values["no-quorum-policy"] == "freeze"


def test_a_property_set_by_others_takes_our_value_under_their_id() -> None:
    ours = '<nvpair id="hactl-stonith-enabled" name="stonith-enabled" value="true"/>'
    merged = merge(cib(), wanted(properties=ours))
    pairs = merged.findall(".//nvpair[@name='stonith-enabled']")
    assert [(pair.get("id"), pair.get("value")) for pair in pairs] == [("their-stonith", "true")]


def test_a_property_we_set_and_want_no_longer_goes() -> None:
    ours = '<nvpair id="hactl-no-quorum-policy" name="no-quorum-policy" value="freeze"/>'
    merged = merge(cib(properties=ours), wanted())
    assert merged.find(".//nvpair[@name='no-quorum-policy']") is None


def test_the_name_pacemaker_3_reads_first_is_the_one_that_is_set() -> None:
    new = '<nvpair id="their-fencing" name="fencing-timeout" value="60s"/>'
    ours = '<nvpair id="hactl-stonith-timeout" name="stonith-timeout" value="90s"/>'
    merged = merge(cib(properties=new), wanted(properties=ours))
    assert merged.find(".//nvpair[@name='stonith-timeout']") is None
    pair = merged.find(".//nvpair[@name='fencing-timeout']")
    assert pair is not None
    assert pair.get("value") == "90s"


def test_nodes_are_matched_by_name_and_keep_their_id() -> None:
    live = cib(nodes='<node id="7" uname="node1"/>')
    node = """<node id="1" uname="node1"><utilization id="hactl-node1-utilization">
      <nvpair id="hactl-node1-utilization-cpu" name="cpu" value="8"/></utilization></node>"""
    merged = merge(live, wanted(nodes=node))
    found = section(merged, "nodes")[0]
    assert found.get("id") == "7"
    assert found[0].get("id") == "hactl-node1-utilization"


def test_a_node_attribute_set_by_hand_stays() -> None:
    standby = """<node id="1" uname="node1"><instance_attributes id="nodes-1">
      <nvpair id="nodes-1-standby" name="standby" value="on"/></instance_attributes></node>"""
    merged = merge(cib(nodes=standby), wanted(nodes='<node id="1" uname="node1"/>'))
    assert merged.find(".//nvpair[@name='standby']") is not None


def test_the_nodes_of_a_cib_without_any_are_taken_from_the_topology() -> None:
    merged = merge(cib(nodes=""), wanted())
    assert [node.get("uname") for node in section(merged, "nodes")] == ["node1", "node2", "node3"]


def test_a_node_the_cluster_does_not_have_is_refused() -> None:
    with pytest.raises(Refused, match="node9: the cluster has no such node, it has node1, node2"):
        merge(cib(), wanted(nodes='<node id="9" uname="node9"/>'))


@pytest.mark.parametrize("switch", ["target-role", "is-managed", "maintenance"])
def test_a_runtime_switch_is_kept_when_all_else_changes(switch: str) -> None:
    web1 = dummy("web1", memory="1024")
    meta = etree.SubElement(web1, "meta_attributes", id="web1-meta_attributes")
    etree.SubElement(meta, "nvpair", id="s", name=switch, value="Stopped")
    merged = merge(cib(text(web1)), wanted(dummy("web1", memory="2048")))
    assert merged.find(f".//primitive/meta_attributes/nvpair[@name='{switch}']") is not None
    assert merged.find(".//nvpair[@value='2048']") is not None
    assert switches(configuration(merged)) == (Switch("web1", switch, "Stopped"),)
    assert not edited_by_hand(section(merged, "resources")[0])


def test_a_switch_set_by_hand_wins_over_the_topologys() -> None:
    live = dummy("web1", meta="priority=1")
    etree.SubElement(live[0], "nvpair", id="s", name="target-role", value="Stopped")
    merged = merge(cib(text(live)), wanted(dummy("web1", meta="priority=2 target-role=Started")))
    roles = merged.findall(".//nvpair[@name='target-role']")
    assert [role.get("value") for role in roles] == ["Stopped"]


def test_a_set_others_put_into_our_resource_is_kept() -> None:
    web1 = dummy("web1", memory="1024")
    night = etree.SubElement(web1, "meta_attributes", id="night", score="10")
    etree.SubElement(night, "nvpair", id="night-p", name="priority", value="5")
    merged = merge(cib(text(web1)), wanted(dummy("web1", memory="2048")))
    kept = merged.find(".//meta_attributes[@id='night']")
    assert kept is not None
    assert canonical(kept) == canonical(night)
    assert not edited_by_hand(section(merged, "resources")[0])


def test_the_order_of_elements_makes_no_difference() -> None:
    live = cib(text(dummy("web1")) + text(dummy("lan")))
    merged = merge(live, wanted(dummy("lan"), dummy("web1")))
    assert text(merged) == text(live)


def test_members_of_a_group_come_in_the_order_that_is_wanted() -> None:
    def group(*names: str) -> etree._Element:
        made = etree.Element("group", id="g")
        made.extend(etree.fromstring(dummy_text(name)) for name in names)
        return clone("c", made)

    merged = merge(cib(text(group("a", "b"))), wanted(group("b", "new", "a")))
    assert [member.get("id") for member in merged.iter("primitive")] == ["b", "new", "a"]


def test_a_primitive_that_becomes_a_clone_is_replaced() -> None:
    merged = merge(cib(text(dummy("lan"))), wanted(clone("lan", dummy("lan-bridge"))))
    assert section(merged, "resources")[0].tag == "clone"


def test_a_foreign_resource_of_our_name_is_refused_with_the_way_out() -> None:
    with pytest.raises(Refused, match=r"web1: .*primitive.*did not make.*--adopt web1"):
        merge(cib(dummy_text("web1")), wanted(dummy("web1")))


def test_an_adopted_resource_becomes_ours_and_keeps_its_switches() -> None:
    live = cib(dummy_text("web1", meta="target-role=Stopped", memory="1"))
    merged = merge(live, wanted(dummy("web1", memory="2")), adopt=["web1"])
    web1 = section(merged, "resources")[0]
    assert web1.get("description", "").startswith("hactl:guest ")
    assert not edited_by_hand(web1)
    assert merged.find(".//nvpair[@name='target-role']") is not None


@pytest.mark.parametrize(
    ("live", "adopt", "reason"),
    [("", "web1", "the cluster has no resource"), (dummy_text("x"), "x", "the topology has no")],
)
def test_adopting_nothing_is_refused(live: str, adopt: str, reason: str) -> None:
    with pytest.raises(Refused, match=f"--adopt {adopt}: {reason}"):
        merge(cib(live), wanted(), adopt=[adopt])


def test_an_id_inside_a_foreign_group_is_not_taken_again() -> None:
    group = f'<group id="shop">{dummy_text("web1")}</group>'
    with pytest.raises(Refused, match="web1: this id would be used twice, in group shop"):
        merge(cib(group), wanted(dummy("web1")))


@pytest.mark.parametrize(
    "foreign",
    [
        '<rsc_location id="cli-ban" rsc="web1" node="node1" score="-INFINITY"/>',
        '<rsc_order id="theirs" first="shop" then="web1"/>',
        '<rsc_colocation id="theirs" rsc="shop" with-rsc="web1" score="1"/>',
        '<rsc_order id="theirs"><resource_set id="s"><resource_ref id="web1"/></resource_set>'
        "</rsc_order>",
    ],
)
def test_a_foreign_constraint_on_what_would_be_deleted_is_refused(foreign: str) -> None:
    live = cib(text(dummy("web1")) + dummy_text("shop"), foreign)
    with pytest.raises(
        Refused, match=r"(cli-ban|theirs), which hactl does not own, refers to web1"
    ):
        merge(live, wanted())


@pytest.mark.parametrize(
    "more",
    [
        '<tags><tag id="all"><obj_ref id="web1"/></tag></tags>',
        '<fencing-topology><fencing-level id="their-level" target="node1" index="1" '
        'devices="other,web1"/></fencing-topology>',
    ],
)
def test_a_foreign_tag_or_level_on_what_would_be_deleted_is_refused(more: str) -> None:
    with pytest.raises(Refused, match="refers to web1, which is no longer in the topology"):
        merge(cib(text(dummy("web1")) + dummy_text("other"), more=more), wanted())


def test_what_dangled_before_is_not_our_affair() -> None:
    dangling = '<rsc_location id="old" rsc="gone" node="node1" score="1"/>'
    assert ids(merge(cib("", dangling), wanted()), "constraints") == ["old"]


def test_our_own_reference_to_nothing_is_refused() -> None:
    with pytest.raises(Refused, match="rsc_order hactl-order-lan-then-web1: lan is neither"):
        merge(cib(), wanted(dummy("web1"), constraints=ORDER))


def test_all_reasons_are_given_at_once() -> None:
    with pytest.raises(Refused) as refused:
        merge(
            cib(dummy_text("web1")),
            wanted(dummy("web1"), nodes='<node id="9" uname="node9"/>'),
        )
    assert len(refused.value.reasons) == 2


def test_an_edit_by_hand_is_found_when_it_would_be_undone() -> None:
    edited = dummy("web1", memory="1024")
    edited[0][0].set("value", "4096")
    live = configuration(cib(text(edited)))
    assert edits(live, wanted(dummy("web1", memory="1024"))) == ("web1",)
    assert edits(live, wanted()) == ("web1",), "deleting it would undo the edit too"
    assert edits(live, wanted(dummy("web1", memory="4096"))) == (), "the topology took it over"


def test_a_changed_topology_is_no_edit_by_hand() -> None:
    live = configuration(cib(text(dummy("web1", memory="1024"))))
    assert edits(live, wanted(dummy("web1", memory="2048"))) == ()


def test_an_edited_constraint_of_ours_is_found() -> None:
    edited = ORDER.replace("Mandatory", "Optional")
    live = configuration(cib(text(dummy("lan")) + text(dummy("web1")), edited))
    want = wanted(dummy("lan"), dummy("web1"), constraints=ORDER)
    assert edits(live, want) == ("hactl-order-lan-then-web1",)
    assert edits(live, wanted(dummy("lan"), dummy("web1"), constraints=edited)) == ()


def test_a_watchdog_is_refused_where_no_sbd_runs() -> None:
    wants = wanted(properties=property_("stonith-watchdog-timeout", "20s"))
    live = cib()
    decided(live, "dc-version", "2.1.5")
    with pytest.raises(Refused, match="Pacemaker would end itself everywhere; start sbd"):
        merge(live, wants)
    decided(live, "have-watchdog", "true")
    merge(live, wants)
    merge(cib(), wants)  # nobody runs Pacemaker with that one yet


def property_(name: str, value: str) -> str:
    return f'<nvpair id="hactl-{name}" name="{name}" value="{value}"/>'


def decided(live: _Element, name: str, value: str) -> None:
    for pair in live.iterfind(f".//nvpair[@name='{name}']"):
        pair.set("value", value)
