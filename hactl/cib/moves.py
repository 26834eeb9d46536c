"""What moves leave behind: constraints of ``crm_resource --move`` and ``--ban``, pcs and crmsh.

They stay until somebody clears them, hold a resource where it is, and nobody remembers them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml.etree import _Element

MOVES = {"cli-ban-": "is banned from", "cli-prefer-": "is tied to", "cli-standby-": "is kept from"}


@dataclass(frozen=True, slots=True)
class Moved:
    """``constraint`` says of ``resource`` that it ``is`` tied to or kept from ``node``.

    ``role`` may be empty. It ends by itself at ``until``, as the CIB has it; that may be over.
    """

    constraint: str
    resource: str
    is_: str
    node: str
    role: str = ""
    until: str = ""

    def __str__(self) -> str:
        role = f", as {self.role}" if self.role else ""
        until = f" until {self.until}" if self.until else ""
        return (
            f"{self.resource} {self.is_} {self.node}{role}{until} by {self.constraint}, left over "
            f"from a move (pcs resource clear {self.resource} lifts it)"
        )


def moves(cib: _Element) -> Iterator[Moved]:
    """Yield what moves have left behind in a whole ``<cib>``."""
    for location in cib.iterfind("configuration/constraints/rsc_location"):
        id_ = location.get("id", "")
        is_ = next((words for prefix, words in MOVES.items() if id_.startswith(prefix)), "")
        if is_:
            yield Moved(
                id_,
                location.get("rsc", ""),
                is_,
                location.get("node") or named_in_rule(location) or "a node",
                location.get("role", ""),
                until=end_of(location),
            )


def end_of(location: _Element) -> str:
    """Return when a rule ends, or nothing where it does not say."""
    ends = (each.get("end", "") for each in location.iter("date_expression"))
    return next((end for end in ends if end), "")


def named_in_rule(location: _Element) -> str:
    for expression in location.iter("expression"):
        if expression.get("attribute") == "#uname":
            return expression.get("value", "")
    return ""
