"""Quantities with their unit written out: times, sizes, rates and cores."""

from __future__ import annotations

import re
from collections.abc import Iterable

TIMES = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
SIZES = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
BIT_RATES = {"kbit/s": 1000, "Mbit/s": 10**6, "Gbit/s": 10**9}

TIME_PATTERN = r"^(0|[1-9][0-9]{0,8})(ms|s|min|h|d)$"
TIME_PATTERN_ABOVE_0 = r"^[1-9][0-9]{0,8}(ms|s|min|h|d)$"
SIZE_PATTERN = r"^[1-9][0-9]{0,8}(KiB|MiB|GiB|TiB)$"
BIT_RATE_PATTERN = r"^[1-9][0-9]{0,8}(kbit|Mbit|Gbit)/s$"
RATE_PATTERN = r"^[1-9][0-9]{0,8}(MiB|GiB)/s$"

QUANTITY = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?)\s*([A-Za-zµ/]*)")
MISSPELLED_TIMES = {"sec": "s", "secs": "s", "m": "min", "mins": "min", "hr": "h", "msec": "ms"}
MISSPELLED_SIZES = {"K": "KiB", "M": "MiB", "G": "GiB", "T": "TiB"}


class BadUnit(ValueError):
    """A quantity that cannot be read; carries what is wrong and how to write it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def milliseconds(value: object) -> int:
    """Read ``30s``, ``500ms``, ``5min``, ``1h`` or ``1d`` in milliseconds."""
    return quantity(value, TIME_PATTERN, TIMES, "time", "30s", MISSPELLED_TIMES)


def size(value: object) -> int:
    """Read ``512MiB``, ``4GiB`` ... in bytes."""
    return quantity(value, SIZE_PATTERN, SIZES, "size", "4GiB", MISSPELLED_SIZES)


def rate(value: object) -> int:
    """Read ``100MiB/s`` or ``1GiB/s`` in bytes a second."""
    rates = {f"{unit}/s": factor for unit, factor in SIZES.items()}
    return quantity(value, RATE_PATTERN, rates, "rate", "100MiB/s", {})


def bit_rate(value: object) -> int:
    """Read ``100Mbit/s`` or ``1Gbit/s`` in bits a second, which networks count in thousands."""
    return quantity(value, BIT_RATE_PATTERN, BIT_RATES, "rate", "1Gbit/s", {})


def quantity(
    value: object,
    pattern: str,
    units: dict[str, int],
    what: str,
    example: str,
    misspelled: dict[str, str],
) -> int:
    if isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII):
        number = value.rstrip("abcdefghijklmnopqrstuvwxyzKMGTB/")
        return int(number) * units[value[len(number) :]]
    raise BadUnit(f"{shown(value)} is not a {what}", guess(value, units, example, misspelled))


def guess(value: object, units: dict[str, int], example: str, misspelled: dict[str, str]) -> str:
    """Return how the value may have been meant, or else an example."""
    found = QUANTITY.fullmatch(shown(value).strip("'"))
    if not found or found[1].startswith("-") or "." in found[1] or len(found[1]) > 9:
        return f"write a whole number and its unit, like {example}"
    number, unit = found[1], found[2]
    if not unit:
        return f"write the unit: {' or '.join(number + name for name in list(units)[1:3])}"
    stem = unit.removesuffix("b").removesuffix("B").removesuffix("i").upper()
    if unit in units:
        return f"write {int(number)}{unit}" if int(number) else f"write more, like {example}"
    known = misspelled.get(unit.lower()) or misspelled.get(stem) or lower(units).get(unit.lower())
    if known:
        return f"write {number}{known}"
    return f"write it with one of {', '.join(units)}, like {example}"


def lower(names: Iterable[str]) -> dict[str, str]:
    return {name.lower(): name for name in names}


def shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        quoted = repr(value[:60])
        return quoted if len(value) <= 60 and len(quoted) <= 80 else quoted[:58] + "...'"
    if isinstance(value, int | float):
        return str(value)[:60]
    if value is None:
        return "nothing"
    return "a mapping" if isinstance(value, dict) else "a list"


def as_size(size: int) -> str:
    """Spell a size in the largest unit that loses nothing."""
    for unit, factor in reversed(SIZES.items()):
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return f"{size // SIZES['MiB']}MiB"


def as_time(milliseconds: int) -> str:
    """Spell a time in the largest unit that loses nothing, up to minutes."""
    for unit in ("min", "s") if milliseconds else ("s",):
        if milliseconds % TIMES[unit] == 0:
            return f"{milliseconds // TIMES[unit]}{unit}"
    return f"{milliseconds}ms"
