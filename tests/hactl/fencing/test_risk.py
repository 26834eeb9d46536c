"""A node that nobody could fence is named, before it is lost."""

from __future__ import annotations

import pytest

from hactl.fencing.configuration import fencing
from hactl.fencing.risk import risks
from tests.hactl.cibs import cib

DEVICE = (
    '<primitive id="{0}" class="stonith" type="fence_lab"><instance_attributes id="{0}-i">'
    '<nvpair id="{0}-l" name="pcmk_host_list" value="{1}"/></instance_attributes>{2}</primitive>'
)
OFF = (
    '<meta_attributes id="m{0}"><nvpair id="r{0}" name="target-role" value="Stopped"/>'
    "</meta_attributes>"
)
WATCHDOG = '<nvpair id="w" name="stonith-watchdog-timeout" value="10s"/>'
WHOLE = "node1 node2 node3"


def said(
    resources: str,
    stopped: frozenset[str] = frozenset(),
    properties: str = "",
    enabled: str = "true",
) -> list[str]:
    made = cib(resources, properties=properties)
    pair = made.find(".//nvpair[@name='stonith-enabled']")
    assert pair is not None
    pair.set("value", enabled)
    return list(risks(fencing(made), stopped))


def test_a_device_for_every_node_is_no_risk() -> None:
    assert said(DEVICE.format("bmc", WHOLE, "")) == []


def test_fencing_without_a_device_starts_nothing() -> None:
    assert said("") == [
        "fencing is enabled and there is no fence device: nothing is started or recovered"
    ]
    assert said("", enabled="false") == []
    assert said("", properties=WATCHDOG) == []


def test_a_node_that_no_device_is_for_is_named() -> None:
    assert said(DEVICE.format("bmc", "node1 node2", "")) == [
        "nothing can fence node3: no enabled device is for it"
    ]


def test_a_device_that_is_switched_off_fences_nobody() -> None:
    off = DEVICE.format("bmc", WHOLE, OFF.format(1))
    assert len(said(off)) == 3
    assert said(off + DEVICE.format("pdu", WHOLE, "")) == []


@pytest.mark.parametrize(("also", "risky"), [("", 3), (DEVICE.format("pdu", WHOLE, ""), 0)])
def test_a_device_that_has_failed_is_a_risk_where_it_is_the_only_one(also: str, risky: int) -> None:
    found = said(DEVICE.format("bmc", WHOLE, "") + also, frozenset({"bmc"}))
    assert len(found) == risky
    assert not risky or found[0] == "fencing node1 is at risk: bmc does not work"
