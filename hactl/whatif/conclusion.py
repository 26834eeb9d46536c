"""What all verdicts come to: promises kept and broken, and whether the cluster survives."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from hactl.fencing.placement import Placement
from hactl.whatif.fate import ORDER, Fate
from hactl.whatif.loss import Loss
from hactl.whatif.quorum import Votes
from hactl.whatif.scene import Scene
from hactl.whatif.verdict import Verdict

Baseline = Mapping[str, Mapping[str, str]]  # loss -> resource -> effect
NEVER = ""  # the loss of nothing


@dataclass(frozen=True, slots=True)
class Broken:
    """``name`` was to survive the loss of ``nodes`` nodes and does not survive ``losses``."""

    name: str
    nodes: int
    losses: tuple[str, ...]


@dataclass(frozen=True)
class Conclusion:
    """``promises`` is what somebody said must survive how many nodes; of nobody, all must.

    ``never`` is what runs nowhere even with everything there, with why. ``baseline`` is what was
    found before: then only what is worse counts.
    """

    cluster: str
    basis: str
    release: str
    votes: Votes
    verdicts: tuple[Verdict, ...]
    pinned: Mapping[str, frozenset[str]] = field(default_factory=dict)
    promises: Mapping[str, int] = field(default_factory=dict)
    never: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    baseline: Baseline | None = None

    @cached_property
    def survives(self) -> bool:
        return not self.broken and not self.stranded

    @cached_property
    def broken(self) -> tuple[Broken, ...]:
        """The promises that are not kept."""
        return tuple(self.breaking()) if self.baseline is None else ()

    def breaking(self) -> Iterator[Broken]:
        for name, nodes in self.promises.items():
            against = [
                verdict.loss.name
                for verdict in self.verdicts
                if len(verdict.loss.nodes) <= nodes
                and self.counts(verdict.loss)
                and any(fate.name == name for fate in verdict.down)
            ]
            if against or name in self.never:
                yield Broken(name, nodes, tuple(against))

    @cached_property
    def stranded(self) -> tuple[str, ...]:
        """What does not survive though nobody promised anything; or what is worse than it was."""
        if self.promises and self.baseline is None:
            return ()
        found = {
            fate.name
            for verdict in self.verdicts
            if self.counts(verdict.loss)
            for fate in self.grave(verdict)
        }
        known = (self.baseline or {}).get(NEVER, {})
        return tuple(sorted(found | (set(self.never) - set(known))))

    def grave(self, verdict: Verdict) -> list[Fate]:
        """Return what does not survive a loss and is not meant to go with it."""
        return [fate for fate in verdict.down if not self.meant(fate, verdict.loss)]

    def meant(self, fate: Fate, loss: Loss) -> bool:
        """Whether it may run nowhere else anyway."""
        allowed = self.pinned.get(fate.name)
        return allowed is not None and allowed <= set(loss.nodes)

    @staticmethod
    def counts(loss: Loss) -> bool:
        """Whether something is to survive it: nothing survives that its storage is gone for all."""
        return bool(loss.nodes) or len(loss.failed) == 1


def worse(fate: Fate, before: str) -> bool:
    ranks = {what.value: number for number, what in enumerate(ORDER)}
    return ranks[fate.what.value] > ranks.get(before, 0)


def against(baseline: Baseline, verdicts: Collection[Verdict]) -> tuple[Verdict, ...]:
    """Return verdicts that tell only what is worse than in ``baseline``; unknown losses stay."""
    found = []
    for verdict in verdicts:
        before = baseline.get(verdict.loss.name, {})
        fates = tuple(f for f in verdict.fates if worse(f, before.get(f.name, "stays")))
        same = len(verdict.fates) - len(fates)
        found.append(replace(verdict, fates=fates, staying=verdict.staying + same))
    return tuple(found)


def pinned(scene: Scene) -> dict[str, frozenset[str]]:
    """Return where each resource may run, for those that may not run everywhere."""
    placement = Placement(scene.cib)
    found = {}
    for unit in scene.cib.iterfind("configuration/resources/*"):
        if unit.tag in ("primitive", "group"):
            banned = placement.banned(unit, scene.nodes)
            if banned:
                found[unit.get("id", "")] = frozenset(scene.nodes) - banned
    return found
