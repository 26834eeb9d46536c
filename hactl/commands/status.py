"""`hactl status`: the cluster in the operator's terms."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import click

from hactl.commands.options import cib_option, format_option
from hactl.commands.terminal import say
from hactl.live.membership import contradictions
from hactl.live.session import opened
from hactl.report.status import document, text
from hactl.status.expected import expected
from hactl.status.notices import notices
from hactl.status.read import status as read_status


@click.command(epilog="Example: hactl status --format json")
@cib_option()
@format_option
def status(cib: Path | None, form: str) -> None:
    """Show nodes, guests and everything under them, and what is wrong.

    Exits 0 if all is well, 1 if something is wrong or the cluster does not answer.
    """
    with opened(cib) as world:
        configuration = world.pacemaker.cib()
        now = time.time()
        wanted = expected(configuration, world.runner)
        found = read_status(world.pacemaker.monitor(), configuration, now, wanted)
        wrong = found.problems
        if world.pacemaker.live:
            wrong += tuple(contradictions(found, configuration, world.pacemaker))
        said = notices(configuration, world.runner)
        found = replace(found, problems=wrong, notices=said)
    say(json.dumps(document(found), indent=2) + "\n" if form == "json" else text(found, now))
    if found.problems:
        sys.exit(1)
