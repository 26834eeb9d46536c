"""Why something does not run: each of twelve reasons is named, and its command heals it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.cib import document
from hactl.simulate.places import places
from hactl.why.answer import Asking, unfenced
from tests.hactl.cli import hactl
from tests.hactl.contracts import violations
from tests.hactl.scheduler import needs_scheduler, runner, settled
from tests.hactl.topologies import cluster_of
from tests.hactl.why.planted import GUEST, NODES, REASONS, SHARED, Reason

pytestmark = needs_scheduler
BY_COMMAND = [each for each in REASONS if each.command and "stonith" not in each.command]


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> _Element:
    made = document.cib(cluster_of(SHARED))
    return settled(made, tmp_path_factory.mktemp("healthy"))


def ill(healthy: _Element, reason: Reason, folder: Path) -> Path:
    """Return the CIB in which a reason has had its effect: the guest does not run."""
    cib = etree.fromstring(etree.tostring(healthy))
    reason.plant(cib)
    if reason.name not in ("no quorum", "unfenced node"):
        cib = settled(cib, folder)
    assert not running(cib, folder)
    path = folder / "ill.xml"
    path.write_bytes(etree.tostring(cib))
    return path


def running(cib: _Element, folder: Path) -> bool:
    """Whether the guest is, or is to be, on a node that is there, as long as nothing is fenced."""
    seen = unfenced(cib, runner(folder))
    on = places(seen).active.get(GUEST, set())
    return any(seen.nodes[node].online for node in on)


def why(path: Path, *words: str) -> dict[str, Any]:
    done = hactl("why", GUEST, "--cib", str(path), "--format", "json", *words)
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert violations(found, "why.schema.json") == []
    return found


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.name)
def test_a_reason_is_named_for_every_node(
    reason: Reason, healthy: _Element, tmp_path: Path
) -> None:
    found = why(ill(healthy, reason, tmp_path))
    lost = [at["node"] for at in found["nodes"] if "node " + at["node"] in whats(at)]
    assert len(lost) == (reason.name == "unfenced node")
    for at in (each for each in found["nodes"] if each["node"] not in lost):
        told = [each for each in at["blockers"] if each["class"] == reason.sort]
        texts = [each["text"] for each in told]
        assert any(reason.says.format(node=at["node"]) in text for text in texts), (at, texts)
        assert all(reason.command in (each["command"] or "") for each in told), told
        assert at["proven"]
    assert {at["node"] for at in found["nodes"]} == set(NODES)


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.name)
def test_a_part_of_the_cluster_says_the_same(
    reason: Reason, healthy: _Element, tmp_path: Path
) -> None:
    cib = etree.parse(str(ill(healthy, reason, tmp_path))).getroot()
    whole = Asking(cib, GUEST, runner(tmp_path)).answer()
    part = Asking(cib, GUEST, runner(tmp_path), large=0)
    assert part.answer() == whole
    assert part.part is not part.cib


def whats(at: dict[str, Any]) -> list[str]:
    return [each["what"] for each in at["blockers"]]


@pytest.mark.parametrize("reason", BY_COMMAND, ids=lambda reason: reason.name)
def test_its_command_heals_it(reason: Reason, healthy: _Element, tmp_path: Path) -> None:
    """One of the ways is carried out, word by word, on the file."""
    path = ill(healthy, reason, tmp_path)
    found = why(path)
    assert found["ways"]
    for command in found["ways"][0]["commands"]:
        healed(path, command)
    assert running(etree.parse(str(path)).getroot(), tmp_path)


def healed(path: Path, command: str) -> None:
    words = shlex.split(command)
    environment = {**os.environ, "CIB_file": str(path)}
    if words[:2] == ["crm_resource", "--cleanup"]:
        forgotten(path, words[words.index("--resource") + 1], words[words.index("--node") + 1])
        return
    subprocess.run(words, check=True, capture_output=True, env=environment)


def forgotten(path: Path, resource: str, node: str) -> None:
    """Do what the controller does for a cleanup: with a file there is none to be asked."""
    cib = etree.parse(str(path)).getroot()
    for state in cib.iterfind(f"status/node_state[@uname='{node}']"):
        for pair in state.findall("transient_attributes//nvpair"):
            if f"-{resource}#" in pair.get("name", ""):
                pair.getparent().remove(pair)  # type: ignore[union-attr]
        for history in state.findall(f"lrm/lrm_resources/lrm_resource[@id='{resource}']"):
            history.getparent().remove(history)  # type: ignore[union-attr]
    path.write_bytes(etree.tostring(cib))
