"""`hactl fence drill` and `hactl fence mend`: fence a node on purpose, and tidy up after one."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import click

from hactl.commands.duration import Duration
from hactl.commands.options import format_option
from hactl.commands.terminal import ProgressLine, say, tell
from hactl.errors import HactlError, UsageError
from hactl.fencing.configuration import Level
from hactl.fencing.drill.marks import drills, mended
from hactl.live.corosync import own_name
from hactl.live.fencing.drill import Drill
from hactl.live.patch import edit
from hactl.live.session import opened
from hactl.report.drill import document, dry, intended, text
from hactl.simulate.loss import Loss


@click.command(epilog="Example: hactl fence drill node3 --level 2")
@click.argument("node")
@click.option("--level", type=click.IntRange(1, 9), help="Prove this level alone.")
@click.option("--yes", is_flag=True, help="Do not ask: needed where nobody is there to answer.")
@click.option("--dry-run", is_flag=True, help="Say what would happen, or what speaks against it.")
@click.option(
    "--timeout", type=Duration(), default="15min", help="How long the node may take to come back."
)
@format_option
def drill(
    node: str, level: int | None, yes: bool, dry_run: bool, timeout: float, form: str
) -> None:
    """Fence NODE by each of its levels in turn, and time what happens.

    Call it on another node of the cluster. It refuses where a resource could run nowhere without
    NODE, where quorum would be lost, and where the cluster is not in order to begin with. What was
    proven is noted in the cluster; `hactl status` shows its age.

    Exits 0 if every level is proven, 1 if one is not or nothing was done.
    """
    operator = Terminal(yes, form)
    if not (yes or dry_run or operator.there):
        raise UsageError(f"{node} would be fenced, and nobody is here to be asked", "say --yes")
    with opened(None) as world:
        here = own_name(world.runner)
        outcomes = Drill(world, here, node, operator, timeout).run(level, dry_run)
    operator.clear()
    if dry_run:
        operator.conclude_dry()
        return
    made = document(node, outcomes)
    say(json.dumps(made, indent=2) + "\n" if form == "json" else text(node, outcomes))
    if not made["proven"]:
        sys.exit(1)


@click.command(epilog="Example: hactl fence mend")
def mend() -> None:
    """Put back the levels that an interrupted drill has set aside."""
    with opened(None) as world:
        before = edit(world, mended)
    for begun in drills(before):
        say(f"mended: {begun}\n")
    if not drills(before):
        say("nothing to mend\n")


@dataclass
class Terminal:
    """Says what will happen, asks where somebody is there, draws one line of progress.

    Where nobody looks on, a line for each thing that is waited for.
    """

    yes: bool
    form: str
    line: ProgressLine = field(default_factory=ProgressLine)
    foreseen: dict[str, Any] = field(default_factory=dict)
    said: str = ""

    @property
    def there(self) -> bool:
        return sys.stdin.isatty() and sys.stderr.isatty()

    def show(self, node: str, levels: Sequence[Level], foreseen: Loss) -> None:
        self.clear()
        self.foreseen = dry(node, levels, foreseen)
        (tell if self.form == "json" else say)(intended(node, levels, foreseen))

    def conclude_dry(self) -> None:
        if self.form == "json":
            say(json.dumps(self.foreseen, indent=2) + "\n")

    def agree(self, node: str) -> None:
        if not self.yes and not click.confirm(f"Fence {node}?", default=False, err=True):
            raise HactlError("not carried out", "nothing was done")

    def progress(self, text: str) -> None:
        if self.line.can_draw:
            self.line.draw(text)
        elif text.partition(" (")[0] != self.said:
            self.said = text.partition(" (")[0]
            click.echo(text, err=True)

    def clear(self) -> None:
        self.line.clear()
