"""What a loss does: quorum first, then fencing, then the scheduler; in words an operator reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tests.hactl.cli import hactl
from tests.hactl.contracts import violations
from tests.hactl.scheduler import needs_scheduler
from tests.hactl.scheduler import settled as settled_cib
from tests.hactl.whatif.topologies import APART, HEAD, POWER, SEVENTY, room

pytestmark = needs_scheduler


def written(folder: Path, text: str) -> str:
    path = folder / "t.yaml"
    path.write_text(text)
    return str(path)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def whatif(folder: Path, text: str, *options: str) -> dict[str, Any]:
    done = hactl("whatif", written(folder, text), "--format", "json", *options)
    found: dict[str, Any] = json.loads(done.stdout)
    assert violations(found, "whatif.schema.json") == []
    assert done.returncode == (0 if found["survives"] else 1)
    return found


def loss(found: dict[str, Any], name: str) -> dict[str, Any]:
    (one,) = (each for each in found["losses"] if each["loss"] == name)
    return dict(one)


def effects(found: dict[str, Any], name: str) -> dict[str, str]:
    return {each["name"]: each["effect"] for each in loss(found, name)["effects"]}


def test_who_is_stranded_is_named_with_the_numbers(tmp_path: Path) -> None:
    """70 GiB of guests on three nodes of 32: somebody finds no place, whichever node is lost."""
    done = hactl("whatif", written(tmp_path, SEVENTY))
    assert done.returncode == 1
    first = next(line for line in done.stdout.splitlines() if line.startswith("node1 lost"))
    assert first.startswith("node1 lost: 2 restart, db1 stranded")
    assert (
        "    db1: needs 12288MiB memory, 1 cpus: node2 has 1024MiB memory left, "
        "node3 has 3072MiB memory left" in done.stdout.splitlines()
    )


def test_apart_names_from_whom_and_where_they_are(tmp_path: Path) -> None:
    found = whatif(tmp_path, APART)
    reasons = [e["why"] for each in found["losses"] for e in each["effects"] if not e["survives"]]
    assert len(reasons) == 3
    assert all("it stays apart from web" in why and why.count("(node") == 2 for why in reasons)


def test_what_feeds_a_node_and_the_host_of_its_only_device_hangs_it(tmp_path: Path) -> None:
    found = whatif(tmp_path, POWER, "--fence")
    dark = loss(found, "pdu1 with what it feeds")
    assert dark["hangs"] == [
        {"node": "node1", "why": "nothing left can fence it: host-node1 is lost as well"}
    ]
    assert effects(found, "pdu1 with what it feeds") == {"web1": "hangs"}
    text = hactl("whatif", written(tmp_path, POWER), "--fence").stdout
    assert "node1 hangs: nothing left can fence it: host-node1 is lost as well" in text


def test_a_rack_takes_its_devices_with_it(tmp_path: Path) -> None:
    found = whatif(tmp_path, POWER, "--racks")
    assert effects(found, "a") == {"web1": "hangs"}
    assert effects(found, "b") == {"web2": "fenced"}
    assert found["stranded"] == ["web1"]


def test_a_controller_has_no_power_without_its_node(tmp_path: Path) -> None:
    """A board in the machine answers after a crash, and is dark with the rack."""
    text = POWER.replace("agent: fence_lab", "agent: fence_ipmilan")
    for number in (2, 3):
        text = text.replace(f"plug: n{number}", f"ip: 10.0.0.{number}")
    found = whatif(tmp_path, text, "--racks")
    assert effects(found, "node2") == {"web2": "fenced"}
    assert effects(found, "b") == {"web2": "hangs"}


def test_without_quorum_nothing_is_fenced_or_recovered(tmp_path: Path) -> None:
    found = whatif(tmp_path, APART, "--nodes", "2")
    two = loss(found, "node1 + node2")
    assert two["quorum"] == {"kept": False, "votes": 1, "needed": 2}
    assert {each["effect"] for each in two["effects"]} == {"hangs", "stranded"}
    assert {each["why"] for each in two["effects"]} == {"no quorum: 1 of 2 votes"}


def test_a_quorum_device_keeps_the_last_node(tmp_path: Path) -> None:
    device = "cluster: {name: room, qdevice: {host: q, algorithm: lms}}"
    found = whatif(tmp_path, room(web=1).replace("cluster: {name: room}", device), "--nodes", "2")
    assert found["votes"]["expected"] == 5
    assert loss(found, "node1 + node2")["quorum"] == {"kept": True, "votes": 3, "needed": 3}
    assert found["survives"]


def test_what_must_survive_decides_and_nothing_else(tmp_path: Path) -> None:
    one = SEVENTY.replace("memory: 5GiB, disks: [vms]", "memory: 5GiB, disks: [vms], priority: 9")
    kept = one.replace("priority: 9", "priority: 9, must_survive: 1")
    found = whatif(tmp_path, kept)
    assert found["survives"]
    assert found["promises"] == [
        {"name": "b1", "nodes": 1, "kept": True},
        {"name": "b2", "nodes": 1, "kept": True},
    ]
    every = SEVENTY.replace("disks: [vms]", "disks: [vms], must_survive: 1")
    broken = whatif(tmp_path, every)["broken"]
    assert {each["name"]: each["losses"] for each in broken}["db1"] == ["node1"]


def test_a_promise_of_two_nodes_is_tried_with_two(tmp_path: Path) -> None:
    found = whatif(tmp_path, room(a=1).replace("a: {", "a: {must_survive: 2, "))
    assert len(found["losses"]) == 6
    assert not found["survives"]


def test_what_may_run_on_one_node_only_may_go_with_it(tmp_path: Path) -> None:
    found = whatif(tmp_path, room(a=1).replace("a: {", "a: {nodes: [node1], "))
    assert effects(found, "node1") == {"a": "stranded"}
    assert found["survives"]


def test_in_turn_the_cluster_rests_in_between(tmp_path: Path) -> None:
    """Two of five nodes: at once or in turn the quorum stays, and the places differ."""
    more = "".join(
        f"  node{n}: {{cpus: 32, memory: 32GiB, fencing: {{bmc: {{plug: n{n}}}}}}}\n"
        for n in (4, 5)
    )
    text = room(a=20, b=20, c=20).replace("fencing: {devices", f"{more}fencing: {{devices")
    found = whatif(tmp_path, text, "--in-turn", "--nodes", "2")
    turns = [each for each in found["losses"] if each["kind"] == "in-turn"]
    assert len(turns) == 20
    assert all(each["quorum"]["kept"] for each in turns)
    assert found["survives"]


def test_clones_fail_on_a_node_and_everywhere(tmp_path: Path) -> None:
    shared = room(a=1).replace("path: /srv/vms}", 'path: /srv/vms, device: "nas:/vms"}')
    found = whatif(tmp_path, shared, "--storage")
    names = [each["loss"] for each in found["losses"] if each["kind"] == "storage"]
    assert names == ["vms on node1", "vms on node2", "vms on node3", "vms everywhere"]
    assert effects(found, "vms everywhere")["a"] == "stranded"
    assert found["survives"]  # of what is gone for all nobody is asked to survive it


def test_a_baseline_tells_only_what_is_worse(tmp_path: Path) -> None:
    before = tmp_path / "before.json"
    before.write_text(hactl("whatif", written(tmp_path, SEVENTY), "--format", "json").stdout)
    same = hactl("whatif", written(tmp_path, SEVENTY), "--baseline", str(before))
    assert (same.returncode, "Nothing is worse than before." in same.stdout) == (0, True)
    larger = SEVENTY.replace("b2: {cpus: 1, memory: 5GiB", "b2: {cpus: 1, memory: 12GiB")
    worse = hactl("whatif", written(tmp_path, larger), "--baseline", str(before))
    assert worse.returncode == 1
    assert "Worse than before:" in worse.stdout
    broken = tmp_path / "broken.json"
    broken.write_text("[]")
    wrong = hactl("whatif", written(tmp_path, SEVENTY), "--baseline", str(broken))
    assert (wrong.returncode, "not written by hactl whatif" in wrong.stderr) == (2, True)


def test_the_same_is_not_simulated_twice(tmp_path: Path) -> None:
    first = whatif(tmp_path, SEVENTY)
    kept = list((tmp_path / "cache/hactl/verdicts").iterdir())
    assert len(kept) == 3
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    for path in kept:
        path.write_text(path.read_text().replace('"stranded"', '"stops"'))
    assert whatif(tmp_path, SEVENTY) != first  # it was read
    assert whatif(tmp_path, SEVENTY, "--fresh") == first
    for path in kept:
        path.write_text("garbage")
    assert whatif(tmp_path, SEVENTY) == first


def test_a_running_cluster_is_judged_as_it_is(tmp_path: Path) -> None:
    live = tmp_path / "cib.xml"
    assert hactl("render", written(tmp_path, SEVENTY), "-o", str(live)).returncode == 0
    live.write_bytes(etree.tostring(settled_cib(etree.parse(str(live)).getroot(), tmp_path)))
    done = hactl("whatif", "--cib", str(live), "--format", "json")
    assert violations(json.loads(done.stdout), "whatif.schema.json") == []
    assert done.returncode == 1
    with_topology = whatif(tmp_path, SEVENTY, "--cib", str(live))
    assert with_topology["losses"] == json.loads(done.stdout)["losses"]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--nodes", "5"], 2, "of 3 nodes that are there, 5 cannot be lost"),
        (["--nodes", "0"], 2, "0 is not in the range"),
        (["--baseline", "/nowhere"], 2, "no such file"),
        (["--cib", "/nowhere.xml"], 1, "no such file"),
    ],
)
def test_what_cannot_be_asked_is_said(
    options: list[str], code: int, said: str, tmp_path: Path
) -> None:
    done = hactl("whatif", written(tmp_path, room(a=1)), *options)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_a_cluster_in_the_middle_of_something_is_not_judged(tmp_path: Path) -> None:
    cib = tmp_path / "cib.xml"
    hactl("render", written(tmp_path, room(a=1)), "-o", str(cib))
    busy = hactl("whatif", "--cib", str(cib))
    assert busy.returncode == 1
    assert "in the middle of a transition: it is to start" in busy.stderr
    assert "--settled" in busy.stderr
    assert hactl("whatif", "--cib", str(cib), "--settled").returncode == 0


def test_a_matrix_of_many_guests_folds(tmp_path: Path) -> None:
    small = {f"g{number:03}": 1 for number in range(40)}
    text = HEAD + "".join(
        f"  {name}: {{cpus: 1, memory: 256MiB, disks: [vms]}}\n" for name in small
    )
    done = hactl("whatif", written(tmp_path, text.replace("memory: 32GiB", "memory: 6GiB")))
    assert len(done.stdout.splitlines()) < 30
    assert max(map(len, done.stdout.splitlines())) <= 130
