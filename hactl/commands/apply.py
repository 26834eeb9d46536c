"""`hactl apply`: carry out a plan, safely, and verify it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click

from hactl import intent
from hactl.cib.document import configuration
from hactl.commands import keep
from hactl.commands.duration import Duration
from hactl.commands.options import ADOPT_CLUSTER, cib_option, format_option, identity
from hactl.commands.render import report
from hactl.commands.terminal import ProgressLine, say, tell
from hactl.errors import UsageError
from hactl.live.apply import Outcome
from hactl.live.apply import apply as carry_out
from hactl.live.backup import state_dir
from hactl.live.operator import Options
from hactl.live.session import opened
from hactl.plan.plan import Plan
from hactl.report.plan import text
from hactl.report.plan_json import document, unable_document

NAMED = 5


@click.command(epilog="Example: hactl apply cluster.yaml")
@click.argument("file")
@cib_option("Write to a CIB in a file, instead of the running cluster.")
@click.option(
    "--plan",
    "planfile",
    type=click.Path(path_type=Path),
    help="Carry out exactly this plan, kept by `hactl plan -o`.",
)
@click.option("--yes", is_flag=True, help="Do not ask, unless something is interrupted.")
@click.option("--allow-disruption", is_flag=True, help="Running guests may stop or restart.")
@click.option("--overwrite-edits", is_flag=True, help="Undo edits by hand of what hactl made.")
@click.option(
    "--allow-unfenced", is_flag=True, help="A member, or all of them, may be left without fencing."
)
@click.option("--adopt", multiple=True, metavar="ID", help="Take over a resource made by others.")
@click.option("--adopt-cluster", default="", metavar="NAME", help=ADOPT_CLUSTER)
@click.option("--timeout", type=Duration(), default="10min", help="How long the cluster may take.")
@click.option("--dry-run", is_flag=True, help="Do everything but write.")
@format_option
def apply(
    file: str,
    cib: Path | None,
    planfile: Path | None,
    adopt_cluster: str,
    form: str,
    **allowed: Any,
) -> None:
    """Make the cluster what the topology in FILE says.

    Plans, shows the plan, writes it unless somebody else has changed the same things meanwhile,
    waits until the cluster is at rest and compares what happened with what was foreseen. What left
    something down is taken back.
    """
    subject, warnings = intent.understood(file)
    cluster = subject.cluster
    report(warnings)
    options = Options(
        records=state_dir(os.environ, root=os.geteuid() == 0),
        recorded=recorded(planfile) if planfile else {},
        node=os.uname().nodename,
        identity=identity(cluster, adopt_cluster),
        **allowed,
    )
    operator = Terminal(form)
    try:
        with opened(cib) as world:
            keep.refuse_to_apply(subject, world, cib)
            outcome = carry_out(world, configuration(cluster), options, operator)
    finally:
        operator.clear()
    if form == "json":
        say(json.dumps(as_json(outcome), indent=2) + "\n")
    else:
        conclude(outcome, options, cib)
    if outcome.differences or outcome.unable:
        sys.exit(1)


@dataclass
class Terminal:
    """Shows the plan, asks if somebody is there to answer, draws one line of progress."""

    form: str = "text"
    line: ProgressLine = field(default_factory=ProgressLine)

    @property
    def there(self) -> bool:
        return sys.stdin.isatty() and sys.stderr.isatty()

    def show(self, plan: Plan) -> None:
        self.clear()
        if self.form == "text":
            say(text(plan))
        elif self.there:
            tell(text(plan))

    def agrees(self, question: str) -> bool:
        try:
            return click.confirm(question, default=False, err=True)
        except click.Abort:
            raise KeyboardInterrupt from None

    def progress(self, text: str) -> None:
        self.line.draw(text)

    def clear(self) -> None:
        self.line.clear()


def conclude(outcome: Outcome, options: Options, cib: Path | None) -> None:
    if options.dry_run and outcome.plan.changes:
        say("Dry run: nothing was changed.\n")
    for difference in outcome.differences:
        say(click.style(f"! {difference}\n", fg="yellow"))
    for unable in outcome.unable:
        say(click.style(f"! {unable}\n", fg="red"))
    if outcome.committed:
        say(f"{ending(outcome, cib)}\n")
    elif outcome.plan.changes and not options.dry_run:
        say("Somebody else has done the same meanwhile; nothing was changed.\n")


def ending(outcome: Outcome, cib: Path | None) -> str:
    """Return in one sentence how a commit ended."""
    down = f", but {named([each.name for each in outcome.unable])} cannot run"
    if cib:
        return f"Written to {cib}{down if outcome.unable else ''}."
    if outcome.unable:
        return f"Applied; the cluster is at rest{down}."
    if outcome.differences:
        return "Applied; the cluster is at rest, but not quite as foreseen."
    return "Applied; the cluster is at rest, as foreseen."


def named(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return what became of an apply, as docs/reference/apply.schema.json has it."""
    record = outcome.record
    return {
        "committed": outcome.committed,
        "differences": [asdict(difference) for difference in outcome.differences],
        "unable": [unable_document(each) for each in outcome.unable],
        "before": None if record is None else str(record.cib),
        "plan": document(outcome.plan),
    }


def recorded(path: Path) -> Mapping[str, Any]:
    """Return a plan kept by `hactl plan -o`.

    Raises UsageError where the file is none.
    """
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as problem:
        what = f"{path}: not a plan: {problem}"
        raise UsageError(what, "make one with `hactl plan -o`") from None
    if not isinstance(found, dict) or not {"version", "fingerprint"} <= found.keys():
        raise UsageError(f"{path}: not a plan that hactl made", "make one with `hactl plan -o`")
    return found
