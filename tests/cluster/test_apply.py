"""Plan and apply on a real cluster: what was foreseen happens, and nobody's edit is lost."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from lxml import etree

from hactl.lab.lab import Lab, Result
from tests.cluster.conftest import Eventually, repair

pytestmark = pytest.mark.cluster

BASE = """\
cluster: {name: apply, token: 1s, dc_deadtime: 2s}
nodes:
  node1: {links: [10.77.1.1, 10.77.2.1], fencing: {power: {plug: node1}}}
  node2: {links: [10.77.1.2, 10.77.2.2], fencing: {power: {plug: node2}}}
  node3: {links: [10.77.1.3, 10.77.2.3], fencing: {power: {plug: node3}}}
fencing: {devices: {power: {agent: fence_lab, socket: /lab/power.sock}}}
raw:
  - {kind: primitive, id: still, agent: "ocf:pacemaker:Dummy", params: {state: /run/still}}
  - {kind: primitive, id: mover, agent: "ocf:pacemaker:Dummy", meta: {allow-migrate: "true"}}
"""
# web stands on disk, and takes longer to stop; both take long enough to be watched
PAIR = """\
  - {kind: primitive, id: disk, agent: "ocf:pacemaker:Dummy",
     params: {state: /run/disk, op_sleep: "2"}}
  - {kind: primitive, id: web, agent: "ocf:pacemaker:Dummy",
     params: {state: /run/web, op_sleep: "4"}}
  - {kind: location, resource: disk, node: node1, score: INFINITY}
  - {kind: order, first: disk, then: web}
  - {kind: colocation, resource: web, with: disk, score: INFINITY}
