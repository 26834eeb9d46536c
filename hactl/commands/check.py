"""`hactl check`: every problem of a topology file, with file and line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from time import time as now

import click

from hactl import intent
from hactl.cib import document
from hactl.commands.losses import option as losses_option
from hactl.commands.losses import simulated
from hactl.commands.options import format_option
from hactl.commands.output import emit
from hactl.errors import Problem, Severity, TopologyError, UsageError
from hactl.fencing.drill.proofs import reminders
from hactl.live.session import opened
from hactl.model.failover import Failover, failovers
from hactl.report.failover import entry, in_full, in_short
from hactl.topology.jsonschema import json_schema
from hactl.topology.load import in_order


@click.command(epilog="Example: hactl check cluster.yaml")
@click.argument("file", required=False)
@format_option
@click.option(
    "--failover", is_flag=True, help="Show what adds up until each guest is back after a loss."
)
@click.option("--live", is_flag=True, help="Ask the running cluster how well fencing is proven.")
@click.option(
    "--cib", type=click.Path(path_type=Path), help="Ask a cluster's CIB in a file instead."
)
@losses_option
@click.option("--schema", is_flag=True, help="Write the JSON schema of the file instead.")
def check(
    file: str | None,
    form: str,
    failover: bool,
    live: bool,
    cib: Path | None,
    losses: str | int,
    schema: bool,
) -> None:
    """Check the topology in FILE (- reads standard input): all problems at once.

    Simulates the loss of every node, and of as many as something must survive, on Pacemaker's own
    scheduler: what would run nowhere is named. Says also how long a guest may be away at worst when
    the node under it is lost, and what decides that. A file knows nothing of drills: --live and
    --cib say which levels of fencing no drill has proven lately.

    Exits 1 if there are errors, 0 if there are none or only warnings.
    """
    if schema:
        emit(json.dumps(json_schema(), indent=2).encode() + b"\n")
        return
    if file is None:
        raise UsageError("which file?", "hactl check FILE, or hactl check --schema")
    problems, times = looked_at(file, losses)
    if live or cib:
        problems = [*problems, *undrilled(file, cib)]
    if form == "json":
        said = [entry(time) for time in times] if failover else [asdict(p) for p in problems]
        emit(json.dumps(said, indent=2).encode() + b"\n")
    else:
        lines = [*(map(str, problems) if problems else ["no problems found"])]
        lines += in_full(times) if failover else in_short(times)
        emit("\n".join([*lines, ""]).encode(errors="backslashreplace"))
    if any(problem.severity is Severity.ERROR for problem in problems):
        sys.exit(1)


def looked_at(file: str, losses: str | int) -> tuple[Sequence[Problem], Sequence[Failover]]:
    """Return the problems, and without errors also the times."""
    try:
        subject, warnings = intent.understood(file)
    except TopologyError as exc:
        return exc.problems, ()
    made = document.cib(subject.cluster)
    with opened(None) as world:
        lost = simulated(subject, made, world.runner, losses)
    return in_order([*warnings, *lost]), failovers(subject.cluster)


def undrilled(file: str, cib: Path | None) -> Iterator[Problem]:
    """Yield what ought to be proven (again) in the cluster that the file is about."""
    with opened(cib) as world:
        said = reminders(world.pacemaker.cib(), now())
    for text in said:
        yield Problem(file, 0, "fencing", text, "hactl fence drill NODE", Severity.WARNING)
