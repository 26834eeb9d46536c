"""Meta attributes that Pacemaker does not know, or with values that it does not take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hactl.errors import Problem
from hactl.lint.option_values import FREE, META, complaint
from hactl.lint.subject import Subject
from hactl.suggest import did_you_mean
from hactl.topology.load import Topology
from hactl.topology.schema.raw import RawGroup, RawPrimitive, raw_members
from hactl.topology.yaml.positions import Step

Place = tuple[Step, ...]


def meta_attributes(subject: Subject) -> Iterator[Problem]:
    """Every meta attribute has a name that Pacemaker knows and a value that it takes."""
    for path, given in written(subject.topology):
        for name, value in given.items():
            yield from attribute(subject.topology, (*path, name), name, value)


def written(topology: Topology) -> Iterator[tuple[Place, Mapping[str, str]]]:
    for section in ("guests", "containers", "gateways"):
        for name, entry in getattr(topology.document, section).items():
            if meta := getattr(entry, "meta", None):
                yield (section, name, "meta"), meta
    for index, item in enumerate(topology.document.raw):
        if isinstance(item, RawPrimitive | RawGroup):
            yield ("raw", index, "clone_meta"), item.clone_meta
        if isinstance(item, RawGroup):
            yield ("raw", index, "meta"), item.meta
        for place, member in raw_members(item):
            yield ("raw", index, *place, "meta"), member.meta


def attribute(topology: Topology, path: Place, name: str, value: str) -> Iterator[Problem]:
    if name in META:
        if wrong := complaint(META[name], value):
            yield topology.problem(path, *wrong)
    elif name not in FREE:
        yield topology.warning(
            path,
            "is not a meta attribute this hactl knows; Pacemaker ignores unknown ones silently",
            did_you_mean(name, [*META, *FREE], "check its name"),
        )
