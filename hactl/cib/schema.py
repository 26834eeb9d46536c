"""Which CIB schema there is and whether a configuration obeys it: reads Pacemaker's RelaxNG."""

from __future__ import annotations

import re
from copy import deepcopy
from functools import cache
from pathlib import Path

from lxml import etree
from lxml.etree import _Element

from hactl.cib.canonical import attributes
from hactl.errors import ClusterError

SCHEMAS = Path("/usr/share/pacemaker")
NAME = re.compile(r"pacemaker-(\d+)\.(\d+)")


class SchemaTooNew(ClusterError):
    """The CIB is written for a newer Pacemaker than the tools on this machine."""


class Invalid(ClusterError):
    """The configuration breaks the schema of its CIB."""


def check(cib: _Element, schemas: Path = SCHEMAS, before: _Element | None = None) -> None:
    """Validate ``cib`` against the schema it names, without its status.

    ``before`` is what it is made from: if that breaks the schema already, that is said.

    Raises SchemaTooNew where the tools here do not have that schema, Invalid where the
    configuration breaks it. A CIB that switched validation off (``none``) passes.
    """
    name = cib.get("validate-with", "")
    refuse_newer(cib, schemas)
    if not NAME.fullmatch(name):
        return
    relaxng = loaded(schemas / f"{name}.rng")
    if relaxng.validate(without_status(cib)):
        return
    said = complaint(relaxng)
    if before is not None:
        refuse_broken(before, relaxng, name)
    raise Invalid(
        f"the configuration would break the CIB schema {name}: {said}",
        "look for the key in the topology that this comes from, most likely in `raw`",
    )


def refuse_broken(before: _Element, relaxng: etree.RelaxNG, name: str) -> None:
    """Raise Invalid where a CIB breaks its schema as it is, whatever we would make of it."""
    if not relaxng.validate(without_status(before)):
        raise Invalid(
            f"the CIB breaks its own schema {name}: {complaint(relaxng)}",
            "mend that first; `crm_verify` says where",
        )


def refuse_newer(cib: _Element, schemas: Path = SCHEMAS) -> None:
    """Raise SchemaTooNew if the tools on this machine cannot know what ``cib`` means."""
    name = cib.get("validate-with", "")
    version = version_of(name)
    newest = max(known(schemas), default=None)
    if newest is None:
        raise ClusterError(
            f"no CIB schema found in {schemas}", "install Pacemaker's command line tools"
        )
    if version is not None and version > newest:
        raise SchemaTooNew(
            f"CIB schema newer than the tools: the CIB says {name}, "
            f"the tools here know up to pacemaker-{newest[0]}.{newest[1]}",
            "run hactl on a node of the cluster, or upgrade Pacemaker here",
        )


def known(schemas: Path = SCHEMAS) -> set[tuple[int, int]]:
    """Return the schema versions installed in ``schemas``."""
    versions = (version_of(path.stem) for path in schemas.glob("pacemaker-*.rng"))
    return {version for version in versions if version is not None}


def version_of(name: str) -> tuple[int, int] | None:
    found = NAME.fullmatch(name)
    return (int(found[1]), int(found[2])) if found else None


@cache
def loaded(path: Path) -> etree.RelaxNG:
    return etree.RelaxNG(etree.parse(path))


def without_status(cib: _Element) -> _Element:
    configuration = cib.find("configuration")
    bare = etree.Element("cib", attributes(cib))
    if configuration is not None:
        bare.append(deepcopy(configuration))
    return bare


def complaint(relaxng: etree.RelaxNG) -> str:
    """Return what the validator says first: the rest are consequences of it."""
    entries = list(relaxng.error_log)
    return str(entries[0].message) if entries else "no reason given"
