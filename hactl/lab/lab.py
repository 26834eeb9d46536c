"""A lab from outside: start it, reach into it, break it, and take it down."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hactl.errors import ClusterError, HactlError
from hactl.lab import names, ready, wire
from hactl.lab.enter import Entrance
from hactl.lab.spec import LabSpec

Progress = Callable[[str], None]
FORMS_WITHIN = 120.0  # seconds


@dataclass(frozen=True, slots=True)
class Result:
    """What a command in a node left behind."""

    returncode: int
    stdout: str
    stderr: str


class Lab:
    """A running lab of this name. Every method raises HactlError with a sentence."""

    def __init__(self, name: str = "lab", keeper: subprocess.Popen[bytes] | None = None) -> None:
        self.name = name
        self.keeper = keeper

    # looking

    def status(self) -> dict[str, Any]:
        """What the lab knows of itself; the nodes' power, cuts, and every use of the power."""
        return self.ask({"op": "status"})

    @property
    def nodes(self) -> list[str]:
        return [node["name"] for node in self.status()["nodes"]]

    def history(self) -> list[dict[str, Any]]:
        """Every use of the power switch: time, node, action, by, result, took."""
        actions: list[dict[str, Any]] = self.status()["power"]
        return actions

    def formation(self, seen_from: str | None = None) -> ready.Formation:
        """The cluster as one node sees it (the first that runs, unless named)."""
        node = seen_from or next(
            (node["name"] for node in self.status()["nodes"] if node["power"] == "on"), None
        )
        if node is None:
            return ready.Formation()
        return ready.formation(self.exec(node, "crm_mon", "-1", "--output-as=xml").stdout)

    def wait_formed(self, within: float = FORMS_WITHIN) -> str:
        """Wait until all nodes are online with a DC and quorum; the name of the DC."""
        nodes = self.nodes
        seen = ready.Formation()

        def formed() -> bool:
            nonlocal seen
            with contextlib.suppress(ClusterError):  # a node may be down just now
                seen = self.formation()
            return seen.complete(nodes)

        if not wait_until(formed, within):
            missing = sorted(set(nodes) - seen.online)
            what = f"not online: {', '.join(missing)}" if missing else "no DC with quorum"
            raise ClusterError(f"the cluster has not formed within {within:.0f} s ({what})")
        return seen.dc

    # reaching in

    def exec(self, node: str, *argv: str, stdin: str = "", timeout: float | None = 60.0) -> Result:
        """Run a command in a node, or in ``client``, to its end, at most ``timeout`` seconds."""
        with self.entrance(node) as entrance:
            try:
                done = subprocess.run(
                    entrance.command(argv),
                    input=stdin,
                    capture_output=True,
                    text=True,
                    errors="replace",
                    timeout=timeout,
                    pass_fds=entrance.descriptors,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise ClusterError(
                    f"{node}: {' '.join(argv)} has not ended within {timeout:.0f} s"
                ) from None
        return Result(done.returncode, done.stdout, done.stderr)

    def replace_process(self, node: str, argv: Sequence[str]) -> None:
        """Become a command in a node; returns only by raising."""
        with self.entrance(node) as entrance:
            for descriptor in entrance.descriptors:
                os.set_inheritable(descriptor, True)
            command = entrance.command(argv)
            os.execvp(command[0], command)

    @contextlib.contextmanager
    def entrance(self, node: str) -> Iterator[Entrance]:
        with names.connect(self.name) as connection:
            wire.send(connection, {"op": "enter", "node": node})
            reply, descriptors = wire.receive(connection, 16)
        checked(reply)
        kinds = dict(zip(reply["namespaces"], descriptors, strict=True))
        entrance = Entrance(node, kinds, tuple(reply["groups"]))
        try:
            yield entrance
        finally:
            entrance.close()

    # breaking

    def power(self, node: str, action: str) -> str:
        """``on``, ``off``, ``reboot`` or ``status``; the state afterwards."""
        return str(self.ask({"op": "power", "node": node, "action": action})["state"])

    def kill(self, node: str) -> None:
        """Power loss: everything is gone at once and stays gone until powered on."""
        self.ask({"op": "kill", "node": node})

    def freeze(self, node: str) -> None:
        """Stop every process of a node, as a hung machine; its cables stay up."""
        self.ask({"op": "freeze", "node": node})

    def thaw(self, node: str) -> None:
        self.ask({"op": "thaw", "node": node})

    def cut(self, node: str, link: int | None = None, way: str = "both") -> None:
        """Cut one cable of a node, or all; ``way`` as the node sees it: both, in, out."""
        self.ask({"op": "cut", "node": node, "link": link, "way": way})

    def heal(self, node: str, link: int | None = None) -> None:
        self.ask({"op": "heal", "node": node, "link": link})

    # ending

    def down(self) -> None:
        """Kill everything; returns when nothing is left."""
        groups: list[str] = []
        with contextlib.suppress(HactlError):
            groups = self.status()["groups"]
        names.slay(self.name)
        if self.keeper is not None:
            self.keeper.wait()
        if not wait_until(lambda: not any(Path(group).exists() for group in groups), 10.0):
            raise HactlError(f"control groups of lab {self.name!r} are still there")

    def ask(self, request: wire.Message) -> wire.Message:
        with names.connect(self.name) as connection:
            wire.send(connection, request)
            reply, _ = wire.receive(connection)
        return checked(reply)


def checked(reply: wire.Message) -> wire.Message:
    if not reply.get("ok"):
        raise ClusterError(str(reply.get("error", "the lab refused without a reason")))
    return reply


def wait_until(condition: Callable[[], bool], within: float, interval: float = 0.05) -> bool:
    """True as soon as ``condition`` holds, False after ``within`` seconds."""
    end = time.monotonic() + within
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(interval)
    return True


def up(spec: LabSpec, progress: Progress = lambda _text: None, *, wait: bool = True) -> Lab:
    """Start a lab and, if its cluster is started, wait until it has formed.

    Whatever goes wrong, an interrupt included, nothing of the lab is left.
    """
    listener = names.claim(spec.name)
    report, child_report = os.pipe()
    child_lifeline, lifeline = os.pipe()
    inherited = (listener.fileno(), child_report, child_lifeline)
    keeper = subprocess.Popen(
        [sys.executable, "-m", "hactl.lab.keeper", spec.to_json(), *map(str, inherited)],
        stdin=subprocess.DEVNULL,
        pass_fds=inherited,
        start_new_session=True,
        cwd="/",
    )
    listener.close()
    os.close(child_report)
    os.close(child_lifeline)
    try:
        lab = Lab(spec.name, keeper)
        follow(report, progress)
        if spec.start and wait:
            progress("waiting for the cluster to form")
            lab.wait_formed()
        os.write(lifeline, b"k")
    except BaseException:
        keeper.terminate()
        keeper.wait()
        raise
    finally:
        os.close(report)
        os.close(lifeline)
    return lab


def follow(report: int, progress: Progress) -> None:
    """Pass on what the starting lab says, until it has booted. Raises ClusterError."""
    with os.fdopen(os.dup(report)) as lines:
        for line in lines:
            said = json.loads(line)
            if "error" in said:
                raise ClusterError(f"the lab cannot start: {said['error']}")
            if said.get("step") == "":
                return
            progress(str(said.get("step", "")))
    raise ClusterError("the lab cannot start: it died without a word")
