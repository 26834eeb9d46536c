"""The status as JSON (docs/reference/status.schema.json) and as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import click

from hactl.fencing.drill.proofs import Standing
from hactl.fencing.drill.proofs import State as Proven
from hactl.model.constraint import INFINITY
from hactl.status.values import NodeStatus, ResourceStatus, State, Status

TITLES = {
    "guest": "Guests",
    "container": "Containers",
    "gateway": "Gateways",
    "address": "Addresses",
    "network": "Networks",
    "storage": "Storage",
    "fencing": "Fencing",
    "raw": "Raw",
    "resource": "Not hactl's",
}
COLOURS = {
    State.FAILED: "red",
    State.BLOCKED: "red",
    State.STOPPED: "red",
    State.BUSY: "cyan",
    State.PARTIAL: "yellow",
    State.UNMANAGED: "yellow",
    State.DISABLED: "yellow",
    State.RUNNING: "green",
}
PROOF_COLOURS = {
    Proven.PROVEN: "green",
    Proven.STALE: "yellow",
    Proven.CHANGED: "yellow",
    Proven.NEVER: "yellow",
}
UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def document(status: Status) -> dict[str, Any]:
    """Return ``status`` as JSON has it."""
    return {
        "cluster": status.cluster,
        "quorate": status.quorate,
        "healthy": not status.problems,
        "dc": status.dc or None,
        "maintenance": status.maintenance,
        "nodes": [node_document(node) for node in status.nodes],
        "resources": [resource_document(resource) for resource in status.resources],
        "failures": [asdict(failure) for failure in status.failures],
        "fencing": [asdict(event) for event in status.fencing],
        "proofs": [standing.as_json() for standing in status.proofs],
        "problems": list(status.problems),
        "notices": list(status.notices),
    }


def node_document(node: NodeStatus) -> dict[str, Any]:
    return {"name": node.name, "state": node.state, "dc": node.dc, "running": node.running}


def resource_document(resource: ResourceStatus) -> dict[str, Any]:
    return {
        "id": resource.id,
        "kind": resource.kind,
        "state": resource.state.value,
        "node": resource.nodes[0] if resource.nodes else None,
        "nodes": list(resource.nodes),
        "absent": list(resource.absent),
        "promoted": None if resource.promoted is None else list(resource.promoted),
        "failures": resource.failures,
        "since": resource.since,
        "doing": resource.doing or None,
    }


def text(status: Status, now: float) -> str:
    """Return ``status`` to print; ``now`` is in seconds since the epoch."""
    blocks = [
        [headline(status)],
        list(nodes(status.nodes)),
        *(list(group(status.resources, kind, now)) for kind in TITLES),
        list(fencing(status)),
        list(proofs(status)),
        list(notices(status)),
        list(problems(status)),
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"


def headline(status: Status) -> str:
    words = [status.cluster or "cluster"]
    words.append("quorate" if status.quorate else click.style("no quorum", fg="red"))
    words.append(f"DC {status.dc}" if status.dc else click.style("no DC", fg="red"))
    if status.maintenance:
        words.append(click.style("maintenance mode: nothing is managed", fg="yellow"))
    return ", ".join(words)


def nodes(found: Sequence[NodeStatus]) -> Iterator[str]:
    yield click.style("Nodes", bold=True)
    width = max((len(node.name) for node in found), default=0)
    for node in found:
        good = node.state == "online"
        colour = (
            "green" if good else "yellow" if node.state in ("standby", "maintenance") else "red"
        )
        remote = ", remote" if node.remote else ""
        yield f"  {node.name:{width}}  {click.style(node.state, fg=colour)}{remote}"


def group(found: Sequence[ResourceStatus], kind: str, now: float) -> Iterator[str]:
    rows = [resource for resource in found if resource.kind == kind]
    if not rows:
        return
    yield click.style(TITLES[kind], bold=True)
    width = max(len(row.id) for row in rows)
    for row in rows:
        state = click.style(row.doing.lower() or row.state.value, fg=COLOURS[row.state])
        where = f" on {', '.join(map(placed(row), row.nodes))}" if row.nodes else ""
        since = f", for {lasted(now - row.since)}" if row.since and row.nodes else ""
        yield f"  {row.id:{width}}  {state}{where}{since}{failed(row.failures)}"


def placed(row: ResourceStatus) -> Callable[[str], str]:
    return lambda node: f"{node} (promoted)" if node in (row.promoted or ()) else node


def failed(count: int) -> str:
    if not count:
        return ""
    times = "failed for good" if count >= INFINITY else f"failed {count} time{'s' * (count > 1)}"
    return click.style(f", {times}", fg="red")


def lasted(seconds: float) -> str:
    for size, unit in UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "0 s"


def fencing(status: Status) -> Iterator[str]:
    if status.fencing:
        yield click.style("Last fencing", bold=True)
    for event in status.fencing:
        colour = "green" if event.outcome == "success" else "red"
        outcome = click.style(event.outcome, fg=colour)
        yield f"  {event.node} ({event.action})  {outcome}  {event.when}".rstrip()


def proofs(status: Status) -> Iterator[str]:
    """Yield how well each level is proven; one line where there is nothing to tell them apart."""
    if not status.proofs:
        return
    yield click.style("Fencing proven by a drill", bold=True)
    if all(standing.state is Proven.NEVER for standing in status.proofs):
        yield click.style("  never (hactl fence drill NODE)", fg="yellow")
        return
    for standing in status.proofs:
        what = f"{standing.node} level {standing.level} ({', '.join(standing.devices)})"
        yield f"  {what}  {click.style(proof_text(standing), fg=PROOF_COLOURS[standing.state])}"


def proof_text(standing: Standing) -> str:
    if standing.proof is None:
        return "never"
    ago = f"{lasted(standing.age or 0)} ago"
    if standing.state is Proven.CHANGED:
        return f"{ago}, and configured differently since"
    if standing.state is Proven.STALE:
        return f"{ago}: too long"
    back = standing.proof.seconds.get("recovered") or standing.proof.seconds.get("lost")
    return f"{ago}, in {back:.1f} s" if back else ago


def notices(status: Status) -> Iterator[str]:
    """Yield what somebody wants so, or has left so."""
    if status.notices:
        yield click.style("Notices", bold=True)
    for notice in status.notices:
        yield click.style(f"  {notice}", fg="yellow")


def problems(status: Status) -> Iterator[str]:
    if status.problems:
        yield click.style("Problems", bold=True)
        for problem in status.problems:
            yield click.style(f"  {problem}", fg="red")
    elif status.notices:
        yield click.style("Nothing is wrong; mind the notices.", fg="green")
    else:
        yield click.style("Everything is as it should be.", fg="green")
