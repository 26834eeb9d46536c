"""What `plan` says against what `crm_simulate -S` does with the whole CIB, by primitive.

The two share nothing but Pacemaker: the plan is made from the slim copy and the graph, the truth
is the status before and after and the list of what was executed.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lxml import etree
from lxml.etree import _Element

from hactl.simulate.effect import Effect, What

Place = tuple[str, str]
PROMOTED = ("Promoted", "Master")
UNFINISHED = {"Transition failed: terminated", "An invalid transition was produced"}
ACTIVE = ("Started", "Promoted", "Unpromoted", "Master", "Slave", "Migrating", "Stopping")


@dataclass(frozen=True)
class Course:
    """What becomes of every primitive, or of every instance that has a number, on every node."""

    before: frozenset[Place]
    after: frozenset[Place]
    bounced: frozenset[Place]
    migrated: frozenset[Place]
    promoted: frozenset[Place]

    def wrongs(self, other: Course) -> Iterator[str]:
        """Say in which places ``self``, what was foreseen, differs from ``other``, what came."""
        for name in ("before", "after", "bounced", "migrated", "promoted"):
            foreseen, came = getattr(self, name), getattr(other, name)
            for instance, node in sorted(foreseen - came):
                yield f"{instance} on {node}: foreseen as {name}, and is not"
            for instance, node in sorted(came - foreseen):
                yield f"{instance} on {node}: {name}, and not foreseen"


def foreseen(effects: Sequence[Effect], was_promoted: frozenset[Place]) -> Course:
    """Return what a plan's effects come to."""
    before = {(e.primitive, e.source) for e in effects if e.source}
    left = {(e.primitive, e.source) for e in effects if e.source and leaves(e)}
    came = {(e.primitive, e.target) for e in effects if e.target}
    again = {(e.primitive, e.source) for e in effects if e.what in (What.RESTARTS, What.FENCED)}
    moved = {(e.primitive, e.target) for e in effects if e.what is What.MIGRATES}
    demoted = {(e.primitive, e.source) for e in effects if e.demotes} | left
    raised = {(e.primitive, e.target) for e in effects if e.promotes}
    return Course(
        before=frozenset(before),
        after=frozenset((before - left) | came),
        bounced=frozenset(place for place in again if place not in left),
        migrated=frozenset(moved),
        promoted=frozenset((was_promoted - demoted) | raised),
    )


def leaves(effect: Effect) -> bool:
    return effect.target != effect.source


@dataclass(frozen=True)
class Truth:
    """What came of it, and the cluster afterwards in the file ``end``."""

    course: Course
    was_promoted: frozenset[Place]
    quiet: bool
    end: Path


def truth(cib: _Element, folder: Path, *more: str) -> Truth:
    """Let the scheduler carry out what follows from ``cib``, whole."""
    start, end = folder / "start.xml", folder / "end.xml"
    start.write_bytes(etree.tostring(cib))
    said = simulated(start, "-S", "-O", str(end), *more)
    before, promoted = active(said.find("cluster_status"))
    after, promoted_then = active(said.find("revised_cluster_status"))
    done = list(executed(said, {name for name, _ in before | after}))
    lost = {place for place in before if place[1] in set(fenced(said))}
    stopped = {(name, node) for action, name, node in done if action == "stop"} | lost
    started = {(name, node) for action, name, node in done if action == "start"}
    moved = frozenset((name, node) for action, name, node in done if action == "migrate_from")
    after -= down(done) | (lost - started)
    before |= stopped
    left_live = {(name, node) for action, name, node in done if action == "migrate_to"}
    bounced = frozenset((stopped & after) - left_live)
    course = Course(before, after, bounced, moved, promoted_then & after)
    return Truth(course, promoted, quiet=not done, end=end)


def fenced(said: _Element) -> Iterator[str]:
    """Yield who is fenced; what is on a guest node goes with it, which -S does not carry out."""
    for action in said.iterfind("actions/node_action"):
        if "(on)" not in action.get("task", ""):
            yield action.get("node", "").partition(" (resource: ")[0]


def down(done: Sequence[tuple[str, str, str]]) -> set[Place]:
    """Return where the last thing that was done is a stop.

    crm_simulate puts a cancelled monitor on record after it, with exit code 0, and then takes the
    resource for active there (2.1.5); no executor does so.
    """
    last = {(name, node): action for action, name, node in done if action in ("start", "stop")}
    return {place for place, action in last.items() if action == "stop"}


def simulated(cib: Path, *arguments: str) -> _Element:
    """Return the answer; a monitor that waits for a start that is blocked is no reason to doubt it.

    The scheduler (2.1.5) plans such a monitor, and crm_simulate then ends with "An invalid
    transition was produced", after it has done everything else.
    """
    done = subprocess.run(
        ["crm_simulate", "--output-as=xml", "-x", str(cib), *arguments],
        capture_output=True,
        check=False,
        env={**os.environ, "CIB_shadow_dir": str(cib.parent)},
    )
    said = etree.fromstring(done.stdout)
    complaints = {each.text for each in said.iterfind("status/errors/error")}
    assert not complaints - UNFINISHED, complaints
    return said


def active(status: _Element | None) -> tuple[frozenset[Place], frozenset[Place]]:
    """Return what is active where, and what of it is promoted."""
    found, promoted = set(), set()
    for resource in status.iterfind("resources//resource") if status is not None else ():
        here = {
            (resource.get("id", ""), node.get("name", "")) for node in resource.iterfind("node")
        }
        if resource.get("role") in ACTIVE:
            found |= here
        if resource.get("role") in PROMOTED and len(here) == 1:
            promoted |= here
    return frozenset(found), frozenset(promoted)


def executed(said: _Element, instances: set[str]) -> Iterator[tuple[str, str, str]]:
    """Yield action, instance and node of all that interrupts or moves something."""
    for action in said.iterfind("transition/rsc_action"):
        name, what = action.get("resource", ""), action.get("op", "")
        if what in ("start", "stop", "promote", "demote", "migrate_to", "migrate_from"):
            plain = name if name in instances else name.partition(":")[0]
            yield what, plain, action.get("node", "")
