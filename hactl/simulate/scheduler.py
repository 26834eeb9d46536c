"""Asks Pacemaker's own scheduler what it would do: one crm_simulate run, no file, no injection."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Protocol

from lxml import etree
from lxml.etree import _Element

from hactl.errors import ClusterError
from hactl.simulate.scenario import slim
from hactl.simulate.transition import Transition, transition

# -R and never -S: executing rewrites and validates the whole CIB after each action. No --node-fail
# either, for the same reason: failures are written into the copy.
# The graph of what it would execute comes before its answer, on the same pipe.
ARGV = (
    *("crm_simulate", "--run", "--xml-pipe", "--output-as=xml"),
    "--save-graph=/dev/stdout",
)
RESULT, GRAPH = "pacemaker-result", "transition_graph"
DOCUMENT = re.compile(rf"(?=<\?xml|<{RESULT}|<{GRAPH})".encode())

VERSION = re.compile(r"\d+\.\d+\.\d+")

# 32 nodes with 2000 guests take 140 s from cold on a slow machine.
TIMEOUT = 900.0


class CannotSimulate(ClusterError):
    """The scheduler gave no answer, so nothing is known about what would happen."""


class Finished(Protocol):
    """What is left of a command: its exit code and its output."""

    @property
    def returncode(self) -> int: ...
    @property
    def stdout(self) -> bytes: ...
    @property
    def stderr(self) -> bytes: ...


class Run(Protocol):
    """Runs a command to its end; CIB_shadow_dir in its environment must be private."""

    def run(
        self, argv: Sequence[str], stdin: bytes = b"", timeout: float = TIMEOUT
    ) -> Finished: ...


def simulate(cib: _Element, runner: Run) -> Transition:
    """Return what the cluster would do if its CIB were ``cib``.

    Raises CannotSimulate, with what the scheduler said, when it gives no answer.
    """
    result, graph = asked(etree.tostring(slim(cib)), runner)
    refuse_unread(cib, result)
    return transition(result, graph)


def answer(cib: bytes, runner: Run, hung: Collection[str] = ()) -> Transition:
    """Do the same for the text of a CIB that was simulated before in nearly the same words.

    The fencing of ``hung`` nodes never comes.
    """
    return transition(*asked(cib, runner), hung)


def asked(cib: bytes, runner: Run) -> tuple[_Element, _Element]:
    """Return what the scheduler says, and the graph of what it would execute."""
    done = runner.run(ARGV, stdin=cib, timeout=TIMEOUT)
    result, graph = document(done.stdout, RESULT), document(done.stdout, GRAPH)
    if done.returncode or result is None or graph is None or result.find("actions") is None:
        raise CannotSimulate(f"could not simulate: {complaint(done, result)}")
    return result, graph


def refuse_unread(cib: _Element, result: _Element) -> None:
    """Raise CannotSimulate where the answer is about no node of ``cib``.

    The scheduler of Pacemaker 3 says OK, and nothing else, to a CIB of a newer feature set.
    """
    answered = {node.get("name") for node in result.iterfind("cluster_status/nodes/node")}
    if answered or cib.find("configuration/nodes/node") is None:
        return
    raise CannotSimulate(
        "could not simulate: the scheduler here reads nothing of this CIB, whose feature set is "
        f"{cib.get('crm_feature_set', 'not said')}",
        "run hactl on a node of the cluster, or upgrade Pacemaker here",
    )


def version(runner: Run) -> str:
    """Return the version of the scheduler on this machine, such as 2.1.5, or nothing."""
    said = runner.run(("crm_simulate", "--version"), timeout=TIMEOUT).stdout
    found = VERSION.search(said.decode(errors="replace"))
    return found[0] if found else ""


def document(output: bytes, tag: str) -> _Element | None:
    """Return the one of several XML documents in a row that has this tag."""
    for part in DOCUMENT.split(output):
        if part.startswith(b"<" + tag.encode()):
            try:
                return etree.fromstring(part)
            except etree.XMLSyntaxError:
                return None
    return None


def complaint(done: Finished, result: _Element | None) -> str:
    status = None if result is None else result.find("status")
    said = "" if status is None else status.get("message", "")
    first = done.stderr.decode(errors="replace").strip().splitlines()[:1]
    if done.returncode < 0:
        said = f"crm_simulate died of signal {-done.returncode}"
    reasons = [text for text in (said, *first) if text and text != "OK"]
    return ": ".join(reasons) or f"crm_simulate exited {done.returncode} without an answer"
