"""A topology as plain values -> a file of it, with the XML of `raw` in lines."""

from __future__ import annotations

from typing import Any

import yaml


class Lines(yaml.SafeDumper):
    """Writes text of several lines as a block."""


def in_lines(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Lines.add_representer(str, in_lines)


def dumped(topology: dict[str, Any]) -> str:
    return yaml.dump(topology, Dumper=Lines, sort_keys=False)
