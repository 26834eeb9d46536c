"""What a plain YAML scalar means: YAML 1.2's own types, and none of 1.1's surprises.

A number keeps its spelling: ``010`` and ``3.10`` would come back as something else, so they stay
text, and a field that wants a number says so. ``no``, ``on``, ``0x10``, ``1:30``, ``2026-01-01``,
``.inf`` and an unquoted MAC address are text as well.
"""

from __future__ import annotations

import re

Scalar = str | int | float | bool | None

INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,30})")
DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,15})\.[0-9]{1,15}")
WORDS: dict[str, Scalar] = {"true": True, "false": False, "null": None, "~": None, "": None}


def plain(text: str) -> Scalar:
    """Return the value of an unquoted scalar."""
    if text in WORDS:
        return WORDS[text]
    if INTEGER.fullmatch(text):
        return int(text)
    if DECIMAL.fullmatch(text):
        number = float(text)
        return number if repr(number) == text else text
    return text
