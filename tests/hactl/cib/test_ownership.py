"""What hactl owns, and how an edit by hand shows."""

from __future__ import annotations

import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.cib.ownership import (
    edited_by_hand,
    is_ours,
    kind_of,
    mark,
    pair_edited_by_hand,
    sealed,
)


def test_a_marked_resource_is_ours_and_says_its_kind() -> None:
    guest = mark(primitive(), "guest")
    assert is_ours(guest)
    assert kind_of(guest) == "guest"
    assert not edited_by_hand(guest)


def test_a_resource_without_the_mark_is_foreign() -> None:
    assert not is_ours(primitive())
    assert kind_of(primitive()) is None
    assert not edited_by_hand(primitive())


@pytest.mark.parametrize(
    "text", ["hactl:guest", "hactl:pet 0123456789ab", "hactl:guest 0123456789AB x"]
)
def test_a_description_that_is_no_mark_is_foreign(text: str) -> None:
    element = primitive()
    element.set("description", text)
    assert kind_of(element) is None


def test_a_resource_called_hactl_something_without_the_mark_is_foreign() -> None:
    assert not is_ours(etree.fromstring('<primitive id="hactl-web1"/>'))


def test_a_changed_parameter_is_an_edit_by_hand() -> None:
    guest = mark(primitive(), "guest")
    guest[0][0].set("value", "2048")
    assert edited_by_hand(guest)


def test_a_removed_operation_is_an_edit_by_hand() -> None:
    guest = mark(primitive(), "guest")
    guest.remove(guest[1])
    assert edited_by_hand(guest)


def test_stopping_a_resource_is_no_edit() -> None:
    guest = mark(primitive(), "guest")
    meta = etree.SubElement(guest, "meta_attributes", id="web1-meta_attributes")
    etree.SubElement(meta, "nvpair", id="x", name="target-role", value="Stopped")
    assert not edited_by_hand(guest)


def test_constraints_levels_and_properties_are_ours_by_their_id() -> None:
    for text in (
        '<rsc_order id="hactl-order-lan-then-web1-optional"/>',
        '<fencing-level id="hactl-level-node1-1-bmc-node1"/>',
        '<nvpair id="hactl-stonith-enabled"/>',
        '<meta_attributes id="hactl-rsc-defaults"/>',
    ):
        assert is_ours(etree.fromstring(text))
    assert not is_ours(etree.fromstring('<rsc_location id="cli-ban-web1-on-node1"/>'))
    assert not is_ours(etree.fromstring("<nvpair/>"))


def test_an_unknown_kind_cannot_be_marked() -> None:
    with pytest.raises(ValueError, match="pet"):
        mark(primitive(), "pet")


def primitive() -> _Element:
    return etree.fromstring(
        '<primitive id="web1" class="ocf" provider="hactl" type="KvmGuest">'
        '<instance_attributes id="web1-instance_attributes">'
        '<nvpair id="web1-memory" name="memory" value="1024"/></instance_attributes>'
        '<operations><op id="web1-monitor" name="monitor" interval="10s"/></operations>'
        "</primitive>"
    )


def test_a_property_of_ours_whose_value_was_changed_shows() -> None:
    pair = etree.Element("nvpair", name="stonith-timeout", value="60s")
    pair.set("id", sealed("hactl-stonith-timeout", "stonith-timeout", "60s"))
    assert not pair_edited_by_hand(pair)
    pair.set("value", "90s")
    assert pair_edited_by_hand(pair)
