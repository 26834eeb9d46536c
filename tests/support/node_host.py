"""A node of the namespace lab as testinfra sees a machine: files, interfaces, processes, sockets.

    node1 = host(lab, "node1")
    assert node1.file("/srv/vms").is_directory

What a test asks here is asked of the node itself, by commands in it, and not of our agents.
"""

from __future__ import annotations

from typing import Any

from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host

from hactl.lab.lab import Lab


class LabNode(BaseBackend):
    """Runs testinfra's commands in a node of a lab."""

    NAME = "hactl-lab"

    def __init__(self, lab: Lab, node: str) -> None:
        super().__init__(node)
        self.lab = lab

    def run(self, command: str, *args: str, **_: Any) -> CommandResult:
        line = self.get_command(command, *args)
        done = self.lab.exec(self.hostname, "sh", "-c", line)
        return self.result(done.returncode, self.encode(line), done.stdout, done.stderr)


def host(lab: Lab, node: str) -> Host:
    """A node that has power; raises ClusterError as soon as it is asked without."""
    return Host(LabNode(lab, node))
