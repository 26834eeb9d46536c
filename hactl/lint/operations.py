"""Operations in Pacemaker's own words: those that Pacemaker knows."""

from __future__ import annotations

from collections.abc import Iterator

from hactl.errors import Problem
from hactl.lint.subject import Subject
from hactl.suggest import did_you_mean
from hactl.topology.schema.raw import raw_members

KNOWN = (
    "start", "stop", "monitor", "promote", "demote", "notify", "reload", "reload-agent",
    "migrate_to", "migrate_from", "validate-all", "meta-data",
)  # fmt: skip


def operations(subject: Subject) -> Iterator[Problem]:
    """Pacemaker ignores an operation of a name that it does not call, without a word."""
    topology = subject.topology
    for index, item in enumerate(topology.document.raw):
        for place, member in raw_members(item):
            for number, operation in enumerate(member.operations):
                if operation.name not in KNOWN:
                    yield topology.warning(
                        ("raw", index, *place, "operations", number, "name"),
                        f"{operation.name} is not an operation that Pacemaker calls",
                        did_you_mean(operation.name, KNOWN, "check its name"),
                    )
