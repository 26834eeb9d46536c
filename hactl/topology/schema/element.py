"""An element of the CIB in the text of a topology: well-formed, with an id, where it may stand."""

from __future__ import annotations

from typing import Annotated

from lxml import etree

from hactl.model.kept import TAGS
from hactl.topology.checked import Checked, wrong
from hactl.topology.units import shown

MAX_BYTES = 4 << 20


def check_element(value: object) -> str:
    """Read one XML element with an id."""
    if not isinstance(value, str):
        raise wrong(f"{shown(value)} is not text", "write one element of the CIB")
    if len(value) > MAX_BYTES:
        raise wrong("is longer than 4 MiB", "an element of a CIB is shorter")
    if "<!" in value:
        raise wrong("contains a declaration or a comment", "write the element alone")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        element = etree.fromstring(value, parser)
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise wrong(f"is not XML: {exc}", "copy the element from `cibadmin --query`") from None
    if not element.get("id"):
        raise wrong(f"<{element.tag}> has no id", "copy the element from `cibadmin --query`")
    return value


def refuse_misplaced(section: str, node: str | None, xml: str) -> None:
    """Raise `wrong` where the element does not stand in this section, or a node is missing."""
    tag = str(etree.fromstring(xml).tag)
    if tag not in TAGS[section]:
        known = ", ".join(sorted(TAGS[section]))
        raise wrong(f"<{tag}> does not stand in the section {section}", f"there: {known}")
    if (section == "nodes") != (node is not None):
        hint = "name it: node: node1" if section == "nodes" else "remove node:"
        raise wrong("node: is for the section nodes, and needed there", hint)


Element = Annotated[str, Checked(check_element, {"type": "string", "pattern": "^\\s*<"})]
