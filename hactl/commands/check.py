"""`hactl check`: every problem of a topology file, with file and line."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

import click

from hactl import topology
from hactl.cib import document
from hactl.commands.output import emit
from hactl.errors import Problem, Severity, TopologyError, UsageError
from hactl.topology.jsonschema import json_schema


@click.command(epilog="Example: hactl check cluster.yaml")
@click.argument("file", required=False)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("--schema", is_flag=True, help="Write the JSON schema of the file instead.")
def check(file: str | None, form: str, schema: bool) -> None:
    """Check the topology in FILE (- reads standard input): all problems at once.

    Exits 1 if there are errors, 0 if there are none or only warnings.
    """
    if schema:
        emit(json.dumps(json_schema(), indent=2).encode() + b"\n")
        return
    if file is None:
        raise UsageError("which file?", "hactl check FILE, or hactl check --schema")
    problems = problems_of(file)
    show(problems, form)
    if any(problem.severity is Severity.ERROR for problem in problems):
        sys.exit(1)


def problems_of(file: str) -> Sequence[Problem]:
    try:
        cluster, warnings = topology.read(file)
    except TopologyError as exc:
        return exc.problems
    document.configuration(cluster)
    return warnings


def show(problems: Sequence[Problem], form: str) -> None:
    if form == "json":
        text = json.dumps([asdict(problem) for problem in problems], indent=2)
    else:
        text = "\n".join(map(str, problems)) or "no problems found"
    emit(f"{text}\n".encode(errors="backslashreplace"))
