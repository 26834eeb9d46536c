"""What a guest's state means for a cluster: pure judgement, no look at anything."""

RUNS = "runs"
BUSY = "busy"  # held by a job of libvirt, soon over
ENDING = "ending"  # soon gone
PAUSED = "paused"  # exists and does not execute
BROKEN = "broken"
UNKNOWN = "unknown"
PASSING = (BUSY, ENDING)

# libvirt's words, in the order of its numbers (virDomainState, virDomainPausedReason)
STATES = (
    "nostate", "running", "blocked", "paused", "shutdown", "shutoff", "crashed", "pmsuspended",
)  # fmt: skip
PAUSED_REASONS = (
    "unknown", "user", "migration", "save", "dump", "ioerror", "watchdog", "from snapshot",
    "shutdown", "snapshot", "panicked", "starting up", "post-copy", "post-copy failed", "api error",
)  # fmt: skip
BY_A_JOB = frozenset({"migration", "save", "dump", "snapshot"})


def words(state: int, reason: int) -> "tuple[str, str]":
    """libvirt's numbers for a state and its reason, as words."""
    name = STATES[state] if state < len(STATES) else "nostate"
    known = name == "paused" and reason < len(PAUSED_REASONS)
    return name, PAUSED_REASONS[reason] if known else ""


def judge(state: str, reason: str, job: str) -> "tuple[str, str]":
    """(verdict, sentence) on a guest whose process lives."""
    if job == "migration in":
        return BROKEN, "a migration to this node is under way, the guest does not run here"
    if state == "running" and reason == "post-copy failed":
        return BROKEN, "the guest lost its way to the rest of its memory (post-copy failed)"
    if state in ("running", "blocked"):
        return RUNS, ""
    if state == "shutdown" or (state, reason) == ("paused", "shutdown"):
        return ENDING, "the guest is shutting down"
    if state == "paused":
        return paused(reason, job)
    if state == "pmsuspended":
        return PAUSED, "the guest put itself to sleep (suspend to RAM)"
    if state == "crashed":
        return BROKEN, "the guest has crashed"
    return UNKNOWN, f"libvirt knows no state of the guest ({state or 'nothing written'})"


def has_arrived(state: str, reason: str, job: str) -> bool:
    """Whether a guest that was sent here is all here, be it paused as it was before."""
    if job == "migration in" or reason in BY_A_JOB:
        return False
    return judge(state, reason, job)[0] in (RUNS, PAUSED)


def paused(reason: str, job: str) -> "tuple[str, str]":
    if reason == "ioerror":
        return PAUSED, "the guest is paused because of an I/O error on a disk"
    if reason == "starting up":
        return BROKEN, "the guest was only half started"
    if reason == "panicked":
        return BROKEN, "the guest's kernel has panicked"
    if job and reason in BY_A_JOB:
        return BUSY, f"the guest is paused by a job of libvirt ({job})"
    if reason.startswith("post-copy"):
        return BROKEN, f"the guest is paused ({reason}): its memory is split over two nodes"
    return PAUSED, f"the guest is paused ({reason or 'unknown reason'})"
