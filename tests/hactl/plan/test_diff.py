"""Changes say what differs, can be carried out, and undo themselves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from lxml.etree import _Element

from hactl.cib.canonical import canonical
from hactl.cib.merge import merge
from hactl.cib.ownership import edited_by_hand, is_ours
from hactl.plan.change import Create, Delete, Update, carried_out, reverse
from hactl.plan.diff import changes
from tests.hactl.cibs import cib, clone, configuration, dummy, dummy_text, section, text, wanted

NAMES = ("web1", "web2", "lan", "db1")


def test_a_changed_parameter_is_said_with_its_old_and_new_value() -> None:
    live = cib(text(dummy("web1", memory="1024")))
    (change,) = changes(live, merge(live, wanted(dummy("web1", memory="2048"))))
    assert change.describe() == "web1: memory 1024 -> 2048"
    assert change.kind == "guest"
    assert change.reverse().describe() == "web1: memory 2048 -> 1024"


def test_what_changes_inside_a_clone_is_said_of_its_member() -> None:
    live = cib(text(clone("lan", dummy("lan-bridge", mtu="1500"))))
    (change,) = changes(live, merge(live, wanted(clone("lan", dummy("lan-bridge", mtu="9000")))))
    assert change.id == "lan"
    assert change.describe() == "lan-bridge: mtu 1500 -> 9000"


def test_a_changed_operation_is_said_by_its_name() -> None:
    slow = dummy("web1")
    slow[0][0].set("timeout", "60s")
    live = cib(text(dummy("web1")))
    (change,) = changes(live, cib(text(slow)))
    assert change.describe() == "web1: monitor timeout 20s -> 60s"


def test_a_changed_agent_is_said() -> None:
    other = etree.fromstring(text(dummy("web1")).replace("Dummy", "Stateful"))
    (change,) = changes(cib(text(dummy("web1"))), cib(text(other)))
    assert change.describe() == "web1: agent ocf:pacemaker:Dummy -> ocf:pacemaker:Stateful"


def test_a_changed_property_is_said_of_the_cluster() -> None:
    ours = '<nvpair id="hactl-stonith-enabled" name="stonith-enabled" value="true"/>'
    live = cib()
    (change,) = changes(live, merge(live, wanted(properties=ours)))
    assert change.describe() == "cluster: stonith-enabled false -> true"
    assert change.kind == "property"


def test_what_is_said_of_a_node_bears_its_name() -> None:
    node = """<node id="1" uname="node1"><utilization id="hactl-node1-utilization">
      <nvpair id="hactl-node1-utilization-cpu" name="cpu" value="8"/></utilization></node>"""
    live = cib()
    (change,) = changes(live, merge(live, wanted(nodes=node)))
    assert isinstance(change, Create)
    assert [str(detail) for detail in change.details] == ["utilization cpu 8"]
    assert change.details[0].owner == "node1"


def test_the_order_of_elements_is_no_change() -> None:
    one, two = text(dummy("web1")), text(dummy("web2"))
    assert changes(cib(one + two), cib(two + one)) == ()


def test_secrets_are_not_shown() -> None:
    live = cib(text(dummy("bmc", passwd="hunter2", chap_secret="x", monkey="see")))
    new = cib(text(dummy("bmc", passwd="hunter3", chap_secret="y", monkey="do")))
    (change,) = changes(live, new)
    assert "hunter" not in change.describe()
    assert "passwd (hidden) -> (hidden)" in change.describe()
    assert "monkey see -> do" in change.describe()


def test_changes_come_in_a_stable_order_by_kind_and_id() -> None:
    live = cib(text(dummy("zz")))
    order = '<rsc_order id="hactl-o" first="lan" then="web1"/>'
    ours = '<nvpair id="hactl-no-quorum-policy" name="no-quorum-policy" value="freeze"/>'
    want = wanted(
        dummy("web2"), dummy("web1"), dummy("lan", "network"), constraints=order, properties=ours
    )
    found = [change.id for change in changes(live, merge(live, want))]
    assert found == ["no-quorum-policy", "lan", "web1", "web2", "zz", "hactl-o"]


@st.composite
def resources(draw: st.DrawFn) -> list[_Element]:
    names = draw(st.lists(st.sampled_from(NAMES), unique=True))
    return [resource(name, draw(st.integers(0, 3)), draw(st.booleans())) for name in names]


def resource(name: str, memory: int, cloned: bool) -> _Element:
    member = dummy(f"{name}-i" if cloned else name, meta="priority=1", memory=str(memory))
    return clone(name, member) if cloned else member


@st.composite
def wants(draw: st.DrawFn) -> _Element:
    made = draw(resources())
    names = [element.get("id", "") for element in made]
    orders = draw(st.lists(st.sampled_from(names), unique=True)) if names else []
    text = "".join(f'<rsc_order id="hactl-o-{n}" first="shop" then="{n}"/>' for n in orders)
    cpu = draw(st.integers(0, 2))
    node = f"""<node id="5" uname="node1"><utilization id="hactl-node1-utilization">
      <nvpair id="hactl-node1-utilization-cpu" name="cpu" value="{cpu}"/></utilization></node>"""
    policy = draw(st.sampled_from(["", "stop", "freeze"]))
    pair = f'<nvpair id="hactl-no-quorum-policy" name="no-quorum-policy" value="{policy}"/>'
    defaults = draw(st.sampled_from(["", "1", "2"]))
    more = f"""<rsc_defaults><meta_attributes id="hactl-rsc-defaults">
      <nvpair id="hactl-rsc-defaults-r" name="resource-stickiness" value="{defaults}"/>
      </meta_attributes></rsc_defaults>"""
    return wanted(
        *made,
        constraints=text,
        properties=pair if policy else "",
        nodes=node if cpu else '<node id="5" uname="node1"/>',
        more=more if defaults else "",
    )


@st.composite
def lives(draw: st.DrawFn) -> _Element:
    """A cluster that hactl wrote before, where others have been at work as well."""
    before = merge(cib(text(etree.fromstring(dummy_text("shop")))), draw(wants()))
    for element in section(before, "resources"):
        if is_ours(element) and draw(st.booleans()):
            add_foreign_parts(element)
    shuffled = draw(st.permutations(list(section(before, "resources"))))
    section(before, "resources")[:] = shuffled
    if draw(st.booleans()):
        theirs = '<rsc_location id="cli-ban" rsc="shop" node="node1" score="-INFINITY"/>'
        section(before, "constraints").insert(0, etree.fromstring(theirs))
    return before


def add_foreign_parts(element: _Element) -> None:
    name = element.get("id", "")
    meta = element.find("meta_attributes")
    if meta is None:
        meta = etree.SubElement(element, "meta_attributes", id=f"{name}-meta_attributes")
    etree.SubElement(meta, "nvpair", id=f"{name}-role", name="target-role", value="Stopped")
    night = etree.SubElement(element, "meta_attributes", id=f"{name}-night", score="5")
    etree.SubElement(night, "nvpair", id=f"{name}-night-p", name="priority", value="9")


def foreign(live: _Element) -> list[bytes]:
    """Everything in a CIB that hactl does not own, wherever it stands."""
    sections = (*section(live, "resources"), *section(live, "constraints"))
    inside = live.iterfind("configuration/resources/*/meta_attributes[@score]")
    switches = live.iterfind("configuration/resources//nvpair[@name='target-role']")
    whole = [element for element in sections if not is_ours(element)]
    return sorted(canonical(e) for e in (*whole, *inside, *switches))


@given(lives(), wants())
def test_merging_twice_is_merging_once(live: _Element, want: _Element) -> None:
    merged = merge(live, want)
    assert text(merge(merged, want)) == text(merged)


@given(lives(), wants())
def test_what_is_written_bears_a_true_mark(live: _Element, want: _Element) -> None:
    merged = merge(live, want)
    assert not any(edited_by_hand(element) for element in section(merged, "resources"))


@given(lives(), wants())
def test_foreign_parts_survive_unless_what_holds_them_goes(live: _Element, want: _Element) -> None:
    merged = merge(live, want)
    staying = {element.get("id") for element in section(merged, "resources")}
    for element in list(section(live, "resources")):
        twin = section(merged, "resources").find(f"*[@id='{element.get('id')}']")
        if element.get("id") not in staying or (twin is not None and twin.tag != element.tag):
            section(live, "resources").remove(element)
    assert set(foreign(live)) <= set(foreign(merged))


@given(lives(), wants())
def test_changes_carried_out_make_the_merged_configuration(live: _Element, want: _Element) -> None:
    merged = merge(live, want)
    made = carried_out(configuration(live), changes(live, merged))
    assert canonical(made) == canonical(configuration(merged))


@given(lives(), wants())
def test_reversed_changes_give_back_the_live_configuration(live: _Element, want: _Element) -> None:
    merged = merge(live, want)
    found = changes(live, merged)
    back = carried_out(configuration(merged), reverse(found))
    assert canonical(back) == canonical(configuration(live))
    assert reverse(reverse(found)) == found


def test_only_creates_updates_and_deletes_are_told_apart() -> None:
    live = cib(text(dummy("web1", memory="1")) + text(dummy("gone")))
    found = changes(live, merge(live, wanted(dummy("web1", memory="2"), dummy("new"))))
    assert [type(change) for change in found] == [Delete, Create, Update]
