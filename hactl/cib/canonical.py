"""One spelling for equal CIB elements: knows which differences mean nothing, not who owns what."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from xml.sax.saxutils import escape, quoteattr

from lxml import etree
from lxml.etree import _Element

NVPAIR_SETS = frozenset(
    {"instance_attributes", "meta_attributes", "utilization", "cluster_property_set"}
)
RUNTIME_SWITCHES = frozenset({"target-role", "is-managed", "maintenance"})

# The order of children means something in these: members start in order, sets are linked in order,
# and of two nvpair sets with the same score the first one wins.
ORDERED = frozenset(
    {"primitive", "group", "clone", "master", "bundle", "template", "op", "node"}
    | {"resource_set", "rsc_order", "rsc_colocation", "rsc_location", "rsc_ticket", "rule"}
    | {"rsc_defaults", "op_defaults", "crm_config"}
)

DIGEST_LENGTH = 12


def canonical(element: _Element) -> bytes:
    """Return the one spelling of ``element``: equal bytes mean equal to Pacemaker.

    The order of attributes, of nvpairs, operations and other children without an order,
    white space, comments and processing instructions do not matter.
    """
    return spelled(element, attributes(element), everything).encode()


def same(one: _Element, other: _Element) -> bool:
    """Whether two elements say the same."""
    # Most are spelled alike to the letter, and libxml2 finds that out far faster than we do.
    alike = etree.tostring(one, with_tail=False) == etree.tostring(other, with_tail=False)
    return alike or canonical(one) == canonical(other)


def digest(element: _Element) -> str:
    """Return 12 hex digits for what was configured, leaving out what is set at run time.

    Left out are the description (it carries the digest), the runtime switches, and nvpair
    sets that are not the resource's own (see `own_set`).
    """
    named = attributes(element)
    named.pop("description", None)
    spelling = spelled(element, named, configured)
    return hashlib.sha256(spelling.encode()).hexdigest()[:DIGEST_LENGTH]


def own_set(nvpairs: _Element) -> bool:
    """Whether an nvpair set bears the id its owner gives it: ``web1-meta_attributes`` in web1."""
    owner = nvpairs.getparent()
    return owner is not None and nvpairs.get("id") == f"{owner.get('id')}-{nvpairs.tag}"


def configured(child: _Element) -> bool:
    if child.tag == "nvpair":
        return not runtime_switch(child)
    if child.tag in NVPAIR_SETS:
        return own_set(child) and any(configured(pair) for pair in elements(child))
    return True


def runtime_switch(nvpair: _Element) -> bool:
    """Whether ``nvpair`` is what an operator flips on a running cluster: never configuration."""
    parent = nvpair.getparent()
    return (
        parent is not None
        and parent.tag == "meta_attributes"
        and nvpair.get("name") in RUNTIME_SWITCHES
    )


def elements(parent: _Element) -> Iterator[_Element]:
    """Yield the child elements, without comments and processing instructions."""
    return parent.iterchildren("*")


def everything(_child: _Element) -> bool:
    return True


def attributes(element: _Element) -> dict[str, str]:
    return {str(name): str(value) for name, value in element.items()}


def spelled(element: _Element, named: dict[str, str], wanted: Callable[[_Element], bool]) -> str:
    spelling = "".join(f" {name}={quoteattr(named[name])}" for name in sorted(named))
    text = escape((element.text or "").strip())
    children = in_order(element.tag, filter(wanted, elements(element)))
    inside = "".join(spelled(child, attributes(child), wanted) for child in children)
    return f"<{element.tag}{spelling}>{text}{inside}</{element.tag}>"


def in_order(parent: str, children: Iterable[_Element]) -> list[_Element]:
    if parent in ORDERED:
        return sorted(children, key=lambda child: child.tag)
    return sorted(
        children, key=lambda child: (child.tag, child.get("id", ""), child.get("name", ""))
    )
