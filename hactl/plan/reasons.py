"""Why the scheduler does something: leads its reasons back to the change they come from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from lxml.etree import _Element

from hactl.plan.change import Change, Create, Delete, Update
from hactl.simulate.transition import Action, Transition

DEFINITION = "resource definition change"
NOWHERE = "node availability"
PLACEMENT = "placement"
# "required lan-clone running", "unrunnable db1 start", "colocation with web1"
CAUSED_BY = re.compile(r"(?:required|unrunnable|colocation with) (?P<cause>\S+)")
# A chain of resources that wait for each other is not longer than this; a ring of them has no end.
DEPTH = 8


class Reasons:
    """Answers why, for one transition from one CIB to another."""

    def __init__(
        self,
        live: _Element,
        merged: _Element,
        changes: Sequence[Change],
        transition: Transition,
    ) -> None:
        self.units = {**units(live), **units(merged)}
        self.changes = {change.id: change for change in changes}
        self.constraints = by_resource(changes)
        self.transition = transition
        self.actions: dict[str, list[Action]] = {}
        for action in transition.actions:
            self.actions.setdefault(self.unit(action.resource), []).append(action)

    def of(self, action: Action, depth: int = 0) -> str:
        """Return why ``action`` is taken, as the change it comes from where there is one."""
        unit = self.unit(action.resource)
        change = self.changes.get(unit)
        if isinstance(change, Delete):
            return "no longer in the topology"
        if isinstance(change, Create):
            return self.blocked(action) or "new"
        caused = CAUSED_BY.match(action.reason)
        if caused and depth < DEPTH:
            return self.of_cause(caused["cause"], action, depth)
        return self.own(action, unit, change)

    def of_rest(self, resource: str) -> str:
        """Return why ``resource`` stays stopped, or nothing if it runs."""
        if self.transition.running(resource):
            return ""
        placed = self.transition.resources.get(resource)
        if placed and placed.target_role == "Stopped":
            return "target-role=Stopped"
        return "no node can run it"

    def of_cause(self, cause: str, action: Action, depth: int) -> str:
        unit = self.unit(cause)
        for other in self.actions.get(unit, ()):
            if other.resource != action.resource:
                return f"{other.resource}: {self.of(other, depth + 1)}"
        change = self.changes.get(unit)
        return f"{unit}: {said(change)}" if change else action.reason

    def own(self, action: Action, unit: str, change: Change | None) -> str:
        constraints = self.constraints.get(unit, []) + self.constraints.get(action.resource, [])
        if action.reason == DEFINITION or action.verb in ("restart", "reload"):
            return said(change) or action.reason or PLACEMENT
        if action.reason and action.reason != NOWHERE:
            return action.reason
        placed = self.transition.resources.get(action.resource)
        if action.verb == "stop" and placed and placed.target_role == "Stopped":
            return "target-role=Stopped"
        return constraints[0] if constraints else said(change) or PLACEMENT

    def blocked(self, action: Action) -> str:
        return action.reason if action.blocked else ""

    def unit(self, name: str) -> str:
        """Return the top-level resource ``name`` belongs to."""
        return self.units.get(name.partition(":")[0], name)


def said(change: Change | None) -> str:
    """Return in a few words what a change does to a resource."""
    if not isinstance(change, Update):
        return ""
    details = [detail for detail in change.details if not incidental(detail.name)]
    shown = [str(detail) for detail in (details or change.details)[:2]]
    more = len(details or change.details) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def incidental(name: str) -> bool:
    """Whether an attribute cannot be what makes a resource restart."""
    return name.startswith("meta ") or name.endswith((" interval", " timeout"))


def units(cib: _Element) -> dict[str, str]:
    """Return the id of the top-level resource for every resource in it."""
    return {
        inner.get("id", ""): unit.get("id", "")
        for unit in cib.iterfind("configuration/resources/*")
        for inner in unit.iter("primitive", "group", "clone", "master", "bundle")
    }


def by_resource(changes: Iterable[Change]) -> dict[str, list[str]]:
    """Return, for each resource, the constraints on it that change."""
    found: dict[str, list[str]] = {}
    for change in changes:
        if change.place.section == "constraints":
            text = f"{change.kind} {change.id} {VERBS[type(change)]}"
            for detail in change.details:
                if detail.name in ("rsc", "first", "then", "with-rsc"):
                    for name in {detail.old, detail.new} - {None}:
                        found.setdefault(str(name), []).append(text)
    return found


VERBS = {Create: "added", Delete: "removed", Update: "changed"}
