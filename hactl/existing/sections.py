"""A CIB -> the sections ``cluster`` and ``nodes``: what has its own key, and the properties."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from lxml.etree import _Element

from hactl.cib.options import PROPERTY_SET
from hactl.existing.elements import Left
from hactl.model.pacemaker_time import milliseconds
from hactl.model.secret import may_be_secret
from hactl.model.timing import duration
from hactl.topology.types import MAX_TEXT, NAME
from hactl.topology.units import as_time

# Pacemaker and the tools write these themselves.
RUN_BY_PACEMAKER = frozenset(
    {"dc-version", "cluster-infrastructure", "cluster-name", "have-watchdog", "last-lrm-refresh"}
)
MEMBERS = ("member", "normal", "", None)
UNNAMED = "cluster"


def cluster_section(configuration: _Element, name: str, left: list[Left]) -> dict[str, object]:
    """Return ``cluster``; appends to ``left`` what is in no file."""
    found: dict[str, object] = {"name": name, "settings": "written"}
    properties: dict[str, str] = {}
    for key, value in bootstrap(configuration, left):
        if key in OWN and (own := OWN[key][1](value)) is not None:
            found[OWN[key][0]] = own
        elif reason := unfit(key, value):
            left.append(Left(f"property {key}", reason))
        else:
            properties[key] = value
    return found | ({"properties": properties} if properties else {})


def bootstrap(configuration: _Element, left: list[Left]) -> Iterator[tuple[str, str]]:
    """Yield the properties in the set that Pacemaker itself writes to."""
    seen: set[str] = set()
    for found in configuration.iterfind(f"crm_config/cluster_property_set[@id='{PROPERTY_SET}']"):
        for child in found.iterchildren("*"):
            key = child.get("name", "")
            if child.tag != "nvpair" or child.get("id-ref"):
                left.append(Left(f"{child.tag} in {PROPERTY_SET}", "it is more than a value"))
            elif key not in RUN_BY_PACEMAKER and key not in seen:
                seen.add(key)
                yield key, child.get("value", "")


def unfit(key: str, value: str) -> str:
    """Return why a property cannot stand in a file."""
    if may_be_secret(key, value):
        return "it may be a secret"
    if not re.fullmatch(NAME.strip("^$"), key, re.ASCII):
        return "its name cannot be a key"
    if not value or len(value) > MAX_TEXT or re.search(r"[\t\n]", value):
        return "its value is empty, or more than a line"
    return ""


def truth(value: str) -> object:
    return {"true": True, "false": False}.get(value)


def one_of(*words: str) -> Callable[[str], object]:
    return lambda value: value if value in words else None


def whole(value: str) -> object:
    return int(value) if re.fullmatch(r"[1-9]\d?|100", value) else None


def time(value: str) -> object:
    """Return a time that Pacemaker would be given in the same letters."""
    read = milliseconds(value)
    return as_time(read) if read and duration(read) == value else None


# property -> its key, and what that takes; None where it is not written in the same letters
OWN: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "stonith-enabled": ("fencing", truth),
    "fencing-enabled": ("fencing", truth),
    "no-quorum-policy": (
        "no_quorum_policy",
        one_of("stop", "freeze", "demote", "suicide", "ignore"),
    ),
    "migration-limit": ("migration_limit", whole),
    "stonith-timeout": ("stonith_timeout", time),
    "fencing-timeout": ("stonith_timeout", time),
    "dc-deadtime": ("dc_deadtime", time),
}


def nodes_section(
    configuration: _Element, links: Mapping[str, list[str]]
) -> dict[str, dict[str, object]]:
    """Return ``nodes``: the members, with their ids, and their addresses as far as known."""
    found: dict[str, dict[str, object]] = {}
    for node in configuration.iterfind("nodes/node"):
        name, number = node.get("uname", ""), node.get("id", "")
        if node.get("type") in MEMBERS:
            id_ = {"id": int(number)} if re.fullmatch(r"[1-9]\d{0,9}", number) else {}
            found[name] = {**id_, **({"links": links[name]} if name in links else {})}
    return found
