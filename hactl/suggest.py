"""What a misspelled name may have been meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """Return ``did you mean 'x'?`` for the nearest known word, or else ``otherwise``."""
    names = list(known)
    folded = {name.lower(): name for name in names}
    close = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    return f"did you mean {folded[close[0]]!r}?" if close else otherwise


def one_of(known: Iterable[str], limit: int = 8) -> str:
    """Return the known words as a list to choose from, not longer than ``limit``."""
    names = list(known)
    listed = ", ".join(names[:limit])
    return listed + (", ..." if len(names) > limit else "")
