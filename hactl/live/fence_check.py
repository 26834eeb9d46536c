"""Asks every fence device from every node that may use it, in parallel; fences nobody."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hactl.errors import ClusterError
from hactl.fencing.configuration import Device, Fencing
from hactl.fencing.faults import faults
from hactl.fencing.finding import Finding
from hactl.fencing.proof import Answer, Question, interview
from hactl.live.runner import Runner

TIMEOUT = 60.0  # seconds for a call; a device that needs longer is no help in the night
AT_ONCE = 8
FOLDER = "/usr/sbin"
SECRETS = Path("/var/lib/pacemaker/lrm/cibsecrets")
AGENT = re.compile(r"fence_[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Reach:
    """How to run a command on a node: directly on ``here``, by ``via`` elsewhere.

    ``via`` is a command line in which {node} stands for the node.
    """

    runner: Runner
    here: str
    via: Sequence[str]
    secrets: Path = SECRETS

    def ask(self, node: str, question: Question) -> Answer:
        if not AGENT.fullmatch(question.agent):
            return Answer(None, "", f"{question.agent!r} is no name of a fence agent")
        way = () if node == self.here else [word.format(node=node) for word in self.via]
        argv = [*way, f"{FOLDER}/{question.agent}"]
        try:
            lines = with_secrets(question, self.secrets)
            result = self.runner.run(argv, stdin=lines.encode(), timeout=TIMEOUT)
        except ClusterError as exc:
            return Answer(None, "", exc.message)
        last = result.stderr.decode(errors="replace").strip().splitlines()[-1:]
        return Answer(result.returncode, result.stdout.decode(errors="replace"), "".join(last))


def with_secrets(question: Question, folder: Path) -> str:
    """The lines with what cibsecret(8) keeps out of the CIB. Raises ClusterError."""
    lines = []
    for line in question.lines.splitlines():
        name, _, value = line.partition("=")
        if value == "lrm://":
            try:
                line = f"{name}={(folder / question.device / name).read_text().strip()}"
            except OSError as exc:
                raise ClusterError(f"its secret {name} cannot be read: {exc.strerror}") from None
        lines.append(line)
    return "\n".join(lines) + "\n"


def check(fencing: Fencing, reach: Reach, nodes: Sequence[str]) -> list[Finding]:
    """Everything that is wrong: in the CIB, and as seen from each of ``nodes``."""
    pairs = [
        (device, node)
        for device in fencing.devices
        for node in fencing.users(device)
        if device.enabled and node in nodes
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda pair: prove(fencing, reach, *pair), pairs))
    return [*faults(fencing), *(finding for each in found for finding in each)]


def prove(fencing: Fencing, reach: Reach, device: Device, node: str) -> list[Finding]:
    """Carry out one interview."""
    asking = interview(fencing, device, node)
    question = next(asking)
    while True:
        try:
            question = asking.send(reach.ask(node, question))
        except StopIteration as end:
            found: list[Finding] = end.value
            return found
