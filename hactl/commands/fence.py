"""`hactl fence`: whether fencing works, dry and live."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import click

from hactl.commands.fence_drill import drill, mend
from hactl.commands.options import cib_option, format_option
from hactl.commands.terminal import say
from hactl.errors import Severity
from hactl.fencing.configuration import fencing
from hactl.fencing.drill.proofs import reminders
from hactl.fencing.finding import DRILL, Finding
from hactl.live.corosync import own_name
from hactl.live.fencing.check import Reach
from hactl.live.fencing.check import check as check_all
from hactl.live.fencing.remote import SSH, way
from hactl.live.session import opened

SAID = 4 << 20  # bytes that an agent may say: metadata, or a list of plugs


@click.group()
def fence() -> None:
    """Prove that fencing works, before it is needed."""


fence.add_command(drill)
fence.add_command(mend)


@fence.command(epilog="Example: hactl fence check --via 'hactl lab exec {node} --'")
@cib_option("A CIB in a file, instead of the running cluster's.")
@click.option(
    "--via",
    default=SSH,
    show_default=True,
    help="How to run a command on another node; {node} stands for its name.",
)
@click.option("--here", is_flag=True, help="Ask from this node alone.")
@format_option
def check(cib: Path | None, via: str, here: bool, form: str) -> None:
    """Ask every device from every node that may use it; nobody is fenced.

    Metadata and parameters, credentials, reachability, and whether it sees the state of each
    target. A level that no drill has proven lately is a warning. Exits 0 if all is well, 1 if
    something is wrong.
    """
    with opened(cib) as world:
        live = world.pacemaker.cib()
        found = fencing(live)
        own = own_name(world.runner)
        reach = Reach(replace(world.runner, most=SAID), own, way(via))
        nodes = [node for node in found.nodes if node == own] if here else found.nodes
        findings = check_all(found, reach, nodes)
        findings += [
            Finding(
                "drill.due", DRILL, sentence, "hactl fence drill NODE", severity=Severity.WARNING
            )
            for sentence in reminders(live, time.time())
        ]
    wrong = any(finding.severity is Severity.ERROR for finding in findings)
    if form == "json":
        say(json.dumps([finding.as_json() for finding in findings], indent=2) + "\n")
    else:
        say("".join(f"{finding}\n" for finding in findings))
        asked = f"{len(found.devices)} devices, asked from {len(nodes)} nodes"
        if not wrong:
            say(f"fencing would work: {asked}\n")
    if wrong:
        sys.exit(1)
