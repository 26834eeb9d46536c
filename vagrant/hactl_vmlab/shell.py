"""Commands in the nodes over ssh: one configuration file for all of them, for every tool."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hactl.errors import ClusterError, HactlError
from hactl.lab import image
from hactl.lab.lab import Result
from hactl_vmlab import places, processes
from hactl_vmlab.command import run
from hactl_vmlab.definition import Definition, Node

CONFIG = "ssh_config"
KEPT = "ssh-with-"
OPTIONS = """\
Host *
  User root
  IdentityFile {key}
  IdentitiesOnly yes
  BatchMode yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
  ConnectTimeout 20
  ServerAliveInterval 5
  ServerAliveCountMax 4
"""
# One connection is kept open: under emulation a key exchange costs a second.
SHARED = """\
  ControlMaster auto
  ControlPath {folder}/{kept}%n
  ControlPersist 30
"""


@dataclass(frozen=True, slots=True)
class Shell:
    """Runs commands as root in any node that an ssh configuration names."""

    config: Path
    patience: float  # seconds for one command, unless it says otherwise

    def run(
        self, node: str, command: str, *, stdin: bytes = b"", timeout: float | None = None
    ) -> Result:
        """Run a line of shell in a node to its end. Raises ClusterError where it cannot be."""
        within = self.patience if timeout is None else timeout
        try:
            done = subprocess.run(
                ["ssh", "-F", str(self.config), node, command],
                input=stdin,
                capture_output=True,
                timeout=within,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ClusterError(f"{node}: {command[:80]!r} has not ended in {within:g} s") from None
        return Result(
            done.returncode,
            done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace"),
        )

    def check(
        self, node: str, command: str, *, stdin: bytes = b"", timeout: float | None = None
    ) -> str:
        """Standard output of a command that succeeds. Raises ClusterError."""
        done = self.run(node, command, stdin=stdin, timeout=timeout)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip())[-600:]
            raise ClusterError(f"{node}: {command[:80]!r}: {said or f'exit {done.returncode}'}")
        return done.stdout

    def answers(self, node: str) -> bool:
        try:
            return self.run(node, "true", timeout=30).returncode == 0
        except ClusterError:
            return False


def plain_config(lab: Definition) -> Path:
    """Write the ssh configuration of the plain lab; it works from anywhere on this machine."""
    path = places.run() / CONFIG
    proxy = f"{sys.executable} -m hactl_vmlab.ssh_proxy %h %p"
    text = OPTIONS.format(key=places.key()) + SHARED.format(folder=places.run(), kept=KEPT)
    path_of_ours = ":".join(image.source_roots())
    text += f"  ProxyCommand env PYTHONPATH={path_of_ours} {proxy}\n  ProxyUseFdpass yes\n"
    for node in lab.nodes:
        text += f"Host {node.name}\n  HostName {lab.management.address(node.number)}\n"
    path.write_text(text)
    return path


def vagrant_config(lab: Definition, folder: Path, within: float) -> Path:
    """Write the ssh configuration of Vagrant's machines, which may still be booting.

    Raises ClusterError where one of them has no address ``within`` so many seconds.
    """
    path = places.run() / CONFIG
    text = OPTIONS.format(key=places.key()) + SHARED.format(folder=places.run(), kept=KEPT)
    for node in lab.nodes:
        wait_until(
            lambda name=node.name: bool(vagrant_entry(folder, name)),  # type: ignore[misc]
            within,
            f"{node.name} has an address",
            every=5.0,
        )
        text += vagrant_entry(folder, node.name)
    path.write_text(text)
    return path


def vagrant_entry(folder: Path, name: str) -> str:
    """Where ssh reaches a machine of Vagrant's; nothing as long as it has no address."""
    try:
        said = run(["vagrant", "ssh-config", name], cwd=folder).decode()
    except HactlError:
        return ""
    kept = ("Host", "HostName", "Port")
    lines = [line for line in said.splitlines() if line.strip().split(" ")[0] in kept]
    return "".join(f"{line}\n" for line in lines)


def on_all(nodes: tuple[Node, ...], work: Callable[[Node], None]) -> None:
    """Do something in all nodes at the same time; the first failure is raised.

    The threads are daemons, so that an interrupt is not kept waiting by a node that is.
    """
    failures: list[BaseException] = []

    def attempt(node: Node) -> None:
        try:
            work(node)
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=attempt, args=(node,), daemon=True) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def wait_until(
    holds: Callable[[], bool], within: float, what: str, every: float = 1.0,
    explain: Callable[[], str] = lambda: "",
) -> float:  # fmt: skip
    """Ask until it holds; the seconds it took. Raises ClusterError."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > within:
            why = explain()
            raise ClusterError(f"{what} not within {within:.0f} s" + (f": {why}" if why else ""))
        time.sleep(every)
    return time.monotonic() - began


def hang_up(folder: Path) -> None:
    """End every ssh into the lab of ``folder``, and what it runs: its machines are gone."""
    for process in processes.talking_through(folder):
        processes.end_family(process)


def set_aside(folder: Path, node: str) -> None:
    """The kept connection to a machine that lost its power would hang; the next is a new one."""
    with contextlib.suppress(FileNotFoundError):
        (folder / f"{KEPT}{node}").rename(folder / f"{KEPT}gone-{time.monotonic_ns()}")
