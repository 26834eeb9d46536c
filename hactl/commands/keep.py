"""N-1 before and after a plan, and the policy that keeps it: for plan and apply."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from lxml.etree import _Element

from hactl.cib.document import configuration
from hactl.commands.scenes import Found, after, as_it_is
from hactl.commands.whatif import concluded, remembered
from hactl.errors import ClusterError
from hactl.lint.subject import Subject
from hactl.live.session import World
from hactl.plan.gate import Forbidden
from hactl.plan.plan import Planned, planned
from hactl.report.whatif_json import document
from hactl.whatif.comparison import Comparison
from hactl.whatif.conclusion import Conclusion
from hactl.whatif.loss import sets_of_nodes

N_1 = "n-1"


def kept(subject: Subject) -> bool:
    """Whether the cluster is to survive any one node, after a change as well."""
    return subject.topology.document.cluster.policy.keep == N_1


def compared(subject: Subject, made: Planned, world: World, cib: Path | None) -> Comparison:
    """Return what one lost node does, before the plan and after it. Raises CannotSimulate."""
    return Comparison(
        before(made.live, world, cib), without_one(world, after(made, subject, world))
    )


def before(live: _Element, world: World, cib: Path | None) -> Conclusion | None:
    try:
        return without_one(world, as_it_is(live, world, str(cib) if cib else "", settle=True))
    except ClusterError:
        return None


def without_one(world: World, begun: Found) -> Conclusion:
    scene = begun.scene
    return concluded(world, begun, list(sets_of_nodes(scene.nodes, 1)), remembered())


def refuse_worse(subject: Subject, found: Comparison) -> None:
    """Raise Forbidden where a policy keeps N-1 and the plan would lose it."""
    broken = list(found.broken()) if kept(subject) else []
    if broken:
        raise Forbidden(
            f"cluster.policy keeps n-1, and the plan would break it: {'; '.join(broken)}",
            "make room, or change the policy; nothing was changed",
        )


def refuse_to_apply(subject: Subject, world: World, cib: Path | None) -> None:
    """Raise Forbidden where an apply would break what the policy keeps."""
    if not kept(subject):
        return
    live = world.pacemaker.cib()
    made = planned(live, configuration(subject.cluster), world.runner)
    if made.plan.changes and made.plan.simulated:
        refuse_worse(subject, compared(subject, made, world, cib))


def text(found: Comparison) -> str:
    """Return both sides to print."""
    lines = [click.style("Loss of one node, before and after", bold=True)]
    for side in found.sides():
        lines.append(click.style(f"  {side}", fg="red") if side.worse else f"  {side}")
    return "\n".join([*lines, ""])


def as_json(found: Comparison) -> dict[str, Any]:
    return {
        "before": None if found.before is None else document(found.before),
        "after": document(found.after),
    }
