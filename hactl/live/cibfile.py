"""Reads a CIB from bytes or a file: refuses what is none, and what only pretends to be."""

from __future__ import annotations

import bz2
from pathlib import Path

from lxml import etree
from lxml.etree import _Element

from hactl.errors import ClusterError

# A CIB of 2000 guests has 40 MB. It holds no entity, and must not reach out to anything.
LIMIT = 512 << 20


def read(path: Path) -> _Element:
    """Return the ``<cib>`` in a file, also in one of Pacemaker's ``pe-input-*.bz2``.

    Raises ClusterError where there is no such file, or no CIB in it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LIMIT + 1)
        if data.startswith(b"BZh"):
            data = bz2.BZ2Decompressor().decompress(data, LIMIT + 1)
    except OSError as problem:
        raise ClusterError(f"{path}: {(problem.strerror or str(problem)).lower()}") from None
    if len(data) > LIMIT:
        raise ClusterError(f"{path}: larger than any CIB")
    return parse(data, str(path))


def parse(data: bytes, name: str) -> _Element:
    """Return the ``<cib>`` in ``data``; ``name`` says where it came from."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=True, remove_blank_text=True
    )
    try:
        cib = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as problem:
        where = f":{problem.lineno}" if problem.lineno else ""
        what = "the file is empty" if not data.strip() else str(problem.msg)
        raise ClusterError(f"{name}{where}: no CIB: {what}") from None
    if cib.tag != "cib" or cib.find("configuration") is None:
        raise ClusterError(
            f"{name}: no CIB: it begins with <{cib.tag}>",
            "a CIB comes from `cibadmin --query` or `hactl render`",
        )
    return cib
