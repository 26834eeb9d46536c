"""How Pacemaker reads ``pcmk_host_map``: which node has which plug, and what makes no sense."""

from __future__ import annotations

from collections.abc import Iterator

ENDS = " ;\t"
ESCAPE = "\\"


def host_map(text: str) -> tuple[dict[str, str], list[str]]:
    """Return node -> plug, and the words Pacemaker cannot use.

    A comma does not end a pair: it stands between two plugs of one node. A plug with a colon in it
    has to be written with a backslash before.
    """
    found: dict[str, str] = {}
    odd: list[str] = []
    for word in words(text):
        cut = [place for place, letter in signs(word) if letter in "=:"]
        if len(cut) == 1 and 0 < cut[0] < len(word) - 1 and "," not in word[: cut[0]]:
            found[word[: cut[0]]] = word[cut[0] + 1 :].replace(ESCAPE, "")
        else:
            odd.append(word)
    return found, odd


def words(text: str) -> Iterator[str]:
    begin = 0
    for place, letter in signs(text):
        if letter in ENDS:
            if place > begin:
                yield text[begin:place]
            begin = place + 1
    if begin < len(text):
        yield text[begin:]


def signs(text: str) -> Iterator[tuple[int, str]]:
    """Every letter that is not escaped, with its place."""
    escaped = False
    for place, letter in enumerate(text):
        if not escaped and letter != ESCAPE:
            yield place, letter
        escaped = letter == ESCAPE and not escaped
