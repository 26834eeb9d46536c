"""The JSON schema of the topology file: for editors, for the reference page, for suggestions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from hactl.topology import units
from hactl.topology.schema.document import Document
from hactl.topology.yaml.positions import Step

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@cache
def json_schema() -> dict[str, Any]:
    """Return the schema in the words of the file: no internal values, no titles."""
    schema: dict[str, Any] = tidy(Document.model_json_schema(by_alias=True))
    return {"$schema": DIALECT, "title": "hactl topology"} | schema


def tidy(node: Any) -> Any:
    if isinstance(node, list):
        return [tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    found = {
        key: tidy(value)
        for key, value in node.items()
        if not (key == "title" and isinstance(value, str))
    }
    return as_written(optional(found))


def optional(node: dict[str, Any]) -> dict[str, Any]:
    """Say "may be left out" by leaving it out of what is required, and not by null."""
    options = [option for option in node.get("anyOf", []) if option != {"type": "null"}]
    if len(options) == len(node.get("anyOf", [])):
        return node
    rest = {key: value for key, value in node.items() if key not in ("anyOf", "default")}
    return rest | (options[0] if len(options) == 1 else {"anyOf": options})


def as_written(node: dict[str, Any]) -> dict[str, Any]:
    """Spell a default as an operator would; an empty one says nothing."""
    default = node.get("default")
    if isinstance(default, dict | list) or default is None:
        return {key: value for key, value in node.items() if key != "default"}
    spell = SPELLINGS.get(node.get("pattern", ""))
    return node | {"default": spell(default)} if spell and isinstance(default, int) else node


SPELLINGS = {
    units.TIME_PATTERN: units.as_time,
    units.TIME_PATTERN_ABOVE_0: units.as_time,
    units.SIZE_PATTERN: units.as_size,
}


def keys_at(path: Sequence[Step], kinds: Sequence[Step] = ()) -> list[str]:
    """Return the keys that a mapping at ``path`` may have; none where any key may stand.

    Of mappings that come in kinds, only those of one of ``kinds`` count, if any is given.
    """
    keys: dict[str, None] = {}
    for option in options_at(path):
        if not kinds or kind_of(option) in (None, *kinds):
            keys.update(dict.fromkeys(option.get("properties", {})))
    return list(keys)


def kinds_at(path: Sequence[Step]) -> list[str]:
    """Return the kinds that a mapping at ``path`` comes in."""
    return [kind for option in options_at(path) if (kind := kind_of(option))]


def kind_of(option: dict[str, Any]) -> str | None:
    kind = option.get("properties", {}).get("kind", {})
    found: str | None = kind.get("const")
    return found


def options_at(path: Sequence[Step]) -> Iterator[dict[str, Any]]:
    schema = json_schema()
    candidates = [schema]
    for step in path:
        candidates = [below for node in candidates for below in inside(schema, node, step)]
    for node in candidates:
        yield from resolved(schema, node)


def inside(root: dict[str, Any], node: dict[str, Any], step: Step) -> Iterator[dict[str, Any]]:
    for option in resolved(root, node):
        if isinstance(step, int):
            items = option.get("items")
            if isinstance(items, dict):
                yield items
            continue
        if step in option.get("properties", {}):
            yield option["properties"][step]
        elif isinstance(option.get("additionalProperties"), dict):
            yield option["additionalProperties"]
        yield from option.get("patternProperties", {}).values()


def resolved(root: dict[str, Any], node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a schema with its references followed and its alternatives laid out."""
    if "$ref" in node:
        yield from resolved(root, root["$defs"][node["$ref"].rsplit("/", 1)[1]])
        return
    for alternative in node.get("anyOf", node.get("oneOf", [])):
        yield from resolved(root, alternative)
    yield node
