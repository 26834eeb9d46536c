"""Corosync is asked who is there, and what it does not say nobody makes up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hactl.errors import ClusterError
from hactl.live.corosync import Member, member, own_name, patience, votes
from hactl.live.fencing import log as fencer_log
from tests.hactl.scheduler import Canned

MEMBERS = b"""\
runtime.members.1.join_count (u32) = 1
runtime.members.1.status (str) = joined
runtime.members.3.config_version (u64) = 0
runtime.members.3.ip (str) = r(0) ip(10.77.1.3) r(1) ip(10.77.2.3)
runtime.members.3.join_count (u32) = 2
runtime.members.3.status (str) = left
"""
QUORUM = b"""\
Expected votes:   3
Highest expected: 3
Total votes:      3
Quorum:           2
Flags:            Quorate

Membership information
----------------------
    Nodeid      Votes Name
         1          1 node1 (local)
         2          1 node2
         3          {} node3
"""


def test_a_member_that_left_is_told_from_one_that_came_again() -> None:
    assert member(Canned(MEMBERS), "3") == Member(False, 2)  # type: ignore[arg-type]
    assert member(Canned(MEMBERS), "1") == Member(True, 1)  # type: ignore[arg-type]
    assert member(Canned(MEMBERS), "9") == Member()  # type: ignore[arg-type]


@pytest.mark.parametrize(("votes_of_it", "enough"), [(b"1", True), (b"2", False)])
def test_votes_are_counted_without_a_node(votes_of_it: bytes, enough: bool) -> None:
    counted = votes(Canned(QUORUM.replace(b"{}", votes_of_it)))  # type: ignore[arg-type]
    assert counted.enough_without("3") is enough


@pytest.mark.parametrize("said", [b"", b"Total votes: 3\n", b"nonsense\n"])
def test_without_figures_there_is_no_answer(said: bytes) -> None:
    with pytest.raises(ClusterError, match=r"[Cc]orosync"):
        votes(Canned(said, b"Cannot initialize CMAP service\n", 1))  # type: ignore[arg-type]


def test_corosync_notices_after_token_and_consensus() -> None:
    said = b"runtime.config.totem.token (u32) = 1000\n"
    assert patience(Canned(said)) == 2.0  # type: ignore[arg-type]


LINE = (
    "Nov 21 05:44:02.804 node1 pacemaker-fenced [40] (request_peer_fencing) notice: Requesting "
    "that node2 perform 'reboot' action targeting {} using {} | for client stonith_admin.184\n"
)


def test_the_fencers_log_tells_which_devices_were_used(tmp_path: Path) -> None:
    log, settings = tmp_path / "pacemaker.log", tmp_path / "pacemaker"
    settings.write_text(f"# x\nPCMK_logfile={log}\n")
    log.write_text(LINE.format("node3", "old"))
    from_now = fencer_log.now((settings,))
    assert from_now.used_on("node3") == frozenset()
    with log.open("a") as file:
        file.write(LINE.format("node3", "bmc") + LINE.format("node30", "other"))
        file.write("Nov 21 node1 somebody-else: targeting node3 using nothing\n")
    assert from_now.used_on("node3") == {"bmc"}
    log.write_text(LINE.format("node3", "new"))  # rotated: it is shorter than it was
    assert fencer_log.FencerLog(log, 10_000).used_on("node3") == {"new"}


LEFT = (
    "Nov 21 05:47:03.560 node1 pacemaker-fenced [40] (update_peer_state_iter) notice: "
    "Node node3 state is now lost | nodeid=3 previous=member source=crm_update_peer_proc\n"
)
COMPLETE = (
    "Nov 21 05:47:03.584 node1 pacemaker-fenced [40] (fenced_process_fencing_reply) notice: "
    "Action 'reboot' targeting node3 using pdu on behalf of stonith_admin.388@node1: complete\n"
)


@pytest.mark.parametrize(
    ("said", "first"),
    [
        (LEFT + COMPLETE, True),
        (COMPLETE + LEFT, False),
        (COMPLETE, False),
        (LINE.format("node3", "pdu"), None),
        (LEFT.replace("node3", "node2") + COMPLETE, False),
        (LEFT.replace("fenced", "attrd"), None),
    ],
)
def test_a_node_that_leaves_only_when_told_was_alive(
    tmp_path: Path, said: str, first: bool | None
) -> None:
    """Both as a lab has written them: by a true device, and by one that lied."""
    log = tmp_path / "pacemaker.log"
    log.write_text(LINE.format("node3", "pdu") + said)
    assert fencer_log.FencerLog(log, 0).left_first("node3") is first


def test_no_log_is_no_answer(tmp_path: Path) -> None:
    none = fencer_log.FencerLog(tmp_path / "none", 0)
    assert (none.used_on("node3"), none.left_first("node3")) == (frozenset(), None)


@pytest.mark.parametrize(
    ("said", "code", "name"),
    [(b"node1\n", 0, "node1"), (b"", 102, os.uname().nodename), (b"", 0, os.uname().nodename)],
)
def test_a_machine_is_called_what_the_cluster_calls_it(said: bytes, code: int, name: str) -> None:
    """Its hostname may have a domain; a drill of itself by that name must not pass."""
    assert own_name(Canned(said, returncode=code)) == name  # type: ignore[arg-type]
