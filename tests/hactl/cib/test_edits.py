"""Hand edits of what is ours outside resources: properties, defaults, what nodes offer."""

from lxml import etree
from lxml.etree import _Element

from hactl.cib.edits import edits
from hactl.cib.merge import merge
from hactl.cib.nodes import nodes_element
from hactl.cib.options import crm_config, defaults
from hactl.model.node import Node
from tests.hactl.cibs import cib, wanted


def want(timeout: str = "60s", stickiness: str = "1000", cpu: int = 4000) -> _Element:
    """A configuration with one property, one default and one node's capacity."""
    configuration = wanted()
    nodes = [Node(id=1, name="node1", links=(), utilization={"cpu": cpu}, attributes={})]
    for new in (crm_config({"stonith-timeout": timeout}), nodes_element(nodes)):
        old = configuration.find(new.tag)
        assert old is not None
        configuration.replace(old, new)
    configuration.append(defaults("rsc_defaults", {"resource-stickiness": stickiness}))
    return configuration


def settled(configuration: _Element) -> _Element:
    return merge(cib(), configuration)


def pair(live: _Element, name: str) -> _Element:
    return next(found for found in live.iter("nvpair") if found.get("name") == name)


def found(live: _Element, configuration: _Element) -> tuple[str, ...]:
    inside = live.find("configuration")
    assert inside is not None
    return edits(inside, configuration)


def test_what_hactl_wrote_is_no_edit_whatever_is_wanted_next() -> None:
    live = settled(want())
    assert found(live, want()) == ()
    assert found(live, want("90s", "1", 1000)) == ()


def test_a_property_changed_by_pcs_is_an_edit() -> None:
    live = settled(want())
    pair(live, "stonith-timeout").set("value", "90s")
    assert found(live, want()) == ("stonith-timeout",)


def test_an_edit_that_says_what_is_wanted_anyway_undoes_nothing() -> None:
    live = settled(want())
    pair(live, "stonith-timeout").set("value", "90s")
    assert found(live, want("90s")) == ()


def test_a_property_that_others_made_is_no_edit_of_ours() -> None:
    live = cib(properties='<nvpair id="x-stonith-timeout" name="stonith-timeout" value="5s"/>')
    assert found(live, want()) == ()


def test_a_default_changed_or_added_by_hand_is_an_edit() -> None:
    live = settled(want())
    pair(live, "resource-stickiness").set("value", "0")
    assert found(live, want()) == ("hactl-rsc-defaults",)
    live = settled(want())
    holder = pair(live, "resource-stickiness").getparent()
    assert holder is not None
    etree.SubElement(holder, "nvpair", id="theirs", name="migration-threshold", value="1")
    assert found(live, want()) == ("hactl-rsc-defaults",)


def test_what_a_node_offers_changed_by_hand_is_an_edit() -> None:
    live = settled(want())
    pair(live, "cpu").set("value", "8000")
    assert found(live, want()) == ("hactl-node1-utilization",)


def test_a_new_value_of_ours_replaces_value_and_seal() -> None:
    live = merge(settled(want()), want("90s"))
    assert pair(live, "stonith-timeout").get("value") == "90s"
    assert found(live, want()) == ()
