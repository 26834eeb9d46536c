"""Plan and apply on a real cluster: what was foreseen happens, and nobody's edit is lost."""

from __future__ import annotations

import threading

import pytest

from hactl.lab.lab import Lab, Result
from tests.cluster.applying import BASE, PAIR, Here
from tests.cluster.labs import Eventually

pytestmark = pytest.mark.cluster


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
    here.remove("web")


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
