"""The scores by which the scheduler has chosen a node, and the locations that are in them."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree
from lxml.etree import _Element

from hactl.fencing.placement import Placement
from hactl.model.score import effective
from hactl.simulate.scenario import slim
from hactl.simulate.scheduler import RESULT, TIMEOUT, CannotSimulate, Run, document
from hactl.simulate.transition import Transition

ARGV = ("crm_simulate", "--run", "--xml-pipe", "--output-as=xml", "--show-scores")


@dataclass(frozen=True, slots=True)
class Score:
    """What the scheduler gives a node for a primitive; ``constraints`` are locations about it."""

    node: str
    score: str
    constraints: tuple[str, ...] = ()

    def __str__(self) -> str:
        by = f" ({', '.join(self.constraints)})" if self.constraints else ""
        return f"{self.node} scores {self.score}{by}"


def scores(cib: _Element, primitive: str, seen: Transition, runner: Run) -> tuple[Score, ...]:
    """Return the last scores of a primitive, the best first. Raises CannotSimulate."""
    done = runner.run(ARGV, stdin=etree.tostring(slim(cib)), timeout=TIMEOUT)
    result = document(done.stdout, RESULT)
    if result is None:
        raise CannotSimulate("the scheduler tells no scores")
    last: dict[str, str] = {}
    for weight in result.iter("node_weight"):
        if weight.get("id", "").partition(":")[0] == primitive:
            last[weight.get("node", "")] = weight.get("score", "")
    about = locations(cib, primitive)
    found = [Score(node, last[node], about.get(node, ())) for node in seen.nodes if node in last]
    return tuple(sorted(found, key=lambda each: -effective(each.score)))


def locations(cib: _Element, primitive: str) -> dict[str, tuple[str, ...]]:
    placement = Placement(cib)
    found: dict[str, tuple[str, ...]] = {}
    for element in cib.iterfind("configuration/resources//primitive"):
        if element.get("id") == primitive:
            for location in placement.about(element):
                for node in placement.nodes:
                    for score in placement.scores(location, node):
                        said = f"{location.get('id')} {score:+d}"
                        found[node] = (*found.get(node, ()), said)
    return found
