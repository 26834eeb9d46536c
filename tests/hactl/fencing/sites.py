"""A cluster of three nodes in which node3 has two levels, for tests of drills."""

from __future__ import annotations

from lxml.etree import _Element

from tests.hactl.cibs import cib

DEVICE = (
    '<primitive id="{0}" class="stonith" type="fence_switch"><instance_attributes id="{0}-i">'
    '<nvpair id="{0}-list" name="pcmk_host_list" value="node3"/>'
    '<nvpair id="{0}-ip" name="ip" value="10.0.0.9"/></instance_attributes></primitive>'
)
LEVELS = (
    '<fencing-topology><fencing-level id="l1" target="node3" index="1" devices="bmc"/>'
    '<fencing-level id="l2" target="node3" index="2" devices="pdu,left"/></fencing-topology>'
)


def site(levels: str = LEVELS, properties: str = "", enabled: bool = True) -> _Element:
    made = cib(
        "".join(DEVICE.format(name) for name in ("bmc", "pdu", "left")),
        properties=properties,
        more=levels,
    )
    switch = made.find(".//nvpair[@name='stonith-enabled']")
    assert switch is not None
    switch.set("value", "true" if enabled else "false")
    return made
