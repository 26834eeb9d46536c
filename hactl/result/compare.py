"""What was predicted against what was seen: tells a guest that is down from one elsewhere.

A grave difference is one that somebody suffers from: something that should run and does not, or
that did not stop, a node that was fenced. The others (another node, a restart where a migration was
foreseen, a failure that was recovered from) are said, and the configuration stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml.etree import _Element

from hactl.cib.history import Failure, arrivals, failures
from hactl.simulate.effect import GONE, Effect, What
from hactl.simulate.transition import Transition


@dataclass(frozen=True, slots=True)
class Difference:
    """``resource`` did not do what was predicted."""

    resource: str
    text: str
    grave: bool = False

    def __str__(self) -> str:
        return f"{self.resource}: {self.text}"


@dataclass(frozen=True)
class Observation:
    """The cluster before a commit and after it has settled."""

    before: _Element
    after: _Element
    settled: Transition
    fenced: tuple[str, ...] = ()

    def failures(self) -> tuple[Failure, ...]:
        """Return the operations that failed since, in a stable order."""
        new = failures(self.after) - failures(self.before)
        return tuple(sorted(new, key=str))


def differences(
    predicted: tuple[Effect, ...], fencing: tuple[str, ...], seen: Observation
) -> tuple[Difference, ...]:
    """Return how what was ``seen`` differs from what was ``predicted``."""
    expected: dict[str, set[str]] = {}
    for effect in predicted:
        if effect.target:
            expected.setdefault(effect.primitive, set()).add(effect.target)
    return (
        *unforeseen_fencing(fencing, seen),
        *(d for effect in predicted for d in difference(effect, expected, seen)),
        *(failed(failure, seen) for failure in seen.failures()),
    )


def failed(failure: Failure, seen: Observation) -> Difference:
    """Return a failed operation as a difference: grave where it leaves something stuck there."""
    stuck = failure.operation == "stop" and failure.node in seen.settled.running(failure.resource)
    return Difference(failure.resource, str(failure).partition(": ")[2], grave=stuck)


def unforeseen_fencing(predicted: tuple[str, ...], seen: Observation) -> Iterator[Difference]:
    for node in seen.fenced:
        if node not in predicted:
            yield Difference(node, "was fenced, which was not foreseen", grave=True)


def difference(
    effect: Effect, expected: dict[str, set[str]], seen: Observation
) -> Iterator[Difference]:
    here = seen.settled.running(effect.primitive)
    if effect.what in GONE:
        if effect.source in here:
            yield Difference(effect.name, f"still runs on {effect.source}", grave=True)
    elif effect.target and effect.target not in here:
        where = f"runs on {', '.join(here)}" if here else "runs nowhere"
        fewer = len(here) < len(expected[effect.primitive])
        yield Difference(effect.name, f"should run on {effect.target}, {where}", grave=fewer)
    elif effect.target:
        yield from wrong_way(effect, seen)
        yield from wrong_role(effect, seen)


def wrong_role(effect: Effect, seen: Observation) -> Iterator[Difference]:
    """Promotion is a claim of its own: a start that promotes is only half kept by starting."""
    promoted = seen.settled.placed(effect.primitive).promoted
    if effect.promotes and effect.target not in promoted:
        where = f"is so on {', '.join(promoted)}" if promoted else "is so nowhere"
        said = f"should be promoted on {effect.target}, {where}"
        yield Difference(effect.name, said, grave=not promoted)
    if effect.demotes and not effect.promotes and effect.target in promoted:
        yield Difference(effect.name, f"is still promoted on {effect.target}")


def wrong_way(effect: Effect, seen: Observation) -> Iterator[Difference]:
    """What runs where it should may still have come there by another way."""
    place = effect.primitive, effect.target
    old, new = arrivals(seen.before).get(place), arrivals(seen.after).get(place)
    if effect.what is What.MIGRATES and new is not None and new.operation != "migrate_from":
        yield Difference(effect.name, "should have migrated live, was restarted")
    if effect.what is What.STAYS and not effect.why and None not in (old, new) and old != new:
        yield Difference(effect.name, f"should have been left alone on {effect.target}, restarted")
