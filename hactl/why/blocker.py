"""What may keep a resource from a node: one thing, in words, with what takes it away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from lxml.etree import _Element

Edit = Callable[[_Element], None]


class Sort(StrEnum):
    """The six sorts of reasons."""

    MAY_NOT = "may not"  # a constraint
    CANNOT = "cannot"  # there is no room
    FAILED = "failed here"
    UNKNOWN = "not known yet"  # a node is unclean, an operation has not ended
    SAID = "somebody said so"  # a switch: target-role, standby, maintenance
    WAITS = "waits for"  # what it stands on, a ticket, the quorum, a fencing


@dataclass(frozen=True)
class Blocker:
    """``text`` is a clause about the resource on ``node``, '' where it holds on every node.

    ``key`` is the same for what one act takes away on several nodes. ``edit`` takes it away in a
    copy of the CIB, ``command`` in the cluster: '' where no command does. ``spares`` is a resource
    that has to go on running when it is taken away.
    """

    sort: Sort
    node: str
    key: str
    text: str
    command: str = ""
    spares: str = ""
    edit: Edit = field(default=lambda _: None, compare=False, repr=False)

    def __str__(self) -> str:
        sort = f"{self.sort.value}"
        return self.text if self.text.startswith(sort) else f"{sort}: {self.text}"
