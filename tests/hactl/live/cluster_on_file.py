"""A cluster made of a CIB file: real tools, and Pacemaker's own scheduler plays what follows.

Each commit is carried out by ``crm_simulate --simulate`` before anybody reads the CIB again. What
only daemons can answer (who is the DC, who was fenced, forget this failure) is answered here.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree
from lxml.etree import _Element

from hactl.live import cibfile
from hactl.live.pacemaker import Pacemaker
from hactl.live.runner import Result, Runner
from hactl.live.session import World
from hactl.live.settle import Clock
from tests.hactl.cibs import text

IDLE = b'<pacemaker-result><crmd state="S_IDLE"/></pacemaker-result>'
FENCED = re.compile(r"\* Fencing (\S+) \(")
EMPTIED = re.compile(r"Node (\S+): standby \(on-fail\)")
# What is carried out; that a history or a count of failures is deleted is only said.
DONE = re.compile(
    r"^  \* (Fencing|(Resource|Cluster|Pseudo) action: (?!.* (delete|clear_failcount) ))",
    re.MULTILINE,
)
FAILURE = re.compile(r"(?:fail-count|last-failure)-(.+)#.*")
ROUNDS = 12

# Called before each call of a tool with its number, from 1, and its words.
Hook = Callable[[int, Sequence[str]], None]
# What one call of a tool takes, in seconds.
CALL = 0.1


def nothing(number: int, argv: Sequence[str]) -> None:
    """Do nothing in between."""


@dataclass
class Cluster:
    """What is shared by all who work on one CIB file.

    ``failing`` are operations that fail, as crm_simulate has them: ``bad_start_0@node1=1``.
    ``pace``: it goes on by one transition at every so manieth look, not to the end at each.
    ``sent`` counts the patches that were sent to it, whatever else its tools are asked.
    ``lasting``: what failed and is forgotten is found running by the probe that follows.
    ``blind`` are the agents that do not find what runs, by type.
    """

    file: Path
    directory: Path
    failing: tuple[str, ...] = ()
    pace: int = 0
    lasting: bool = False
    blind: tuple[str, ...] = ()
    runs: dict[tuple[str, str], bool] = field(default_factory=dict)
    found: tuple[str, ...] = ()
    looks: int = 0
    sent: int = 0
    fenced: list[str] = field(default_factory=list)
    emptied: list[str] = field(default_factory=list)
    settled_at: str = ""

    @classmethod
    def of(cls, live: _Element, directory: Path, failing: Sequence[str] = ()) -> Cluster:
        directory.mkdir(parents=True, exist_ok=True)
        file = directory / "cib.xml"
        file.write_text(text(live))
        return cls(file, directory, tuple(failing))

    def cib(self) -> _Element:
        """Return the CIB once the cluster has done what follows from it."""
        self.settle()
        return cibfile.read(self.file)

    def settle(self) -> None:
        self.looks += 1
        if self.pace and self.looks % self.pace:
            return
        for _ in range(ROUNDS):
            now = cibfile.read(self.file).get("epoch", "")
            if self.settled_at == now or not self.moves():
                self.settled_at = now
                return
            if self.pace:
                return
        raise AssertionError(f"the cluster of {self.file} does not come to rest")

    def moves(self) -> bool:
        """Have the scheduler carry out one transition; return whether there was something to do."""
        before = cibfile.read(self.file)
        after = self.directory / "after.xml"
        words = [
            word for failing in (*self.failing, *self.found) for word in ("--op-fail", failing)
        ]
        argv = ["crm_simulate", "-x", str(self.file), "-S", "-O", str(after), *words]
        said = subprocess.run(argv, capture_output=True, text=True, env=self.environment()).stdout
        self.fenced += FENCED.findall(said)
        self.emptied += EMPTIED.findall(said)
        made = cibfile.read(after)
        for name in ("epoch", "admin_epoch"):
            made.set(name, before.get(name, "0"))
        made.set("num_updates", str(int(before.get("num_updates", "0")) + 1))
        forget_orphans(made)
        make_starts_fatal(made)
        self.write(made)
        return bool(DONE.search(said))

    def write(self, cib: _Element) -> None:
        """Replace the file in one go: a reader sees all of it or nothing."""
        new = self.directory / "new.xml"
        new.write_text(text(cib))
        new.replace(self.file)

    def environment(self) -> dict[str, str]:
        return {**os.environ, "CIB_shadow_dir": str(self.directory), "CIB_file": str(self.file)}

    def look_anew(self, resource: str) -> None:
        """Do as `crm_resource --refresh` would: every node is asked by the agent of now."""
        cib = cibfile.read(self.file)
        primitive = cib.find(f"configuration/resources//primitive[@id='{resource}']")
        assert primitive is not None
        for found in cib.findall(f"status/node_state//lrm_resource[@id='{resource}']"):
            node = f"{found.xpath('string(ancestor::node_state/@uname)')}"
            self.runs.setdefault((resource, node), not stopped(found))
            holder = found.getparent()
            assert holder is not None
            holder.remove(found)
        self.found = tuple(
            f"{name}_monitor_0@{node}=0"
            for (name, node), runs in self.runs.items()
            if runs and primitive.get("type") not in self.blind
        )
        self.write(cib)
        self.settled_at = ""

    def forget(self, resource: str, node: str) -> None:
        """Do as `crm_resource --cleanup` would."""
        cib = cibfile.read(self.file)
        path = f"status/node_state[@uname='{node}']//lrm_resource[@id='{resource}']"
        for found in cib.findall(path):
            parent = found.getparent()
            assert parent is not None
            if self.lasting and not stopped(found):
                found[:] = [probed(found)]
            else:
                parent.remove(found)
        for pair in cib.findall(f"status/node_state[@uname='{node}']//nvpair"):
            holder = pair.getparent()
            if f"-{resource}#" in pair.get("name", "") and holder is not None:
                holder.remove(pair)
        self.write(cib)
        self.settled_at = ""


def forget_orphans(cib: _Element) -> None:
    """Delete the history of what is stopped and no longer configured: crm_simulate only says so."""
    there = {
        primitive.get("id") for primitive in cib.iterfind("configuration/resources//primitive")
    }
    for history in list(cib.iter("lrm_resource")):
        parent, gone = history.getparent(), history.get("id", "").partition(":")[0] not in there
        if gone and stopped(history) and parent is not None:
            parent.remove(history)
    for pair in cib.findall("status/node_state/transient_attributes//nvpair"):
        about, holder = FAILURE.fullmatch(pair.get("name", "")), pair.getparent()
        if about and about[1] not in there and holder is not None:
            holder.remove(pair)


def probed(history: _Element) -> _Element:
    """Return the record of a probe that found a resource running."""
    probe = deepcopy(history.find("lrm_rsc_op[last()]"))
    assert probe is not None
    name = history.get("id", "")
    key = probe.get("transition-key", "").rpartition(":")[2]
    found = {"operation": "monitor", "rc-code": "0", "op-status": "0", "interval": "0"}
    probe.attrib.update(found | {"id": f"{name}_last_0", "operation_key": f"{name}_monitor_0"})
    probe.attrib.update({"transition-key": f"1:1:7:{key}", "transition-magic": f"0:0;1:1:7:{key}"})
    return probe


def stopped(history: _Element) -> bool:
    """Whether a resource is known not to run on a node: a stop that failed is no such word."""
    last = history.find("lrm_rsc_op[last()]")
    if last is None or last.get("rc-code") == "7":
        return True
    stops = [each.get("rc-code") for each in history if each.get("operation") == "stop"]
    return last.get("operation") == "stop" and {*stops} == {"0"}


def make_starts_fatal(cib: _Element) -> None:
    """Count a failed start as Pacemaker does: once and for all (start-failure-is-fatal)."""
    for pair in cib.iterfind("status/node_state/transient_attributes//nvpair"):
        if pair.get("name", "").startswith("fail-count-") and pair.get("name", "").endswith(
            "#start_0"
        ):
            pair.set("value", "INFINITY")


@dataclass(frozen=True)
class Tools(Runner):
    """Runs the real tools on the file; ``hook`` sees each call before it is made."""

    cluster: Cluster = field(kw_only=True)
    hook: Hook = field(default=nothing, kw_only=True)
    calls: list[Sequence[str]] = field(default_factory=list, kw_only=True)

    def run(self, argv: Sequence[str], stdin: bytes = b"", timeout: float = 30.0) -> Result:
        self.calls.append(argv)
        self.cluster.sent += argv[:2] == ("cibadmin", "--patch") and "CIB_file" not in self.env
        self.hook(len(self.calls), argv)
        if argv[0] == "crmadmin":
            return Result(0, IDLE, b"")
        if argv[0] == "stonith_admin":
            return Result(0, fencing_history(self.cluster.fenced), b"")
        if argv[0] == "crm_resource":
            given = dict(word.split("=", 1) for word in argv if "=" in word)
            if "--refresh" in argv:
                self.cluster.look_anew(given["--resource"])
            else:
                self.cluster.forget(given["--resource"], given["--node"])
            return Result(0, b"", b"")
        if argv[:2] == ("cibadmin", "--query"):
            self.cluster.settle()
        if argv[0] != "cibadmin" or "CIB_file" in self.env:
            return super().run(argv, stdin, timeout)
        return self.with_env(CIB_file=str(self.cluster.file)).real(argv, stdin, timeout)

    def real(self, argv: Sequence[str], stdin: bytes, timeout: float) -> Result:
        return super().run(argv, stdin, timeout)


def fencing_history(fenced: Sequence[str]) -> bytes:
    made = etree.Element("pacemaker-result")
    for number, node in enumerate(fenced):
        event = {"status": "success", "action": "reboot", "target": node, "completed": str(number)}
        etree.SubElement(made, "fence_event", event)
    return etree.tostring(made)


def world(cluster: Cluster, hook: Hook = nothing) -> World:
    """Return the cluster as an apply sees it: time passes only where somebody sleeps."""
    env = {"CIB_shadow_dir": str(cluster.directory)}
    tools = Tools(env, cluster=cluster, hook=hook)
    slept = [0.0]

    def sleep(seconds: float) -> None:
        slept[0] += seconds

    def now() -> float:
        return slept[0] + CALL * len(tools.calls)

    scratch = cluster.directory / "scratch"
    scratch.mkdir(exist_ok=True)
    return World(Pacemaker(tools), tools, scratch, Clock(now, sleep))
