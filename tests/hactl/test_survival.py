"""What one lost node does is simulated, and a promise to survive that is not kept is an error."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lxml import etree

from hactl import survival
from hactl.cib import document
from hactl.commands.losses import simulated
from hactl.intent import understand
from hactl.live.runner import Runner
from hactl.live.workers import workers
from hactl.simulate.settled import settled
from hactl.survival import Effort, spread
from tests.hactl.cli import hactl
from tests.hactl.scheduler import Canned, needs_scheduler, runner
from tests.hactl.scheduler import settled as settled_cib
from tests.hactl.topologies import FILE, ROOM, files

FRAGMENTED = (
    "  big: {cpus: 1, memory: 8GiB, disks: [vms], %s}\n"
    "  a: {cpus: 1, memory: 4GiB, disks: [vms]}\n"
    "  b: {cpus: 1, memory: 4GiB, disks: [vms]}\n"
)
APART = (
    "  w1: {cpus: 1, memory: 1GiB, disks: [vms]}\n"
    "  w2: {cpus: 1, memory: 1GiB, disks: [vms], apart: [w1]}\n"
    "  w3: {cpus: 1, memory: 1GiB, disks: [vms], apart: [w1, w2], %s}\n"
)
PROMISED = "must_survive: 1"
HERE = "priority: 0"


def said(text: str, folder: Path, losses: str | int = "auto") -> list[str]:
    subject, _ = understand(text, FILE, files({}))
    made = document.cib(subject.cluster)
    return [str(each) for each in simulated(subject, made, runner(folder), losses)]


@needs_scheduler
def test_a_guest_that_fits_nowhere_once_its_node_is_lost_breaks_its_promise(
    tmp_path: Path,
) -> None:
    assert said(ROOM + FRAGMENTED % PROMISED, tmp_path) == [
        "t.yaml:9: guests.big.must_survive: must survive the loss of one node, and does not: "
        "without n1 it runs nowhere: needs 8192MiB memory, 1 cpus: n2 has 5120MiB memory left, "
        "n3 has 5120MiB memory left; make room for it, let it run on more nodes, or lower "
        "must_survive"
    ]


@needs_scheduler
def test_without_a_promise_it_is_a_warning_about_the_node(tmp_path: Path) -> None:
    (warning,) = said(ROOM + FRAGMENTED % HERE, tmp_path)
    assert warning.startswith("t.yaml:3: warning: nodes.n1: without it big runs nowhere: needs")


@needs_scheduler
def test_three_that_stay_apart_on_three_nodes_survive_no_loss(tmp_path: Path) -> None:
    (broken,) = said(ROOM + APART % PROMISED, tmp_path)
    assert "guests.w3.must_survive: must survive the loss of one node, and does not" in broken
    assert re.search(r"it stays apart from w1 \(n[23]\), w2 \(n[23]\)", broken)


@needs_scheduler
def test_every_set_of_as_many_nodes_as_are_promised_is_lost(tmp_path: Path) -> None:
    """Each of two guests fills a node: one of three nodes may go, and two may not."""
    two = "  g{}: {{cpus: 1, memory: 8GiB, disks: [vms], must_survive: {}}}\n"
    assert said(ROOM + two.format(1, 1) + two.format(2, 1), tmp_path) == []
    found = said(ROOM + two.format(1, 1) + two.format(2, 2), tmp_path)
    assert len(found) == 1
    assert "guests.g2.must_survive: must survive the loss of 2 nodes, and does not" in found[0]
    assert "without n1 and n2 it runs nowhere" in found[0]
    assert "(nor without n2 and n3)" in found[0]


@needs_scheduler
def test_what_may_run_on_one_node_only_is_not_warned_of(tmp_path: Path) -> None:
    text = ROOM + "  web: {cpus: 1, memory: 1GiB, disks: [vms], nodes: [n2]}\n"
    assert said(text, tmp_path) == []


@needs_scheduler
def test_what_does_not_even_run_with_all_nodes_is_named(tmp_path: Path) -> None:
    text = ROOM + FRAGMENTED % HERE + "  c: {cpus: 1, memory: 6GiB, disks: [vms], priority: -1}\n"
    found = said(text, tmp_path)
    assert any("guests.c: c runs nowhere, even with every node there: needs" in f for f in found)


@needs_scheduler
def test_a_plan_judges_the_cluster_as_it_would_then_be(tmp_path: Path) -> None:
    """What runs there now goes on where it is: a guest that is added finds no second place."""
    fits = ROOM + "  a: {cpus: 1, memory: 5GiB, disks: [vms]}\n"
    live = tmp_path / "cib.xml"
    first, second = tmp_path / "1.yaml", tmp_path / "2.yaml"
    first.write_text(fits)
    second.write_text(fits + FRAGMENTED.replace("  a:", "  c:") % PROMISED)
    assert hactl("render", str(first), "-o", str(live)).returncode == 0
    settle(live, tmp_path)
    assert "without" not in hactl("plan", str(first), "--cib", str(live)).stderr
    planned = hactl("plan", str(second), "--cib", str(live))
    assert planned.returncode == 0, planned.stderr
    assert "warning: guests.big.must_survive: must survive the loss of one node" in planned.stderr
    quiet = hactl("plan", str(second), "--cib", str(live), "--losses", "none")
    assert "must survive" not in quiet.stderr
    wrong = hactl("plan", str(second), "--cib", str(live), "--losses", "some")
    assert (wrong.returncode, "is not all, none or a number" in wrong.stderr) == (2, True)


def settle(path: Path, folder: Path) -> None:
    made = settled_cib(etree.fromstring(path.read_bytes()), folder)
    path.write_bytes(etree.tostring(made))


@needs_scheduler
def test_what_was_not_tried_is_said(tmp_path: Path) -> None:
    found = said(ROOM + "  w: {cpus: 1, memory: 1GiB, disks: [vms]}\n", tmp_path, 2)
    assert found == [
        "t.yaml:2: warning: nodes: only 2 of 3 losses of nodes were simulated; "
        "hactl check --losses all tries the rest"
    ]
    assert said(ROOM + FRAGMENTED % PROMISED, tmp_path, "none") == []


@needs_scheduler
def test_progress_is_told_and_several_work_at_a_time(tmp_path: Path) -> None:
    subject, _ = understand(ROOM + FRAGMENTED % PROMISED, FILE, files({}))
    scene = settled(document.cib(subject.cluster), runner(tmp_path))
    seen: list[int] = []
    effort = Effort(workers=2, progress=seen.append)
    judged = survival.judge(subject, scene, runner(tmp_path), effort)
    assert (seen, judged.tried, judged.all) == ([1, 2, 3], 3, 3)


@pytest.mark.parametrize("broken", [Canned(returncode=1), Runner({"PATH": "/nowhere"})])
def test_without_a_scheduler_a_guess_is_said_to_be_one(broken: Runner) -> None:
    text = ROOM + "".join(f"  g{n}: {{cpus: 1, memory: 8GiB, disks: [vms]}}\n" for n in (1, 2, 3))
    subject, _ = understand(text, FILE, files({}))
    found = [str(each) for each in simulated(subject, document.cib(subject.cluster), broken)]
    assert "what the loss of a node does could not be simulated" in found[0]
    assert "without it 1 of 3 guests may find no place" in found[1]


def test_some_of_many_losses_are_from_everywhere_and_always_the_same() -> None:
    every = [(str(number),) for number in range(100)]
    assert spread(every, 4) == [("0",), ("25",), ("50",), ("75",)]
    assert spread(every, 100) == every


def test_a_machine_without_memory_has_one_worker(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9 kB\nMemAvailable:     1024 kB\n")
    assert workers(5_000_000, meminfo) == 1
    assert workers(5_000_000, tmp_path / "none") == 1
    meminfo.write_text("MemAvailable:  999999999 kB\n")
    assert workers(1000, meminfo) >= 1
