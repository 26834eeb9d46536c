"""Reads a CIB from bytes or a file: refuses what is none, and what only pretends to be."""

from __future__ import annotations

import bz2
import os
import stat
from pathlib import Path

from lxml import etree
from lxml.etree import _Element

from hactl.errors import ClusterError

# A CIB of 2000 guests on 32 nodes has 40 MB, some 400,000 tags and 2 million attributes. It holds
# no entity, and must not reach out to anything.
LIMIT = 128 << 20
TAGS, ATTRIBUTES = 2_000_000, 6_000_000


def read(path: Path) -> _Element:
    """Return the ``<cib>`` in a file, also in one of Pacemaker's ``pe-input-*.bz2``.

    Raises ClusterError where there is no such file, or no CIB in it.
    """
    try:
        data = content(path)
        if data.startswith(b"BZh"):
            data = bz2.BZ2Decompressor().decompress(data, LIMIT + 1)
    except OSError as problem:
        raise ClusterError(f"{path}: {(problem.strerror or str(problem)).lower()}") from None
    return parse(data, str(path))


def content(path: Path) -> bytes:
    """Return what is in a regular file, or enough to see that it is too large. Raises OSError."""
    # Non-blocking, so that a FIFO is told apart from a file instead of waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ClusterError(f"{path}: is not a regular file", "write the CIB to a file")
        return file.read(LIMIT + 1)


def parse(data: bytes, name: str) -> _Element:
    """Return the ``<cib>`` in ``data``; ``name`` says where it came from."""
    if len(data) > LIMIT or data.count(b"<") > TAGS or data.count(b"=") > ATTRIBUTES:
        raise ClusterError(f"{name}: larger than any CIB", "a CIB comes from `cibadmin --query`")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=True, remove_blank_text=True
    )
    try:
        cib = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as problem:
        where = f":{problem.lineno}" if problem.lineno else ""
        what = "the file is empty" if not data.strip() else " ".join(str(problem.msg).split())
        raise ClusterError(f"{name}{where}: no CIB: {what}") from None
    if cib.tag != "cib" or cib.find("configuration") is None:
        raise ClusterError(
            f"{name}: no CIB: it begins with <{cib.tag}>",
            "a CIB comes from `cibadmin --query` or `hactl render`",
        )
    return cib
