"""What losses of nodes would do, as warnings and errors of a topology: for check and plan."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click
from lxml import etree
from lxml.etree import _Element

from hactl import survival
from hactl.commands.packing import packing
from hactl.commands.terminal import ProgressLine
from hactl.errors import ClusterError, Problem
from hactl.lint.capacity import guess
from hactl.lint.subject import Subject
from hactl.live.runner import Runner
from hactl.live.workers import workers
from hactl.simulate.settled import settled
from hactl.simulate.transition import Transition
from hactl.topology.load import in_order

AUTO, ALL, NONE = "auto", "all", "none"
MOST = {AUTO: None, ALL: sys.maxsize}


class Losses(click.ParamType):  # type: ignore[type-arg] # not every release can be subscripted
    """How many losses of nodes are simulated."""

    name = "losses"

    def convert(self, value: Any, param: Any, ctx: Any) -> str | int:
        """Return a number, or one of the words."""
        text = str(value)
        if text in (AUTO, ALL, NONE):
            return text
        if not text.isdecimal() or not 0 < int(text) < 10**9:
            self.fail(f"{text!r} is not all, none or a number", param, ctx)
        return int(text)


option = click.option(
    "--losses",
    type=Losses(),
    default=AUTO,
    metavar="all|none|NUMBER",
    help="How many losses of nodes to simulate (default: what takes seconds).",
)


def simulated(
    subject: Subject,
    cib: _Element,
    runner: Runner,
    wanted: str | int = AUTO,
    begun: Transition | None = None,
) -> Sequence[Problem]:
    """Return what losses of nodes would do to the cluster that ``cib`` becomes, by file and line.

    ``begun`` is what it does before. Where the scheduler gives no answer, a guess is made, and said
    to be one.
    """
    if wanted == NONE:
        return []
    line = ProgressLine()
    try:
        scene = settled(cib, runner, begun)
        effort = survival.Effort(
            most=wanted if isinstance(wanted, int) else MOST[wanted],
            workers=workers(len(etree.tostring(scene.cib))),
            progress=lambda done: line.draw(f"simulated {done} losses of nodes"),
        )
        judgement = survival.judge(subject, scene, runner, effort)
        room = [] if begun else packing(subject, list(judgement.down), runner)
        return in_order([*judgement.problems(), *room])
    except ClusterError as problem:
        return in_order([*guess(subject, problem.message)])
    finally:
        line.clear()
