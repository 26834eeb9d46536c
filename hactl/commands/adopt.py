"""`hactl adopt`: take over what others made, and hand what runs to another agent."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import click
from lxml.etree import _Element

from hactl import intent
from hactl.cib.document import configuration
from hactl.cib.merge import child
from hactl.cib.ownership import is_ours
from hactl.commands.apply import Terminal, conclude
from hactl.commands.duration import Duration
from hactl.commands.options import ADOPT_CLUSTER, cib_option, identity
from hactl.commands.render import report
from hactl.commands.terminal import say, tell
from hactl.errors import UsageError
from hactl.live.apply import apply as carry_out
from hactl.live.backup import state_dir
from hactl.live.convert import Conversion
from hactl.live.operator import Options
from hactl.live.session import opened


@click.command(epilog="Example: hactl adopt cluster.yaml --convert web1")
@click.argument("file")
@cib_option()
@click.option(
    "--convert", multiple=True, metavar="ID", help="Hand this one over while it runs, no other."
)
@click.option("--adopt-cluster", default="", metavar="NAME", help=ADOPT_CLUSTER)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--timeout", type=Duration(), default="2min", help="How long one step may take.")
@click.option("--dry-run", is_flag=True, help="Show the plan, and write nothing.")
def adopt(
    file: str,
    cib: Path | None,
    convert: tuple[str, ...],
    adopt_cluster: str,
    yes: bool,
    timeout: float,
    dry_run: bool,
) -> None:
    """Take over all that the topology in FILE names and others made; nothing may restart for it.

    With --convert: what runs is handed from the agent it has to the one it has in FILE. It is
    unmanaged meanwhile, found running by the new agent on its node, and managed again; where it is
    not found there the old definition comes back. Called again after it died, it goes on.
    """
    cluster, warnings = intent.read(file)
    report(warnings)
    wanted = configuration(cluster)
    options = Options(
        records=state_dir(os.environ, root=os.geteuid() == 0),
        yes=yes,
        timeout=timeout,
        dry_run=dry_run,
        node=os.uname().nodename,
        identity=identity(cluster, adopt_cluster),
    )
    operator = Terminal()
    try:
        with opened(cib) as world:
            if convert:
                refuse_file(cib)
                tell(
                    f"{', '.join(convert)}: unmanaged from here on; nobody recovers it meanwhile\n"
                )
                conversion = Conversion(world, wanted, convert, options, operator)
                handed = conversion.carry_out()
                operator.clear()
                say("".join(f"{one}\n" for one in handed))
                return
            theirs = foreign(child(world.pacemaker.cib(), "configuration"), wanted)
            outcome = carry_out(world, wanted, replace(options, adopt=theirs), operator)
    finally:
        operator.clear()
    conclude(outcome, options, cib)


def refuse_file(cib: Path | None) -> None:
    if cib is not None:
        raise UsageError(
            "--convert is for what runs, and nothing runs in a file", "leave out --cib"
        )


def foreign(live: _Element, wanted: _Element) -> Collection[str]:
    """Return the ids of the resources that are to become ours."""
    ours = {resource.get("id") for resource in wanted.iterfind("resources/*")}
    there = (r for r in live.iterfind("resources/*") if not is_ours(r))
    return frozenset(r.get("id", "") for r in there if r.get("id") in ours)
