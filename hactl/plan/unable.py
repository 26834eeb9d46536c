"""What should run after a plan and cannot, each with its cause: foreseen, or seen afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lxml.etree import _Element

from hactl.cib.edits import switches
from hactl.cib.merge import child
from hactl.cib.ownership import kind_of
from hactl.plan.effects import Effects
from hactl.simulate.cause import Cause
from hactl.simulate.effect import Effect
from hactl.simulate.places import places
from hactl.simulate.scheduler import Run
from hactl.simulate.transition import Transition
from hactl.why.first import first_cause

# Each cause takes some more simulations: these many are proven, the rest only named.
PROVEN = 3
# Pacemaker uses a fence device wherever it runs, or does not.
FENCING = "fencing"
NOT_ASKED = "no node can run it"


@dataclass(frozen=True, slots=True)
class Unable:
    """``name`` is the resource as the operator calls it; ``why`` is None beyond the first few."""

    name: str
    kind: str
    why: Cause | None = None

    def __str__(self) -> str:
        return f"{self.name} runs nowhere: {self.why or NOT_ASKED}"


def unable(cib: _Element, transition: Transition, runner: Run) -> tuple[Unable, ...]:
    """Return what of ours should run, and does not when ``transition`` is over.

    ``cib`` is what it is a transition of. What an operator has switched off is left out.
    """
    down = list(not_running(cib, transition))
    return tuple(
        Unable(
            unit.get("id", ""),
            kind_of(unit) or "",
            first_cause(cib, unit.get("id", ""), transition, runner) if number < PROVEN else None,
        )
        for number, unit in enumerate(down)
    )


def not_running(cib: _Element, transition: Transition) -> Iterator[_Element]:
    """Yield top-level resources of ours of which a part is active nowhere."""
    off = {switch.resource for switch in switches(child(cib, "configuration"))}
    active = {name.partition(":")[0] for name, on in places(transition).active.items() if on}
    for unit in cib.iterfind("configuration/resources/*"):
        if unit.tag == "template" or kind_of(unit) in (None, FENCING):
            continue
        names = {inner.get("id", "") for inner in unit.iter("primitive")}
        inside = {inner.get("id", "") for inner in unit.iter("primitive", "group", "clone")}
        if names - active and not inside & off:
            yield unit


def explained(found: Effects, causes: Sequence[Unable]) -> Effects:
    """Return effects in which what cannot run says why, as far as that was proven."""
    proven = {each.name: each.why for each in causes if each.why}
    return replace(found, all=tuple(with_cause(effect, proven) for effect in found.all))


def with_cause(effect: Effect, proven: Mapping[str, Cause]) -> Effect:
    why = None if effect.target else proven.get(effect.unit)
    return replace(effect, why=why.text) if why else effect
