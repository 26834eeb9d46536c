"""What keeps a resource from running, in words: names, amounts and the command that mends it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from lxml import etree
from lxml.etree import _Element

from hactl.cib.node_state import in_membership
from hactl.cib.read import all_primitives, properties
from hactl.model.boolean import is_true
from hactl.model.capacity import amounts
from hactl.model.constraint import INFINITY
from hactl.model.score import effective
from hactl.simulate import relaxation
from hactl.simulate.places import Places
from hactl.simulate.relaxation import Chain

NAMED = 3


def option(cib: _Element, name: str) -> bool:
    """Whether a cluster property is switched on."""
    return is_true(properties(cib).get(name))


def named(cib: _Element, of: Chain, name: str) -> bool:
    """Whether a meta attribute stands in one of the chain itself, or around it."""
    for unit in cib.iterfind("configuration/resources/*"):
        if unit.get("id") in of.units:
            pairs = (pair for meta in unit.iter("meta_attributes") for pair in meta)
            if any(pair.get("name") == name for pair in pairs):
                return True
    return False


def same(one: _Element, other: _Element) -> bool:
    return etree.tostring(one) == etree.tostring(other)


def moved(cib: _Element, of: Chain, there: Places) -> tuple[str, str]:  # noqa: ARG001
    bans = [each for each in relaxation.banning(cib, of) if is_move(each)]
    names = listed(each.get("id", "") for each in bans)
    return f"{names} is left over from a move", f"pcs resource clear {bans[0].get('rsc')}"


def is_move(location: _Element) -> bool:
    return location.get("id", "").startswith(relaxation.MOVED)


def failures(cib: _Element, of: Chain, there: Places) -> tuple[str, str]:  # noqa: ARG001
    counts = dict(failed_on(cib, of))
    said = [f"{times(count)} on {node}" for node, count in counts.items()] or ["before"]
    reason = next(reasons(cib, of), "")
    why = f' ("{reason}")' if reason else ""
    return f"it has failed {' and '.join(said)}{why}", f"pcs resource cleanup {of.units[0]}"


def failed_on(cib: _Element, of: Chain) -> Iterator[tuple[str, int]]:
    for state in cib.iterfind("status/node_state"):
        pairs = state.iterfind("transient_attributes//nvpair")
        counts = [
            effective(pair.get("value"))
            for pair in pairs
            if pair.get("name", "").startswith("fail-count-")
            and relaxation.counted(pair.get("name", "")) in of.primitives
        ]
        if any(counts):
            yield state.get("uname", ""), sum(counts)


def times(count: int) -> str:
    if count >= INFINITY:
        return "for good"
    return "once" if count == 1 else f"{count} times"


def reasons(cib: _Element, of: Chain) -> Iterator[str]:
    for history in relaxation.histories_of(cib, of):
        for record in filter(relaxation.failed, history):
            if record.get("exit-reason"):
                yield record.get("exit-reason", "")


def nodes(cib: _Element, of: Chain, there: Places) -> tuple[str, str]:  # noqa: ARG001
    off = [
        f"{node.get('uname')} is in {pair.get('name')}"
        for node in cib.iterfind("configuration/nodes/node")
        for pair in node.iter("nvpair")
        if pair.get("name") in relaxation.OFF and is_true(pair.get("value"))
    ]
    return listed(off, "where it could run is switched off"), ""


def size(cib: _Element, of: Chain, there: Places) -> tuple[str, str]:
    """Say what is asked for and what each node has left of what would be too much for it."""
    asked = total(cib, of.primitives)
    left = []
    for node, offer, taken in shares(cib, there):
        free = {what: offer.get(what, 0) - taken.get(what, 0) for what in asked}
        short = {what: free[what] for what, amount in asked.items() if free[what] < amount}
        has = f"{amounts(short)} left" if short else "room, and may not have it"
        left.append(f"{node} has {has}")
    return f"needs {amounts(asked)}: {listed(left, 'no node is there')}", ""


def shares(
    cib: _Element, there: Places
) -> Iterator[tuple[str, Mapping[str, int], Mapping[str, int]]]:
    """Yield each node that is there, with what it offers and what of that is taken."""
    present = {
        state.get("uname", "")
        for state in cib.iterfind("status/node_state")
        if in_membership(state)
    }
    for node in cib.iterfind("configuration/nodes/node"):
        name = node.get("uname", "")
        if name in present:
            on_it = {each for each, where in there.active.items() if name in where}
            yield name, utilization(node), total(cib, on_it)


def total(cib: _Element, names: Iterable[str]) -> dict[str, int]:
    wanted = {name.partition(":")[0] for name in names}
    found: dict[str, int] = {}
    for primitive in all_primitives(cib):
        if primitive.get("id") in wanted:
            for what, amount in utilization(primitive).items():
                found[what] = found.get(what, 0) + amount
    return found


def utilization(element: _Element) -> dict[str, int]:
    pairs = element.iterfind("utilization/nvpair")
    found = {pair.get("name", ""): pair.get("value", "") for pair in pairs}
    return {name: int(value) for name, value in found.items() if value.lstrip("-").isdigit()}


def apart(cib: _Element, of: Chain, there: Places) -> tuple[str, str]:
    others = {
        name
        for each in relaxation.apart(cib, of)
        for name in (each.get("rsc", ""), each.get("with-rsc", ""))
        if name not in of.names
    }
    where = [f"{name} ({', '.join(sorted(at(cib, name, there)))})" for name in sorted(others)]
    taken = [text for text in where if not text.endswith("()")]
    return f"it stays apart from {listed(taken, 'what is everywhere')}", ""


def at(cib: _Element, unit: str, there: Places) -> set[str]:
    inside = [unit]
    for element in cib.iterfind("configuration/resources//*[@id]"):
        if element.get("id") == unit:
            inside += [each.get("id", "") for each in element.iter("primitive")]
    return {node for name in inside for node in there.active.get(name, ())}


def bans(cib: _Element, of: Chain, there: Places) -> tuple[str, str]:  # noqa: ARG001
    names = listed(each.get("id", "") for each in relaxation.banning(cib, of))
    return f"no node that is there may run it ({names})", ""


def fencing(cib: _Element, of: Chain, there: Places) -> tuple[str, str]:  # noqa: ARG001
    stonith = cib.find("configuration/resources//*[@class='stonith']")
    if stonith is None:
        return "fencing is enabled and there is no fence device: nothing is started", ""
    return "it waits for a fencing that does not come", ""


def needs(cib: _Element, of: Chain, there: Places) -> tuple[str, str]:
    """Name what it stands on and what of that runs nowhere."""
    others = [each.get("with-rsc") or each.get("first") or "" for each in relaxation.needs(cib, of)]
    named = [name for name in dict.fromkeys(others) if name and name not in of.names]
    down = [name for name in named if not at(cib, name, there)]
    return f"needs {listed(down or named)}, which is not where it could run", ""


def listed(names: Iterable[str], nothing: str = "") -> str:
    found = list(names)
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return ", ".join(found[:NAMED]) + more if found else nothing
