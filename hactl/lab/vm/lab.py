"""A VM lab from outside: start it, look at it, break it, and take it down."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hactl.errors import ClusterError
from hactl.lab import image, wire
from hactl.lab.names import NoLab
from hactl.lab.node import PATH
from hactl.lab.vm import door, places, qemu, shell
from hactl.lab.vm.accelerator import Accelerator
from hactl.lab.vm.box import Box
from hactl.lab.vm.command import run
from hactl.lab.vm.definition import Definition, loads


class PlainLab:
    """The lab that runs under plain QEMU. Every method raises HactlError with a sentence."""

    def __init__(self, name: str = door.NAME) -> None:
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

    def power(self, node: str, action: str) -> str:
        """``on``, ``off``, ``reboot`` or ``status``; the state afterwards."""
        return str(self.ask({"op": "power", "node": node, "action": action})["state"])

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
        door.slay(self.name)
        shell.hang_up(places.run())
        clear()

    def ask(self, request: wire.Message) -> wire.Message:
        with door.connect(self.name) as connection:
            wire.send(connection, request)
            reply, _ = wire.receive(connection)
        if not reply.get("ok"):
            raise ClusterError(str(reply.get("error")))
        return reply


def is_running(name: str = door.NAME) -> bool:
    with contextlib.suppress(NoLab):
        door.connect(name).close()
        return True
    return False


def clear() -> None:
    """Remove the files of a lab that has ended."""
    shutil.rmtree(places.run(), ignore_errors=True)


@contextlib.contextmanager
def start(lab: Definition, box: Box, accelerator: Accelerator) -> Iterator[PlainLab]:
    """Power on the nodes of a new lab; it dies again unless the block ends without an exception.

    Raises NameInUse, ClusterError.
    """
    report, child_report = os.pipe()
    child_lifeline, lifeline = os.pipe()
    try:
        try:
            launch(lab, box, accelerator, child_report, child_lifeline)
        finally:
            os.close(child_report)
            os.close(child_lifeline)
        follow(report)
        yield PlainLab()
        os.write(lifeline, b"k")
    except BaseException:
        with contextlib.suppress(NoLab):
            PlainLab().down()
        raise
    finally:
        os.close(report)
        os.close(lifeline)


def launch(lab: Definition, box: Box, accelerator: Accelerator, report: int, lifeline: int) -> None:
    """Prepare the disks and start the keeper, which is the lab from now on. Raises NameInUse."""
    with door.claim(door.NAME) as listener:
        clear()
        make_disks(lab, box, qemu.Files(places.run()))
        inherited = (listener.fileno(), report, lifeline)
        asked = {"definition": lab.text, **asdict(accelerator), "accelerator": accelerator.name}
        roots = ":".join(image.source_roots())
        subprocess.run(
            [sys.executable, "-m", "hactl.lab.vm.keeper", *map(str, inherited)],
            input=json.dumps(asked).encode(),
            stdout=subprocess.DEVNULL,
            stderr=report,
            pass_fds=inherited,
            start_new_session=True,
            cwd="/",
            env={"PATH": PATH, "PYTHONPATH": roots, "HACTL_VM_HOME": str(places.home())},
            check=False,
        )


def make_disks(lab: Definition, box: Box, files: qemu.Files) -> None:
    files.folder.mkdir(parents=True, mode=0o700)
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


def console(node: str) -> Path:
    """Where everything a node wrote to its serial console is."""
    return places.run() / f"{node}.console"
