"""The plan as JSON: the contract in docs/reference/plan.schema.json, and nothing else."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from hactl.plan.change import Change, Create, Delete, Update
from hactl.plan.later import Later
from hactl.plan.plan import Plan
from hactl.plan.unable import Unable
from hactl.simulate.effect import Effect

CHANGE = {Create: "create", Update: "update", Delete: "delete"}


def document(plan: Plan) -> dict[str, Any]:
    """Return ``plan`` as JSON has it."""
    return {
        "simulated": plan.simulated,
        "cluster": plan.cluster,
        "version": {"admin_epoch": plan.version.admin_epoch, "epoch": plan.version.epoch},
        **content(plan),
        "unprotected": [
            {"node": lost.node or None, "why": lost.what, "hint": lost.mend}
            for lost in plan.unprotected
        ],
        "edited": list(plan.edited),
        "switches": [
            {"resource": switch.resource, "name": switch.name, "value": switch.value}
            for switch in plan.switches
        ],
        "unable": [unable_document(each) for each in plan.unable],
        "leftovers": [
            {
                "resource": left.about,
                "what": left.what,
                "begun": left.begun,
                "node": left.node,
                "proven": left.proven,
            }
            for left in plan.leftovers
        ],
        "notes": [*([plan.why_not] if plan.why_not else []), *plan.notes],
    }


def content(plan: Plan) -> dict[str, Any]:
    """Return what a plan does, without what it was made from."""
    return {
        "changes": [change_document(change) for change in plan.changes],
        "guests": [effect_document(effect) for effect in plan.effects.guests],
        "resources": [effect_document(effect) for effect in plan.effects.resources],
        "fencing": [
            {"node": fencing.node, "action": fencing.action, "why": fencing.reason}
            for fencing in plan.fencing
        ],
        "later": later_document(plan.later),
    }


def later_document(later: Later) -> dict[str, Any] | None:
    """Return what happens when a maintenance ends; None where nothing is in maintenance."""
    if not later.held:
        return None
    return {
        "held": [{"level": each.level.value, "name": each.name or None} for each in later.held],
        "guests": [effect_document(effect) for effect in later.effects.guests],
        "resources": [effect_document(effect) for effect in later.effects.resources],
        "interrupted": sorted({effect.name for effect in later.interrupted}),
    }


def unable_document(each: Unable) -> dict[str, Any]:
    why = each.why
    return {
        "resource": each.name,
        "cause": why.kind.value if why else None,
        "why": why.text if why else "",
        "hint": why.hint if why else "",
    }


def fingerprint(plan: Plan) -> str:
    """Return a digest that two plans share exactly if they do the same, to the same things."""
    spelled = [(c.id, c.place.section, *bodies(c)) for c in plan.changes]
    said = json.dumps([content(plan), spelled], sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()


def bodies(change: Change) -> tuple[bytes, bytes]:
    before = b"" if isinstance(change, Create) else change.before
    after = b"" if isinstance(change, Delete) else change.after
    return before, after


def change_document(change: Change) -> dict[str, Any]:
    return {
        "id": change.id,
        "kind": change.kind,
        "change": CHANGE[type(change)],
        "attributes": [
            {"of": detail.owner, "name": detail.name, "old": detail.old, "new": detail.new}
            for detail in change.details
        ],
    }


def effect_document(effect: Effect) -> dict[str, Any]:
    return {
        "name": effect.name,
        "kind": effect.kind,
        "effect": effect.what.value,
        "from": effect.source or None,
        "to": effect.target or None,
        "role": role(effect),
        "why": effect.why,
    }


def role(effect: Effect) -> str | None:
    """Return what happens to its role, beside what happens to the resource."""
    words = ["demotes"] * effect.demotes + ["promotes"] * effect.promotes
    return " and ".join(words) or None
