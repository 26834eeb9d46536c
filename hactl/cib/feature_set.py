"""Which Pacemaker a CIB was written by: its feature set, compared with that of the tools here.

Pacemaker's tools do not write to a CIB whose feature set is newer than their own, and up to 2.1
they make no patch with a version for one that has none.
"""

from __future__ import annotations

import re

from lxml.etree import _Element

from hactl.errors import ClusterError

ATTRIBUTE = "crm_feature_set"
NUMBERS = re.compile(r"\d{1,6}(\.\d{1,6}){1,3}")


class ForeignFeatureSet(ClusterError):
    """The tools on this machine cannot write to this CIB."""


def refuse_foreign(cib: _Element, tools: str, name: str) -> None:
    """Raise ForeignFeatureSet unless tools with feature set ``tools`` can write to ``cib``.

    ``name`` is where the CIB came from. Nothing is refused where the tools do not tell theirs.
    """
    theirs = cib.get(ATTRIBUTE, "")
    if not NUMBERS.fullmatch(theirs):
        said = f"says {ATTRIBUTE}={theirs!r}" if theirs else f"has no {ATTRIBUTE}"
        raise ForeignFeatureSet(
            f"{name}: its <cib> {said}, so nothing can be written to it safely",
            f'write {ATTRIBUTE}="{tools}" into <cib>, or take the CIB from `cibadmin --query`',
        )
    if NUMBERS.fullmatch(tools) and numbers(theirs) > numbers(tools):
        raise ForeignFeatureSet(
            f"{name}: its feature set {theirs} is newer than {tools} of Pacemaker's tools here, "
            "which write to no such CIB",
            "run hactl where the newer Pacemaker is, or upgrade it here",
        )


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
