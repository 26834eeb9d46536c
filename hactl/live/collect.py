"""Sends the collector to every node and reads what it says, all at once and bounded in time."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources

from hactl.drift.nodes import Facts, Intended
from hactl.errors import ClusterError
from hactl.live.fencing import remote
from hactl.live.runner import Runner

SECONDS = 10
REACHED = 25.0
AT_ONCE = 8
PROGRAM = ("/usr/bin/python3", "-I", "-")


@dataclass(frozen=True)
class Collection:
    """``found`` by node; ``silent`` are the nodes that did not answer, each with the reason."""

    found: Mapping[str, Facts]
    silent: Mapping[str, str]


def collect(
    runner: Runner, here: str, via: Sequence[str], nodes: Sequence[str], meant: Intended
) -> Collection:
    """Ask every node; directly on ``here``, by ``via`` elsewhere."""
    program = source(meant)
    found: dict[str, Facts] = {}
    silent: dict[str, str] = {}

    def one(node: str) -> None:
        try:
            facts = asked(runner, node, here, via, program)
        except ClusterError as problem:
            silent[node] = problem.message
            return
        if stuck := facts.said.get("unfinished"):
            silent[node] = f"it hung at {stuck}"
        found[node] = facts

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, nodes))
    return Collection(dict(sorted(found.items())), dict(sorted(silent.items())))


def source(meant: Intended) -> bytes:
    """Return the collector with what it is to look for."""
    wanted = {
        "bridges": list(meant.ports),
        "mounts": list(meant.mounts),
        "files": list(meant.files),
        "seconds": SECONDS,
    }
    text = resources.files("hactl.drift").joinpath("collector.py").read_text()
    return f"{text}\nmain({json.dumps(json.dumps(wanted))})\n".encode()


def asked(runner: Runner, node: str, here: str, via: Sequence[str], program: bytes) -> Facts:
    """Raises ClusterError where the node does not answer with what the collector prints."""
    argv = PROGRAM if node == here else tuple(remote.command(via, node, PROGRAM))
    sent = time.time()
    result = runner.run(argv, stdin=program, timeout=REACHED)
    back = time.time()
    try:
        said = json.loads(result.stdout)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        words = result.stderr.decode(errors="replace").strip().splitlines()
        raise ClusterError(words[-1] if words else f"exit code {result.returncode}")
    return Facts(said, sent, back)
