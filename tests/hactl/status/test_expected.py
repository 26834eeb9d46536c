"""What should run is the scheduler's word; status is healthy only where all of it does."""

from __future__ import annotations

import os
from copy import deepcopy
from pathlib import Path

from lxml import etree
from lxml.etree import _Element

from hactl.cib.own_words import reworded
from hactl.live import cibfile
from hactl.live.pacemaker import Pacemaker
from hactl.live.runner import Runner
from hactl.live.session import opened
from hactl.plan.plan import planned
from hactl.simulate.effect import Effect, What
from hactl.status.expected import Absent, Expected, expected
from hactl.status.notices import notices, what_happens
from hactl.status.read import status
from hactl.status.values import State, Status
from tests.hactl.cibs import cib, clone, dummy, dummy_text, text, wanted
from tests.hactl.scheduler import (
    Canned,
    corpus,
    needs_corpora,
    needs_scheduler,
    runner,
    settled,
)

pytestmark = needs_scheduler
SAMPLED = 1 if os.environ.get("HACTL_EXHAUSTIVE") else 10
LAN = text(clone("lan", dummy("lan-i")))
GROUP = '<group id="g">' + dummy_text("g1") + dummy_text("g2") + "</group>"
BAN = '<rsc_location id="b" rsc="lan" node="node2" score="-INFINITY"/>'
COUNT = '<nvpair id="fc" name="fail-count-{}#start_0" value="INFINITY"/>'


def seen(made: _Element, folder: Path) -> Status:
    """What status says of a CIB in a file, with crm_mon and the scheduler asked."""
    path = folder / "seen.xml"
    path.write_bytes(etree.tostring(made))
    pacemaker = Pacemaker(runner(folder), path)
    return status(pacemaker.monitor(), made, 0.0, expected(made, pacemaker.runner))


def of(found: Status, name: str) -> State:
    return next(each.state for each in found.resources if each.id == name)


def problems(found: Status) -> list[str]:
    return [each for each in found.problems if "fencing" not in each]


def forget(made: _Element, primitive: str, node: str) -> None:
    """As if it had never run there."""
    path = f"status/node_state[@uname='{node}']/lrm/lrm_resources/lrm_resource[@id='{primitive}']"
    for history in made.findall(path):
        for record in list(history):
            if record.get("operation") != "monitor" or record.get("interval") != "0":
                history.remove(record)


def test_all_that_should_run_does(tmp_path: Path) -> None:
    made = settled(cib(LAN + GROUP), tmp_path)
    assert expected(made, runner(tmp_path)) == Expected(asked=True)
    assert problems(seen(made, tmp_path)) == []


def test_an_instance_of_a_clone_that_is_missing_is_named(tmp_path: Path) -> None:
    made = settled(cib(LAN), tmp_path)
    forget(made, "lan-i", "node2")
    assert expected(made, runner(tmp_path)).absent == {"lan-i": Absent(("node2",))}
    found = seen(made, tmp_path)
    assert of(found, "lan") is State.PARTIAL
    assert problems(found) == ["lan does not run on node2, where it should"]


def test_a_node_a_clone_may_not_run_on_is_not_missed(tmp_path: Path) -> None:
    found = seen(settled(cib(LAN, BAN), tmp_path), tmp_path)
    assert (of(found, "lan"), problems(found)) == (State.RUNNING, [])


def test_an_instance_that_failed_for_good_is_missing(tmp_path: Path) -> None:
    """The scheduler has given up, and so would start nothing; it should run all the same."""
    made = settled(cib(LAN), tmp_path)
    forget(made, "lan-i", "node2")
    state = made.find("status/node_state[@uname='node2']")
    assert state is not None
    attributes = etree.SubElement(state, "transient_attributes", id="2")
    pairs = etree.SubElement(attributes, "instance_attributes", id="s2")
    pairs.append(etree.fromstring(COUNT.format("lan-i")))
    assert "lan does not run on node2, where it should" in problems(seen(made, tmp_path))


def test_a_stopped_member_of_a_cloned_group_is_a_part_that_is_missing(tmp_path: Path) -> None:
    both = '<group id="m">' + dummy_text("m1") + dummy_text("m2") + "</group>"
    made = settled(cib(f'<clone id="both">{both}</clone>'), tmp_path)
    forget(made, "m2", "node3")
    found = seen(made, tmp_path)
    assert of(found, "both") is State.PARTIAL
    assert problems(found) == ["both runs only in part on node3"]


def test_a_group_that_runs_in_part_is_told_so(tmp_path: Path) -> None:
    made = settled(cib(GROUP), tmp_path)
    (node,) = {
        each.get("name")
        for each in Pacemaker(runner(tmp_path), write(made, tmp_path)).monitor().iter("node")
        if each.get("cached")
    }
    forget(made, "g2", node or "")
    assert problems(seen(made, tmp_path)) == [f"g runs only in part on {node}"]


def write(made: _Element, folder: Path) -> Path:
    path = folder / "written.xml"
    path.write_bytes(etree.tostring(made))
    return path


def test_what_cannot_run_says_why(tmp_path: Path) -> None:
    everywhere = "".join(
        f'<rsc_location id="n{n}" rsc="web1" node="node{n}" score="-INFINITY"/>' for n in (1, 2, 3)
    )
    found = seen(settled(cib(dummy_text("web1"), everywhere), tmp_path), tmp_path)
    assert problems(found) == ["web1 is stopped: no node that is there may run it (n1, n2, n3)"]


def test_a_scheduler_that_gives_no_answer_is_a_problem(tmp_path: Path) -> None:
    made = settled(cib(LAN), tmp_path)
    wrong = expected(made, Canned(returncode=1))
    assert wrong.unknown
    found = status(Pacemaker(runner(tmp_path), write(made, tmp_path)).monitor(), made, 0.0, wrong)
    assert any(each.startswith("what should run is not known") for each in found.problems)


