"""Elements of a CIB -> entries of ``raw``, to the letter; says what stays where it is, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree
from lxml.etree import _Element

from hactl.cib.kept import LEDGER, bare, masked
from hactl.cib.moves import MOVES
from hactl.cib.options import PROPERTY_SET
from hactl.existing.handover import handover
from hactl.model.kept import TAGS
from hactl.model.secret import STAYS_IN_CIB
from hactl.topology.yaml.write import Block, Said, document

# What an operator flips on a node with the cluster running.
NODE_SWITCHES = frozenset({"standby", "maintenance", "terminate", "shutdown"})


@dataclass(frozen=True, slots=True)
class Left:
    """Something that stays in the cluster as it is, under nobody's hand: ``what``, and ``why``."""

    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


def raw_items(configuration: _Element) -> tuple[list[Said], list[Left]]:
    """Return the entries of ``raw``, in the order of the CIB, and what cannot be one."""
    items: list[Said] = []
    left: list[Left] = []
    for section, node, element in candidates(configuration):
        reason = why_not(section, element)
        if reason:
            left.append(Left(called(element, node), reason))
        elif element.get("id") not in (PROPERTY_SET, LEDGER):
            items.append(as_item(section, node, element))
    return items, left


def candidates(configuration: _Element) -> Iterator[tuple[str, str, _Element]]:
    """Yield what stands in a section, with the section and the node it is about, if it is."""
    for section in configuration.iterchildren("*"):
        if section.tag == "nodes":
            for node in section.iterchildren("node"):
                for nvset in node.iterchildren("*"):
                    yield "nodes", node.get("uname", ""), nvset
        else:
            yield from ((str(section.tag), "", element) for element in section.iterchildren("*"))


def why_not(section: str, element: _Element) -> str:
    """Return why an element is not for a file; nothing where it is."""
    if section not in TAGS or element.tag not in TAGS[section]:
        return "this hactl does not know such an element"
    if not element.get("id"):
        return "it has no id"
    if element.get("id", "").startswith(tuple(MOVES)):
        return "it was left by a move or a ban; `pcs resource clear` lifts it"
    owner = element.getparent()
    if section == "nodes" and owner is not None and owner.get("type") in ("remote", "ping"):
        return "Pacemaker keeps such a node itself"
    if section == "nodes" and NODE_SWITCHES & {pair.get("name") for pair in element.iter("nvpair")}:
        return "what is switched while the cluster runs stands in it, too"
    return ""


def entry_for(element: _Element) -> str:
    """Return the entry of ``raw`` for an element of a CIB, as it stands in a file."""
    holder = element.getparent()
    above = None if holder is None else holder.getparent()
    at_node = holder is not None and holder.tag == "node" and above is not None
    section = above if at_node else holder
    node = holder.get("uname", "") if at_node and holder is not None else ""
    where = "" if section is None else str(section.tag)
    return document({"raw": [as_item(where, node, element)]})


def called(element: _Element, node: str) -> str:
    name = element.get("id") or element.get("id-ref") or ""
    return f"{element.tag} {name}".strip() + (f" of {node}" if node else "")


def as_item(section: str, node: str, element: _Element) -> Said:
    copy = bare(element)
    for comment in list(copy.iter(etree.Comment, etree.ProcessingInstruction)):
        parent = comment.getparent()
        if parent is not None:
            parent.remove(comment)
    where = {"node": node} if node else {}
    value = {"kind": "xml", "section": section, **where, "xml": Block(spelled(copy))}
    return Said(value, (*notes(copy), *handover(copy)))


def spelled(element: _Element) -> str:
    """Return an element in lines of ASCII; what else is in it is written by its number."""
    return etree.tostring(element, encoding="us-ascii", pretty_print=True).decode().strip()


def notes(element: _Element) -> Iterator[str]:
    names = [part.get("name") or str(part.tag) for part in masked(element)]
    if names:
        yield f"{', '.join(names)}: stays in the CIB; {STAYS_IN_CIB} stands for it"
