"""The operation history in a CIB's status: what was started where, and what failed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml.etree import _Element

RUNNING = frozenset({"0", "8"})
# A probe may find anything of these: running, not running, promoted, not installed, not configured.
PROBED = frozenset({"0", "2", "5", "6", "7", "8", "190", "191"})
NOT_RUNNING = "7"
STOPPED = frozenset({"0", NOT_RUNNING})
EXPECTED = RUNNING | {NOT_RUNNING}
PENDING, DONE = "-1", "0"
# Longer numbers of a call are none.
DIGITS = 19
STARTING = frozenset({"start", "migrate_from", "promote", "demote", "reload", "reload-agent"})


@dataclass(frozen=True, slots=True)
class Failure:
    """An operation that failed on a node; ``call`` tells two failures of one operation apart."""

    resource: str
    operation: str
    node: str
    call: str
    code: str
    reason: str = ""

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else f" with exit code {self.code}"
        return f"{self.resource}: {self.operation} on {self.node} failed{why}"


@dataclass(frozen=True, slots=True)
class Came:
    """How a resource came to run on a node; ``call`` changes when it comes again."""

    operation: str
    call: str


def failures(cib: _Element) -> frozenset[Failure]:
    """Return every failed operation on record."""
    return frozenset(
        Failure(
            resource=resource,
            operation=record.get("operation", ""),
            node=node,
            call=f"{record.get('call-id')}@{record.get('last-rc-change')}",
            code=record.get("rc-code", ""),
            reason=record.get("exit-reason", ""),
        )
        for node, resource, record in records(cib)
        if failed(record)
    )


def failed(record: _Element) -> bool:
    if record.get("op-status") == PENDING:
        return False
    code = record.get("rc-code", "")
    if record.get("operation") == "monitor" and record.get("interval") == "0":
        return code not in PROBED
    expected = record.get("transition-key", "").split(":")[2:3]
    return code not in (*RUNNING, *expected, "190", "191")


def pending(cib: _Element) -> bool:
    """Whether some operation has been begun and not ended."""
    return any(record.get("op-status") == PENDING for _, _, record in records(cib))


def ever_ran(cib: _Element) -> set[str]:
    """Return the primitives that are on record as running, or as having been started."""
    return {name for _, name, record in records(cib) if record.get("rc-code") in RUNNING}


def failed_stops(cib: _Element) -> set[tuple[str, str]]:
    """Return the primitives whose stop is on record as failed, each with the node."""
    return {(name, node) for node, name, record in records(cib) if failed_stop(record)}


def failed_stop(record: _Element) -> bool:
    if record.get("operation") != "stop" or record.get("op-status") == PENDING:
        return False
    return record.get("op-status") != DONE or record.get("rc-code") not in STOPPED


def arrivals(cib: _Element) -> dict[tuple[str, str], Came]:
    """Return, by resource and node, how each resource came to be there."""
    return {
        (resource, node): Came(record.get("operation", ""), record.get("call-id", ""))
        for node, resource, record in records(cib)
        if record.get("operation") in STARTING and record.get("rc-code") in RUNNING
    }


def started(cib: _Element) -> dict[tuple[str, str], int]:
    """Return, by resource and node, when each resource came there, in seconds since the epoch."""
    return {
        (resource, node): int(record.get("last-rc-change", "0"))
        for node, resource, record in records(cib)
        if record.get("operation") in STARTING and record.get("rc-code") in RUNNING
    }


def records(cib: _Element) -> Iterator[tuple[str, str, _Element]]:
    """Yield every record in the status with its node and its primitive."""
    for node, name, resource in histories(cib):
        for record in resource.iterchildren("lrm_rsc_op"):
            yield node, name, record


def histories(cib: _Element) -> Iterator[tuple[str, str, _Element]]:
    """Yield all that is on record of a primitive on a node, instances of a clone one by one."""
    for state in cib.iterfind("status/node_state"):
        for resource in state.iterfind("lrm/lrm_resources/lrm_resource"):
            name = resource.get("id", "").partition(":")[0]
            yield state.get("uname", ""), name, resource


def standing(cib: _Element) -> Iterator[tuple[str, str, _Element]]:
    """Yield each failure after which the resource was not seen to stop, as `records` does."""
    for node, name, history in histories(cib):
        known = list(history.iterchildren("lrm_rsc_op"))
        stopped = max((call(each) for each in known if well_stopped(each)), default=-1)
        for record in known:
            bad = failed_stop(record) or (record.get("operation") != "stop" and failed(record))
            if bad and call(record) > stopped:
                yield node, name, record


def well_stopped(record: _Element) -> bool:
    ended = record.get("op-status") != PENDING
    return record.get("operation") == "stop" and ended and not failed_stop(record)


def call(record: _Element) -> int:
    """Return which call of its node's executor it was: later ones have higher numbers."""
    number = record.get("call-id", "")
    return int(number) if number.isdecimal() and len(number) < DIGITS else 0
