"""Who owns an element of the CIB: reads and writes the mark, keeps no state of its own.

The CIB belongs to everybody. What hactl owns can be seen in the CIB itself: a top-level resource
by its description, ``hactl:guest 0f3a9c12b7de``, everything else by an id that begins with
``hactl-``. The digits are a digest of what hactl rendered, so an edit by hand shows. An nvpair of
ours outside a resource (a cluster property, a default, what a node offers) ends its id with a
digest of its own.

Own nvpair sets inside a resource bear the id pcs and crm_resource would give them, OWNER-TAG
(``web1-meta_attributes``), so that those tools write their runtime switches there; sets with any
other id are somebody else's.
"""

from __future__ import annotations

import hashlib
import re

from lxml.etree import _Element

from hactl.cib.canonical import DIGEST_LENGTH, digest

KINDS = ("guest", "container", "network", "storage", "address", "fencing", "gateway", "raw")
PREFIX = "hactl-"
RESOURCE_TAGS = frozenset({"primitive", "group", "clone", "master", "bundle", "template"})

SEAL_LENGTH = 6
MARK = re.compile(rf"hactl:({'|'.join(KINDS)}) ([0-9a-f]{{{DIGEST_LENGTH}}})")


def mark(element: _Element, kind: str) -> _Element:
    """Mark a finished top-level resource as ours, and return it.

    Raises ValueError for a kind that is none of `KINDS`.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is not a kind of resource: {', '.join(KINDS)}")
    element.set("description", f"hactl:{kind} {digest(element)}")
    return element


def sealed(id_: str, name: str, value: str) -> str:
    """Return the id of an nvpair of ours outside a resource: it vouches for name and value."""
    seal = hashlib.sha256(f"{name}={value}".encode()).hexdigest()[:SEAL_LENGTH]
    return f"{id_}-{seal}"


def pair_edited_by_hand(nvpair: _Element) -> bool:
    """Whether an nvpair of ours outside a resource no longer says what hactl rendered."""
    id_, name, value = (nvpair.get(key, "") for key in ("id", "name", "value"))
    return id_ != sealed(id_.rpartition("-")[0], name, value)


def kind_of(element: _Element) -> str | None:
    """Return the kind a resource was marked with, or None if it bears no mark."""
    found = MARK.fullmatch(element.get("description", ""))
    return found[1] if found else None


def is_ours(element: _Element) -> bool:
    """Whether hactl made this resource, constraint, fencing level, nvpair set or nvpair."""
    if element.tag in RESOURCE_TAGS:
        return kind_of(element) is not None
    return element.get("id", "").startswith(PREFIX)


def in_our_constraints(configuration: _Element, name: str) -> bool:
    """Whether constraints of ours are about a resource: then it is ours, or was."""
    return any(
        is_ours(element) and name in (element.get("rsc"), element.get("first"), element.get("then"))
        for element in configuration.iterfind("constraints/*")
    )


def lost_its_mark(configuration: _Element, element: _Element, wanted: _Element) -> bool:
    """Whether a resource is ours but for its description: that can be written again unasked."""
    alike = element.tag == wanted.tag and digest(element) == digest(wanted)
    return alike and in_our_constraints(configuration, element.get("id", ""))


def edited_by_hand(element: _Element) -> bool:
    """Whether a marked resource is no longer what hactl rendered."""
    found = MARK.fullmatch(element.get("description", ""))
    return found is not None and found[2] != digest(element)
