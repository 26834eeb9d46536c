"""`hactl plan`: what would change, and what happens to each guest."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import click
from lxml.etree import _Element

from hactl import intent
from hactl.cib.document import configuration
from hactl.commands import keep
from hactl.commands.losses import AUTO, simulated
from hactl.commands.losses import option as losses_option
from hactl.commands.options import ADOPT_CLUSTER, cib_option, format_option, identity
from hactl.commands.render import report
from hactl.commands.terminal import say
from hactl.errors import Severity
from hactl.fencing.drill.proofs import reminders
from hactl.live.backup import replace_private
from hactl.live.session import opened
from hactl.plan.plan import Plan, planned
from hactl.report.plan import text
from hactl.report.plan_json import document, fingerprint
from hactl.whatif.comparison import Comparison


@click.command(epilog="Example: hactl plan cluster.yaml")
@click.argument("file")
@cib_option()
@click.option("--adopt", multiple=True, metavar="ID", help="Take over a resource made by others.")
@click.option("--adopt-cluster", default="", metavar="NAME", help=ADOPT_CLUSTER)
@format_option
@losses_option
@click.option("--whatif", "ask", is_flag=True, help="Lose each node, before the plan and after it.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 if something would change.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Keep the plan for `hactl apply --plan`.",
)
def plan(
    file: str,
    cib: Path | None,
    adopt: tuple[str, ...],
    adopt_cluster: str,
    form: str,
    losses: str | int,
    ask: bool,
    detailed_exitcode: bool,
    output: Path | None,
) -> None:
    """Compare the topology in FILE with the cluster, and simulate the difference.

    Where something would change, warns also of what the loss of a node would then strand.
    Changes nothing. Exits 1 if it could not simulate: then nobody knows what would happen. So also
    where cluster.policy keeps n-1 and the plan would break it.
    """
    subject, warnings = intent.understood(file)
    report(warnings)
    with opened(cib) as world:
        live = world.pacemaker.cib()
        identity(subject.cluster, adopt_cluster).refuse_other(live)
        foreseen = planned(live, configuration(subject.cluster), world.runner, adopt)
        made = foreseen.plan
        if made.simulated and (made.changes or losses != AUTO):
            found = simulated(subject, foreseen.merged, world.runner, losses, foreseen.transition)
            report([replace(each, severity=Severity.WARNING) for each in found])
        asked = made.simulated and (ask or (keep.kept(subject) and bool(made.changes)))
        sides = keep.compared(subject, foreseen, world, cib) if asked else None
    remind(live)
    show(made, form, sides)
    if sides:
        keep.refuse_worse(subject, sides)
    if not made.simulated:
        sys.exit(1)
    if output:
        kept = {**document(made), "fingerprint": fingerprint(made)}
        replace_private(output, json.dumps(kept, indent=2).encode() + b"\n")
    if detailed_exitcode and made.changes:
        sys.exit(2)


def remind(live: _Element) -> None:
    """Say which fencing levels no drill has proven lately."""
    for sentence in reminders(live, time.time()):
        click.echo(f"warning: {sentence}", err=True)


def show(made: Plan, form: str, sides: Comparison | None = None) -> None:
    if form == "json":
        more = {"whatif": keep.as_json(sides)} if sides else {}
        say(json.dumps({**document(made), **more}, indent=2) + "\n")
    else:
        say(text(made) + (f"\n{keep.text(sides)}" if sides else ""))
