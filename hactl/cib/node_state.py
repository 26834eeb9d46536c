"""Membership of a node as the status section of a CIB has it."""

from __future__ import annotations

from lxml import etree
from lxml.etree import _Element

ONLINE = {"in_ccm": "true", "crmd": "online", "join": "member", "expected": "member"}


def online(node_id: str, name: str) -> _Element:
    """Return the state of a node that is a working member, without any history."""
    return etree.Element("node_state", {"id": node_id, "uname": name} | ONLINE)


def is_member(state: _Element) -> bool:
    """Whether a node takes part; Pacemaker 2 writes words here, Pacemaker 3 times."""
    in_ccm = state.get("in_ccm", "false") not in ("false", "0")
    return in_ccm and state.get("crmd", "offline") not in ("offline", "0")
