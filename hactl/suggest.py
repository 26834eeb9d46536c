"""What a misspelled name may have been meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """Return ``did you mean 'x'?`` for the nearest known word, or else ``otherwise``."""
    close = closest(word, known)
    return f"did you mean {close!r}?" if close else otherwise


def closest(word: str, known: Iterable[str]) -> str:
    """Return the known word that is most like ``word``, in any case of letters; '' if none is."""
    folded = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else ""


def one_of(known: Iterable[str], limit: int = 8) -> str:
    """Return the known words as a list to choose from, not longer than ``limit``."""
    names = list(known)
    listed = ", ".join(names[:limit])
    return listed + (", ..." if len(names) > limit else "")
