"""`hactl whatif`: what dies if this plug is pulled, for every plug there is."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from lxml import etree

from hactl.commands.options import cib_option, format_option
from hactl.commands.scenes import Found, found
from hactl.commands.terminal import ProgressLine, say
from hactl.errors import UsageError
from hactl.live.memory import Cache, cache_dir
from hactl.live.session import World, opened
from hactl.live.workers import workers
from hactl.report.whatif import text
from hactl.report.whatif_json import baseline as read_baseline
from hactl.report.whatif_json import document
from hactl.simulate.scheduler import version
from hactl.whatif.conclusion import Baseline, Conclusion, against, pinned
from hactl.whatif.explain import explained
from hactl.whatif.judge import Effort, Judge, Memory, Oblivion
from hactl.whatif.loss import Kind, Loss, clones, fence_devices, racks, sets_of_nodes
from hactl.whatif.never import never
from hactl.whatif.scene import Scene

MOST = 20_000  # losses
BAR = 24  # letters


@click.command(epilog="Example: hactl whatif cluster.yaml --nodes 2")
@click.argument("file", required=False)
@cib_option()
@click.option(
    "--nodes",
    "most",
    type=click.IntRange(1),
    metavar="K",
    help="Lose every set of up to K nodes (default: the largest must_survive, or 1).",
)
@click.option("--in-turn", is_flag=True, help="Lose them one after the other, not at once.")
@click.option("--racks", is_flag=True, help="Lose every rack, too.")
@click.option("--fence", is_flag=True, help="Lose every fence device with what is behind it, too.")
@click.option("--storage", is_flag=True, help="Lose every storage clone, on a node and on all.")
@click.option("--network", is_flag=True, help="Lose every network clone, on a node and on all.")
@click.option(
    "--baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="JSON",
    help="Tell only what is worse than in this earlier result.",
)
@click.option("--settled", is_flag=True, help="Let what the cluster is about to do be done first.")
@click.option("--fresh", is_flag=True, help="Simulate also what was simulated before.")
@format_option
def whatif(
    file: str | None,
    cib: Path | None,
    most: int | None,
    in_turn: bool,
    racks: bool,
    fence: bool,
    storage: bool,
    network: bool,
    baseline: Path | None,
    settled: bool,
    fresh: bool,
    form: str,
) -> None:
    """Lose every node, set of nodes, rack, device and clone, and say what becomes of each guest.

    Quorum is judged first, then whether what is lost can still be fenced, then Pacemaker's own
    scheduler is asked. With the topology in FILE: of the cluster as it would be after an apply.

    Exits 1 if something that must survive does not. Where no must_survive says what must,
    everything must that may run elsewhere.
    """
    known = read_baseline(content(baseline), str(baseline)) if baseline else None
    with opened(cib) as world:
        begun = found(file, cib, world, settle=settled)
        kinds = [*([Kind.STORAGE] if storage else []), *([Kind.NETWORK] if network else [])]
        size = how_many(most, begun, in_turn=in_turn)
        losses = list(chosen(begun.scene, size, in_turn, racks=racks, fence=fence, kinds=kinds))
        losses += begun.power if fence else ()
        conclusion = concluded(world, begun, losses, Oblivion() if fresh else remembered(), known)
    if form == "json":
        say(json.dumps(document(conclusion), indent=2) + "\n")
    else:
        say(text(conclusion))
    if not conclusion.survives:
        sys.exit(1)


def how_many(most: int | None, begun: Found, *, in_turn: bool) -> int:
    """Return how many nodes are lost at most. Raises UsageError where so many cannot be."""
    there = len(begun.scene.nodes)
    if most is not None and most >= there:
        raise UsageError(
            f"of {there} nodes that are there, {most} cannot be lost: nothing would be left",
            f"at most --nodes {there - 1}" if there > 1 else "a cluster of one node has no rest",
        )
    wanted = most or max([*begun.promises.values(), 2 if in_turn else 1])
    return max(0, min(wanted, there - 1))


def chosen(
    scene: Scene, size: int, in_turn: bool, *, racks: bool, fence: bool, kinds: list[Kind]
) -> Iterator[Loss]:
    """Yield all losses that were asked for. Raises UsageError where they are too many."""
    every = everything(scene, size, in_turn, with_racks=racks, fence=fence, kinds=kinds)
    for number, loss in enumerate(every, 1):
        if number > MOST:
            raise UsageError(f"these are more than {MOST} losses", "take a smaller --nodes")
        yield loss


def everything(
    scene: Scene, size: int, in_turn: bool, *, with_racks: bool, fence: bool, kinds: list[Kind]
) -> Iterator[Loss]:
    yield from sets_of_nodes(scene.nodes, size, in_turn=in_turn)
    if with_racks:
        yield from racks(scene.site, scene.nodes)
    if fence:
        yield from fence_devices(scene.site, scene.site.fencing, scene.nodes)
    for kind in kinds:
        yield from clones(scene.cib, kind, scene.nodes)


def concluded(
    world: World,
    begun: Found,
    losses: list[Loss],
    memory: Memory,
    known: Baseline | None = None,
) -> Conclusion:
    """Simulate all losses and say what they come to. Raises CannotSimulate."""
    scene = begun.scene
    line = ProgressLine()
    effort = Effort(
        workers=workers(len(etree.tostring(scene.cib))),
        progress=lambda done: line.draw(bar(done, len(losses))),
        memory=memory,
    )
    judge = Judge(scene, world.runner, effort)
    try:
        verdicts = list(judge.all(losses))
    finally:
        line.clear()
    if known is not None:
        verdicts = list(against(known, verdicts))
    return Conclusion(
        cluster=begun.cluster,
        basis=begun.basis,
        release=version(world.runner),
        votes=scene.votes,
        verdicts=tuple(explained(judge, verdicts)),
        pinned=pinned(scene),
        promises=begun.promises,
        never=never(scene, world.runner),
        notes=(*begun.notes, *unsaid(losses, scene)),
        baseline=known,
    )


def unsaid(losses: list[Loss], scene: Scene) -> Iterator[str]:
    """Yield what is taken for granted because the CIB does not say it."""
    if not scene.site.fencing.enabled:
        yield "fencing is switched off: what was on a lost node may run twice"
    if any(loss.kind is Kind.RACK for loss in losses):
        out = [
            device.id
            for device in scene.site.fencing.devices
            if "rack" not in device.meta and not scene.site.without_power(device.listed)
        ]
        if out:
            yield f"taken to stand in no rack: {', '.join(out)} (fencing.devices.NAME.rack says so)"


def bar(done: int, of: int) -> str:
    """Return a bar of progress, as text."""
    filled = "#" * (BAR * done // max(1, of))
    return f"[{filled:{BAR}}] {done} of {of} losses"


def remembered() -> Memory:
    """Return what was found out before on this machine."""
    cache = Cache(cache_dir(os.environ))
    cache.forget_old()
    return cache


def content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise UsageError(
            f"{path}: {(problem.strerror or str(problem)).lower()}",
            "keep one with `hactl whatif --format json > FILE`",
        ) from None
