"""The users of a rootless lab: root is you, the others come from /etc/subuid and /etc/subgid."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

from hactl.errors import HactlError
from hactl.lab.node import PATH

ENOUGH = 1000  # system users, hacluster among them, have smaller numbers


def subordinate(text: str, user: str, uid: int) -> tuple[int, int] | None:
    """The largest range of ``user`` in the text of /etc/subuid: (first, count)."""
    ranges = []
    for line in text.splitlines():
        fields = line.strip().split(":")
        if len(fields) == 3 and fields[0] in (user, str(uid)) and fields[2].isdigit():
            ranges.append((int(fields[1]), int(fields[2])))
    return max(ranges, key=lambda each: each[1], default=None)


def find(file: Path, uid: int) -> tuple[int, int]:
    """This user's range in ``file``. Raises HactlError, saying how to get one."""
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = str(uid)
    found = subordinate(file.read_text() if file.exists() else "", user, uid)
    if found is None or found[1] < ENOUGH:
        raise HactlError(
            f"{file}: {user} has no range of at least {ENOUGH} numbers",
            f"sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}",
        )
    return found


def check(uid: int) -> None:
    """Raise HactlError if a rootless lab could not map its users."""
    find(Path("/etc/subuid"), uid)
    find(Path("/etc/subgid"), uid)


def write(pid: int) -> None:
    """Map the users of the user namespace of ``pid``. Raises HactlError."""
    for tool, file, own in (
        ("newuidmap", "/etc/subuid", os.getuid()),
        ("newgidmap", "/etc/subgid", os.getgid()),
    ):
        first, count = find(Path(file), os.getuid())
        numbers = (0, own, 1, 1, first, count)
        argv = [tool, str(pid), *map(str, numbers)]
        done = subprocess.run(argv, capture_output=True, text=True, env={"PATH": PATH}, check=False)
        if done.returncode:
            raise HactlError(f"{tool}: {' '.join(done.stderr.split())}")
