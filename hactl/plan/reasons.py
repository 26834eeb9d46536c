"""Why the scheduler does something: leads its reasons back to the change they come from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hactl.plan.change import Change, Create, Delete, Update
from hactl.plan.owners import Owners
from hactl.plan.readable import words
from hactl.simulate.effect import Effect, What
from hactl.simulate.transition import Action, Transition

DEFINITION = "resource definition change"
NOWHERE = "node availability"
PLACEMENT = "placement"
# "required lan-clone running", "unrunnable db1 start", "colocation with web1"
CAUSED_BY = re.compile(r"(?:required|unrunnable|colocation with) (?P<cause>\S+)")
# A chain of resources that wait for each other is not longer than this; a ring of them has no end.
DEPTH = 8
# A reason names so much of a change; all of it stands under the change itself.
CLAUSES = 2


class Reasons:
    """Answers why, for one transition from one CIB to another."""

    def __init__(self, owners: Owners, changes: Sequence[Change], transition: Transition) -> None:
        self.owners = owners
        self.changes = {change.id: change for change in changes}
        self.constraints = by_resource(changes)
        self.transition = transition
        self.fencing = {fencing.node: fencing.reason for fencing in transition.fencing}
        self.late = {each.instance: key for each, key in transition.waiting.items()}
        self.actions: dict[str, list[Action]] = {}
        for action in transition.actions:
            self.actions.setdefault(self.unit(action.resource), []).append(action)

    def of_effect(self, effect: Effect) -> str:
        """Return why something happens, or why it does not run though nothing happens."""
        if effect.what is What.FENCED:
            return f"{effect.source} is fenced: {self.fencing.get(effect.source, '')}"
        if effect.what is What.HANGS:
            return f"{effect.source} is unclean and nothing fences it"
        late = self.late.get(effect.primitive)
        if late and effect.source == effect.target:
            return self.of_wait(late)
        action = self.transition.action(effect.primitive, effect.source, effect.target)
        if action is None:
            return self.of_unsaid(effect)
        if action.blocked:
            return f"cannot {action.verb}: {self.of(action)}"
        return f"reloads: {self.of(action)}" if action.verb == "reload" else self.of(action)

    def of_unsaid(self, effect: Effect) -> str:
        """Return why something happens, or does not, of which the summary has no line."""
        name = effect.primitive.partition(":")[0]
        if not effect.source and not effect.target:
            return self.of_rest(name)
        if effect.what is What.STAYS:
            return ""
        return self.of(Action("stop", name, effect.primitive, effect.source, effect.target))

    def of(self, action: Action, depth: int = 0) -> str:
        """Return why ``action`` is taken, as the change it comes from where there is one."""
        unit = self.unit(action.resource)
        change = self.changes.get(unit)
        if self.owners.leaves(action.resource):
            whole = isinstance(change, Delete)
            return "no longer in the topology" if whole else f"no longer part of {unit}"
        if isinstance(change, Create):
            return self.blocked(action) or "new"
        caused = CAUSED_BY.match(action.reason)
        if caused and depth < DEPTH:
            return self.of_cause(caused["cause"], action, depth)
        if action.verb == "start" and self.owners.joins(action.resource):
            return f"new in {unit}"
        return self.own(action, unit, change)

    def of_rest(self, resource: str) -> str:
        """Return why ``resource`` stays stopped."""
        placed = self.transition.resources.get(resource)
        if placed is None:
            return "it has no instance"
        if placed.target_role.lower() == "stopped":
            return "target-role=Stopped"
        if not placed.managed:
            return "it is not managed"
        nodes = self.transition.nodes.values()
        if nodes and not any(node.takes for node in nodes):
            return "every node is offline, in standby or in maintenance"
        return "no node can run it"

    def of_wait(self, key: str) -> str:
        """Return what is waited for; ``key`` is Pacemaker's: ``web1_start_0``."""
        name, _, action = key.rpartition("_")[0].rpartition("_")
        placed = self.transition.placed(name)
        why = "" if placed.managed else ", and it is not managed"
        return f"waits for {name} to {action}{why}: Pacemaker gives up there"

    def of_cause(self, cause: str, action: Action, depth: int) -> str:
        unit = self.unit(cause)
        for other in self.actions.get(unit, ()):
            if other.resource != action.resource:
                return f"{other.resource}: {self.of(other, depth + 1)}"
        change = self.changes.get(unit)
        return f"{unit}: {clauses_of(change, cause)}" if change else action.reason

    def own(self, action: Action, unit: str, change: Change | None) -> str:
        constraints = self.constraints.get(unit, []) + self.constraints.get(action.resource, [])
        if action.reason == DEFINITION or action.verb in ("restart", "reload"):
            return clauses_of(change, action.resource) or action.reason or PLACEMENT
        if action.reason and action.reason != NOWHERE:
            return action.reason
        placed = self.transition.resources.get(action.resource)
        if action.verb == "stop" and placed and placed.target_role == "Stopped":
            return "target-role=Stopped"
        return constraints[0] if constraints else clauses_of(change, action.resource) or PLACEMENT

    def blocked(self, action: Action) -> str:
        return action.reason if action.blocked else ""

    def unit(self, name: str) -> str:
        """Return the top-level resource ``name`` belongs to."""
        return self.owners.unit(name.partition(":")[0])


def clauses_of(change: Change | None, part: str) -> str:
    """Return in a few words what a change does to a part of a resource."""
    if not isinstance(change, Update):
        return ""
    details = [detail for detail in change.details if not incidental(detail.name)]
    details = [detail for detail in details if detail.owner == part] or details
    said = [clause for detail in (details or change.details) for clause in words(detail)]
    more = len(said) - CLAUSES
    return ", ".join(said[:CLAUSES]) + (f" and {more} more" if more > 0 else "")


def incidental(name: str) -> bool:
    """Whether an attribute cannot be what makes a resource restart."""
    return name.startswith("meta ") or name.endswith((" interval", " timeout"))


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
