"""What becomes of a cluster at rest when something happens, in sentences that can be compared."""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from lxml import etree
from lxml.etree import _Element

from tests.hactl.blast.settled import PATH, Settled, Source
from tests.hactl.transitions import Act, Place, Step, step
from tests.scenarios.events import Event, rounds

ROUNDS = 12  # a cluster that needs more transitions than this does not come to rest
NOTHING = "nothing happens"
# All else only looks or forgets, and an injected failure is looked at again in every transition.
WORK = frozenset({"start", "stop", "promote", "demote", "migrate_to", "migrate_from"})


@dataclass
class Story:
    """A cluster at rest, and all transitions that follow from what happens to it."""

    folder: Path
    cib: _Element
    before: frozenset[Place]
    failing: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def happens(self, events: Sequence[Event]) -> None:
        """Let these happen at one time, and the cluster come to rest. Raises AssertionError."""
        for event in events:
            if event.edit:
                event.edit(self.cib)
            self.failing += ["--op-fail", event.failing] if event.failing else []
        self.change([option for event in events for option in event.options])
        for _ in range(ROUNDS):
            taken = step(
                self.write("before.xml"), self.folder / "after.xml", *self.failing, may_stick=True
            )
            self.steps.append(taken)
            self.cib = parsed(taken.end)
            if taken.stuck or not (taken.graph.fences or work(taken)):
                return
        raise AssertionError(f"does not come to rest within {ROUNDS} transitions")

    def change(self, options: Sequence[str]) -> None:
        """Let crm_simulate change the CIB in a call of its own, in which nothing is carried out."""
        if options:
            end = self.folder / "changed.xml"
            whole = ["crm_simulate", "-x", str(self.write("before.xml")), "-O", str(end), *options]
            environment = {"PATH": PATH, "CIB_shadow_dir": str(self.folder)}
            subprocess.run(whole, check=True, capture_output=True, env=environment)
            self.cib = parsed(end)

    def write(self, name: str) -> Path:
        (self.folder / name).write_bytes(etree.tostring(self.cib))
        return self.folder / name


def parsed(file: Path) -> _Element:
    return etree.parse(str(file), etree.XMLParser(remove_blank_text=True)).getroot()


def told(scenario: Path, folder: Path) -> list[str]:
    """Return what becomes of the cluster of a scenario, in sentences; ``folder`` is for its files.

    Raises Unknown for an event that cannot be read, TopologyError for a topology with errors.
    """
    run = Settled(Source.of_file(scenario / "topology.yaml"), folder)
    story = Story(folder, run.whole, run.places)
    for events in rounds(scenario / "events.txt", run.whole):
        story.happens(events)
    return list(sentences(story)) or [NOTHING]


def sentences(story: Story) -> Iterator[str]:
    after = story.steps[-1].after
    fenced = {node for each in story.steps for node in each.graph.fences}
    yield from (f"{node} is fenced" for node in sorted(fenced))
    for name in sorted({name for name, _ in story.before | after}):
        own = [act for each in story.steps for act in each.graph.acts if act.primitive == name]
        yield from of_resource(name, nodes(name, story.before), nodes(name, after), own)
    yield from (f"{name} is promoted on {node}" for name, node in sorted(promoted(story.steps)))
    yield from waiting(story.steps[-1])


def of_resource(
    name: str, before: Collection[str], after: Collection[str], acts: Sequence[Act]
) -> Iterator[str]:
    """Say what becomes of a primitive: where it went from where, or that it was started anew."""
    left, come = sorted(set(before) - set(after)), sorted(set(after) - set(before))
    live = any(act.action == "migrate_to" for act in acts)
    for source, target in zip_longest(left, come):
        if source and target:
            yield f"{name} {'migrates' if live else 'moves'} from {source} to {target}"
        else:
            yield f"{name} stops on {source}" if source else f"{name} starts on {target}"
    started = {act.node for act in acts if act.action == "start"}
    yield from (f"{name} restarts on {node}" for node in sorted(started & set(before) & set(after)))


def promoted(steps: Sequence[Step]) -> set[Place]:
    asked = {place for each in steps for place in each.done("promote")}
    return asked & steps[-1].promoted


def waiting(last: Step) -> Iterator[str]:
    """Say what a transition that is not completed was to stop and has not."""
    if last.stuck:
        for name, node in sorted(set(last.done("stop")) & last.after):
            yield f"{name} is to stop on {node}, and waits for what cannot be done"


def nodes(name: str, places: Collection[Place]) -> set[str]:
    return {node for each, node in places if each == name}


def work(taken: Step) -> bool:
    return any(act.action in WORK for act in taken.graph.acts)
