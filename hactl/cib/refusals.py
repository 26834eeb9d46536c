"""Reasons not to merge: finds them in the trees, one sentence each, and changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from lxml.etree import _Element

from hactl.cib import references
from hactl.cib.kept import kept_in, ledger, listed, masked, unchanged
from hactl.cib.ownership import RESOURCE_TAGS, in_our_constraints, is_ours, lost_its_mark
from hactl.cib.properties import same_property
from hactl.cib.read import first
from hactl.errors import ClusterError


class Refused(ClusterError):
    """The topology does not fit the cluster as it is: one sentence for each reason."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = tuple(reasons)


def refusals(
    live: _Element, wanted: _Element, merged: _Element, adopt: Collection[str]
) -> list[str]:
    """Return why ``wanted`` must not be merged into ``live``; all are ``<configuration>``."""
    return [
        *unknown_nodes(live, wanted),
        *in_the_way(live, wanted, adopt),
        *otherwise_there(live, wanted, adopt),
        *nothing_to_adopt(live, wanted, adopt),
        *secrets_nowhere(merged),
        *ids_given_twice(merged),
        *dangling_references(live, merged),
        *watchdog_without_sbd(live, merged),
    ]


def unknown_nodes(live: _Element, wanted: _Element) -> Iterator[str]:
    there = {node.get("uname", "") for node in live.iterfind("nodes/node")}
    for node in wanted.iterfind("nodes/node"):
        name = node.get("uname", "")
        if there and name not in there:
            yield (
                f"{name}: the cluster has no such node, it has {', '.join(sorted(there))}; "
                "start Pacemaker there first, or correct the name in the topology"
            )


def in_the_way(live: _Element, wanted: _Element, adopt: Collection[str]) -> Iterator[str]:
    ours = {resource.get("id", ""): resource for resource in wanted.iterfind("resources/*")}
    mine = {*adopt, *ledger(live), *unchanged(live, wanted)}
    for resource in live.iterfind("resources/*"):
        name = resource.get("id", "")
        if name not in ours or name in mine or is_ours(resource):
            continue
        if lost_its_mark(live, resource, ours[name]):
            continue
        if in_our_constraints(live, name):
            yield (
                f"{name}: somebody changed its description, where hactl keeps its mark, and it is "
                f"not as the topology says; --adopt {name} marks it again and sets it back"
            )
        else:
            yield (
                f"{name}: the cluster has a {resource.tag} of this name that hactl did not make; "
                f"rename yours, or take it over with --adopt {name}"
            )


def otherwise_there(live: _Element, wanted: _Element, adopt: Collection[str]) -> Iterator[str]:
    """What is to be held to the letter and that others have with the same id and other words."""
    there = listed(live)
    mine = {*adopt, *ledger(live), *unchanged(live, wanted)}
    for element in kept_in(wanted):
        name = element.get("id", "")
        if element.tag not in RESOURCE_TAGS and name in there and name not in mine:
            yield (
                f"{name}: the cluster has a {there[name].tag} of this id that says something else "
                f"than raw; make both the same, or have yours written with --adopt {name}"
            )


def secrets_nowhere(merged: _Element) -> Iterator[str]:
    """What is created where it never was has no secret to keep."""
    for part in masked(merged):
        whose = next(each.get("id") for each in (part, *part.iterancestors()) if each.get("id"))
        yield (
            f"{whose}: the value of its {part.get('name', 'attribute')} was left out of the "
            "topology as a secret, and the cluster has none; write it there once, best with "
            "`cibsecret set`"
        )


def nothing_to_adopt(live: _Element, wanted: _Element, adopt: Collection[str]) -> Iterator[str]:
    there = {*listed(live)}
    ours = {resource.get("id") for resource in wanted.iterfind("resources/*")} | {*ledger(wanted)}
    for name in sorted(adopt):
        if name not in there:
            yield f"--adopt {name}: the cluster has no resource of this name"
        elif name not in ours:
            yield f"--adopt {name}: the topology has no resource of this name"


def ids_given_twice(merged: _Element) -> Iterator[str]:
    for name in references.twice(merged):
        places = references.owners(merged, name)
        where = " and ".join(dict.fromkeys(f"{place.tag} {place.get('id')}" for place in places))
        yield f"{name}: this id would be used twice, in {where}; rename yours"


def dangling_references(live: _Element, merged: _Element) -> Iterator[str]:
    """What dangled before we came is not our affair, and stays."""
    found = references.dangling(merged)
    gone = set(references.ids(live)) if found else set()
    for reference in found:
        owner = f"{reference.owner.tag} {reference.owner.get('id')}"
        if is_ours(reference.owner):
            yield f"{owner}: {reference.target} is neither in the topology nor in the cluster"
        elif reference.target in gone:
            yield (
                f"{owner}, which hactl does not own, refers to {reference.target}, which is no "
                f"longer in the topology; remove {reference.owner.get('id')} first, "
                f"or keep {reference.target}"
            )


def watchdog_without_sbd(live: _Element, merged: _Element) -> Iterator[str]:
    """Pacemaker ends itself on every node that is told of a watchdog and finds no SBD.

    pcmk__valid_sbd_timeout() in Pacemaker's lib/common/watchdog.c.
    """
    if not value_of(live, "dc-version") or value_of(live, "have-watchdog") == "true":
        return
    for name in same_property("stonith-watchdog-timeout"):
        wanted = value_of(merged, name)
        if wanted.strip("0sm") and wanted != value_of(live, name):
            yield (
                f"{name}={wanted}: SBD does not run on the nodes (have-watchdog is not true), and "
                "Pacemaker would end itself everywhere; start sbd with the cluster on every node "
                "first (hactl render --sbd)"
            )


def value_of(configuration: _Element, name: str) -> str:
    return first(configuration.iterfind("crm_config//nvpair")).get(name, "")
