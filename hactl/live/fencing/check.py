"""Asks every fence device from every node that may use it, in parallel; fences nobody."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hactl.errors import ClusterError
from hactl.fencing.configuration import Device, Fencing
from hactl.fencing.faults import faults
from hactl.fencing.finding import Finding
from hactl.fencing.interview import TELLS_UUID, Answer, interview
from hactl.fencing.prerequisites import (
    Premises,
    lacking,
    machines,
    registered,
    secret_files,
    settings,
    stats,
)
from hactl.fencing.question import Question
from hactl.live.fencing import remote
from hactl.live.fencing.secrets import with_secrets
from hactl.live.runner import Result, Runner

TIMEOUT = 60.0  # seconds for a call; a device that needs longer is no help in the night
REACHED = 15.0  # seconds until a node is taken not to answer
SBD = ("/etc/default/sbd", "/etc/sysconfig/sbd")
MACHINE = "/sys/class/dmi/id/product_uuid"
AT_ONCE = 8
FOLDER = "/usr/sbin"
REGISTERED = (f"{FOLDER}/stonith_admin", "--list-registered", "--output-as=xml")
SECRETS = Path("/var/lib/pacemaker/lrm/cibsecrets")
TIMESTAMP = re.compile(r"^\d{4}-\d\d-\d\d [\d:,.]+ ([A-Z]+: )?")
USAGE = re.compile(r"[Pp]lease use '-h' for usage")
STAT = ("xargs", "-0", "stat", "-L", "-c", "%f:%s:%n", "--")
SOME_MISSING = 123  # xargs(1): stat failed for some of them
AGENT = re.compile(r"fence_[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Reach:
    """How to run a command on a node: directly on ``here``, by ``via`` elsewhere.

    ``via`` are the words of a command line in which {node} stands for the node.
    """

    runner: Runner
    here: str
    via: Sequence[str]
    secrets: Path = SECRETS

    def ask(self, node: str, question: Question) -> Answer:
        if not AGENT.fullmatch(question.agent):
            return Answer(None, "", f"{question.agent!r} is not the name of a fence agent")
        if question.refused:
            return Answer(None, "", question.refused)
        try:
            lines = with_secrets(question, self.secrets)
            result = self.run(node, f"{FOLDER}/{question.agent}", stdin=lines.encode())
        except ClusterError as exc:
            return Answer(None, "", exc.message)
        return Answer(result.returncode, text(result.stdout), complaint(result.stderr))

    def run(self, node: str, *command: str, stdin: bytes = b"", timeout: float = TIMEOUT) -> Result:
        """Run a command on a node. Raises ClusterError."""
        argv = command if node == self.here else remote.command(self.via, node, command)
        return self.runner.run(argv, stdin=stdin, timeout=timeout)

    def look(self, fencing: Fencing, node: str) -> Premises:
        """Look at what a node has that fencing needs."""
        paths = {path for device in fencing.devices for path in secret_files(device)}
        try:
            reached = self.run(node, "true", timeout=REACHED)
            if reached.returncode:
                return Premises(node, problem=last_line(reached.stderr) or "no answer")
            files = self.stat(node, sorted(paths)) if paths else b""
            sbd = self.run(node, "cat", *SBD).stdout if fencing.watchdog else b""
            machine = self.run(node, "cat", MACHINE).stdout if tells_machine(fencing) else b""
            known = self.run(node, *REGISTERED)
        except ClusterError as exc:
            return Premises(node, problem=exc.message)
        return Premises(
            node, stats(text(files)), settings(text(sbd)), text(machine).strip(),
            registered=None if known.returncode else registered(text(known.stdout)),
        )  # fmt: skip

    def stat(self, node: str, paths: Sequence[str]) -> bytes:
        """Look at files, whatever they are called. Raises ClusterError."""
        names = "\0".join(paths).encode()
        looked = self.run(node, *STAT, stdin=names)
        if looked.returncode not in (0, SOME_MISSING):
            raise ClusterError(f"its files cannot be looked at: {last_line(looked.stderr)}")
        return looked.stdout


def tells_machine(fencing: Fencing) -> bool:
    return any(device.agent in TELLS_UUID for device in fencing.devices)


def text(output: bytes) -> str:
    return output.decode(errors="replace")


def complaint(output: bytes) -> str:
    """What an agent complains of; those of fence-agents end with a word on their usage."""
    lines = [TIMESTAMP.sub("", line) for line in text(output).strip().splitlines()]
    telling = [line for line in lines if line.strip() and not USAGE.search(line)]
    return "".join((telling or lines)[-1:]).strip()


def last_line(output: bytes) -> str:
    return "".join(text(output).strip().splitlines()[-1:])


def check(fencing: Fencing, reach: Reach, nodes: Sequence[str]) -> list[Finding]:
    """Everything that is wrong: in the CIB, and as seen from each of ``nodes``."""
    asked = [node for node in nodes if node not in fencing.remote]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        seen = list(pool.map(lambda node: reach.look(fencing, node), asked))
        there = [premises.node for premises in seen if not premises.problem]
        pairs = [
            (device, node)
            for device in fencing.devices
            for node in fencing.users(device)
            if device.enabled and node in there
        ]
        known = machines(seen)
        answers = list(pool.map(lambda pair: prove(fencing, reach, pair[0], pair[1], known), pairs))
    lacks = [finding for premises in seen for finding in lacking(fencing, premises)]
    return [*faults(fencing), *lacks, *(finding for each in answers for finding in each)]


def prove(
    fencing: Fencing, reach: Reach, device: Device, node: str, known: Mapping[str, str]
) -> list[Finding]:
    """Carry out one interview."""
    asking = interview(fencing, device, node, known)
    question = next(asking)
    while True:
        try:
            question = asking.send(reach.ask(node, question))
        except StopIteration as end:
            found: list[Finding] = end.value
            return found
