"""The CIB against the topology: what was edited by hand, what is missing, what is foreign."""

from __future__ import annotations

from collections.abc import Iterator

from lxml.etree import _Element

from hactl.cib.kept import ledger
from hactl.cib.merge import child
from hactl.cib.ownership import is_ours
from hactl.drift.finding import Drift, List
from hactl.plan.change import Change, Create, Delete
from hactl.plan.diff import MARKS
from hactl.plan.plan import Plan
from hactl.simulate.effect import effect_text

SECTIONS = ("resources", "constraints", "fencing-topology", "tags", "alerts", "acls")


def drifts(live: _Element, plan: Plan) -> Iterator[Drift]:
    """Yield what has moved in ``live``, a ``<cib>``; ``plan`` is what an apply would do to it."""
    seen: set[str] = set()
    for change in plan.changes:
        if change.kind != MARKS:
            seen.add(change.id)
            yield changed(change, plan, written(live))
    for name in plan.edited:
        if name not in seen:
            what = f"edited by hand ({written(live)})"
            yield Drift(List.EDITED, name, what, "apply undoes that only with --overwrite-edits")
    yield from foreign(child(live, "configuration"))


def changed(change: Change, plan: Plan, when: str) -> Drift:
    then = effects_of(change, plan)
    if isinstance(change, Create):
        return Drift(List.MISSING, change.id, f"{change.kind} is missing", then)
    if isinstance(change, Delete):
        return Drift(List.PENDING, change.id, f"{change.kind} is no longer in the topology", then)
    said = "; ".join(str(detail.reverse()) for detail in change.details) or "differs"
    if change.id in plan.edited or any(detail.name in plan.edited for detail in change.details):
        return Drift(List.EDITED, change.id, f"{said}, edited by hand ({when})", then)
    return Drift(List.PENDING, change.id, f"{said}: the topology says otherwise", then)


def effects_of(change: Change, plan: Plan) -> str:
    """Return what an apply would do about a change, and what it does to whom."""
    told = [
        f"{effect.name} {effect_text(effect)}"
        for effect in plan.effects.all
        if effect.unit == change.id and effect.disruptive
    ]
    back = "apply would make it" if isinstance(change, Create) else "apply would set it back"
    return f"{back}: {', '.join(told)}" if told else f"{back}, and interrupts nothing"


def foreign(configuration: _Element) -> Iterator[Drift]:
    """Yield what stands in the CIB and belongs to no topology."""
    kept = ledger(configuration)
    for section in SECTIONS:
        for element in configuration.iterfind(f"{section}/*"):
            name = element.get("id", "")
            if name not in kept and not is_ours(element):
                yield Drift(List.FOREIGN, name, f"{element.tag} is in no topology")


def written(live: _Element) -> str:
    """Return who wrote to the CIB last, and when: Pacemaker keeps no more than that."""
    by = " ".join(
        f"{word} {live.get(name)}"
        for word, name in (
            ("by", "update-user"),
            ("with", "update-client"),
            ("on", "update-origin"),
            ("at", "cib-last-written"),
        )
        if live.get(name)
    )
    return f"the CIB was last written {by}" if by else "nobody says by whom"
