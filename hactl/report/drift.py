"""What has drifted, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hactl.drift.finding import Drift, List
from hactl.drift.ignore import Ignored

HEADS = {
    List.EDITED: "Edited by hand",
    List.MISSING: "Missing",
    List.FOREIGN: "Foreign",
    List.PENDING: "In the topology and not applied",
    List.NODE: "Nodes",
}


def text(
    found: Sequence[Drift],
    ignored: Sequence[tuple[Drift, Ignored]],
    silent: Mapping[str, str],
    nodes: int,
) -> str:
    return "".join(f"{line}\n" for line in lines(found, ignored, silent, nodes))


def lines(
    found: Sequence[Drift],
    ignored: Sequence[tuple[Drift, Ignored]],
    silent: Mapping[str, str],
    nodes: int,
) -> Iterator[str]:
    for list_, head in HEADS.items():
        rows = [drift for drift in found if drift.list is list_]
        if rows:
            yield head
            yield from (f"  {drift}" for drift in rows)
            yield ""
    for drift, why in ignored:
        yield f"ignored until {why.until}: {drift.name}: {drift.what} ({why.reason})"
    for node, reason in silent.items():
        yield f"! {node} did not answer: {reason}"
    asked = f"{nodes} nodes" if nodes != 1 else "1 node"
    yield (
        f"{len(found)} drifted; the CIB and {asked} were looked at."
        if found
        else (f"Nothing has drifted; the CIB and {asked} were looked at.")
    )


def document(
    found: Sequence[Drift], ignored: Sequence[tuple[Drift, Ignored]], silent: Mapping[str, str]
) -> dict[str, Any]:
    """Return what docs/reference/drift.schema.json describes."""
    return {
        "drift": [drift.as_json() for drift in found],
        "ignored": [
            {**drift.as_json(), "reason": why.reason, "until": why.until.isoformat()}
            for drift, why in ignored
        ],
        "silent": dict(silent),
    }
