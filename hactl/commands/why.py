"""`hactl why`: what keeps a resource from running, or from running there."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from lxml.etree import _Element

from hactl import intent
from hactl.cib import document as cib_document
from hactl.cib import schema
from hactl.commands.options import cib_option, format_option, identity
from hactl.commands.terminal import say
from hactl.errors import UsageError
from hactl.live.session import World, opened
from hactl.plan.plan import planned, scenario
from hactl.report.why import document, text
from hactl.suggest import did_you_mean, one_of
from hactl.why.answer import Answer, Asking
from hactl.why.scores import Score, scores

PARTS = ("primitive", "group", "clone", "master", "bundle")


@click.command(epilog="Example: hactl why web3 --on node2")
@click.argument("resource")
@click.argument("node", required=False)
@click.option("--on", "place", metavar="NODE", help="Why it is not on this node.")
@cib_option()
@click.option("--plan", "file", metavar="FILE", help="As it would be with the topology in FILE.")
@format_option
def why(
    resource: str,
    node: str | None,
    place: str | None,
    cib: Path | None,
    file: str | None,
    form: str,
) -> None:
    """Say why RESOURCE does not run, on any node or on NODE, and what would start it.

    Every reason is confirmed on Pacemaker's own scheduler: without it, and only without it, the
    resource would run there. So are the commands that would start it.

    Exits 1 if it does not run and nothing that would start it was found.
    """
    if node and place and node != place:
        raise UsageError(f"{node} or {place}?", "name one node")
    wanted = place or node
    with opened(cib) as world:
        made = cluster(world, file)
        refuse_unknown(made, resource, wanted)
        asking = Asking(made, resource, world.runner)
        found = asking.answer([wanted] if wanted else [])
        told = deciding(asking, found, world) if wanted or found.runs else ()
    if form == "json":
        say(json.dumps(document(found, told), indent=2) + "\n")
    else:
        say(text(found, told))
    if not found.runs and not found.ways:
        sys.exit(1)


def cluster(world: World, file: str | None) -> _Element:
    """Return the CIB that is asked about: as it is, or as a plan would make it."""
    live = world.pacemaker.cib()
    schema.refuse_newer(live)
    if file is None:
        return scenario(live)
    intended, _ = intent.read(file)
    identity(intended, "").refuse_other(live)
    return scenario(planned(live, cib_document.configuration(intended), world.runner).merged)


def refuse_unknown(cib: _Element, resource: str, node: str | None) -> None:
    """Raise UsageError where there is no such resource or node."""
    names = list(resources(cib))
    if resource not in names:
        mend = did_you_mean(resource, names, f"known: {one_of(names)}")
        raise UsageError(f"there is no resource {resource!r}", mend)
    nodes = [each.get("uname", "") for each in cib.iterfind("configuration/nodes/node")]
    if node and node not in nodes:
        mend = did_you_mean(node, nodes, f"known: {one_of(nodes)}")
        raise UsageError(f"there is no node {node!r}", mend)


def resources(cib: _Element) -> Iterator[str]:
    for element in cib.iterfind("configuration/resources//*"):
        if element.tag in PARTS:
            yield element.get("id", "")


def deciding(asking: Asking, found: Answer, world: World) -> tuple[Score, ...]:
    """Return the scores that decided, where nothing forbids a node."""
    free = [at for at in found.nodes if at.proven and not at.blockers and not at.runs]
    if not found.runs or not free or asking.clone or len(asking.own) != 1:
        return ()
    (primitive,) = asking.own
    return scores(asking.cib, primitive, asking.seen, world.runner)
