"""What losses do, as JSON: the contract in docs/reference/whatif.schema.json; and read again."""

from __future__ import annotations

import json
from typing import Any

from hactl.errors import UsageError
from hactl.whatif.conclusion import NEVER, Baseline, Conclusion
from hactl.whatif.fate import Fate
from hactl.whatif.verdict import Room, Verdict

FORMAT = 1


def document(found: Conclusion) -> dict[str, Any]:
    """Return all that was found as JSON has it."""
    return {
        "format": FORMAT,
        "cluster": found.cluster,
        "basis": found.basis,
        "pacemaker": found.release,
        "survives": found.survives,
        "votes": {
            "expected": found.votes.expected,
            "needed": found.votes.needed,
            "assumed": found.votes.assumed or None,
        },
        "promises": [
            {"name": name, "nodes": nodes, "kept": all(each.name != name for each in found.broken)}
            for name, nodes in found.promises.items()
        ],
        "broken": [
            {"name": each.name, "nodes": each.nodes, "losses": list(each.losses)}
            for each in found.broken
        ],
        "stranded": list(found.stranded),
        "never": [{"name": name, "why": why} for name, why in found.never.items()],
        "losses": [loss_document(verdict) for verdict in found.verdicts],
        "notes": list(found.notes),
    }


def loss_document(verdict: Verdict) -> dict[str, Any]:
    loss, count = verdict.loss, verdict.count
    return {
        "loss": loss.name,
        "kind": loss.kind.value,
        "nodes": list(loss.nodes),
        "devices": sorted(loss.devices),
        "failed": [{"resource": name, "node": node} for name, node in loss.failed],
        "quorum": {"kept": count.kept, "votes": count.left, "needed": count.needed},
        "hangs": [{"node": node, "why": why} for node, why in verdict.hangs.items()],
        "fenced": list(verdict.fenced),
        "effects": [fate_document(fate) for fate in verdict.fates],
        "staying": verdict.staying,
        "settled": verdict.settled,
        "left": [{"node": room.node, **dict(room.left)} for room in verdict.rooms],
        "tightest": name_of(verdict.tightest),
    }


def fate_document(fate: Fate) -> dict[str, Any]:
    return {
        "name": fate.name,
        "kind": fate.kind,
        "effect": fate.what.value,
        "from": fate.source or None,
        "to": fate.target or None,
        "survives": fate.survives,
        "why": fate.why,
    }


def name_of(room: Room | None) -> str | None:
    return room.node if room else None


def baseline(data: bytes, name: str) -> Baseline:
    """Return what an earlier run has found. Raises UsageError where it is not one."""
    try:
        found = json.loads(data)
        if found["format"] != FORMAT:
            raise UsageError(f"{name}: format {found['format']}", f"this hactl writes {FORMAT}")
        never = {each["name"]: "stranded" for each in found["never"]}
        return {NEVER: never} | {
            each["loss"]: {effect["name"]: effect["effect"] for effect in each["effects"]}
            for each in found["losses"]
        }
    except (ValueError, KeyError, TypeError) as problem:
        raise UsageError(
            f"{name}: not written by hactl whatif: {problem!r}",
            "keep one with `hactl whatif --format json > FILE`",
        ) from None
