"""Nothing in a CIB or a topology becomes an option, a word of a shell, an action or another line.

A hostile text is planted in one field after the other, and everything that is started or written is
looked at. A seeded sample runs every day, ``scripts/hostile`` plants every text in every field.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from lxml import etree
from lxml.etree import _Element

from hactl import corosync, sbd
from hactl.cib import document
from hactl.errors import HactlError
from hactl.fencing.configuration import fencing
from hactl.intent import reads
from hactl.live.fencing.check import Reach, check
from hactl.live.fencing.remote import SSH
from hactl.live.runner import Result, Runner
from hactl.model.cluster import Cluster
from hactl.plan.plan import planned
from hactl.topology.yaml.parse import parse
from tests.hactl.scheduler import needs_scheduler, runner
from tests.hactl.topologies import cluster_of
from tests.support.hostile import HOSTILE, TOKEN, Site, leaves, planted

ROOT = Path(__file__).parents[3]
FILES = sorted(ROOT.glob("examples/*.yaml")) + sorted(ROOT.glob("tests/hactl/golden/*/*.yaml"))
ALL = bool(os.environ.get("HACTL_EXHAUSTIVE"))
SEED = 20261201
# a device with everything a CIB can say of one, and secrets kept out of it
DEVICE = """<primitive class="stonith" type="fence_x" id="extra"><instance_attributes id="extra-i">
<nvpair id="e1" name="ip" value="10.0.0.9"/><nvpair id="e2" name="password" value="lrm://"/>
<nvpair id="e3" name="password_script" value="/etc/hactl/secret"/>
<nvpair id="e4" name="identity_file" value="/etc/hactl/key"/>
<nvpair id="e5" name="pcmk_host_map" value="node1:1;node2:2;node3:3"/>
<nvpair id="e6" name="pcmk_host_argument" value="plug"/>
<nvpair id="e7" name="pcmk_status_action" value="status"/>
<nvpair id="e8" name="pcmk_monitor_action" value="monitor"/>
<nvpair id="e9" name="pcmk_list_action" value="list"/></instance_attributes></primitive>"""
ALLOWED = re.compile(r"\s*((totem|nodelist|node|quorum|device|net|logging) \{|\}|[a-z0-9_]+: \S+|)")
ASSIGNMENT = re.compile(
    r'SBD_[A-Z_]+="[\w./:@+,;-]*"|# The same on every node\.[^$`\\"]*', re.ASCII
)


T = TypeVar("T")


def sampled(items: list[T], number: int) -> list[T]:
    return items if ALL else random.Random(SEED).sample(items, min(number, len(items)))


def live() -> _Element:
    made = document.cib(cluster_of((ROOT / "examples/three-node.yaml").read_text()))
    resources = made.find("configuration/resources")
    assert resources is not None
    resources.append(etree.fromstring(DEVICE))
    return made


def hostile_cibs(number: int) -> Iterator[tuple[str, _Element]]:
    """CIBs with one hostile attribute each, and what it is."""
    places = [
        (count, name) for count, element in enumerate(live().iter("*")) for name in element.attrib
    ]
    for (count, name), text in sampled([(p, t) for p in places for t in HOSTILE], number):
        cib = live()
        element = list(cib.iter("*"))[count]
        element.set(name, text)
        yield f"{element.getroottree().getpath(element)}/@{name} = {text[:60]!r}", cib


def test_fence_check_starts_and_says_nothing_that_a_cib_made_up(tmp_path: Path) -> None:
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra/password").write_text("geheim\n")
    (tmp_path / TOKEN).write_text("outside")
    tried = 0
    for what, cib in hostile_cibs(400):
        site = Site()
        found = fencing(cib)
        check(found, Reach(site, "node1", SSH.split(), tmp_path / "."), found.nodes)
        assert site.wrong == [], what
        tried += bool(site.started)
    assert tried


@needs_scheduler
def test_planning_starts_nothing_that_a_cib_or_a_topology_made_up(tmp_path: Path) -> None:
    wanted = document.configuration(cluster_of((ROOT / "examples/three-node.yaml").read_text()))
    spying = Spying(runner(tmp_path).env, seen=[])
    for what, cib in hostile_cibs(40):
        try:
            planned(cib, wanted, spying)
        except HactlError:
            continue
        assert not [argv for argv in spying.seen if TOKEN in " ".join(argv)], what
    assert spying.seen


def test_what_a_topology_becomes_has_no_line_that_it_made_up() -> None:
    rendered = 0
    for what, text, folder in hostile_topologies(300):
        try:
            cluster, _ = reads(text, "t.yaml", files_beside(folder))
        except HactlError:
            continue
        rendered += 1
        assert lines_made_up(cluster) == [], what
    assert rendered, "none of them was taken for a topology: nothing was tried"


@pytest.mark.parametrize(
    "place",
    ["nodes/node[1]/@uname", "node_state[1]/@uname", "nvpair/@value", "fencing-level/@target"],
)
def test_the_command_itself_starts_no_other_process(place: str, tmp_path: Path) -> None:
    """strace sees it all: with the real ssh, which finds no such host."""
    cib = live()
    path, _, name = place.rpartition("/@")
    for element in cib.findall(f".//{path}"):
        element.set(name, f"-oProxyCommand=touch {tmp_path}/{TOKEN}")
    file = tmp_path / "cib.xml"
    file.write_bytes(etree.tostring(cib))
    trace = tmp_path / "trace"
    command = [sys.executable, "-c", "from hactl.cli import main; main()"]
    strace = ["strace", "-f", "-s", "400", "-o", str(trace), "-e", "trace=execve"]
    subprocess.run(
        [*strace, *command, "fence", "check", "--cib", str(file)],
        cwd=ROOT, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    started = [line for line in trace.read_text().splitlines() if "execve(" in line]
    assert len(started) > 1
    assert not [line for line in started if TOKEN in line]
    assert not (tmp_path / TOKEN).exists()


def test_each_watcher_sees_what_it_watches_for() -> None:
    site = Site()
    site.run(["ssh", "-o", "BatchMode=yes", "-oProxyCommand=x", "--", "x", "true"])
    site.run([*SSH.split()[:-1], "node1", "cat", "a;b"])
    site.run(["/usr/sbin/fence_x"], b"ip=1\naction=off\n")
    site.run(["/usr/sbin/fence_x"], b"ip=1\xe2\x80\xa8action=off\naction=status\n")
    site.run(["sh", "-c", "x"])
    told = " ".join(site.wrong)
    for word in ("ssh is told", "a shell is told", "an agent is told", "other lines", "started"):
        assert word in told
    cluster = cluster_of((ROOT / "examples/three-node.yaml").read_text())
    object.__setattr__(cluster, "name", "x\nevil {")
    assert lines_made_up(cluster) == ["evil {"]
    assert not ASSIGNMENT.fullmatch('SBD_DEVICE="/dev/$(reboot)"')


class Spying(Runner):
    """Runs what it is told, and keeps the words."""

    def __init__(self, env: Any, seen: list[list[str]]) -> None:
        super().__init__(env)
        object.__setattr__(self, "seen", seen)

    def run(self, argv: Any, stdin: bytes = b"", timeout: float = 30.0) -> Result:
        self.seen.append(list(argv))  # type: ignore[attr-defined]
        return super().run(argv, stdin, timeout)


def hostile_topologies(number: int) -> Iterator[tuple[str, str, Path]]:
    """What was planted where, the text, and the folder whose files it points to."""
    documents = [(path, parse(path.read_text()).value) for path in FILES]
    places = [(path, value, place) for path, value in documents for place in leaves(value)]
    for (path, value, place), text in sampled([(p, t) for p in places for t in HOSTILE], number):
        # as JSON, which is YAML too, so that each text arrives as it is
        what = f"{path.parent.name}/{path.name} {place} = {text[:60]!r}"
        yield what, json.dumps(planted(value, place, text), ensure_ascii=False), path.parent


def files_beside(folder: Path) -> Callable[[str], bytes]:
    return lambda path: (folder / "files" / path.lstrip("/")).read_bytes()


def lines_made_up(cluster: Cluster) -> list[str]:
    """Lines of corosync.conf and SBD's file that are none of ours, or that a shell would obey."""
    document.text(document.cib(cluster))
    found = []
    for render, ours in ((corosync.render, ALLOWED), (sbd.render, ASSIGNMENT)):
        with contextlib.suppress(HactlError):
            found += [line for line in render(cluster).splitlines() if not ours.fullmatch(line)]
    return found
