"""Membership of a node as the status section of a CIB has it."""

from __future__ import annotations

from lxml import etree
from lxml.etree import _Element

ABSENT = "false"
ONLINE = {"in_ccm": "true", "crmd": "online", "join": "member", "expected": "member"}
# As the controller writes it of a node that was fenced, or has left.
FENCED = {"in_ccm": ABSENT, "crmd": "offline", "join": "down", "expected": "down"}


def online(node_id: str, name: str) -> _Element:
    """Return the state of a node that is a working member, without any history."""
    return etree.Element("node_state", {"id": node_id, "uname": name} | ONLINE)


def is_member(state: _Element) -> bool:
    """Whether a node takes part; Pacemaker 2 writes words here, Pacemaker 3 times."""
    return in_membership(state) and state.get("crmd", "offline") not in ("offline", "0")


def in_membership(state: _Element) -> bool:
    """Whether Corosync has the node, whatever its controller does."""
    return state.get("in_ccm", ABSENT) not in (ABSENT, "0")
