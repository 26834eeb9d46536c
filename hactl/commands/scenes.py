"""The cluster that losses are simulated for: as it is, in a file, or as a plan would leave it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click
from lxml.etree import _Element

from hactl import intent
from hactl.cib import document, schema
from hactl.commands.options import identity
from hactl.derive.fencing import fed, used_devices
from hactl.errors import ClusterError
from hactl.lint.subject import Subject
from hactl.live.corosync import Electorate, electorate
from hactl.live.pacemaker import NotConnected
from hactl.live.runner import CommandMissing
from hactl.live.session import World
from hactl.plan.plan import Planned, name_of, planned
from hactl.simulate.scenario import has_remotes, has_status
from hactl.simulate.scheduler import CannotSimulate, simulate
from hactl.simulate.settled import settled
from hactl.simulate.transition import Transition
from hactl.survival import promises
from hactl.whatif.loss import Kind, Loss
from hactl.whatif.quorum import Votes, of_cib, of_topology
from hactl.whatif.scene import Scene

PENDING = "-1"


@dataclass(frozen=True)
class Found:
    """``basis`` says what ``scene`` is made from; ``promises`` are the topology's."""

    scene: Scene
    cluster: str
    basis: str
    promises: Mapping[str, int] = field(default_factory=dict)
    power: tuple[Loss, ...] = ()
    notes: tuple[str, ...] = ()


def found(file: str | None, cib: Path | None, world: World, *, settle: bool) -> Found:
    """Return the cluster to lose something of. Raises ClusterError, TopologyError, UsageError."""
    if file is None:
        live = world.pacemaker.cib()
        return as_it_is(live, world, str(cib) if cib else "", settle=settle)
    subject, warnings = intent.understood(file)
    for warning in warnings:
        click.echo(str(warning), err=True)
    there = running(cib, world)
    if there is None:
        return from_nothing(subject, world)
    identity(subject.cluster, "").refuse_other(there)
    return after(
        planned(there, document.configuration(subject.cluster), world.runner), subject, world
    )


def running(cib: Path | None, world: World) -> _Element | None:
    """Return the CIB in the file, or of the cluster on this machine; None where there is none."""
    try:
        return world.pacemaker.cib()
    except (NotConnected, CommandMissing):
        if cib is not None:
            raise
        return None


def from_nothing(subject: Subject, world: World) -> Found:
    """Return the cluster that a topology comes to when it is started from nothing."""
    made = document.cib(subject.cluster)
    rest = settled(made, world.runner)
    return Found(
        Scene(rest.cib, rest.transition, votes_of(subject), made),
        subject.cluster.name,
        "the topology, started from nothing",
        promised(subject),
        tuple(power(subject)),
        ("no cluster runs on this machine: nothing of one is known",),
    )


def after(made: Planned, subject: Subject, world: World) -> Found:
    """Return the cluster as it would be after an apply."""
    if not made.plan.simulated:
        raise CannotSimulate(made.plan.why_not)
    rest = settled(made.merged, world.runner, made.transition)
    return Found(
        Scene(rest.cib, rest.transition, votes_of(subject), made.merged),
        subject.cluster.name,
        "the cluster as it would be after an apply" if made.plan.changes else "the cluster",
        promised(subject),
        tuple(power(subject)),
    )


def power(subject: Subject) -> Iterator[Loss]:
    """Yield the loss of what feeds something and fences nobody: the CIB has nothing of it."""
    document = subject.topology.document
    used = {device for _, device in used_devices(document)}
    for name, device in document.fencing.devices.items():
        if device.feeds and name not in used:
            dark = list(fed(document, device.feeds))
            nodes = tuple(each for each in dark if each in document.nodes)
            yield Loss(
                Kind.DEVICE, f"{name} with what it feeds", nodes, frozenset(dark) - set(nodes)
            )


def as_it_is(live: _Element, world: World, file: str, *, settle: bool) -> Found:
    """Return the cluster as it is; one that is busy only with ``settle``."""
    schema.refuse_newer(live)
    if live.find("configuration/nodes/node") is None:
        raise ClusterError("the CIB names no node: there is nothing to lose")
    votes = by_corosync(live, electorate(world.runner)) if not file else of_cib(live)
    name, basis = name_of(live), file or "the cluster as it is"
    if not has_status(live):
        rest = settled(live, world.runner)
        note = "the CIB has no status: everything was started first, on nodes that are all there"
        return Found(Scene(rest.cib, rest.transition, votes, live), name, basis, notes=(note,))
    seen = simulate(live, world.runner)
    doing = busy(live, seen)
    if not doing:
        return Found(Scene(live, seen, votes), name, basis)
    if not settle:
        raise ClusterError(
            f"the cluster is in the middle of a transition: {doing}",
            "wait, or let --settled judge it as it will be when that is done",
        )
    if has_remotes(live):
        raise CannotSimulate("--settled cannot follow remote nodes and bundles; wait")
    rest = settled(live, world.runner, seen)
    note = f"as it will be when this is done: {doing}"
    return Found(Scene(rest.cib, rest.transition, votes, live), name, basis, notes=(note,))


def busy(live: _Element, seen: Transition) -> str:
    """Return what the cluster is doing or about to do, as a clause; nothing where it rests."""
    pending = [
        each.get("operation_key", "")
        for each in live.iterfind("status/node_state/lrm/lrm_resources/lrm_resource/lrm_rsc_op")
        if each.get("op-status") == PENDING
    ]
    if pending:
        return f"{pending[0]} has not ended{more(pending)}"
    doing = [f"{each.verb} {each.resource}" for each in seen.actions if not each.blocked]
    doing += [f"fence {each.node}" for each in seen.fencing]
    return f"it is to {doing[0]}{more(doing)}" if doing else ""


def more(of: list[str]) -> str:
    return f", and {len(of) - 1} more" if len(of) > 1 else ""


def votes_of(subject: Subject) -> Votes:
    return of_topology([node.name for node in subject.cluster.nodes], subject.cluster.totem)


def promised(subject: Subject) -> dict[str, int]:
    return {promise.name: promise.nodes for promise in promises(subject)}


def by_corosync(live: _Element, said: Electorate) -> Votes:
    """Return the votes as Corosync counts them; who is away has one, as far as anybody knows."""
    likely = of_cib(live)
    ids = {
        node.get("uname", ""): node.get("id", "")
        for node in live.iterfind("configuration/nodes/node")
    }
    of = {name: said.of.get(ids.get(name, ""), 1) for name in likely.of}
    return Votes(
        of,
        device=max(0, said.expected - sum(of.values())),
        two_node="2Node" in said.flags,
        last_man_standing="LastManStanding" in said.flags,
        auto_tie_breaker="AutoTieBreaker" in said.flags,
    )
