"""Which answers are lies, for every agent alike: one rule each, a pure function of what was seen.

Knows no agent and runs nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

PREFIX = "ocf-exit-reason:"
LOOKS = ("probe", "monitor", "deep")
STOPPED = 7
RUNS = (0, 8)
# Pacemaker takes 7 for stopped, masks 2 and 5 of a probe to that, and bans the resource for 6.
DENIALS = (2, 5, 6, 7)
LOOK_CODES = (0, 1, 7, 8, 9, 190, 191)
GRACE = 1.0  # seconds that a busy machine may take to start a process and to see it end
LONGEST_REASON = 500  # characters


@dataclass(frozen=True)
class Seen:
    """One call and what was the case before and after it, by a witness of its own."""

    state: str
    what: str  # is broken
    action: str  # probe, monitor, deep (a monitor of depth 10), start, stop
    timeout: float
    code: int = 0
    stderr: str = ""
    seconds: float = 0.0
    before: str = "absent"  # a Presence
    after: str = "absent"
    untouched: bool = True  # all that is foreign
    healed: bool = False  # what was broken
    unhindered: bool = False  # what is broken is no reason for a stop to fail

    @property
    def sound(self) -> bool:
        return self.healed or self.what == "nothing"

    @property
    def plain(self) -> bool:
        """Nothing broken, nothing half done, nothing of others in the way."""
        return self.what == "nothing" and self.state in ("absent", "running")

    def __str__(self) -> str:
        broken = f"{self.what}{', healed' if self.healed else ''}"
        return (
            f"{self.action} of {self.state} with {broken}: {self.code} in {self.seconds:.1f} s, "
            f"{self.before} before, {self.after} after; {self.stderr.strip() or 'not a word'}"
        )


@dataclass(frozen=True)
class Exemption:
    """A rule that does not hold for some cells of an agent, and why that is not a lie.

    ``state``, ``what`` and ``action`` are names, "*" is all of them.
    """

    rule: str
    state: str
    what: str
    action: str
    why: str

    def covers(self, rule: str, seen: Seen) -> bool:
        pairs = ((self.state, seen.state), (self.what, seen.what), (self.action, seen.action))
        return self.rule == rule and all(mine in ("*", its) for mine, its in pairs)


@dataclass(frozen=True)
class Impossible:
    """A combination of state and break that cannot be, and why."""

    state: str
    what: str
    why: str


def nameless(state: str, *breaks: str) -> list[Exemption]:
    """For a resource that has lost its record and whose parameters do not even name it."""
    why = (
        "without name and record it could be anything; and a new resource with a typo in its name "
        "must not fail to stop, for that fences the node"
    )
    return [
        Exemption(rule, state, what, action, why)
        for what in breaks
        for rule, action in (
            (what_is_there_is_not_denied.__name__, "*"),
            (what_was_stopped_is_absent.__name__, "stop"),
        )
    ]


def complaints(seen: Seen, exemptions: Iterable[Exemption] = ()) -> list[str]:
    """Every rule that an answer breaks, each with what was seen."""
    found = [name for name, rule in RULES.items() if not rule(seen)]
    exempt = {name for name in found for each in exemptions if each.covers(name, seen)}
    return [f"{name.replace('_', ' ')}: {seen}" for name in found if name not in exempt]


# The rules: True while an answer is none of these lies.


def what_is_there_is_not_denied(seen: Seen) -> bool:
    return seen.action not in LOOKS or seen.before == "absent" or seen.code not in DENIALS


def what_is_half_there_is_not_called_running(seen: Seen) -> bool:
    return seen.action not in LOOKS or seen.before != "partly" or seen.code not in RUNS


def what_is_absent_is_not_called_running(seen: Seen) -> bool:
    return seen.action not in LOOKS or seen.before != "absent" or seen.code not in (*RUNS, 190, 191)


def a_look_changes_nothing_that_is_absent(seen: Seen) -> bool:
    return seen.action not in LOOKS or seen.before != "absent" or seen.after == "absent"


def a_look_gives_no_other_code(seen: Seen) -> bool:
    return seen.action not in LOOKS or seen.code in LOOK_CODES


def what_was_stopped_is_absent(seen: Seen) -> bool:
    return seen.action != "stop" or seen.code != 0 or seen.after == "absent"


def a_stop_succeeds_or_fails(seen: Seen) -> bool:
    return seen.action != "stop" or seen.code in (0, 1)


def what_was_started_is_there(seen: Seen) -> bool:
    return seen.action != "start" or seen.code != 0 or seen.after == "there"


def absence_is_seen_where_nothing_is_broken(seen: Seen) -> bool:
    if not seen.sound or seen.before != "absent" or seen.action not in (*LOOKS, "stop"):
        return True
    return seen.code == (0 if seen.action == "stop" else STOPPED)


def what_runs_well_is_said_to_run(seen: Seen) -> bool:
    return seen.action not in LOOKS or not seen.plain or seen.before != "there" or seen.code == 0


def a_start_works_where_nothing_is_broken(seen: Seen) -> bool:
    return seen.action != "start" or not seen.plain or seen.code == 0


def once_healed_it_can_be_stopped(seen: Seen) -> bool:
    if seen.action != "stop" or not seen.healed:
        return True
    return seen.code == 0 and seen.after == "absent"


def a_stop_works_where_nothing_hinders_it(seen: Seen) -> bool:
    return seen.action != "stop" or not seen.unhindered or seen.code == 0


def every_failure_has_one_reason(seen: Seen) -> bool:
    reasons = [line for line in seen.stderr.splitlines() if line.startswith(PREFIX)]
    if seen.code in (*RUNS, STOPPED):
        return not reasons
    text = "".join(reasons).removeprefix(PREFIX).strip()
    return len(reasons) == 1 and " " in text and len(text) <= LONGEST_REASON


def no_traceback_is_shown(seen: Seen) -> bool:
    return "Traceback" not in seen.stderr and "unexpected" not in seen.stderr


def every_answer_comes_in_time(seen: Seen) -> bool:
    return seen.code not in (-9, 137) and seen.seconds <= seen.timeout + GRACE


def what_is_foreign_is_untouched(seen: Seen) -> bool:
    return seen.untouched


RULES: dict[str, Callable[[Seen], bool]] = {
    rule.__name__: rule
    for rule in (
        what_is_there_is_not_denied,
        what_is_half_there_is_not_called_running,
        what_is_absent_is_not_called_running,
        a_look_changes_nothing_that_is_absent,
        a_look_gives_no_other_code,
        what_was_stopped_is_absent,
        a_stop_succeeds_or_fails,
        what_was_started_is_there,
        absence_is_seen_where_nothing_is_broken,
        what_runs_well_is_said_to_run,
        a_start_works_where_nothing_is_broken,
        once_healed_it_can_be_stopped,
        a_stop_works_where_nothing_hinders_it,
        every_failure_has_one_reason,
        no_traceback_is_shown,
        every_answer_comes_in_time,
        what_is_foreign_is_untouched,
    )
}


@dataclass(frozen=True)
class Lie:
    """What is answered to an action in a state, with nothing broken, and the rule against it."""

    state: str
    action: str  # monitor, start, stop
    code: int
    rule: str
    damage: bool = False  # all there is in the cell is gone then, whosever it was

    def is_told_by(self, seen: Seen) -> bool:
        return not RULES[self.rule](seen)
