"""Chains of what is on one node at a time: each is placed with one before it, so that all meet.

Placed with two things that went different ways before, a resource runs nowhere. So whatever has to
meet, over all users and all that it lies on, is one chain; it says nothing of starts and stops.
What most use comes first. Each is placed with what all of its users use too, so that it harms
nobody but them (`hactl.derive.storage.meets`).
"""

from __future__ import annotations

from collections.abc import Iterator

from hactl.derive.addresses import address_id
from hactl.derive.needs import Survey
from hactl.derive.storage import alone, beneath, foundations, is_alone, is_run
from hactl.topology.schema.document import Document


def chains(document: Document, survey: Survey) -> dict[str, tuple[str, ...]]:
    """Return for each storage on one node at a time its chain, from what is placed first."""
    found: dict[str, tuple[str, ...]] = {}
    for row in rows(document, survey):
        merged = tuple(dict.fromkeys(each for one in row for each in found.get(one, (one,))))
        if merged != found.get(row[0]):
            found |= dict.fromkeys(merged, merged)
    ordered = {chain: by_users(survey, chain) for chain in set(found.values())}
    return {name: ordered[chain] for name, chain in found.items()}


def by_users(survey: Survey, chain: tuple[str, ...]) -> tuple[str, ...]:
    """Return a chain with what most use first; what lies on something has no more users than it."""
    return tuple(sorted(chain, key=lambda name: -len(survey.users.get(name, ()))))


def users(document: Document, survey: Survey) -> dict[str, frozenset[str]]:
    """Return who uses each storage that is on one node at a time, itself or what lies on it."""
    found: dict[str, set[str]] = {
        name: set()
        for name in document.storage
        if is_run(document, survey, name) and is_alone(document, survey, name)
    }
    for user, needed in survey.needs.items():
        for name in beneath(document, survey, needed.storage):
            found[name].add(user)
    return {name: frozenset(them) for name, them in found.items()}


def rows(document: Document, survey: Survey) -> Iterator[list[str]]:
    """Yield what has to meet: first what lies on what, then what is used together."""
    for name in document.storage:
        if is_run(document, survey, name) and is_alone(document, survey, name):
            yield [*alone(document, survey, foundations(document, name)), name]
    for needed in survey.needs.values():
        if used := alone(document, survey, needed.storage):
            yield used


def foot(document: Document, survey: Survey, name: str, other: str) -> str:
    """Return what decides where ``name`` goes, to be kept together with or apart from ``other``.

    That is what is placed first of all that moves with it, unless ``other`` moves with it too.
    """
    own = chain_of(document, survey, name)
    if own and own == chain_of(document, survey, other):
        return name
    has_address = name in document.containers and document.containers[name].address
    return own[0] if own else address_id(name) if has_address else name


def chain_of(document: Document, survey: Survey, name: str) -> tuple[str, ...]:
    used = alone(document, survey, survey.needs[name].storage)
    return survey.chains[used[0]] if used else ()
