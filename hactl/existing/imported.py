"""A live CIB -> the text of a topology that stands for it; whether that is so, `proof` asks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lxml.etree import _Element

from hactl.cib import references, schema
from hactl.cib.merge import child
from hactl.cib.read import properties
from hactl.cib.temporary import lifted
from hactl.errors import ClusterError
from hactl.existing.corosync_conf import Membership
from hactl.existing.elements import Left, raw_items
from hactl.existing.sections import UNNAMED, cluster_section, nodes_section
from hactl.topology.types import NAME, NODE_NAME
from hactl.topology.yaml.write import Said, document

HEAD = """\
# The cluster as it is, made by `hactl import`. Merged into it, this changes nothing but marks of
# ownership. `settings: written`: what nobody wrote here is not set. Secrets stay in the CIB.
"""


class NotImportable(ClusterError):
    """There is something in the CIB that a topology cannot say."""


@dataclass(frozen=True, slots=True)
class Imported:
    """``text`` is the topology; ``left`` is what stays in the cluster and is in no file."""

    text: str
    left: tuple[Left, ...]


def imported(live: _Element, known: Membership) -> Imported:
    """Return the topology that a whole ``<cib>`` stands for, as text.

    ``known`` is what corosync.conf says. Raises SchemaTooNew, or NotImportable where the CIB is not
    valid, or something cannot be said.
    """
    refuse_invalid(live)
    configuration = child(lifted(live), "configuration")
    refuse_names(configuration)
    left: list[Left] = []
    cluster = cluster_section(configuration, name_for(live), left) | dict(known.settings)
    left += [Left("corosync.conf", each) for each in known.unsaid]
    items, more = raw_items(configuration)
    left += more
    sections: dict[str, object] = {
        "cluster": cluster,
        "nodes": nodes_section(configuration, known.links),
    }
    if items:
        sections["raw"] = items
    body = document({key: commented(key, value, left) for key, value in sections.items()})
    return Imported(HEAD + body, tuple(left))


def commented(key: str, value: object, left: Sequence[Left]) -> object:
    """Say above the first section what is not in the file."""
    if key != "cluster" or not left:
        return value
    return Said(value, ("Left in the cluster as it is:", *(f"  {each}" for each in left)))


def refuse_invalid(live: _Element) -> None:
    """Raise SchemaTooNew for a newer CIB, NotImportable for one that breaks its own schema."""
    schema.refuse_newer(live)
    try:
        schema.check(live)
    except schema.Invalid as exc:
        complaint = str(exc).partition(": ")[2]
        name = live.get("validate-with")
        raise NotImportable(f"the CIB is not valid by its own schema {name}: {complaint}") from None
    again = references.twice(child(live, "configuration"))
    if again:
        raise NotImportable(f"the CIB gives out the id {again[0]} twice", "mend it first")


def name_for(live: _Element) -> str:
    """Return the cluster's own name, or one for a cluster that has none."""
    name = properties(live).get("cluster-name", "")
    if name and not re.fullmatch(NAME.strip("^$"), name, re.ASCII):
        raise NotImportable(
            f"the cluster's name {name!r} cannot be one in a topology",
            "a name has letters, digits, _, - and ., and begins with a letter or _",
        )
    return name or UNNAMED


def refuse_names(configuration: _Element) -> None:
    """Raise NotImportable where there is no node, or one whose name no topology can hold."""
    names = list(nodes_section(configuration, {}))
    if not names:
        raise NotImportable(
            "the CIB has no node, and a topology needs one",
            "import it once the nodes have joined",
        )
    for name in names:
        if not re.fullmatch(NODE_NAME.strip("^$"), name, re.ASCII):
            raise NotImportable(f"the name of the node {name!r} cannot be one in a topology")
