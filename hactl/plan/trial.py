"""New resources are on trial until they have run once: says which, and for how long.

Nobody knows whether the stop of a new resource works before it has been tried. While it is on
trial a failed stop blocks it where it is; afterwards the usual holds, and the node is fenced. What
has run before is never on trial: to be blocked could mean to stay down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy

from lxml.etree import _Element

from hactl.cib.history import ever_ran
from hactl.cib.properties import same_property
from hactl.cib.read import all_primitives, properties
from hactl.cib.temporary import put_on_trial, trials
from hactl.model.boolean import is_false
from hactl.plan.stuck import spared


def marked(live: _Element, merged: _Element, apply: str) -> _Element:
    """Return ``merged`` with what is new in it on trial; itself where nothing is.

    New is also what another apply has put on trial, if it has not run since.
    """
    if not fences(merged):
        return merged
    tried = {name for name, _ in trials(live)}
    known = {name for name in primitives(live) if name not in tried} | ever_ran(live)
    return on_trial(merged, {name: apply for name in primitives(merged) if name not in known})


def untried(live: _Element) -> dict[str, str]:
    """Return what is on trial and has not run yet, each with the apply that put it there."""
    ran = ever_ran(live)
    return {name: apply for name, apply in trials(live) if name not in ran}


def kept(live: _Element, merged: _Element) -> _Element:
    """Return ``merged`` with those still on trial who would take their node if it ended now."""
    tried = dict(trials(live))
    failed = spared(live) if tried else set()
    return on_trial(merged, {name: tried[name] for name in tried if name in failed})


def on_trial(merged: _Element, applies: Mapping[str, str]) -> _Element:
    """Return ``merged`` with these on trial, by these applies, unless they are already."""
    already = {name for name, _ in trials(merged)} if applies else set()
    new = {name: apply for name, apply in applies.items() if name not in already}
    if not new:
        return merged
    copy = deepcopy(merged)
    for primitive in all_primitives(copy):
        if primitive.get("id", "") in new:
            put_on_trial(primitive, new[primitive.get("id", "")])
    return copy


def primitives(cib: _Element) -> Iterator[str]:
    """Yield the primitives that stop: a device that fences has nothing to stop."""
    for primitive in all_primitives(cib):
        if primitive.get("class") != "stonith":
            yield primitive.get("id", "")


def fences(cib: _Element) -> bool:
    """Whether a failed stop would fence: without fencing it blocks anyhow."""
    values = properties(cib)
    names = same_property("stonith-enabled")
    return not is_false(next((values[name] for name in names if name in values), "true"))
