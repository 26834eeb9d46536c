"""What losses do, for people: a matrix of what does not survive, and a line for each loss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import click

from hactl.model.capacity import amounts
from hactl.report.effects import wrapped
from hactl.simulate.effect import What
from hactl.whatif.conclusion import Conclusion
from hactl.whatif.fate import Fate
from hactl.whatif.loss import Kind
from hactl.whatif.verdict import Verdict

SIGNS = {
    What.STAYS: ".",
    What.STARTS: ".",
    What.MIGRATES: "m",
    What.RESTARTS: "r",
    What.FENCED: "r",
    What.STOPS: "S",
    What.STRANDED: "X",
    What.HANGS: "H",
}
LEGEND = "X stranded  S stopped  H hangs  r restarts  m migrates live  . untouched"
GENTLE = (
    (What.FENCED, "restart"),
    (What.RESTARTS, "restart"),
    (What.MIGRATES, "migrate live"),
    (What.STARTS, "start"),
)
WHAT_WAY = {What.STRANDED: "stranded", What.STOPS: "stopped", What.HANGS: "hanging"}
TABLE = 72  # letters; longer heads are numbers
COLUMNS = 16  # more losses than these are not a table any more
ALIKE = 4  # rows of the same pattern share one
SAFE = 6  # losses that all survive share a line where there are more
NAMED = 8
WHOLE = {Kind.NODE: "", Kind.NODES: "", Kind.IN_TURN: "", Kind.RACK: "rack "}


def text(found: Conclusion) -> str:
    """Return all that was found, to print."""
    blocks = [
        list(head(found)),
        list(matrix(found)),
        list(losses(found)),
        list(ending(found)),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def head(found: Conclusion) -> Iterator[str]:
    votes = found.votes
    yield (
        f"{found.cluster or 'cluster'}: {found.basis}; {len(found.verdicts)} losses simulated on "
        f"Pacemaker {found.release or '(unknown)'}; quorum needs {votes.needed} of "
        f"{votes.expected} votes"
    )
    for note in (*found.notes, *([votes.assumed] if votes.assumed else [])):
        yield f"  note: {note}"
    for name, why in found.never.items():
        yield click.style(f"! {name} runs nowhere, even with all there: {why}", fg="red")


def matrix(found: Conclusion) -> Iterator[str]:
    """Yield a table of what does not survive some loss, by loss; alike rows share one."""
    bad = sorted({fate.name for verdict in found.verdicts for fate in verdict.down})
    columns = [verdict for verdict in found.verdicts if verdict.down]
    if len(found.verdicts) <= COLUMNS:
        columns = list(found.verdicts)
    if not bad or len(columns) > COLUMNS:
        return
    signs = [{fate.name: SIGNS[fate.what] for fate in verdict.fates} for verdict in columns]
    rows: dict[str, list[str]] = {}
    titles = labels(found, columns)
    for name in bad:
        pattern = "  ".join(
            f"{column.get(name, '.'):^{len(title)}}"
            for column, title in zip(signs, titles, strict=True)
        )
        rows.setdefault(pattern, []).append(name)
    yield from table(titles, rows)
    yield f"  {LEGEND}"


def labels(found: Conclusion, columns: Sequence[Verdict]) -> list[str]:
    """Return what stands above the columns: names where they are short enough, else numbers."""
    if numbered(found):
        return [f"[{found.verdicts.index(verdict) + 1}]" for verdict in columns]
    return [verdict.loss.name for verdict in columns]


def numbered(found: Conclusion) -> bool:
    columns = [verdict for verdict in found.verdicts if verdict.down]
    names = [verdict.loss.name for verdict in found.verdicts]
    return len(columns) <= COLUMNS and sum(len(name) + 2 for name in names) > TABLE


def table(titles: Sequence[str], rows: dict[str, list[str]]) -> Iterator[str]:
    heads = [
        name if len(names) <= ALIKE else f"{len(names)} resources"
        for names in rows.values()
        for name in (names if len(names) <= ALIKE else names[:1])
    ]
    width = max(map(len, heads))
    yield f"  {'':{width}}  {'  '.join(titles)}"
    for pattern, names in rows.items():
        if len(names) <= ALIKE:
            yield from (f"  {name:{width}}  {pattern}".rstrip() for name in names)
        else:
            yield f"  {f'{len(names)} resources':{width}}  {pattern}".rstrip()
            yield from wrapped(names)


def losses(found: Conclusion) -> Iterator[str]:
    """Yield a line for each loss; those that all survive are one where they are many."""
    safe = [verdict for verdict in found.verdicts if not verdict.down and not verdict.hangs]
    fold = len(safe) > SAFE
    for number, verdict in enumerate(found.verdicts, 1):
        if not (fold and verdict in safe):
            yield from one(verdict, f"[{number}] " if numbered(found) and verdict.down else "")
    if fold:
        worst = max(safe, key=lambda verdict: len(restarting(verdict)))
        yield (
            f"{len(safe)} losses are survived by all; most restart without {title(worst)}: "
            f"{len(restarting(worst))}"
        )
        tight = [verdict for verdict in safe if verdict.rooms]
        if tight:
            yield f"    {left(min(tight, key=least))}"


def restarting(verdict: Verdict) -> list[Fate]:
    return [fate for fate in verdict.fates if fate.what in (What.FENCED, What.RESTARTS)]


def least(verdict: Verdict) -> int:
    tightest = verdict.tightest
    return tightest.left.get("memory", 0) if tightest else 0


def title(verdict: Verdict) -> str:
    loss = verdict.loss
    return f"{WHOLE.get(loss.kind, '')}{loss.name}"


def one(verdict: Verdict, number: str = "") -> Iterator[str]:
    loss = verdict.loss
    verb = "fails" if loss.failed else "lost"
    grave = [click.style(part, fg="red") for part in gravely(verdict)]
    said = ", ".join([*gently(verdict), *grave])
    yield f"{number}{title(verdict)} {verb}: {said or 'nothing happens to anything else'}"
    if loss.nodes and not verdict.count.kept:
        count = verdict.count
        yield click.style(
            f"    quorum is lost: {count.left} of {count.needed} votes; nothing is fenced or "
            "recovered",
            fg="red",
        )
    for node, why in verdict.hangs.items():
        yield click.style(f"    {node} hangs: {why}", fg="red")
    if verdict.fenced:
        yield click.style(f"    fenced as well: {', '.join(verdict.fenced)}", fg="red")
    yield from (f"    {line}" for line in reasons(verdict))
    if not verdict.settled:
        yield "    told is the first transition only: what comes after it could not be followed"
    if verdict.rooms:
        yield f"    {left(verdict)}"


def gently(verdict: Verdict) -> Iterator[str]:
    counts: Counter[str] = Counter()
    for what, word in GENTLE:
        counts[word] += sum(fate.what is what for fate in verdict.fates)
    yield from (f"{count} {word}" for word, count in counts.items() if count)


def gravely(verdict: Verdict) -> Iterator[str]:
    for what, word in WHAT_WAY.items():
        names = [fate.name for fate in verdict.down if fate.what is what]
        if names:
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            yield f"{', '.join(names[:NAMED])}{more} {word}"


def reasons(verdict: Verdict) -> Iterator[str]:
    """Yield why what is down is down; what hangs or lacks a quorum is said once for all."""
    for fate in verdict.down:
        if fate.what is What.STRANDED and fate.why and verdict.count.kept:
            yield f"{fate.name}: {fate.why}"


def left(verdict: Verdict) -> str:
    """Say what room is left, and where it is tightest."""
    total: Counter[str] = Counter()
    for room in verdict.rooms:
        total.update(room.left)
    tightest = verdict.tightest
    least_of = f"; least on {tightest.node}: {amounts(tightest.left)}" if tightest else ""
    return f"left: {amounts(total)}{least_of}"


def ending(found: Conclusion) -> Iterator[str]:
    if found.baseline is not None:
        worse = found.stranded
        yield f"Worse than before: {listed(worse)}." if worse else "Nothing is worse than before."
        return
    for each in found.broken:
        nodes = "one node" if each.nodes == 1 else f"{each.nodes} nodes"
        without = f": not without {listed(each.losses)}" if each.losses else ": it runs nowhere"
        yield click.style(f"{each.name} must survive the loss of {nodes}{without}.", fg="red")
    if found.broken:
        return
    if found.promises:
        yield "What must survive does."
    elif found.stranded:
        yield click.style(f"Does not survive: {listed(found.stranded)}.", fg="red")
    else:
        yield "Everything survives."


def listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
