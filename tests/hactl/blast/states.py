"""Every state that an operator or a failure can bring about, as an edit of a settled CIB."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import Enum, auto

from lxml import etree
from lxml.etree import _Element

Edit = Callable[[_Element], None]


class Reach(Enum):
    """How far a state may reach."""

    NOBODY = auto()  # nothing happens at all
    ALONE = auto()  # the subject alone, on the nodes where it is
    RESTART = auto()  # the subject restarts there, with what cannot run without it
    LEAVE = auto()  # the subject leaves the node, with all that stands on it
    STOP = auto()  # the subject stops everywhere, with all that stands on it
    NODE = auto()  # everything leaves the node
    FENCE = auto()  # the same, by force


@dataclass(frozen=True)
class State:
    """``subject`` is in this state on ``nodes``; ``edit`` brings it about.

    ``probes``: the cluster has to look first. ``held``: something cannot stop, and what is below it
    is to stop.
    """

    name: str
    subject: str
    nodes: frozenset[str]
    reach: Reach
    edit: Edit
    probes: bool = False
    held: bool = False

    def __str__(self) -> str:
        return f"{self.subject} {self.name} ({', '.join(sorted(self.nodes))})"


# What an operator says of a resource


def meta(unit: str, name: str, value: str) -> Edit:
    def edit(cib: _Element) -> None:
        element = found(cib, unit)
        pairs = element.find("meta_attributes")
        if pairs is None:
            pairs = etree.Element("meta_attributes", id=f"{unit}-blast")
            element.insert(0, pairs)
        for pair in pairs.findall(f"nvpair[@name='{name}']"):
            pairs.remove(pair)
        etree.SubElement(pairs, "nvpair", id=f"{unit}-blast-{name}", name=name, value=value)

    return edit


def located(unit: str, node: str, score: str) -> Edit:
    """As ``crm_resource --ban`` and ``--move`` do."""

    def edit(cib: _Element) -> None:
        constraints = one(cib, "configuration/constraints")
        etree.SubElement(
            constraints, "rsc_location", id=f"cli-{unit}", rsc=unit, node=node, score=score
        )

    return edit


def cleaned(names: Iterable[str]) -> Edit:
    """As ``crm_resource --refresh`` does: the cluster knows nothing of it and has to look."""
    forgotten = set(names)

    def edit(cib: _Element) -> None:
        for resource in list(cib.iter("lrm_resource")):
            parent = resource.getparent()
            if resource.get("id") in forgotten and parent is not None:
                parent.remove(resource)

    return edit


# What fails


def failed(primitive: str, operation: str, nodes: Iterable[str], *, on_fail: str = "") -> Edit:
    """Let the last ``operation`` (start, stop, monitor) have failed; a stop or start once."""

    def edit(cib: _Element) -> None:
        element = found(cib, primitive)
        checks = [op for op in element.iter("op") if op.get("name") == "monitor"]
        check = milliseconds(checks[0].get("interval", "0")) if checks else 10_000
        interval = check if operation == "monitor" else 0
        for op in element.iter("op"):
            if on_fail and op.get("name") == operation:
                op.set("on-fail", on_fail)
        if on_fail and not any(op.get("name") == operation for op in element.iter("op")):
            add_operation(element, operation, on_fail)
        for node in nodes:
            record(cib, primitive, node, operation, interval)

    return edit


def add_operation(element: _Element, operation: str, on_fail: str) -> None:
    operations = element.find("operations")
    if operations is None:
        operations = etree.SubElement(element, "operations")
    interval = "10s" if operation == "monitor" else "0"
    own = etree.SubElement(operations, "op", id=f"{element.get('id')}-blast", name=operation)
    own.set("interval", interval)
    own.set("on-fail", on_fail)


def worn_out(primitive: str, operation: str, nodes: Collection[str], count: str) -> Edit:
    """Let it have failed as often as is endured: its check three times, its start once."""
    once = failed(primitive, operation, nodes)

    def edit(cib: _Element) -> None:
        once(cib)
        for node in nodes:
            state = one(cib, f"status/node_state[@uname='{node}']")
            transient = state.find("transient_attributes")
            if transient is None:
                transient = etree.SubElement(state, "transient_attributes", id=node)
            pairs = etree.SubElement(transient, "instance_attributes", id=f"blast-{node}")
            name = f"fail-count-{primitive}#{operation}_0"
            etree.SubElement(pairs, "nvpair", id=f"blast-{node}-count", name=name, value=count)
            last = {"name": f"last-failure-{primitive}#{operation}_0", "value": str(now(cib))}
            etree.SubElement(pairs, "nvpair", {"id": f"blast-{node}-last", **last})

    return edit


def stopped(names: Iterable[str], nodes: Collection[str]) -> Edit:
    """Let these have been stopped there, in good order."""
    gone = set(names)

    def edit(cib: _Element) -> None:
        for node in nodes:
            state = one(cib, f"status/node_state[@uname='{node}']")
            for history in state.iter("lrm_resource"):
                if history.get("id") in gone:
                    record(cib, history.get("id", ""), node, "stop", 0, code="0")
                    for each in list(history)[:-1]:
                        history.remove(each)
                    history[-1].set("id", f"{history.get('id')}_last_0")

    return edit


def record(
    cib: _Element, primitive: str, node: str, operation: str, interval: int, code: str = "1"
) -> None:
    """Write what a node's executor says of an operation that failed."""
    path = f"status/node_state[@uname='{node}']/lrm/lrm_resources/lrm_resource[@id='{primitive}']"
    history = one(cib, path)
    calls = [int(each.get("call-id", "0")) for each in history]
    key = "9:9:0:blast"
    alike = [
        each
        for each in history
        if each.get("operation") == operation and each.get("interval") == str(interval)
    ]
    digest = next((d for each in alike if (d := each.get("op-digest"))), "")
    etree.SubElement(
        history,
        "lrm_rsc_op",
        {
            "id": f"{primitive}_last_failure_0",
            "operation_key": f"{primitive}_{operation}_{interval}",
            "operation": operation,
            "crm_feature_set": "3.16.1",
            "transition-key": key,
            "transition-magic": f"0:{code};{key}",
            "on_node": node,  # Pacemaker 3 does not count a failure that does not say where
            "call-id": str(max(calls) + 1),
            "rc-code": code,
            "op-status": "0",
            "interval": str(interval),
            "last-rc-change": str(now(cib)),
            "exec-time": "0",
            "queue-time": "0",
        }
        | ({"op-digest": digest} if digest else {}),
    )