"""
OURS = frozenset({"still", "mover", "shop", "power-node1", "power-node2", "power-node3"})


def test_a_fresh_apply_ends_as_foreseen_and_the_next_has_nothing_to_do(lab: Lab) -> None:
    here = Here(lab)
    foreseen = here.plan(BASE)
    applied = here.apply(BASE)
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert "Applied; the cluster is at rest, as foreseen." in applied.stdout
    running = here.running()
    assert {name: running[name] for name in ("still", "mover")} == {
        effect["name"]: effect["to"]
        for effect in foreseen["resources"]
        if effect["name"] in ("still", "mover")
    }
    again = here.apply(BASE, node="node2")
    assert again.returncode == 0, again.stderr
    assert "No changes: the cluster is as the topology says, and stays" in again.stdout
    assert lab.exec("node1", "hactl", "status").returncode == 0


def test_a_restart_and_a_live_migration_happen_as_foreseen(here: Here) -> None:
    was = here.running()["mover"]
    ban = f"  - {{kind: location, resource: mover, node: {was}, score: -INFINITY}}\n"
    changed = BASE.replace("/run/still", "/run/still-2") + ban
    effects = {effect["name"]: effect for effect in here.plan(changed)["resources"]}
    assert effects["mover"]["effect"] == "migrates"
    assert effects["still"]["effect"] == "restarts"
    assert effects["still"]["why"] == "state /run/still -> /run/still-2"
    refused = here.apply(changed, allow=False)
    assert refused.returncode == 1
    assert "still would restart; allow it with --allow-disruption" in refused.stderr
    applied = here.apply(changed)
    assert "Applied; the cluster is at rest, as foreseen." in applied.stdout, applied.stderr
    assert here.running()["mover"] == effects["mover"]["to"] != was
    history = here.lab.exec("node1", "cibadmin", "-Q", "--xpath", "//lrm_rsc_op").stdout
    assert "mover_migrate_from_0" in history


@pytest.mark.parametrize(
    ("edit", "undone"),
    [
        ("pcs resource update still state=/run/by-hand", True),
        ("pcs constraint remove hactl-ban-power-node1-from-node1", False),
        ("pcs property set stonith-timeout=77s", False),
        ("pcs resource update shop fake=by-hand", False),
    ],
)
def test_an_edit_by_hand_between_plan_and_apply_is_never_overwritten(
    here: Here, edit: str, undone: bool
) -> None:
    here.sh("pcs resource create shop ocf:pacemaker:Dummy --force")
    topology = BASE.replace('allow-migrate: "true"', 'allow-migrate: "false"')
    here.plan(topology, "-o", "/run/plan.json")
    here.sh(edit)
    before = here.configuration()
    stale = here.apply(topology, "--plan", "/run/plan.json")
    assert stale.returncode == 1
    assert "make a new plan; nothing was changed" in stale.stderr
    assert here.configuration() == before
    if undone:
        without_plan = here.apply(topology)
        assert without_plan.returncode == 1
        assert "edited by hand since hactl last wrote it: still" in without_plan.stderr
        assert here.configuration() == before


def test_a_foreign_resource_is_not_touched_by_what_is_applied(here: Here) -> None:
    here.sh("pcs resource create shop ocf:pacemaker:Dummy fake=theirs --force")
    before = here.sh("cibadmin -Q --xpath \"//primitive[@id='shop']\"")
    changed = BASE.replace('allow-migrate: "true"', 'allow-migrate: "false"')
    applied = here.apply(changed)
    assert applied.returncode == 0, applied.stderr
    assert here.sh("cibadmin -Q --xpath \"//primitive[@id='shop']\"") == before


def test_of_two_applies_at_once_one_wins_and_the_other_says_so(here: Here) -> None:
    # both plans are made before either is carried out, however slow the machine is
    for node, state in (("node1", "/run/one"), ("node2", "/run/two")):
        topology = BASE.replace("/run/still", state)
        here.lab.write(node, "/run/t.yaml", here.named(topology))
        done = here.lab.exec(node, "hactl", "plan", "/run/t.yaml", "-o", "/run/plan.json")
        assert done.returncode == 0, done.stderr
    results: dict[str, Result] = {}

    def applies(node: str) -> None:
        argv = ("hactl", "apply", "/run/t.yaml", "--plan", "/run/plan.json", "--allow-disruption")
        results[node] = here.lab.exec(node, *argv)

    threads = [threading.Thread(target=applies, args=(node,)) for node in ("node1", "node2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    codes = sorted(result.returncode for result in results.values())
    said = "".join(result.stderr for result in results.values())
    assert codes == [0, 1], said
    assert "nothing was changed" in said


def test_what_does_not_start_is_taken_back(here: Here) -> None:
    before = here.running()
    bad = (
        "  - {kind: primitive, id: bad, agent: 'ocf:heartbeat:IPaddr2', params: {ip: 300.1.1.1}}\n"
    )
    broken = BASE.replace("/run/still", "/nowhere/still") + bad
    applied = here.apply(broken)
    assert applied.returncode == 1
    assert "did not go as predicted, so the configuration was taken back" in applied.stderr
    assert "bad: should run on " in applied.stderr
    after = here.running()
    assert after["mover"] == before["mover"], "it was not touched"
    assert after["still"], "it runs again, and not where it has just failed"
    assert "No changes" in here.apply(BASE).stdout


def test_what_is_removed_is_stopped_in_its_order_first(here: Here) -> None:
    pair = BASE + PAIR
    assert here.apply(pair).returncode == 0
    with here.first_to_vanish("/run/disk", "/run/web") as vanished:
        applied = here.apply(BASE)
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert "as foreseen" in applied.stdout
    assert vanished == ["/run/web"]
    assert 'id="web"' not in here.configuration()
    # taken out by hand from below the other: the detector fires
    assert here.apply(pair).returncode == 0
    with here.first_to_vanish("/run/disk", "/run/web") as vanished:
        here.remove("disk")
    assert vanished == ["/run/disk"]


def test_what_is_for_another_cluster_is_not_applied_to_this_one(here: Here) -> None:
    before = here.configuration()
    here.lab.write("node1", "/run/other.yaml", BASE.encode())
    for verb in ("plan", "apply"):
        refused = here.lab.exec("node1", "hactl", verb, "/run/other.yaml")
        assert refused.returncode == 1
        assert f"this is cluster '{here.lab.name}'" in refused.stderr
        assert "the topology is for 'apply'" in refused.stderr
    assert here.configuration() == before


def test_without_quorum_nothing_is_applied(here: Here, eventually: Eventually) -> None:
    changed = BASE.replace("/run/still", "/run/still-3")
    for node in ("node2", "node3"):
        here.lab.cut(node)
    here.lab.cut("node1")

    def inquorate() -> bool:
        return "without quorum" in here.lab.exec("node1", "crm_mon", "-1").stdout.lower()

    eventually(inquorate, "node1 sees that it is alone", within=10)
    refused = here.apply(changed)
    assert refused.returncode == 1
    assert "quorum" in refused.stderr
    status = here.lab.exec("node1", "hactl", "status")
    assert status.returncode == 1
    assert "no quorum: nothing is started" in status.stdout


@dataclass(frozen=True)
class Here:
    """The lab, seen from an operator's shell on node1."""

    lab: Lab

    def plan(self, topology: str, *words: str) -> dict[str, Any]:
        self.lab.write("node1", "/run/t.yaml", self.named(topology))
        done = self.lab.exec("node1", "hactl", "plan", "/run/t.yaml", "--format", "json", *words)
        assert done.returncode == 0, done.stderr
        made: dict[str, Any] = json.loads(done.stdout)
        return made

    def apply(self, topology: str, *words: str, node: str = "node1", allow: bool = True) -> Result:
        self.lab.write(node, "/run/t.yaml", self.named(topology))
        allowed = ["--allow-disruption"] if allow else []
        return self.lab.exec(node, "hactl", "apply", "/run/t.yaml", *allowed, *words)

    def named(self, topology: str) -> bytes:
        """Return a topology for the cluster of this lab: it would not be carried out elsewhere."""
        return topology.replace("name: apply", f"name: {self.lab.name}").encode()

    def running(self) -> dict[str, str]:
        done = self.lab.exec("node1", "hactl", "status", "--format", "json")
        resources = json.loads(done.stdout)["resources"]
        return {r["id"]: r["node"] for r in resources if r["id"] in ("still", "mover")}

    def sh(self, command: str) -> str:
        done = self.lab.exec("node1", "/bin/sh", "-c", command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def first_to_vanish(self, *files: str) -> Iterator[list[str]]:
        """Which of two files that are there is gone before the other; known after the block."""
        both = " && ".join(f"[ -e {file} ]" for file in files)
        watch = f"while {both}; do sleep 0.02; done; ls {' '.join(files)}"
        found: list[str] = []

        def looks() -> None:
            left = self.lab.exec("node1", "/bin/sh", "-c", watch).stdout.split()
            found.extend(file for file in files if file not in left)

        self.sh(both)
        watcher = threading.Thread(target=looks)
        watcher.start()
        yield found
        watcher.join(30)

    def remove(self, *names: str) -> None:
        """Remove resources with their constraints at once, as an editor of the CIB would."""
        tree = etree.fromstring(self.configuration())
        for element in list(tree.iterfind("*/*")):
            if set(names) & {element.get(key) for key in ("id", "rsc", "first")}:
                element.getparent().remove(element)
        replace = ("cibadmin", "--replace", "--scope", "configuration", "-p")
        done = self.lab.exec("node1", *replace, stdin=etree.tostring(tree, encoding="unicode"))
        assert done.returncode == 0, done.stderr

    def configuration(self) -> str:
        return self.sh("cibadmin -Q -o configuration")


@pytest.fixture
def here(shared_lab: Lab) -> Here:
    """The lab with BASE applied and at rest, and nothing else in it."""
    repair(shared_lab, keep=OURS)
    here = Here(shared_lab)
    if "shop" in here.configuration():
        here.sh("crm_resource --resource shop --resource-type primitive --delete --force")
    applied = here.apply(BASE, "--overwrite-edits")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    return here
