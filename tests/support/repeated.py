"""Passages that stand in two places: runs of lines that are the same to the letter."""

import ast
from collections.abc import Iterator, Mapping

MOST = 6  # lines that two places may share
NOTHING_SAID = frozenset("()[]{},:")

Line = tuple[int, str]


def lines(text: str) -> list[Line]:
    """Return number and text of the lines that say something: no imports, comments, brackets."""
    imports = {
        number
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    stripped = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return [
        (number, line)
        for number, line in stripped
        if number not in imports and not line.startswith("#") and set(line) - NOTHING_SAID
    ]


def repeated(files: Mapping[str, str]) -> Iterator[str]:
    """Yield each run of more lines than may be shared, once for each place but its first."""
    seen: dict[tuple[str, ...], str] = {}
    for name, text in files.items():
        found = lines(text)
        for start in range(len(found) - MOST):
            run = tuple(line for _, line in found[start : start + MOST + 1])
            here = f"{name}:{found[start][0]}"
            if (other := seen.setdefault(run, here)) != here:
                yield f"{other} and {here}: {run[0]}"
