"""N-1 before and after a plan, and a policy that refuses to lose it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lxml import etree

from tests.hactl.cli import hactl
from tests.hactl.contracts import violations
from tests.hactl.scheduler import needs_scheduler, settled
from tests.hactl.whatif.topologies import SEVENTY, room

pytestmark = needs_scheduler
FITS = room(db1=12, db2=12, db3=12)
KEPT = "cluster: {name: room, policy: {keep: n-1}}"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def live(folder: Path, text: str) -> str:
    topology, path = folder / "now.yaml", folder / "cib.xml"
    topology.write_text(text)
    assert hactl("render", str(topology), "-o", str(path)).returncode == 0
    path.write_bytes(etree.tostring(settled(etree.parse(str(path)).getroot(), folder)))
    return str(path)


def test_both_sides_are_shown_with_the_numbers(tmp_path: Path) -> None:
    then = tmp_path / "then.yaml"
    then.write_text(SEVENTY)
    done = hactl("plan", str(then), "--cib", live(tmp_path, FITS), "--whatif", "--losses", "none")
    assert done.returncode == 0
    assert "Loss of one node, before and after" in done.stdout
    lines = [line for line in done.stdout.splitlines() if " lost: before: " in line]
    assert len(lines) == 3
    assert all("before: everything survives; after: " in line for line in lines)
    assert any("stranded (needs " in line and "memory left" in line for line in lines)


def test_as_json(tmp_path: Path) -> None:
    then = tmp_path / "then.yaml"
    then.write_text(SEVENTY)
    words = ("--whatif", "--losses", "none", "--format", "json")
    found = json.loads(hactl("plan", str(then), "--cib", live(tmp_path, FITS), *words).stdout)
    assert violations(found, "plan.schema.json") == []
    assert (found["whatif"]["before"]["survives"], found["whatif"]["after"]["survives"]) == (
        True,
        False,
    )


def test_a_policy_refuses_what_would_lose_it(tmp_path: Path) -> None:
    then, path = tmp_path / "then.yaml", live(tmp_path, FITS)
    then.write_text(SEVENTY.replace("cluster: {name: room}", KEPT))
    before = Path(path).read_bytes()
    for verb in (["plan", "--losses", "none"], ["apply", "--yes", "--allow-disruption"]):
        done = hactl(verb[0], str(then), "--cib", path, *verb[1:])
        assert done.returncode == 1, done.stdout
        assert "cluster.policy keeps n-1, and the plan would break it: without" in done.stderr
    assert Path(path).read_bytes() == before
    fits = room(db1=12, db2=12, db3=12, a1=1).replace("cluster: {name: room}", KEPT)
    then.write_text(fits)
    assert hactl("plan", str(then), "--cib", path, "--losses", "none").returncode == 0
