"""Nobody suffers from a state of what they do not stand on: a sample of ``scripts/blast``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from lxml.etree import _Element

from hactl.simulate.scheduler import version
from tests.hactl.blast.__main__ import FILES, ROOT, seeds
from tests.hactl.blast.judge import Verdict, judge, never_done
from tests.hactl.blast.matrix import states
from tests.hactl.blast.settled import Settled, Source
from tests.hactl.blast.states import State, failed, lost
from tests.hactl.blast.topologies import random_topology
from tests.hactl.blast.wishes import kept_down, running_after
from tests.hactl.scheduler import needs_scheduler, runner

pytestmark = needs_scheduler
DEMO = ROOT / "examples/demo.yaml"
GATEWAYS = ROOT / "tests/hactl/golden/gateways/topology.yaml"
SAMPLE = Random(20261201)
SEEDS = SAMPLE.sample(seeds(), 3)
SOME = SAMPLE.sample(FILES, 3)


def at_random(run: Settled, number: int) -> list[State]:
    every = [state for state in states(run) if not state.held]
    return Random(run.source.name).sample(every, min(number, len(every)))


def wrongs(run: Settled, chosen: list[State]) -> Iterator[str]:
    for state in chosen:
        yield from (f"{state}: {wrong}" for wrong in judge(run, state).wrongs)


@pytest.mark.parametrize("path", [DEMO, *SOME], ids=lambda path: path.parent.name + path.stem)
def test_nobody_else_suffers(path: Path, tmp_path: Path) -> None:
    run = Settled(Source.of_file(path), tmp_path)
    assert list(wrongs(run, at_random(run, 20))) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_else_suffers_in_a_random_topology(seed: int, tmp_path: Path) -> None:
    found = random_topology(seed)
    assert found
    run = Settled(found, tmp_path)
    assert list(wrongs(run, at_random(run, 20))) == []


WISHFUL = {
    "cluster": {"name": "wishes"},
    "nodes": {name: {"fencing": {"bmc": None}} for name in ("n1", "n2", "n3")},
    "fencing": {"devices": {"bmc": {"agent": "fence_lab"}}},
    "storage": {f"i{n}": {"kind": "rbd", "image": f"p/{n}"} for n in range(3)},
    "containers": {
        "c0": {"path": "/c/c0", "storage": ["i0"]},
        "c1": {"path": "/c/c1", "address": "10.9.9.1/24", "apart": {"c0": 100}},
        "c2": {"path": "/c/c2", "storage": ["i2"], "apart": {"c0": 100, "c1": 50}},
        "c3": {"path": "/c/c3", "together": {"c0": 100}, "prefer": {"n1": -50, "n2": -70}},
    },
}


def test_a_wish_keeps_nothing_from_running(tmp_path: Path) -> None:
    run = Settled(Source.of_document("wishes", WISHFUL), tmp_path)
    assert list(kept_down(run)) == []
    apart = {tuple(run.nodes_of(name)) for name in ("c0", "c1", "c2")}
    assert len(apart) == 3


# The detectors fire


def as_before(cib: _Element) -> None:
    """The stop order as it was written once."""
    for order in cib.iterfind(".//rsc_order[@kind='Serialize']"):
        order.set("kind", "Mandatory")


def without_influence(cib: _Element) -> None:
    for colocation in cib.iterfind(".//rsc_colocation[@influence]"):
        colocation.attrib.pop("influence")


def without(xpath: str) -> Callable[[_Element], None]:
    def change(cib: _Element) -> None:
        for each in cib.xpath(xpath):
            each.getparent().remove(each)

    return change


def of(run: Settled, subject: str, name: str) -> Verdict:
    return judge(run, next(s for s in states(run) if (s.subject, s.name) == (subject, name)))


def test_the_order_that_was_written_before_is_found_out(tmp_path: Path) -> None:
    run = Settled(Source.of_file(DEMO), tmp_path, as_before)
    hit = {each.split()[0] for each in of(run, "web1", "unmanaged").bystanders}
    assert hit == {"www1", "www1-address"}


def test_no_order_at_all_is_found_out(tmp_path: Path) -> None:
    run = Settled(Source.of_file(DEMO), tmp_path, without("//rsc_order[@kind='Serialize']"))
    (node,) = run.nodes_of("web1")
    assert ("lan-bridge", node, "web1") in of(run, node, "in standby").under


def test_what_a_blocked_member_holds_is_blocked_and_does_not_wait_for_ever(tmp_path: Path) -> None:
    """With an order on the group, images would be told to go and wait for a stop that never is."""

    def on_the_group(cib: _Element) -> None:
        without("//rsc_order[contains(@then, '-address') or contains(@then, '-target')]")(cib)
        for order in cib.iterfind(".//rsc_order[@then='san1-gate']"):
            order.set("then", "san1")

    source = Source.of_file(GATEWAYS)
    assert not waiting(Settled(source, tmp_path))
    assert waiting(Settled(source, tmp_path, on_the_group))


def waiting(run: Settled) -> set[int]:
    cib = deepcopy(run.slim)
    failed("san1-target", "stop", run.nodes_of("san1-target"), on_fail="block")(cib)
    return never_done(run.asked(cib)[0])


SHARED = {
    "cluster": {"name": "shared"},
    "nodes": {name: {"fencing": {"bmc": None}} for name in ("n1", "n2", "n3")},
    "fencing": {"devices": {"bmc": {"agent": "fence_lab"}}},
    "storage": {
        "vg": {"kind": "lvm", "vg": "vg"},
        **{f"i{n}": {"kind": "rbd", "image": f"p/{n}", "attach": "mapped"} for n in range(2)},
    },
    "guests": {
        f"g{n}": {
            "cpus": 1,
            "memory": "1GiB",
            "disks": [{"storage": "vg", "volume": f"v{n}"}, f"i{n}"],
            "live_migration": False,
        }
        for n in range(2)
    },
}


def test_two_users_of_one_thing_do_not_move_each_other(tmp_path: Path) -> None:
    source = Source.of_document("shared", SHARED)
    run = Settled(source, tmp_path)
    (node,) = run.nodes_of("g0")
    assert run.nodes_of("g1") == [node]
    for state in states(run):
        if state.subject in ("g0", "i0") and not state.held:
            assert judge(run, state).wrongs == (), str(state)
    before = Settled(source, tmp_path, without_influence)
    assert of(before, "g0", "failed three times").bystanders


def test_a_wish_without_a_score_to_take_from_is_found_out(tmp_path: Path) -> None:
    bare = without("//rsc_location[starts-with(@id, 'hactl-base-')]")
    found = list(kept_down(Settled(Source.of_document("wishes", WISHFUL), tmp_path, bare)))
    if not found and int(version(runner(tmp_path)).partition(".")[0]) > 2:
        pytest.skip("the scheduler of Pacemaker 3 keeps nothing down for these wishes")
    assert found


SMALL = {"cpus": 1, "memory": "1GiB", "disks": ["nfs"]}
SWAP = {
    "cluster": {"name": "swap"},
    "nodes": {name: {"fencing": {"bmc": None}} for name in ("n1", "n2")},
    "fencing": {"devices": {"bmc": {"agent": "fence_lab"}}},
    "storage": {"nfs": {"kind": "directory", "path": "/srv"}},
    "guests": {
        "g0": {"apart": ["g1"], "live_migration": False, **SMALL},
        "g1": {"after": ["g0"], "priority": 1, **SMALL},
    },
}


def test_what_waits_for_itself_is_found_and_check_had_named_it(tmp_path: Path) -> None:
    source = Source.of_document("swap", SWAP)
    assert source.cannot_change_places
    assert of(Settled(source, tmp_path), "g1", "banned").deadlock
    unnamed = Settled(replace(source, warnings=()), tmp_path)
    assert of(unnamed, "g1", "banned").bystanders == ("what is to be done waits for itself",)


def confined(good: str, liked: str) -> Source:
    """Two guests share a volume group; one may run on n1 and ``good``, one likes ``liked``."""
    own = {"cpus": 1, "memory": "1GiB", "live_migration": False}
    disks = {name: [{"storage": "vg", "volume": name}] for name in ("g0", "g1")}
    guests = {
        "g0": own | {"disks": disks["g0"], "prefer": {"n1": 100, liked: 50}},
        "g1": own | {"disks": disks["g1"], "nodes": ["n1", good]},
    }
    document = SHARED | {"storage": {"vg": {"kind": "lvm", "vg": "vg"}}, "guests": guests}
    return Source.of_document("confined", document)


def after_a_loss(source: Source, folder: Path, planted: str = "nothing") -> set[str]:
    """Return what runs after the loss of the first of three nodes."""
    run = Settled(source, folder, without(f"//{planted}"))
    cib = deepcopy(run.slim)
    lost("n1")(cib)
    return running_after(run, cib)


def test_what_several_share_goes_where_all_of_them_may_run(tmp_path: Path) -> None:
    sources = [confined("n2", "n3"), confined("n3", "n2")]
    for source in sources:
        assert {"vg", "g0", "g1"} <= after_a_loss(source, tmp_path)
    # without its leaning it goes where it goes by chance, which is right for one of them
    bare = [after_a_loss(source, tmp_path, "rsc_location[@rsc='vg']") for source in sources]
    assert any("g1" not in found for found in bare)
