"""Which constraints make one resource depend on another: the rules measured for this domain.

An order says two things: when something is done, and what else is done because of it. What the
scheduler makes of an order where one of its ends cannot act (it is unmanaged, blocked, in
maintenance) decides who suffers: docs/explanation/constraints.md has the measurements.
"""

from __future__ import annotations

from hactl.model.constraint import Colocation, Constraint, Order, OrderKind


def needs(who: str, what: str) -> tuple[Constraint, ...]:
    """``who`` cannot run without ``what``: it stops and restarts with it (storage)."""
    return (Order(what, who), Colocation(who, what))


def lives_beside(who: str, what: str, *, live: bool = False) -> tuple[Constraint, ...]:
    """``who`` runs where ``what`` is, but need not restart when it does (bridges).

    Nothing is taken away below a running guest, and nobody suffers from a guest that cannot stop.
    So the stop order is Optional, or for what is migrated ``live`` Serialize: Optional is dropped
    while a guest is migrated, and Mandatory without a start would want ``what`` stopped on all
    nodes as soon as one guest cannot stop. The start order must not be symmetrical: its reverse,
    optional, would be the one that counts.
    """
    kind = OrderKind.SERIALIZE if live else OrderKind.OPTIONAL
    return (start_beside(who, what), stop_order(who, what, kind), Colocation(who, what))


def lives_on_its_own(who: str, what: str) -> tuple[Constraint, ...]:
    """The same for ``what`` that nobody else uses (the address of a container).

    While ``who`` cannot stop, ``what`` is kept from stopping too: it has nobody else to harm.
    """
    return (
        start_beside(who, what),
        stop_order(who, what, OrderKind.MANDATORY),
        Colocation(who, what),
    )


def start_beside(who: str, what: str) -> Order:
    """If both start, ``what`` does so first; alone, each may."""
    return Order(what, who, OrderKind.OPTIONAL, symmetrical=False)


def stop_order(who: str, what: str, kind: OrderKind) -> Order:
    return Order(who, what, kind, "stop", "stop", symmetrical=False)
