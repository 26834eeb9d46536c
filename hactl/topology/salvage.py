"""What is still worth checking in a file with faults: the document without what is wrong in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import ValidationError

from hactl.topology.schema.document import Document
from hactl.topology.yaml.positions import Step

ROUNDS = 4

Path = tuple[Step, ...]


def salvage(value: dict[str, Any], faults: Iterable[Path]) -> tuple[Document | None, list[Path]]:
    """Return a document without the keys at ``faults``, and the paths that had to go.

    What cannot do without a key goes with it. None if nothing useful is left.
    """
    gone: list[Path] = []
    wanted = list(faults)
    for _ in range(ROUNDS):
        for path in wanted:
            cut = cut_at(path)
            if not cut:
                return None, gone
            value = without(value, cut)
            gone.append(cut)
        try:
            return Document.model_validate(value), gone
        except ValidationError as exc:
            # Only what is missing now: a key that went was needed, so its owner goes too.
            wanted = [above(value, error) for error in exc.errors(include_url=False)]
    return None, gone


def cut_at(path: Sequence[Step]) -> Path:
    """Return the key to remove: a list goes as a whole, or the places of the others would shift."""
    for index, step in enumerate(path):
        if isinstance(step, int):
            return tuple(path[:index])
    return tuple(path)


def above(value: dict[str, Any], error: Any) -> Path:
    """Return what goes because something in it is missing.

    Steps that are not in the value, such as the kind of a storage, are pydantic's.
    """
    # A mapping that lost its kind is itself what the error names.
    loc = error["loc"] if error["type"] == "union_tag_not_found" else error["loc"][:-1]
    found: list[Step] = []
    place: Any = value
    for step in loc:
        if isinstance(step, int):
            return tuple(found[:-1])
        if isinstance(place, dict) and isinstance(place.get(step), dict | list):
            place = place[step]
            found.append(step)
    return tuple(found)


def without(value: dict[str, Any], path: Sequence[Step]) -> dict[str, Any]:
    """Return a copy without the key at ``path``; what the copy shares with it is not changed."""
    key, *rest = path
    if key not in value:
        return value
    copy = dict(value)
    inner = copy[str(key)]
    if rest and isinstance(inner, dict):
        copy[str(key)] = without(inner, rest)
    else:
        del copy[str(key)]
    return copy
