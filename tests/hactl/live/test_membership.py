"""A status that Corosync or the DC itself does not bear out is contradicted, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from hactl.live.membership import contradictions
from hactl.live.pacemaker import Pacemaker
from hactl.live.runner import Result, Runner
from hactl.status.values import NodeStatus, Status
from tests.hactl.cibs import cib

ALL = (1, 2, 3)
IDLE = b'<pacemaker-result><crmd node="node1" state="S_IDLE"/><status code="0"/></pacemaker-result>'
SEEN = Status(
    cluster="demo",
    quorate=True,
    dc="node1",
    nodes=tuple(NodeStatus(f"node{n}", "online", dc=n == 1) for n in ALL),
    resources=(),
    failures=(),
    fencing=(),
    fencing_enabled=True,
    maintenance=False,
)


@dataclass(frozen=True)
class Says(Runner):
    """Corosync knows ``joined``; the DC answers where ``answers``."""

    joined: Sequence[int] = ALL
    answers: bool = True

    def run(self, argv: Sequence[str], stdin: bytes = b"", timeout: float = 30.0) -> Result:  # noqa: ARG002
        if argv[0] == "crmadmin":
            assert "--timeout=5s" in argv
            return Result(0, IDLE, b"") if self.answers else Result(124, b"", b"no reply")
        if not self.joined:
            return Result(1, b"", b"Cannot initialize CMAP service")
        lines = [f"runtime.members.{n}.status (str) = joined" for n in self.joined]
        return Result(0, "\n".join(lines).encode(), b"")


def said(runner: Says, seen: Status = SEEN) -> list[str]:
    return list(contradictions(seen, cib(), Pacemaker(runner)))


def test_nothing_is_said_where_all_agree() -> None:
    assert said(Says()) == []


def test_a_member_that_corosync_has_lost_is_named() -> None:
    assert said(Says(joined=(1, 3))) == ["node2 is online for Pacemaker, and Corosync has lost it"]


def test_a_dc_that_does_not_answer_decides_nothing() -> None:
    assert said(Says(answers=False)) == [
        "node1 is said to be the DC, and does not answer: nobody decides anything"
    ]


@pytest.mark.parametrize("state", ["offline", "unclean"])
def test_what_pacemaker_says_itself_is_not_said_twice(state: str) -> None:
    nodes = (NodeStatus("node1", state, dc=True), *SEEN.nodes[1:])
    assert said(Says(joined=(2, 3), answers=False), replace(SEEN, nodes=nodes)) == []


def test_where_there_is_no_corosync_it_is_not_asked_for_members() -> None:
    """As on a remote node."""
    assert said(Says(joined=())) == []