# What becomes of a node


def attribute(node: str, name: str, value: str) -> Edit:
    def edit(cib: _Element) -> None:
        element = one(cib, f"configuration/nodes/node[@uname='{node}']")
        pairs = etree.SubElement(element, "instance_attributes", id=f"{node}-blast")
        etree.SubElement(pairs, "nvpair", id=f"{node}-blast-{name}", name=name, value=value)

    return edit


def lost(node: str) -> Edit:
    """As the cluster sees a node that has just gone without a word."""

    def edit(cib: _Element) -> None:
        state = one(cib, f"status/node_state[@uname='{node}']")
        state.attrib.update({"in_ccm": "false", "crmd": "offline", "join": "down"})

    return edit


def everything(*edits: Edit) -> Edit:
    def edit(cib: _Element) -> None:
        for each in edits:
            each(cib)

    return edit


def found(cib: _Element, id_: str) -> _Element:
    (element,) = [
        each for each in cib.iterfind("configuration/resources//*") if each.get("id") == id_
    ]
    return element


def one(cib: _Element, path: str) -> _Element:
    element = cib.find(path)
    assert element is not None, path
    return element


def now(cib: _Element) -> int:
    """Return when the last thing happened; a failure of long ago would be forgiven."""
    return max(int(each.get("last-rc-change", "0")) for each in cib.iter("lrm_rsc_op"))


def milliseconds(written: str) -> int:
    units = {"ms": 1, "s": 1000, "min": 60_000, "m": 60_000}
    number = written.rstrip("smin")
    return int(number) * units.get(written[len(number) :], 1000)
