"""Where every key and value of a document stands; knows nothing of what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

Step = str | int


@dataclass(slots=True)
class Branch:
    """A mapping or list: its line, and line and inside of each of its children."""

    line: int
    children: dict[Step, tuple[int, Branch | None]] = field(default_factory=dict)


def line_of(root: Branch | None, path: Sequence[Step]) -> int:
    """Return the line of the key or list item ``path`` names, or of the nearest one above it."""
    if root is None:
        return 0
    line, branch = root.line, root
    for step in path:
        if step not in branch.children:
            break
        line, below = branch.children[step]
        if below is None:
            break
        branch = below
    return line


def holds(root: Branch | None, path: Sequence[Step]) -> bool:
    """Whether the document has a mapping or list here."""
    branch = root
    for step in path:
        if branch is None or step not in branch.children:
            return False
        branch = branch.children[step][1]
    return branch is not None
