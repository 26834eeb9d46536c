"""Which constraints make one resource depend on another: the rules measured for this domain."""

from __future__ import annotations

from hactl.model.constraint import Colocation, Constraint, Order, OrderKind


def needs(who: str, what: str) -> tuple[Constraint, ...]:
    """``who`` cannot run without ``what``: it stops and restarts with it (storage)."""
    return (Order(what, who), Colocation(who, what))


def lives_beside(who: str, what: str) -> tuple[Constraint, ...]:
    """``who`` runs where ``what`` is, but need not restart when it does (bridges, addresses).

    The start order is optional, so that a restart of ``what`` leaves ``who`` alone; the stop order
    is mandatory, so that nothing is taken away below a running guest. The start order must not be
    symmetrical: its reverse, optional, would be the one that counts while ``who`` is migrated live.
    """
    return (
        Order(what, who, OrderKind.OPTIONAL, symmetrical=False),
        Order(who, what, OrderKind.MANDATORY, "stop", "stop", symmetrical=False),
        Colocation(who, what),
    )
