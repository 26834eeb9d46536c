"""The reference page of the topology file, made from the schema; knows Markdown, writes no file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hactl.topology import types, units
from hactl.topology.jsonschema import json_schema

Schema = Mapping[str, Any]

INTRODUCTION = """\
# The topology file

*Made from the schema by `scripts/reference`; do not edit.*

One YAML document describes the cluster. `hactl check FILE` tells everything that is wrong with it,
with line and mend; `hactl check --schema` writes its JSON schema. Editors that speak YAML check and
complete while you type if the first line of the file says where the schema is:

```
# yaml-language-server: $schema=docs/reference/topology.schema.json
```

**Names** of networks, storage, guests, containers, gateways and raw resources are their ids in the
CIB: a letter or `_`, then letters, digits, `_`, `-` and `.`. What hactl makes beside them is named
after them: `lan-bridge`, `vms-mount`, `dns1-address`, `san1-gate`, `san1-target`, `bmc-node1`. The
lock managers are `dlm` and `lvmlockd`, Open vSwitch itself is `ovs-vswitchd`. An image that its
guest opens itself (`attach: native`) is not a resource and may be called like the guest.

**Quantities** have their unit: `500ms` `30s` `5min` `1h` `1d`, `512MiB` `4GiB` `1TiB`,
`100MiB/s`, `1Gbit/s`. **Booleans** are `true` and `false`; `yes`, `no`, `on` and `off` are text.
Numbers keep their spelling: `010` and `3.10` are text, and a MAC address needs no quotes.

**Secrets** do not belong in this file, nor in the CIB that it becomes: name a file
(`password_script: FILE`), or use `cibsecret` and write `lrm://`.
"""

KINDS = {
    units.TIME_PATTERN: "time",
    units.TIME_PATTERN_ABOVE_0: "time",
    units.SIZE_PATTERN: "size",
    units.RATE_PATTERN: "rate",
    units.BIT_RATE_PATTERN: "rate",
    types.NAME: "name",
    types.NODE_NAME: "node name",
    types.MAC: "MAC address",
    types.IFNAME: "interface",
    types.AGENT: "agent",
    types.FENCE_AGENT: "fence agent",
    "^/": "path",
    types.DEVICE: "path",
    "/": "address/prefix",
}


def page() -> str:
    """Return the whole page."""
    return "\n".join([INTRODUCTION, *sections(json_schema())])


def sections(schema: Schema) -> Iterator[str]:
    seen: set[str] = set()
    for name, section in schema["properties"].items():
        yield f"## `{name}`\n\n{description(schema, section)}\n"
        yield from entries(schema, section, f"{name}.", seen)


def entries(schema: Schema, node: Schema, path: str, seen: set[str]) -> Iterator[str]:
    """Yield a table for each mapping at ``path`` and below it."""
    for name, definition in definitions(schema, node):
        if name in seen:
            continue
        seen.add(name)
        where, below = place(path, node)
        yield f"### {name}\n\n`{where}`: {definition.get('description', '')}\n"
        yield from table(schema, definition)
        for key, value in definition["properties"].items():
            yield from entries(schema, value, f"{below}{key}.", seen)


def place(path: str, node: Schema) -> tuple[str, str]:
    """Return where a mapping stands, and how the paths of its keys begin."""
    where = path.removesuffix(".")
    if any(key in node for key in ("patternProperties", "additionalProperties")):
        where += ".NAME"
    elif node.get("type") == "array":
        where += "[]"
    return where, where + "."


def definitions(schema: Schema, node: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield the mappings of known keys that a value may be, or hold."""
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[1]
        yield name, schema["$defs"][name]
    for option in (*node.get("anyOf", ()), *node.get("oneOf", ())):
        yield from definitions(schema, option)
    holders = [node.get("items"), node.get("additionalProperties")]
    for held in (*holders, *node.get("patternProperties", {}).values()):
        if isinstance(held, dict):
            yield from definitions(schema, held)


def table(schema: Schema, definition: Schema) -> Iterator[str]:
    required = definition.get("required", ())
    rows = ["| key | type | meaning |", "|---|---|---|"]
    keys = definition["properties"].items()
    for key, value in sorted(keys, key=lambda item: item[0] not in required):
        star = " **(required)**" if key in required else ""
        text = description(schema, value) + default(value)
        rows.append(f"| `{key}`{star} | {kind(schema, value)} | {text} |")
    if definition.get("additionalProperties"):
        rows.append("| *any other* | value | A parameter of the agent. |")
    yield "\n".join(rows) + "\n"


def description(schema: Schema, value: Schema) -> str:
    """Return what a key is for; one that says nothing is what its mapping is."""
    own: str = value.get("description", "")
    for _, definition in definitions(schema, value):
        own = own or definition.get("description", "").partition("\n")[0]
    return own


def default(value: Schema) -> str:
    if "default" not in value:
        return ""
    shown = value["default"]
    return f" Default: `{str(shown).lower() if isinstance(shown, bool) else shown}`."


def kind(schema: Schema, node: Schema) -> str:
    """Return the type of a value in a word or two."""
    if "$ref" in node:
        return linked(node["$ref"].rsplit("/", 1)[1])
    if options := node.get("anyOf") or node.get("oneOf"):
        if any("INFINITY" in option.get("enum", ()) for option in options):
            return "score"
        return " or ".join(dict.fromkeys(kind(schema, option) for option in options))
    if "enum" in node or "const" in node:
        values = node.get("enum") or [node["const"]]
        return ", ".join(f"`{value}`" for value in values)
    if node.get("type") == "array":
        return f"list of {kind(schema, node.get('items', {}))}"
    if node.get("type") == "object":
        return mapping(schema, node)
    return KINDS.get(node.get("pattern", "")) or simple(node)


def mapping(schema: Schema, node: Schema) -> str:
    held = [*node.get("patternProperties", {}).values(), node.get("additionalProperties")]
    inner = next((value for value in held if isinstance(value, dict)), None)
    return f"mapping of {kind(schema, inner)}" if inner else "mapping"


def simple(node: Schema) -> str:
    names = {"integer": "number", "string": "text"}
    found = node.get("type", "value")
    if isinstance(found, list):
        return "value"
    low, high = node.get("minimum"), node.get("maximum")
    span = f" {low} to {high}" if low is not None and high is not None else ""
    return f"{names.get(found, found)}{span}"


def linked(name: str) -> str:
    return f"[{name}](#{name.lower()})"
