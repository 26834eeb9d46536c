"""The judge: Pacemaker loses the nodes itself, on the whole CIB that nobody has made slim."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lxml import etree
from lxml.etree import _Element

from hactl.simulate.effect import Effect
from hactl.simulate.outcome import outcome
from hactl.simulate.scenario import has_remotes
from hactl.simulate.scheduler import GRAPH, RESULT, document
from hactl.simulate.transition import Transition, transition

Told = tuple[str, str, str, str]


@dataclass(frozen=True)
class FullRun:
    """``crm_simulate --run --node-fail`` with files in ``folder``."""

    folder: Path

    def without(self, cib: _Element, nodes: Sequence[str], *, quorate: bool = True) -> Transition:
        """Return what happens; where everything is is read from the CIB after the injection.

        With guest nodes that is not possible: Pacemaker's injection changes more than it says.
        """
        whole, injected = self.folder / "whole.xml", self.folder / "injected.xml"
        whole.write_bytes(etree.tostring(cib))
        events = [word for node in nodes for word in ("-f", node)]
        events += [] if quorate else ["--quorum=false"]
        done = self.run(whole, f"--save-input={injected}", *events)
        if has_remotes(cib):
            return done
        seen = self.run(injected)
        assert (done.actions, done.fencing) == (seen.actions, seen.fencing)
        assert done.operations == seen.operations
        return seen

    def run(self, path: Path, *more: str) -> Transition:
        graph = self.folder / "graph.xml"
        graph.unlink(missing_ok=True)
        argv = ["crm_simulate", "-R", "-x", str(path), "--output-as=xml", f"--save-graph={graph}"]
        environment = {**os.environ, "CIB_shadow_dir": str(self.folder)}
        done = subprocess.run([*argv, *more], capture_output=True, check=True, env=environment)
        result = document(done.stdout, RESULT)
        drawn = document(graph.read_bytes().lstrip(), GRAPH)
        assert result is not None
        assert drawn is not None
        return transition(result, drawn)


def told(seen: Transition) -> set[Told]:
    """Return what happens to whom, without the words."""
    return {said(effect) for effect in outcome(seen)}


def said(effect: Effect) -> Told:
    role = "promoted" * effect.promotes + "demoted" * effect.demotes
    return effect.primitive, f"{effect.what.value} {role}".strip(), effect.source, effect.target
