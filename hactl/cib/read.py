"""What a CIB says of a resource, with what it inherits; for all who read and change nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lxml.etree import _Element

RESOURCES = frozenset({"primitive", "group", "clone", "master", "bundle"})


def meta(element: _Element) -> dict[str, str]:
    """Return the meta attributes that stand in ``element`` itself; the first of a name counts."""
    return first(element.iterfind("meta_attributes/nvpair"))


def effective_meta(cib: _Element, resource: _Element) -> dict[str, str]:
    """Return the meta attributes that hold for ``resource``, a part of the whole ``<cib>``.

    Its own come first, then its template's, those of what it is in, and the cluster's defaults.
    """
    found = dict(first(cib.iterfind("configuration/rsc_defaults/meta_attributes/nvpair")))
    for element in reversed(list(sources(cib, resource))):
        found |= meta(element)
    return found


def properties(cib: _Element) -> dict[str, str]:
    """Return the cluster properties; of several sets Pacemaker takes the first that has one."""
    return first(property_pairs(cib))


def property_pairs(cib: _Element) -> Iterator[_Element]:
    """Yield every cluster property, each where it stands."""
    yield from cib.iterfind("configuration/crm_config//nvpair")


def all_primitives(cib: _Element) -> Iterator[_Element]:
    """Yield the primitives of a CIB, also those in groups, clones and bundles."""
    yield from cib.iterfind("configuration/resources//primitive")


def sources(cib: _Element, resource: _Element) -> Iterator[_Element]:
    yield resource
    if name := resource.get("template"):
        templates = cib.iterfind("configuration/resources/template")
        yield from (template for template in templates if template.get("id") == name)
    yield from resource.iterancestors(*RESOURCES)


def first(nvpairs: Iterable[_Element]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in nvpairs:
        found.setdefault(pair.get("name", ""), pair.get("value", ""))
    return found
