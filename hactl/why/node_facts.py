"""What happened to a chain on a node, and whether there is room for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from lxml import etree
from lxml.etree import _Element

from hactl.cib.history import failed, pending
from hactl.cib.read import effective_meta, properties
from hactl.model.capacity import amounts
from hactl.model.constraint import INFINITY
from hactl.model.score import effective
from hactl.simulate.cause_text import shares, total
from hactl.simulate.losses import states
from hactl.simulate.places import Places
from hactl.simulate.relaxation import Chain, counted, drop
from hactl.why.blocker import Blocker, Edit, Sort

PENDING = "-1"


def failures(cib: _Element, of: Chain, node: str) -> Iterator[Blocker]:
    """Yield what has failed on a node, with how often, when and the agent's own words."""
    for state in states(cib, [node]):
        for name in sorted(of.primitives):
            counts = list(attributes(state, "fail-count-", name))
            records = list(history(state, name))
            wrong = [each for each in records if failed(each)]
            if any(counts) or wrong:
                yield Blocker(
                    Sort.FAILED,
                    node,
                    f"failures of {name} on {node}",
                    failures_text(cib, state, name, sum(counts), wrong),
                    f"crm_resource --cleanup --resource {name} --node {node}",
                    edit=forgotten(node, name),
                )


def attributes(state: _Element, prefix: str, name: str) -> Iterator[int]:
    for pair in state.iterfind("transient_attributes//nvpair"):
        attribute, value = pair.get("name", ""), pair.get("value", "")
        if attribute.startswith(prefix) and counted(attribute) == name:
            yield effective(value)


def history(state: _Element, name: str) -> Iterator[_Element]:
    for resource in state.iterfind("lrm/lrm_resources/lrm_resource"):
        if resource.get("id", "").partition(":")[0] == name:
            yield from resource.iterfind("lrm_rsc_op")


def failures_text(
    cib: _Element, state: _Element, name: str, count: int, wrong: list[_Element]
) -> str:
    often = "for good" if count >= INFINITY else f"{count} times{limit(cib, name)}"
    last = max(attributes(state, "last-failure-", name), default=0)
    times = [int(each.get("last-rc-change") or 0) for each in wrong]
    when = max([last, *times])
    at = f" at {clock(when)}" if when > 1 else ""
    own = next((each.get("exit-reason") for each in wrong if each.get("exit-reason")), "")
    what = next((f"{each.get('operation')} of " for each in wrong), "")
    return f"{what}{name} failed {often}{at}" + (f': "{own}"' if own else "")


def limit(cib: _Element, name: str) -> str:
    """Return of how many failures that is."""
    for primitive in cib.iterfind("configuration/resources//primitive"):
        if primitive.get("id") == name:
            threshold = effective_meta(cib, primitive).get("migration-threshold", "")
            return f" of {threshold}" if threshold.isdecimal() and int(threshold) else ""
    return ""


def clock(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def forgotten(node: str, name: str) -> Edit:
    def edit(cib: _Element) -> None:
        for state in states(cib, [node]):
            pairs = state.findall("transient_attributes//nvpair")
            drop([each for each in pairs if counted(each.get("name", "")) == name])
            resources = state.findall("lrm/lrm_resources/lrm_resource")
            mine = [each for each in resources if each.get("id", "").partition(":")[0] == name]
            drop([each for each in mine if any(map(failed, each))])

    return edit


def unknown(cib: _Element, of: Chain, node: str) -> Iterator[Blocker]:
    """Yield operations on a node that have not ended."""
    for state in states(cib, [node]):
        for name in sorted(of.primitives):
            for record in history(state, name):
                if record.get("op-status") == PENDING:
                    yield Blocker(
                        Sort.UNKNOWN,
                        node,
                        f"pending {name} on {node}",
                        f"{record.get('operation')} of {name} has not ended there",
                        "",
                        edit=ended(node, name),
                    )


def ended(node: str, name: str) -> Edit:
    def edit(cib: _Element) -> None:
        for state in states(cib, [node]):
            mine = list(history(state, name))
            drop([each for each in mine if each.get("op-status") == PENDING])

    return edit


def busy(cib: _Element) -> bool:
    return pending(cib)


def room(cib: _Element, of: Chain, node: str, there: Places) -> Iterator[Blocker]:
    """Yield that a node has too little left for the chain."""
    if properties(cib).get("placement-strategy", "default") == "default":
        return
    asked = total(cib, of.primitives)
    for name, offer, taken in shares(cib, there):
        if name != node:
            continue
        free = {what: offer.get(what, 0) - taken.get(what, 0) for what in asked}
        short = {what: free[what] for what, amount in asked.items() if free[what] < amount}
        if short:
            need = {what: asked[what] for what in short}
            yield Blocker(
                Sort.CANNOT,
                node,
                f"room on {node}",
                f"needs {amounts(need)}: {amounts(short)} left",
                "",
                edit=larger(node, asked),
            )


def larger(node: str, by: dict[str, int]) -> Edit:
    """Return an edit after which a node has so much more to offer."""

    def edit(cib: _Element) -> None:
        for element in cib.iterfind("configuration/nodes/node"):
            if element.get("uname") != node:
                continue
            found = element.find("utilization")
            if found is None:
                found = etree.SubElement(element, "utilization", id=f"why-{node}")
            named = {pair.get("name", ""): pair for pair in found.iterfind("nvpair")}
            for what, amount in by.items():
                pair = named.get(what)
                if pair is None:
                    id_ = f"why-{node}-{what}"
                    pair = etree.SubElement(found, "nvpair", id=id_, name=what, value="0")
                pair.set("value", str(int(pair.get("value") or 0) + amount))

    return edit
