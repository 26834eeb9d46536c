"""`hactl mend`: take away what an apply that did not end has left in the CIB."""

from __future__ import annotations

from pathlib import Path

import click
from lxml.etree import _Element

from hactl.cib.temporary import Leftover, leftovers, lifted
from hactl.commands.options import cib_option
from hactl.commands.terminal import say
from hactl.live.patch import edit
from hactl.live.session import World, opened
from hactl.plan.gate import Forbidden, disruption
from hactl.plan.plan import foreseen
from hactl.plan.trial import kept, on_trial, untried


@click.command(epilog="Example: hactl mend")
@cib_option()
@click.option("--dry-run", is_flag=True, help="Say what is there, and change nothing.")
@click.option("--allow-disruption", is_flag=True, help="Running guests may stop or restart.")
@click.option("--overwrite-edits", is_flag=True, help="Also take away what others have changed.")
def mend(cib: Path | None, dry_run: bool, allow_disruption: bool, overwrite_edits: bool) -> None:
    """Take away what an apply that did not end has left in the CIB for a moment.

    That is: resources that were kept from running because they were to be removed, and new ones
    that would be blocked if their stop failed and have run since. Apply takes that away as well, of
    whatever topology.
    Do not call it while an apply is under way: that would then end, and say so.
    """
    with opened(cib) as world:
        live = world.pacemaker.cib()
        left = leftovers(live)
        for one in left:
            say(f"{one}\n")
        if not left:
            say("nothing to mend\n")
        elif not dry_run:
            mended(world, allow_disruption, overwrite_edits)
            say(ending(leftovers(world.pacemaker.cib())))


def mended(world: World, allow_disruption: bool, overwrite_edits: bool) -> None:
    """Take away what was left behind; raises Forbidden, judged by the CIB that it is made from."""

    def allowed(live: _Element) -> _Element:
        refuse(world, live, leftovers(live), allow_disruption, overwrite_edits)
        return tidied(live)

    edit(world, allowed)


def ending(left: tuple[Leftover, ...]) -> str:
    stays = ", ".join(one.about for one in left)
    more = f"; {stays} stays on trial, until an apply has seen it run" if stays else ""
    return f"mended{more}; what else a topology says comes back with `hactl apply`\n"


def tidied(cib: _Element) -> _Element:
    """Return the CIB without what was left behind; what has not run yet stays on trial."""
    return on_trial(kept(cib, lifted(cib)), untried(cib))


def refuse(
    world: World,
    live: _Element,
    left: tuple[Leftover, ...],
    allow_disruption: bool,
    overwrite_edits: bool,
) -> None:
    """Raise Forbidden where mending would interrupt something, or undo what others wrote."""
    changed = ", ".join(one.about for one in left if not one.proven)
    if changed and not overwrite_edits:
        raise Forbidden(
            f"somebody has changed what was written for a moment about {changed}",
            "look at it, and say --overwrite-edits; nothing was changed",
        )
    plan = foreseen(live, tidied(live), world.runner).plan
    harm = disruption(plan) if plan.simulated else plan.why_not
    if harm and not allow_disruption:
        raise Forbidden(harm, "allow it with --allow-disruption; nothing was changed")
