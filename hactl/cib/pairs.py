"""Nvpairs of hactl's own outside resources: each id vouches for its name and value."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree
from lxml.etree import _Element

from hactl.cib.ownership import sealed


def add_pairs(nvset: _Element, id_: str, values: Mapping[str, str]) -> None:
    """Add an nvpair for each of ``values``; their ids begin with ``id_`` and the name."""
    for name, value in values.items():
        sealed_id = sealed(f"{id_}{name}", name, value)
        etree.SubElement(nvset, "nvpair", id=sealed_id, name=name, value=value)
