"""Checks a document against a JSON schema: the part of the language our contracts use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

REFERENCE = Path(__file__).resolve().parents[2] / "docs/reference"
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


def violations(document: Any, contract: str) -> list[str]:
    """Return where ``document`` breaks docs/reference/``contract``, with the path."""
    schema = json.loads((REFERENCE / contract).read_text())
    return list(broken(document, schema, schema, "$"))


def broken(value: Any, rule: dict[str, Any], root: dict[str, Any], path: str) -> list[str]:
    if "$ref" in rule:
        rule = root["$defs"][rule["$ref"].rpartition("/")[2]]
    if "enum" in rule and value not in rule["enum"]:
        return [f"{path}: {value!r} is none of {rule['enum']}"]
    names = [rule["type"]] if isinstance(rule.get("type"), str) else rule.get("type", [])
    if names and not any(fits(value, name) for name in names):
        return [f"{path}: {value!r} is not a {' or '.join(names)}"]
    if isinstance(value, dict):
        return in_object(value, rule, root, path)
    if isinstance(value, list) and "items" in rule:
        items = enumerate(value)
        return [b for n, item in items for b in broken(item, rule["items"], root, f"{path}[{n}]")]
    return []


def fits(value: Any, name: str) -> bool:
    figure = name in ("integer", "number")
    return isinstance(value, TYPES[name]) and not (figure and isinstance(value, bool))


def in_object(
    value: dict[str, Any], rule: dict[str, Any], root: dict[str, Any], path: str
) -> list[str]:
    known = rule.get("properties", {})
    found = [f"{path}: {name} is missing" for name in rule.get("required", []) if name not in value]
    for name, inner in value.items():
        if name in known:
            found += broken(inner, known[name], root, f"{path}.{name}")
        elif rule.get("additionalProperties") is False:
            found.append(f"{path}: {name} is not in the contract")
    return found
