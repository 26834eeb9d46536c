"""A lab from outside: start it, reach into it, break it, and take it down."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hactl.errors import ClusterError, HactlError
from hactl.lab import names, ready, wire
from hactl.lab.enter import Entrance

FORMS_WITHIN = 120.0  # seconds
ENDS_WITHIN = 30.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a command in a node left behind."""

    returncode: int
    stdout: str
    stderr: str


class Lab:
    """A running lab of this name. Every method raises HactlError with a sentence."""

    def __init__(self, name: str = "lab") -> None:
        self.name = name

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

    def report(self) -> dict[str, Any]:
        """``status``, and the cluster as its nodes see it: online, dc, quorum."""
        found = self.status()
        seen = ready.Formation()
        with contextlib.suppress(ClusterError):
            seen = self.formation()
        for node in found["nodes"]:
            node["online"] = node["name"] in seen.online
        return {**found, "dc": seen.dc, "quorum": seen.quorum}

    def formation(self, seen_from: str | None = None) -> ready.Formation:
        """The cluster as one node sees it (the first that runs, unless named)."""
        able = [n for n in self.status()["nodes"] if n["power"] == "on" and not n["frozen"]]
        node = seen_from or next((n["name"] for n in able), None)
        if node is None:
            return ready.Formation()
        seen = self.exec(node, "crm_mon", "-1", "--output-as=xml", timeout=10.0)
        return ready.formation(seen.stdout)

    def wait_formed(self, within: float = FORMS_WITHIN) -> str:
        """Wait until all nodes are online with a DC and quorum; the name of the DC."""
        nodes = self.nodes
        seen = ready.Formation()

        def formed() -> bool:
            nonlocal seen
            with contextlib.suppress(ClusterError):  # a node may be down just now
                seen = self.formation()
            return seen.complete(nodes)

        if not wait_until(formed, within, 0.15):  # looking costs the nodes time
            missing = sorted(set(nodes) - seen.online)
            what = f"not online: {', '.join(missing)}" if missing else "no DC with quorum"
            raise ClusterError(f"the cluster has not formed within {within:.0f} s ({what})")
        return seen.dc

    # reaching in

    def exec(self, node: str, *argv: str, stdin: str = "", timeout: float | None = 60.0) -> Result:
        """Run a command in a node, or in ``client``, to its end, at most ``timeout`` seconds."""
        with self.entrance(node) as entrance:
            process = subprocess.Popen(
                entrance.command(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                pass_fds=entrance.descriptors,
            )
        with process:
            try:
                stdout, stderr = process.communicate(stdin, timeout)
            except BaseException as exc:
                end_inside(process.pid)
                if isinstance(exc, subprocess.TimeoutExpired):
                    what = f"{node}: {' '.join(argv)}"
                    raise ClusterError(f"{what} has not ended within {timeout:g} s") from None
                raise
        return Result(process.returncode, stdout, stderr)

    def write(self, node: str, path: str, data: bytes, mode: int = 0o644) -> None:
        """Put a file into a node; below /lab and /srv/vms all nodes see it."""
        script = 'umask 077; mkdir -p "$(dirname "$1")"; cat >"$1" && chmod "$2" "$1"'
        argv = ["sh", "-c", script, "write", path, f"{mode:o}"]
        with self.entrance(node) as entrance:
            done = subprocess.run(
                entrance.command(argv),
                input=data,
                capture_output=True,
                pass_fds=entrance.descriptors,
                check=False,
            )
        if done.returncode:
            raise ClusterError(f"{node}: {path}: {done.stderr.decode(errors='replace').strip()}")

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
        keeper = None
        with contextlib.suppress(HactlError, ProcessLookupError):  # it may be somebody else's
            keeper = os.pidfd_open(self.status()["keeper"])
        names.kill_holder(self.name)
        if keeper is not None:
            # the last to go: it removes what the kernel does not
            gone = select.select([keeper], [], [], ENDS_WITHIN)[0]
            os.close(keeper)
            if not gone:
                raise HactlError(f"the keeper of lab {self.name!r} is still there")

    def ask(self, request: wire.Message) -> wire.Message:
        with names.connect(self.name) as connection:
            wire.send(connection, request)
            reply, _ = wire.receive(connection)
        return checked(reply)


def end_inside(pid: int) -> None:
    """Kill the command nsenter(1) runs; nsenter then ends by itself and buries it."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    with contextlib.suppress(OSError):
        for child in children.read_text().split() or [str(pid)]:
            os.kill(int(child), signal.SIGKILL)


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
