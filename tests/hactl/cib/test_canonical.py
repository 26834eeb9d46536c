"""What makes no difference between two CIB elements, and what does."""

from __future__ import annotations

import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.cib.canonical import canonical, digest

WEB1 = """
<primitive id="web1" class="ocf" provider="hactl" type="KvmGuest">
  <instance_attributes id="web1-instance_attributes">
    <nvpair id="web1-memory" name="memory" value="1024"/>
    <nvpair id="web1-definition" name="definition" value="/srv/web1.xml"/>
  </instance_attributes>
  <meta_attributes id="web1-meta_attributes">
    <nvpair id="web1-allow-migrate" name="allow-migrate" value="true"/>
  </meta_attributes>
  <operations>
    <op id="web1-monitor" name="monitor" interval="10s"/>
    <op id="web1-start" name="start" interval="0" timeout="90s"/>
  </operations>
</primitive>
"""


def test_order_of_attributes_and_white_space_and_comments_make_no_difference() -> None:
    plain = xml('<op name="monitor" id="a" interval="10s"/>')
    other = xml('<op interval="10s"   id="a" name="monitor"><!-- by hand -->\n </op>')
    assert canonical(plain) == canonical(other)


def test_order_of_nvpairs_and_operations_makes_no_difference() -> None:
    web1, other = xml(WEB1), xml(WEB1)
    for parent in (other[0], other[2]):
        parent[:] = reversed(parent)
    assert canonical(web1) == canonical(other)


def test_order_of_group_members_makes_a_difference() -> None:
    first = xml('<group id="g"><primitive id="a"/><primitive id="b"/></group>')
    then = xml('<group id="g"><primitive id="b"/><primitive id="a"/></group>')
    assert canonical(first) != canonical(then)


def test_order_of_resources_in_a_set_makes_a_difference() -> None:
    first = xml('<resource_set id="s"><resource_ref id="a"/><resource_ref id="b"/></resource_set>')
    then = xml('<resource_set id="s"><resource_ref id="b"/><resource_ref id="a"/></resource_set>')
    assert canonical(first) != canonical(then)


def test_characters_cannot_be_confused_with_markup() -> None:
    one = etree.Element("nvpair", id="a", value='x" y="z')
    two = etree.Element("nvpair", id="a", value="x", y="z")
    assert canonical(one) != canonical(two)
    assert etree.fromstring(canonical(one)).get("value") == 'x" y="z'


def test_the_digest_is_twelve_hex_digits_and_does_not_see_itself() -> None:
    web1 = xml(WEB1)
    before = digest(web1)
    web1.set("description", f"hactl:guest {before}")
    assert digest(web1) == before
    assert len(before) == 12
    assert int(before, 16) >= 0


@pytest.mark.parametrize("switch", ["target-role", "is-managed", "maintenance"])
def test_a_runtime_switch_is_not_configuration(switch: str) -> None:
    web1, switched = xml(WEB1), xml(WEB1)
    etree.SubElement(switched[1], "nvpair", id="x", name=switch, value="true")
    assert digest(web1) == digest(switched)
    assert canonical(web1) != canonical(switched)


def test_a_switch_in_a_set_made_for_it_is_not_configuration() -> None:
    dummy, switched = xml('<primitive id="d"/>'), xml('<primitive id="d"/>')
    meta = etree.SubElement(switched, "meta_attributes", id="d-meta_attributes")
    etree.SubElement(meta, "nvpair", id="x", name="target-role", value="Stopped")
    assert digest(dummy) == digest(switched)


def test_a_parameter_named_like_a_switch_is_configuration() -> None:
    web1, other = xml(WEB1), xml(WEB1)
    etree.SubElement(other[0], "nvpair", id="x", name="target-role", value="Stopped")
    assert digest(web1) != digest(other)


def test_a_set_of_somebody_else_is_not_ours_to_digest() -> None:
    web1, other = xml(WEB1), xml(WEB1)
    theirs = etree.SubElement(other, "meta_attributes", id="night-shift", score="10")
    etree.SubElement(theirs, "nvpair", id="x", name="priority", value="5")
    assert digest(web1) == digest(other)


def test_a_changed_parameter_changes_the_digest() -> None:
    web1, other = xml(WEB1), xml(WEB1)
    other[0][0].set("value", "2048")
    assert digest(web1) != digest(other)


def xml(text: str) -> _Element:
    return etree.fromstring(text)
