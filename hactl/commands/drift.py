"""`hactl drift`: what has moved away from the intent, in the CIB and on the nodes."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from lxml.etree import _Element

from hactl import intent
from hactl.cib.document import configuration
from hactl.cib.kept import listed
from hactl.cib.merge import child
from hactl.commands.options import ADOPT_CLUSTER, cib_option, format_option, identity
from hactl.commands.render import report
from hactl.commands.terminal import say
from hactl.drift.ignore import Ignored, read, told_apart
from hactl.drift.intent import drifts as in_cib
from hactl.drift.meant import meant
from hactl.drift.nodes import drifts as on_nodes
from hactl.errors import HactlError
from hactl.existing.elements import entry_for
from hactl.lint.subject import Subject
from hactl.live.collect import Collection, collect
from hactl.live.corosync import own_name
from hactl.live.fencing.remote import SSH, way
from hactl.live.session import World, opened
from hactl.plan.plan import planned
from hactl.report.drift import document, text
from hactl.simulate.scheduler import CannotSimulate
from hactl.topology.yaml import source


@click.command(epilog="Example: hactl drift cluster.yaml --via 'hactl lab exec {node} --'")
@click.argument("file")
@cib_option("A CIB in a file: then nodes are asked only by --via.")
@click.option(
    "--via",
    help=f"How to run a command on another node; {{node}} stands for its name (default: {SSH}).",
)
@click.option("--no-nodes", is_flag=True, help="Look at the CIB alone.")
@click.option("--ignore", metavar="LIST", help="A YAML list of {what, reason, until}.")
@click.option("--accept", metavar="ID", help="Print the YAML that makes the cluster's the intent.")
@click.option("--adopt-cluster", default="", metavar="NAME", help=ADOPT_CLUSTER)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 if something has drifted.")
@format_option
def drift(
    file: str,
    cib: Path | None,
    via: str | None,
    no_nodes: bool,
    ignore: str | None,
    accept: str | None,
    adopt_cluster: str,
    detailed_exitcode: bool,
    form: str,
) -> None:
    """Compare the cluster with the topology in FILE, and the nodes with each other; writes nothing.

    What was edited by hand, what is missing, what is foreign, what is not yet applied; and on the
    nodes: files, definitions and firmware, CPUs, versions, agents, bridges, mounts, clocks, memory.
    Exits 0 if it could look, 1 if it could not, or a node did not answer.
    """
    subject, warnings = intent.understood(file)
    known = ignored(ignore)
    if form == "text":
        report(warnings)
    with opened(cib) as world:
        live = world.pacemaker.cib()
        identity(subject.cluster, adopt_cluster).refuse_other(live)
        if accept:
            say(accepted(live, accept))
            return
        plan = planned(
            live, configuration(subject.cluster), world.runner, theirs(live, subject)
        ).plan
        if not plan.simulated:
            raise CannotSimulate(plan.why_not)
        alone = no_nodes or (cib is not None and via is None)
        seen = Collection({}, {}) if alone else ask(world, subject, live, via or SSH)
    found = [*in_cib(live, plan), *on_nodes(seen.found, meant(subject.topology.document))]
    counts, left = told_apart(found, known, datetime.now(tz=UTC).date())
    if form == "json":
        say(json.dumps(document(counts, left, seen.silent), indent=2) + "\n")
    else:
        say(text(counts, left, seen.silent, len(seen.found)))
    if seen.silent:
        sys.exit(1)
    if detailed_exitcode and counts:
        sys.exit(2)


def ignored(path: str | None) -> Sequence[Ignored]:
    return read(source.read_text(path)[0], path) if path else ()


def theirs(live: _Element, subject: Subject) -> list[str]:
    """Return what is in the topology and not yet ours: it is compared all the same."""
    wanted = {resource.id for resource in subject.cluster.resources}
    there = listed(child(live, "configuration"))
    return sorted(wanted & there.keys())


def ask(world: World, subject: Subject, live: _Element, via: str) -> Collection:
    nodes = [n.get("uname", "") for n in live.iterfind("configuration/nodes/node")]
    here = own_name(world.runner)
    return collect(world.runner, here, way(via), nodes, meant(subject.topology.document))


def accepted(live: _Element, name: str) -> str:
    """Return an entry of ``raw`` for an element as it is. Raises HactlError where there is none."""
    element = listed(child(live, "configuration")).get(name)
    if element is None:
        raise HactlError(f"the CIB has no element {name}", "name one that `hactl drift` names")
    return entry_for(element)
