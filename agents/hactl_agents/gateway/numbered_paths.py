"""NUMBER=PATH[,KEY=VALUE...]: how a gateway is told what it serves."""

from hactl_agents.declare import numeral, parse_boolean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

LONGEST_SAID = 60  # characters of a word that is quoted


def split(word: str, form: str, first: int, last: int) -> "tuple[int, str, list[str]]":
    """Number, path and KEY=VALUE pairs. Raises ValueError where there is no such number."""
    head, *pairs = word.split(",")
    digits, equals, path = head.partition("=")
    number = numeral(digits, first, last)
    if not equals or number is None or digits != str(number):
        said = repr(word[:LONGEST_SAID])
        raise ValueError(f"has {said}, which is not {form} with a number from {first} to {last}")
    return number, path, pairs


def take(
    pairs: "Iterable[str]", takers: "Mapping[str, Callable[[Any, str], None]]", to: "Any"
) -> None:
    """Give each pair's value to the taker of its key. Raises ValueError."""
    given = set()
    for pair in pairs:
        key, _, value = pair.partition("=")
        if key not in takers or not value or key in given:
            keys = ", ".join(takers)
            raise ValueError(f"has {pair!r}: give each of {keys} once, as KEY=VALUE")
        given.add(key)
        takers[key](to, value)


def flag(key: str, value: str) -> bool:
    try:
        return parse_boolean(value)
    except ValueError as exc:
        raise ValueError(f"has {key}={value}, which {exc}") from None


def refuse_twice(what: str, values: "Iterable[str]") -> None:
    """Raises ValueError where a value other than '' is there twice."""
    seen = set()
    for value in values:
        if value and value in seen:
            raise ValueError(f"names {what} {value} twice")
        seen.add(value)
