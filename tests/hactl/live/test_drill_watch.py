"""What is seen of a node that goes and comes back, and small edits of a real CIB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lxml import etree

from hactl.cib.canonical import canonical
from hactl.fencing.drill.marks import begin, drills, mended
from hactl.live.fencing.watch import FALLS, STAYS, Watch
from hactl.live.pacemaker import Pacemaker
from hactl.live.patch import edit
from hactl.live.runner import Result, Runner
from hactl.live.session import World, opened
from hactl.live.settle import Clock
from hactl.simulate.loss import Move
from tests.hactl.fencing.sites import site
from tests.hactl.pacemaker import needs_pacemaker

MEMBER = "runtime.members.3.join_count (u32) = {}\nruntime.members.3.status (str) = {}\n"
STATE = '<node_state uname="node3" in_ccm="true" crmd="{}" join="member"/>'
STARTED = (
    '<node_state uname="node1"><lrm><lrm_resources><lrm_resource id="web1"><lrm_rsc_op '
    'operation="start" rc-code="0" call-id="7" last-rc-change="{}"/></lrm_resource>'
    "</lrm_resources></lrm></node_state>"
)


@dataclass
class Scene:
    """What Corosync and Pacemaker say now."""

    joins: int = 1
    status: str = "joined"
    crmd: str = "online"
    started: int = 0
    time: float = 0.0

    def answer(self, argv: Sequence[str]) -> str:
        if argv[0] == "corosync-cmapctl":
            return MEMBER.format(self.joins, self.status)
        there = STARTED.format(self.started) if self.started else ""
        return f"<cib><configuration/><status>{STATE.format(self.crmd)}{there}</status></cib>"


@dataclass(frozen=True)
class Scripted(Runner):
    scene: Scene = field(default_factory=Scene)

    def run(self, argv: Sequence[str], stdin: bytes = b"", timeout: float = 30.0) -> Result:  # noqa: ARG002
        return Result(0, self.scene.answer(argv).encode(), b"")


def watch(scene: Scene, moves: tuple[Move, ...] = (), power: bool = True) -> Watch:
    runner = Scripted({}, scene)
    world = World(Pacemaker(runner), runner, Path("/"), Clock(lambda: scene.time))
    return Watch(world, "node3", "3", moves, power, 1, {}, 0.0)


def look(seen: Watch, scene: Scene, at: float) -> dict[str, float]:
    scene.time = at
    seen.look()
    return dict(seen.seconds)


def test_a_node_is_lost_when_corosync_says_so_and_not_pacemaker() -> None:
    scene = Scene(crmd="offline")
    seen = watch(scene)
    assert look(seen, scene, 1.0) == {}
    scene.status = "left"
    assert look(seen, scene, 2.0) == {"lost": 2.0}


def test_a_node_that_was_gone_between_two_looks_has_joined_once_more() -> None:
    scene = Scene(joins=2)
    seen = watch(scene)
    assert look(seen, scene, 1.5) == {"lost": 1.5}
    assert look(seen, scene, 2.0) == {"lost": 1.5}, "Pacemaker there has not been away yet"
    scene.crmd = "offline"
    look(seen, scene, 3.0)
    scene.crmd = "online"
    assert look(seen, scene, 4.0) == {"lost": 1.5, "back": 4.0}


def test_a_node_that_only_lost_its_storage_is_lost_when_its_pacemaker_is() -> None:
    scene = Scene(crmd="offline")
    assert look(watch(scene, power=False), scene, 1.0) == {"lost": 1.0}


def test_services_are_back_when_the_last_of_them_has_been_started_anew() -> None:
    scene = Scene()
    seen = watch(scene, (Move("web1", "node3", "node1"),))
    assert "recovered" not in look(seen, scene, 1.0)
    assert not seen.recovered
    scene.started = 1795228764
    assert look(seen, scene, 2.0)["recovered"] == 2.0
    assert seen.arrived == {"web1": ("node1", 2.0)}


@needs_pacemaker
def test_a_drill_is_begun_and_mended_in_a_cib_that_others_change_too(tmp_path: Path) -> None:
    file = tmp_path / "cib.xml"
    file.write_bytes(etree.tostring(site()))
    with opened(file) as world:
        edit(world, lambda cib: begin(cib, "node3", 2, "node1", 7, 0.0))
        assert [begun.pid for begun in drills(world.pacemaker.cib())] == [7]

        raced: list[etree._Element] = []

        def change(cib: etree._Element) -> etree._Element:
            if not raced:  # somebody is faster, once
                raced.append(edit(world, lambda live: begin(live, "node1", 1, "node2", 8, 0.0)))
            return mended(cib, "node1", 7)

        edit(world, change)
        left = world.pacemaker.cib()
        assert [begun.node for begun in drills(left)] == ["node1"]
        edit(world, mended)
        section = world.pacemaker.cib().find("configuration/fencing-topology")
    wanted = site().find("configuration/fencing-topology")
    assert section is not None and wanted is not None
    assert canonical(section) == canonical(wanted)


def test_a_node_that_was_back_before_pacemaker_missed_it_has_to_stay() -> None:
    """It was never seen to be away: what the CIB says may still be about the one that died."""
    scene = Scene(joins=2)
    seen = watch(scene)
    look(seen, scene, 1.0)
    assert "back" not in look(seen, scene, 1.0 + STAYS - 0.1)
    assert look(seen, scene, 1.0 + STAYS)["back"] == 1.0


def test_a_node_that_came_too_early_and_left_again_is_told_from_one_that_boots() -> None:
    booting = Scene(status="left", crmd="offline")
    seen = watch(booting)
    look(seen, booting, 1.0)
    look(seen, booting, 1.0 + FALLS)
    assert not seen.fallen
    assert seen.doing() == "waiting for the device"

    early = Scene(joins=2)
    seen = watch(early)
    look(seen, early, 1.0)
    early.status, early.crmd = "left", "offline"
    look(seen, early, 2.0)
    assert seen.doing() == "it came back and has left again"
    look(seen, early, 2.0 + FALLS - 0.1)
    assert not seen.fallen
    look(seen, early, 2.0 + FALLS)
    assert seen.fallen
    early.status, early.joins = "joined", 3
    look(seen, early, 3.0 + FALLS)
    assert not seen.fallen, "it came by itself after all"


def test_a_cluster_that_gives_no_answer_is_said_to_give_none() -> None:
    scene = Scene()
    seen = watch(scene)
    seen.world = replace(seen.world, pacemaker=Pacemaker(Silent()))
    look(seen, scene, 1.0)
    assert (
        seen.doing() == "no answer from the cluster (no Pacemaker answers on this machine (gone))"
    )


@dataclass(frozen=True)
class Silent(Runner):
    def run(self, argv: Sequence[str], stdin: bytes = b"", timeout: float = 30.0) -> Result:  # noqa: ARG002
        return Result(102, b"", b"gone")
