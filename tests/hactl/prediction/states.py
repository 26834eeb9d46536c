"""States in which an operator or a failure may have left a cluster when a plan is made for it."""

from __future__ import annotations

import random
from collections.abc import Callable

from lxml import etree
from lxml.etree import _Element

State = Callable[[_Element, random.Random], None]
LOST = {"in_ccm": "false", "crmd": "offline"}
DOWN = {**LOST, "join": "down", "expected": "down"}


def as_it_is(_cib: _Element, _chance: random.Random) -> None:
    """Everything runs."""


def standby(cib: _Element, chance: random.Random) -> None:
    attribute(node(cib, chance), "standby", "on")


def node_in_maintenance(cib: _Element, chance: random.Random) -> None:
    attribute(node(cib, chance), "maintenance", "true")


def in_maintenance(cib: _Element, _chance: random.Random) -> None:
    for options in cib.findall("configuration/crm_config/cluster_property_set")[:1]:
        etree.SubElement(options, "nvpair", id="t-mode", name="maintenance-mode", value="true")


def node_down(cib: _Element, chance: random.Random) -> None:
    """A node that was shut down in order, with nothing left on it."""
    state = member(cib, chance)
    for name, value in DOWN.items():
        state.set(name, value)
    for part in list(state):
        state.remove(part)


def node_lost(cib: _Element, chance: random.Random) -> None:
    for name, value in LOST.items():
        member(cib, chance).set(name, value)


def no_quorum(cib: _Element, _chance: random.Random) -> None:
    cib.set("have-quorum", "0")


def switched_off(cib: _Element, chance: random.Random) -> None:
    switch(cib, chance, "target-role", "Stopped")


def unmanaged(cib: _Element, chance: random.Random) -> None:
    switch(cib, chance, "is-managed", "false")


def failed(cib: _Element, chance: random.Random) -> None:
    """The last look at something that runs was bad."""
    looks = [op for op in cib.iter("lrm_rsc_op") if op.get("interval") != "0"]
    for op in chance.sample(looks, min(1, len(looks))):
        op.set("rc-code", "1")
        counted(op, "1")


def failed_for_good(cib: _Element, chance: random.Random) -> None:
    looks = [op for op in cib.iter("lrm_rsc_op") if op.get("interval") != "0"]
    for op in chance.sample(looks, min(1, len(looks))):
        op.set("rc-code", "1")
        counted(op, "INFINITY")


def stop_failed(cib: _Element, chance: random.Random) -> None:
    starts = [op for op in cib.iter("lrm_rsc_op") if op.get("operation") == "start"]
    for op in chance.sample(starts, min(1, len(starts))):
        for name, value in {"operation": "stop", "rc-code": "1", "id": "last_0"}.items():
            op.set(name, value)
        counted(op, "INFINITY")


STATES: dict[str, State] = {
    state.__name__: state
    for state in (
        as_it_is,
        standby,
        node_in_maintenance,
        in_maintenance,
        node_down,
        node_lost,
        no_quorum,
        switched_off,
        unmanaged,
        failed,
        failed_for_good,
        stop_failed,
    )
}


def node(cib: _Element, chance: random.Random) -> _Element:
    return chance.choice(cib.findall("configuration/nodes/node"))


def member(cib: _Element, chance: random.Random) -> _Element:
    states = cib.findall("status/node_state")
    return states[chance.randrange(len(states))]


def attribute(holder: _Element, name: str, value: str) -> None:
    own = etree.SubElement(holder, "instance_attributes", id=f"t-{name}-attributes")
    etree.SubElement(own, "nvpair", id=f"t-{name}", name=name, value=value)


def switch(cib: _Element, chance: random.Random, name: str, value: str) -> None:
    """Do to a random resource what crm_resource does."""
    units = cib.findall("configuration/resources/*")
    for unit in chance.sample(units, min(1, len(units))):
        own = unit.find("meta_attributes")
        if own is None:
            own = etree.Element("meta_attributes", id=f"{unit.get('id')}-meta_attributes")
            unit.insert(0, own)
        etree.SubElement(own, "nvpair", id=f"{own.get('id')}-{name}", name=name, value=value)


def counted(op: _Element, count: str) -> None:
    """Put a failure on record where Pacemaker does, in the transient attributes of the node."""
    state = next(op.iterancestors("node_state"))
    resource = next(op.iterancestors("lrm_resource")).get("id", "")
    transient = state.find("transient_attributes")
    if transient is None:
        transient = etree.SubElement(state, "transient_attributes", id=state.get("id", ""))
        etree.SubElement(transient, "instance_attributes", id=f"status-{state.get('id')}")
    key = f"{resource}#{op.get('operation')}_{op.get('interval')}"
    for name, value in ((f"fail-count-{key}", count), (f"last-failure-{key}", "1795228764")):
        pair = {"id": f"status-{state.get('id')}-{name}", "name": name, "value": value}
        etree.SubElement(transient[0], "nvpair", pair)
