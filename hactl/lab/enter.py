"""Running a command inside a node: the words to put before it, and the descriptors it needs.

nsenter(1) does the work, so that exit status, signals and the terminal are the command's own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hactl.lab.lab_spec import CLIENT
from hactl.lab.node import DROPPED, PATH

# A process is put into the node's control groups first: nsenter(1) joins only the namespace, and
# containers it starts would end up in the caller's.
JOIN = 'while [ "$1" != -- ]; do echo 0 >"$1/cgroup.procs" || exit 1; shift; done; shift; exec "$@"'
FLAGS = {
    "user": "--user",
    "mnt": "--mount",
    "net": "--net",
    "uts": "--uts",
    "ipc": "--ipc",
    "pid": "--pid",
    "cgroup": "--cgroup",
}


@dataclass(frozen=True, slots=True)
class Entrance:
    """A way into a node. The descriptors belong to the holder, who closes them."""

    node: str
    namespaces: Mapping[str, int]  # kind -> descriptor
    groups: tuple[str, ...]

    @property
    def descriptors(self) -> tuple[int, ...]:
        return tuple(self.namespaces.values())

    def command(self, argv: Sequence[str]) -> list[str]:
        """``argv`` as it must be executed here to run there."""
        flags = [f"{FLAGS[kind]}=/proc/self/fd/{fd}" for kind, fd in self.namespaces.items()]
        join = ["/bin/sh", "-c", JOIN, "enter", *self.groups, "--"] if self.groups else []
        return [*join, "nsenter", *flags, "--", *self.limits(), *self.surroundings(), *argv]

    def limits(self) -> list[str]:
        """Whoever gives up waiting for a command ends it; and no command may touch the host."""
        limits = ["setpriv", "--pdeathsig", "KILL"]
        if self.node != CLIENT:
            limits += ["--bounding-set", ",".join(f"-{name}" for name in DROPPED)]
        return limits

    def surroundings(self) -> list[str]:
        """A login's environment, not the caller's."""
        kept = {name: os.environ[name] for name in ("TERM", "LANG") if name in os.environ}
        if self.node == CLIENT:
            return ["env"]
        here = {"PATH": PATH, "HOME": "/root", "HACTL_LAB": self.node, **kept}
        return ["env", "-i", *(f"{name}={value}" for name, value in here.items())]

    def close(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)