# notices


def test_maintenance_says_what_leaving_it_does(tmp_path: Path) -> None:
    made = settled(cib(dummy_text("web1")), tmp_path)
    options = made.find("configuration/crm_config/cluster_property_set")
    assert options is not None
    etree.SubElement(options, "nvpair", id="mm", name="maintenance-mode", value="true")
    (quiet,) = notices(made, runner(tmp_path))
    assert quiet.endswith(
        "(pcs property set maintenance-mode=false ends that; then nothing happens)"
    )
    parameters = etree.SubElement(
        made.find("configuration/resources/primitive"),
        "instance_attributes",
        id="web1-ia",  # type: ignore[arg-type]
    )
    etree.SubElement(parameters, "nvpair", id="web1-s", name="state", value="/run/other")
    (changed,) = notices(made, runner(tmp_path))
    assert "then web1 restarts on node" in changed


def test_a_node_and_a_resource_in_maintenance_are_named(tmp_path: Path) -> None:
    made = settled(cib(dummy_text("web1", "is-managed=false")), tmp_path)
    node = made.find("configuration/nodes/node[@uname='node2']")
    assert node is not None
    own = etree.SubElement(node, "instance_attributes", id="n2")
    etree.SubElement(own, "nvpair", id="n2m", name="maintenance", value="true")
    first, second = notices(made, runner(tmp_path))
    assert first.startswith("node2 is in maintenance: what is on it is left alone")
    assert "web1 is not managed" in second
    assert "then web1 starts on node" in second


def test_what_a_move_has_left_is_named_with_what_lifts_it() -> None:
    left = (
        '<rsc_location id="cli-prefer-web1" rsc="web1" role="Started" node="node2" '
        'score="INFINITY"/>'
        '<rsc_location id="cli-ban-web1-on-node1" rsc="web1" node="node1" score="-INFINITY"/>'
        '<rsc_location id="ours" rsc="web1" node="node1" score="5"/>'
    )
    assert notices(cib(dummy_text("web1"), left)) == (
        "web1 is tied to node2, as Started by cli-prefer-web1, left over from a move "
        "(pcs resource clear web1 lifts it)",
        "web1 is banned from node1 by cli-ban-web1-on-node1, left over from a move "
        "(pcs resource clear web1 lifts it)",
    )


def test_an_edit_by_hand_is_named(tmp_path: Path) -> None:
    made = planned(cib(), wanted(dummy("web1", memory="1")), runner(tmp_path)).merged
    assert notices(made) == ()
    pair = made.find(".//primitive[@id='web1']/instance_attributes/nvpair")
    assert pair is not None
    pair.set("value", "2")
    assert notices(made) == (
        "edited by hand since hactl wrote it: web1 (hactl plan FILE shows the difference)",
    )


def test_an_edit_of_a_constraint_is_seen_by_its_id() -> None:
    """Nothing that hactl renders is taken for an edit, and a changed score is."""
    made = rendered("every-key")
    assert edited_by(made) == []
    for name, value in (("score", "7"), ("kind", "Serialize"), ("score", "much")):
        copy = deepcopy(made)
        one = next(c for c in copy.iterfind("configuration/constraints/*") if c.get(name))
        one.set(name, value)
        assert edited_by(copy) == [one.get("id")]


def rendered(name: str) -> _Element:
    return cibfile.read(Path(__file__).parents[1] / "golden" / name / "cib.xml")


def edited_by(made: _Element) -> list[str]:
    return [c.get("id", "") for c in made.iterfind("configuration/constraints/*") if reworded(c)]


# other people's clusters


@needs_corpora
def test_healthy_means_that_everything_that_should_run_does() -> None:
    """The judge: the scheduler on the whole CIB starts and promotes nothing; all is active."""
    wrong = {}
    healthy = 0
    for path in list(corpus())[::SAMPLED]:
        with opened(path) as world:
            made = world.pacemaker.cib()
            monitor = world.pacemaker.monitor()
            found = status(monitor, made, 0.0, expected(made, world.runner))
            if not found.problems:
                healthy += 1
                wrong[path.name] = [*unstarted(path, world.runner), *inactive(monitor)]
    print(f"{healthy} of {len(list(corpus())[::SAMPLED])} are healthy")
    assert {name: what for name, what in wrong.items() if what} == {}


def unstarted(path: Path, pacemaker: Runner) -> list[str]:
    argv = ("crm_simulate", "--run", "--output-as=xml", "--xml-file", str(path))
    answer = etree.fromstring(pacemaker.run(argv, timeout=300.0).stdout)
    return [
        f"{each.get('action')} {each.get('resource')}"
        for each in answer.iterfind("actions/rsc_action")
        if each.get("action") in ("start", "promote", "recover")
    ]


def inactive(monitor: _Element) -> list[str]:
    """Resources outside of clones that are not active and were not switched off."""
    return [
        f"{each.get('id')} is inactive"
        for tag in ("resource", "group/resource")
        for each in monitor.iterfind(f"resources/{tag}")
        if each.get("active") != "true"
        and each.get("target_role") != "Stopped"
        and not each.get("pending")
    ]


def test_whoever_the_end_of_a_maintenance_interrupts_is_named() -> None:
    restarts = [Effect(f"web{n}", f"web{n}", "guest", What.RESTARTS, "a", "a") for n in range(30)]
    starts = [Effect(f"db{n}", f"db{n}", "guest", What.STARTS, "", "a") for n in range(30)]
    said = what_happens([*starts, *restarts])
    assert all(f"web{n} restarts on a" in said for n in range(30))
    assert said.endswith(" and 25 more without interruption")
    assert what_happens([]) == "nothing happens"
