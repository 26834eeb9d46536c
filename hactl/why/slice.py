"""The part of a cluster that has to do with one chain: small enough to be asked many times.

What has nothing to do with it is taken out, and the room that it takes is taken off the nodes. What
is found on a slice is no answer yet: it is proven on the whole.
"""

from __future__ import annotations

from copy import deepcopy

from lxml.etree import _Element

from hactl.model.score import NEVER
from hactl.simulate.cause_text import total
from hactl.simulate.places import Places
from hactl.simulate.relaxation import Chain, chain, drop
from hactl.why.lower import ties

LARGE = 60  # primitives; what is smaller is asked about as a whole
ENDS = ("rsc", "with-rsc", "first", "then")


def sliced(cib: _Element, of: Chain, there: Places, large: int = LARGE) -> _Element:
    """Return the part of a lean ``cib`` that has to do with ``of``; a small one as it is."""
    if len(cib.findall("configuration/resources//primitive")) <= large:
        return cib
    kept = related(cib, of)
    copy = deepcopy(cib)
    gone: set[str] = set()
    bystanders: set[str] = set()
    for unit in list(copy.iterfind("configuration/resources/*")):
        inside = {each.get("id", "") for each in unit.iter("*")}
        fences = unit.get("class") == "stonith"
        if not (inside & kept or fences or unit.tag == "template"):
            gone |= inside
            bystanders |= {each.get("id", "") for each in unit.iter("primitive")}
            drop([unit])
    take_room(copy, bystanders, cib, there)
    forget(copy, gone)
    return copy


def related(cib: _Element, of: Chain) -> set[str]:
    """Return the names of the chain, of all that it stands on and of whom it stays apart from."""
    kept, todo = set(of.names), [of]
    while todo:
        now = todo.pop()
        for tie in ties(cib, now):
            if tie.name not in kept:
                lower = chain(cib, tie.name)
                kept |= lower.names
                todo.append(lower)
    for each in cib.iterfind("configuration/constraints/rsc_colocation[@rsc]"):
        ends = {each.get("rsc", ""), each.get("with-rsc", "")}
        if each.get("score") == NEVER and ends & of.names:
            kept |= ends
    return kept


def take_room(copy: _Element, names: set[str], cib: _Element, there: Places) -> None:
    """Take what bystanders use off their nodes."""
    for node in copy.iterfind("configuration/nodes/node"):
        here = {
            name
            for name, on in there.active.items()
            if node.get("uname") in on and name.partition(":")[0] in names
        }
        used = total(cib, here)
        for pair in node.iterfind("utilization/nvpair"):
            value = pair.get("value", "")
            if value.lstrip("-").isdigit():
                left = int(value) - used.get(pair.get("name", ""), 0)
                pair.set("value", str(max(0, left)))


def forget(copy: _Element, gone: set[str]) -> None:
    """Remove all that is said of what was taken out."""
    drop([
        each
        for each in copy.iterfind("configuration/constraints/*")
        if any(each.get(end) in gone for end in ENDS)
    ])  # fmt: skip
    for tag in ("resource_ref", "obj_ref", "lrm_resource"):
        drop([each for each in copy.iter(tag) if each.get("id", "").partition(":")[0] in gone])
    for tag in ("resource_set", "tag"):
        drop([each for each in copy.iter(tag) if not len(each)])
    drop([
        each
        for each in copy.iterfind("configuration/constraints/*")
        if not len(each) and not any(each.get(end) for end in (*ENDS, "rsc-pattern"))
    ])  # fmt: skip
