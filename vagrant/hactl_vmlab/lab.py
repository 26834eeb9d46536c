"""A VM lab from outside: start it, look at it, break it, and take it down."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hactl.errors import ClusterError
from hactl.lab import image, wire
from hactl.lab.names import NameInUse, NoLab
from hactl.lab.node import PATH
from hactl_vmlab import places, qemu, rendezvous, shell
from hactl_vmlab.accelerator import Accelerator
from hactl_vmlab.box import Box
from hactl_vmlab.command import run
from hactl_vmlab.daemon import PLAIN, VAGRANT
from hactl_vmlab.definition import Definition, loads


class Lab:
    """The lab that runs here, of either kind. Every method raises HactlError with a sentence."""

    def __init__(self, name: str = rendezvous.NAME) -> None:
        self.name = name

    def status(self) -> dict[str, Any]:
        """The nodes' power and cuts, every use of the power, and what the machines said."""
        return self.ask({"op": "status"})

    def definition(self) -> Definition:
        """What the running lab was made from; the file may have changed since."""
        return loads(self.status()["definition"])

    @property
    def accelerator(self) -> str:
        return str(self.status()["accelerator"])

    @property
    def folder(self) -> Path:
        """Where the files of the running lab are, whatever HACTL_VM_HOME says now."""
        return Path(self.ask({"op": "home"})["home"]) / "run"

    def power(self, node: str, action: str) -> str:
        """``on``, ``off``, ``reboot`` or ``status``; the state afterwards."""
        return str(self.ask({"op": "power", "node": node, "action": action})["state"])

    def must_be_on(self, node: str) -> None:
        """Raises ClusterError with the last thing the node's QEMU said."""
        if self.power(node, "status") != "on":
            log = self.folder / f"{node}.qemu.log"
            said = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
            why = said[-1] if said else "its QEMU said nothing"
            raise ClusterError(f"{node} has switched itself off: {why}")

    def freeze(self, node: str) -> None:
        """Stop a machine as it stands; its cables stay up."""
        self.ask({"op": "freeze", "node": node})

    def thaw(self, node: str) -> None:
        self.ask({"op": "thaw", "node": node})

    def cut(self, node: str, network: str | None = None) -> None:
        """Pull a node's cable to one network, or all of them."""
        self.ask({"op": "cut", "node": node, "network": network})

    def heal(self, node: str, network: str | None = None) -> None:
        self.ask({"op": "heal", "node": node, "network": network})

    def down(self) -> None:
        """Kill everything; returns when nothing is left."""
        folder = self.folder
        rendezvous.kill_holder(self.name)
        clear(folder)

    def ask(self, request: wire.Message) -> wire.Message:
        with rendezvous.connect(self.name) as connection:
            wire.send(connection, request)
            reply, _ = wire.receive(connection)
        if not reply.get("ok"):
            raise ClusterError(str(reply.get("error")))
        return reply


def is_running(name: str = rendezvous.NAME) -> bool:
    with contextlib.suppress(NoLab):
        rendezvous.connect(name).close()
        return True
    return False


def runs_on(suite: str) -> bool:
    """Whether the disks of the running lab's nodes are layers above the box of ``suite`` here."""
    with contextlib.suppress(NoLab):
        running = Lab()
        return running.folder.parent == places.home() and running.definition().suite == suite
    return False


def clear(folder: Path | None = None) -> None:
    """Remove the files of a lab that has ended.

    What a killed ``up`` had begun, such as qemu-img(1), may still be about to make a file: the
    folder goes from its name first, so that nobody can put anything into it any more.
    """
    run = folder or places.run()
    shell.hang_up(run)
    going = run.with_name(f"{run.name}.going")
    remove(going)
    with contextlib.suppress(FileNotFoundError):
        run.rename(going)
        remove(going)


def remove(folder: Path) -> None:
    """Remove a folder that may not be there. Raises ClusterError with what could not be removed."""
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as exc:
        raise ClusterError(f"cannot remove {exc.filename}: {exc.strerror}") from None


def clear_after_death(within: float = 5.0) -> None:
    """Remove the files of a keeper that gave up by itself, which may still be about to go."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            with rendezvous.claim(rendezvous.NAME):
                clear()
            break
        except NameInUse:
            time.sleep(0.05)


@contextlib.contextmanager
def start(
    lab: Definition, accelerator: Accelerator, box: Box | None = None, folder: Path | None = None
) -> Iterator[Lab]:
    """A new lab: of the plain kind from ``box``, or Vagrant's, from its ``folder``.

    It dies again unless the block ends without an exception. Raises NameInUse, ClusterError.
    """
    report, child_report = os.pipe()
    child_lifeline, lifeline = os.pipe()
    asked = {
        "kind": PLAIN if box else VAGRANT,
        "definition": lab.text,
        "folder": str(folder),
        **asdict(accelerator),
        "accelerator": accelerator.name,
    }
    try:
        try:
            begin(lab, box, asked, child_report, child_lifeline)
        finally:
            os.close(child_report)
            os.close(child_lifeline)
        follow(report)
        yield Lab()
        os.write(lifeline, b"k")
    except NameInUse:
        raise
    except BaseException:
        with contextlib.suppress(NoLab):
            Lab().down()
        clear_after_death()
        raise
    finally:
        os.close(report)
        os.close(lifeline)


def begin(lab: Definition, box: Box | None, asked: wire.Message, *inherited: int) -> None:
    """Take the name, make the disks and launch the keeper. Raises NameInUse, ClusterError."""
    with rendezvous.claim(rendezvous.NAME) as listener:
        clear()
        places.run().mkdir(parents=True, mode=0o700)
        if box:
            make_disks(lab, box, qemu.Files(places.run()))
        launch(asked, listener.fileno(), *inherited)


def launch(asked: wire.Message, *inherited: int) -> None:
    """Start the keeper, which is the lab from now on."""
    subprocess.run(
        [sys.executable, "-m", "hactl_vmlab.daemon", *map(str, inherited)],
        input=json.dumps(asked).encode(),
        stdout=subprocess.DEVNULL,
        stderr=inherited[1],
        pass_fds=inherited,
        start_new_session=True,
        cwd="/",
        env={
            "PATH": PATH,
            "PYTHONPATH": ":".join(image.source_roots()),
            "LC_ALL": "C.UTF-8",
            "HACTL_VM_HOME": str(places.home()),
        },
        check=False,
    )


def make_disks(lab: Definition, box: Box, files: qemu.Files) -> None:
    for node in lab.nodes:
        argv = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(box.image)]
        run([*argv, str(files.overlay(node))])
    for name, size in lab.disks:
        with files.disk(name).open("wb") as file:
            file.truncate(size)


def follow(report: int) -> None:
    """Wait until the lab's machines have power. Raises ClusterError."""
    stray = ""
    with os.fdopen(os.dup(report), errors="replace") as lines:
        for line in lines:
            if not line.startswith("{"):
                stray = line.strip() or stray
                continue
            said = json.loads(line)
            if "error" in said:
                raise ClusterError(f"the VM lab cannot start: {said['error']}")
            return
    raise ClusterError(f"the VM lab cannot start: {stray or 'it died without a word'}")
