"""Changes of shape in other people's CIBs: something is dropped, cloned, or taken out."""

from __future__ import annotations

from copy import deepcopy
from random import Random

from lxml import etree
from lxml.etree import _Element

NAMING = ("constraints", "tags", "fencing-topology")


def mutated(cib: _Element, chance: Random) -> _Element:
    """Return a copy in which one primitive is where it was not, or is no more.

    What names it goes too, so that the result is a valid configuration. Nothing changes where there
    is nothing to change.
    """
    copy = deepcopy(cib)
    primitives = copy.findall("configuration/resources//primitive")
    if not primitives:
        return copy
    one = chance.choice(primitives)
    parent = one.getparent()
    assert parent is not None
    named = {one.get("id", ""), parent.get("id", "")}
    if parent.tag == "resources" and chance.random() < 0.5:
        cloned(parent, one)
    elif parent.tag in ("clone", "master"):
        above = parent.getparent()
        assert above is not None
        above.replace(parent, one)
    elif parent.tag == "group" and len(parent.findall("primitive")) > 1:
        taken_out(parent, one, dropped=chance.random() < 0.5)
    elif parent.tag == "resources":
        parent.remove(one)
    forget(copy, named)
    return copy


def cloned(parent: _Element, one: _Element) -> None:
    clone = etree.Element("clone", id=f"{one.get('id')}-cloned")
    parent.replace(one, clone)
    clone.append(one)


def taken_out(group: _Element, one: _Element, *, dropped: bool) -> None:
    above = group.getparent()
    group.remove(one)
    if not dropped and above is not None and above.tag == "resources":
        above.append(one)


def forget(cib: _Element, names: set[str]) -> None:
    for section in NAMING:
        for element in cib.findall(f"configuration/{section}/*"):
            said = {
                word for each in element.iter("*") for v in each.values() for word in v.split(",")
            }
            parent = element.getparent()
            if said & names and parent is not None:
                parent.remove(element)
