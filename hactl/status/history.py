"""What the cluster has done, from the operation history in a CIB's status: failures and starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml.etree import _Element

RUNNING = frozenset({"0", "8"})
# A probe may find anything of these: running, not running, promoted, not installed, not configured.
PROBED = frozenset({"0", "2", "5", "6", "7", "8", "190", "191"})
PENDING = "-1"
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
    """Yield every record in the status with its node and its resource."""
    for state in cib.iterfind("status/node_state"):
        node = state.get("uname", "")
        for resource in state.iterfind("lrm/lrm_resources/lrm_resource"):
            name = resource.get("id", "").partition(":")[0]
            for record in resource.iterchildren("lrm_rsc_op"):
                yield node, name, record
