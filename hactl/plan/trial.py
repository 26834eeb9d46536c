"""New resources are on trial until they have run once: says which, and for how long.

Nobody knows whether the stop of a new resource works before it has been tried. While it is on
trial a failed stop blocks it where it is; afterwards the usual holds, and the node is fenced. What
has run before is never on trial: to be blocked could mean to stay down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy

from lxml.etree import _Element

from hactl.cib.properties import same_property
from hactl.cib.read import properties
from hactl.cib.temporary import put_on_trial, trials
from hactl.model.boolean import is_false

RUNNING = frozenset({"0", "8"})
STOPPED = frozenset({"0", "7"})


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
    """Return ``merged`` with those still on trial whose stop has failed: lifted, it would fence."""
    tried = dict(trials(live))
    failed = {name for name, _ in failed_stops(live)} if tried else set()
    return on_trial(merged, {name: tried[name] for name in tried if name in failed})


def stuck(live: _Element, merged: _Element) -> set[tuple[str, str]]:
    """Return what is on trial, did not stop and is not in ``merged``, each with the node.

    Removed as it is, it would fence; the cluster has to forget its failure first.
    """
    there = set(primitives(merged))
    going = {name for name, _ in trials(live) if name not in there}
    return {(name, node) for name, node in failed_stops(live) if name in going} if going else set()


def forgotten(live: _Element, merged: _Element) -> _Element:
    """Return ``merged`` with a status that has forgotten what is `stuck`."""
    failed = stuck(live, merged)
    if not failed:
        return merged
    copy = deepcopy(merged)
    for state in copy.iterfind("status/node_state"):
        for resource in list(state.iterfind("lrm/lrm_resources/lrm_resource")):
            parent = resource.getparent()
            name = resource.get("id", "").partition(":")[0]
            if (name, state.get("uname", "")) in failed and parent is not None:
                parent.remove(resource)
    return copy


def on_trial(merged: _Element, applies: Mapping[str, str]) -> _Element:
    """Return ``merged`` with these on trial, by these applies, unless they are already."""
    already = {name for name, _ in trials(merged)} if applies else set()
    new = {name: apply for name, apply in applies.items() if name not in already}
    if not new:
        return merged
    copy = deepcopy(merged)
    for primitive in copy.iterfind("configuration/resources//primitive"):
        if primitive.get("id", "") in new:
            put_on_trial(primitive, new[primitive.get("id", "")])
    return copy


def primitives(cib: _Element) -> Iterator[str]:
    """Yield the primitives that stop: a device that fences has nothing to stop."""
    for primitive in cib.iterfind("configuration/resources//primitive"):
        if primitive.get("class") != "stonith":
            yield primitive.get("id", "")


def fences(cib: _Element) -> bool:
    """Whether a failed stop would fence: without fencing it blocks anyhow."""
    values = properties(cib)
    names = same_property("stonith-enabled")
    return not is_false(next((values[name] for name in names if name in values), "true"))


def ever_ran(cib: _Element) -> set[str]:
    """Return the primitives that are on record as running, or as having been started."""
    return {name for name, _, record in records(cib) if record.get("rc-code") in RUNNING}


def failed_stops(cib: _Element) -> set[tuple[str, str]]:
    """Return the primitives whose stop is on record as failed, each with the node."""
    return {(name, node) for name, node, record in records(cib) if failed_stop(record)}


def failed_stop(record: _Element) -> bool:
    if record.get("operation") != "stop" or record.get("op-status") == "-1":
        return False
    return record.get("op-status") != "0" or record.get("rc-code") not in STOPPED


def records(cib: _Element) -> Iterator[tuple[str, str, _Element]]:
    """Yield each record in the status with its primitive and its node."""
    for state in cib.iterfind("status/node_state"):
        for resource in state.iterfind("lrm/lrm_resources/lrm_resource"):
            name = resource.get("id", "").partition(":")[0]
            for record in resource.iterchildren("lrm_rsc_op"):
                yield name, state.get("uname", ""), record
