"""Why a resource is not where it might be: for people, and as why.schema.json has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from hactl.why.answer import Answer, AtNode, Way
from hactl.why.scores import Score

FORMAT = 1
ALIKE = 4  # nodes of which the same is said share a line


def text(found: Answer, scores: tuple[Score, ...] = ()) -> str:
    """Return the answer to print."""
    return "\n".join([*lines(found, scores), ""])


def lines(found: Answer, scores: tuple[Score, ...]) -> Iterator[str]:
    name = found.resource
    if found.on:
        yield click.style(f"{name} runs on {', '.join(found.on)}", fg="green")
    else:
        yield click.style(f"{name} runs nowhere", fg="red")
    rows = list(reasons(found))
    width = max((len(node) for node, _ in rows), default=0)
    for node, what in rows:
        yield f"  {node:{width}}  {what}"
    for score in scores:
        yield f"  {score}"
    yield from ways(found)


def reasons(found: Answer) -> Iterator[tuple[str, str]]:
    """Yield a row for each reason: what holds everywhere first, nodes of the same kind together."""
    everywhere = {each.text: each for at in found.nodes for each in at.blockers if not each.node}
    for each in everywhere.values():
        yield "everywhere", str(each)
    rows: dict[str, list[str]] = {}
    for at in found.nodes:
        for what in of_node(at):
            rows.setdefault(what, []).append(at.node)
    for what, nodes in rows.items():
        if len(nodes) > ALIKE:
            yield f"{len(nodes)} nodes", f"{what} ({', '.join(nodes)})"
        else:
            yield from ((node, what) for node in nodes)


def of_node(at: AtNode) -> Iterator[str]:
    if at.runs:
        yield "it runs here"
    elif not at.blockers and at.proven:
        yield "nothing keeps it from there"
    elif not at.proven:
        yield "not proven: it would not run there either without what is known to keep it away"
    else:
        yield from (str(each) for each in at.blockers if each.node)


def ways(found: Answer) -> Iterator[str]:
    if not found.ways:
        if not found.on:
            yield "Nothing that is known would start it by itself."
        return
    yield (
        "Any one of these would start it, as simulated:"
        if len(found.ways) > 1
        else "This would start it, as simulated:"
    )
    for way in found.ways:
        yield f"  on {way.node}: {' and '.join(way.commands)}"


def document(found: Answer, scores: tuple[Score, ...] = ()) -> dict[str, Any]:
    """Return the answer as JSON has it."""
    return {
        "format": FORMAT,
        "resource": found.resource,
        "unit": found.unit,
        "runs": list(found.on),
        "nodes": [node_document(at) for at in found.nodes],
        "ways": [way_document(way) for way in found.ways],
        "scores": [
            {"node": each.node, "score": each.score, "constraints": list(each.constraints)}
            for each in scores
        ],
    }


def node_document(at: AtNode) -> dict[str, Any]:
    return {
        "node": at.node,
        "runs": at.runs,
        "proven": at.proven,
        "blockers": [
            {
                "class": each.sort.value,
                "node": each.node or None,
                "what": each.key,
                "text": each.text,
                "command": each.command or None,
            }
            for each in at.blockers
        ],
    }


def way_document(way: Way) -> dict[str, Any]:
    return {
        "node": way.node,
        "commands": list(way.commands),
        "lifts": [each.key for each in way.blockers],
    }
