"""How long a guest may be away when its node is lost: in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from hactl.model.failover import Failover

SHOWN = 10


def in_short(times: Sequence[Failover]) -> Iterator[str]:
    if not times:
        return
    yield ""
    yield "Away at worst when the node under it is lost, if everything needs all of its time:"
    width = max(len(time.name) for time in times[:SHOWN])
    for time in times[:SHOWN]:
        most = time.dominating
        mostly = f"most of it {most.what}, {clock(most.milliseconds)}"
        yield f"  {time.name:{width}}  {clock(time.total):>9}  {mostly}"
    if len(times) > SHOWN:
        yield f"  ... and {len(times) - SHOWN} more, none longer; all with --failover"


def in_full(times: Sequence[Failover]) -> Iterator[str]:
    for time in times:
        yield ""
        yield f"{time.kind} {time.name}: {clock(time.total)} at worst"
        for term in time.terms:
            yield f"  {clock(term.milliseconds):>9}  {term.what}"


def entry(time: Failover) -> dict[str, object]:
    return {
        "name": time.name,
        "kind": time.kind,
        "milliseconds": time.total,
        "terms": [asdict(term) for term in time.terms],
        "dominating": time.dominating.what,
    }


def clock(milliseconds: int) -> str:
    """Spell a time for people: 4.2 s, 3 min 10 s."""
    minutes, rest = divmod(milliseconds, 60_000)
    if not minutes:
        return f"{rest / 1000:g} s"
    return f"{minutes} min {rest // 1000} s" if rest >= 1000 else f"{minutes} min"
