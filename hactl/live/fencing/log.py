"""What the fencer of this machine has done and seen, by its log: nothing else tells.

Its lines stand in the order of Corosync's messages. A node that is dead holds these up until the
others have gone on without it; so a fencing that is true is complete only after the node has left.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

SETTINGS = (Path("/etc/sysconfig/pacemaker"), Path("/etc/default/pacemaker"))
DEFAULT = Path("/var/log/pacemaker/pacemaker.log")
SETTING = re.compile(r"^\s*PCMK_logfile\s*=\s*[\"']?([^\"'\s#]+)", re.MULTILINE)
FENCER = re.compile(r"pacemaker-fenced|stonith-ng")


@dataclass(frozen=True, slots=True)
class FencerLog:
    """What is in the log at ``path`` from ``offset`` on."""

    path: Path
    offset: int

    def used_on(self, node: str) -> frozenset[str]:
        """Return the devices it names for ``node``; nothing where there is no log to read."""
        use = re.compile(rf" targeting {re.escape(node)} using ([\w.-]+)")
        found = map(use.search, self.lines())
        return frozenset(match[1] for match in found if match)

    def left_first(self, node: str) -> bool | None:
        """Return whether ``node`` had left when its fencing was complete; None: it does not say.

        One that leaves afterwards was alive, and goes because it was told that it is fenced.
        """
        complete = re.compile(rf" targeting {re.escape(node)} .*: (complete|OK)")
        for line in self.lines():
            if f" Node {node} state is now lost" in line:
                return True
            if complete.search(line):
                return False
        return None

    def lines(self) -> list[str]:
        """Return what the fencer has written since."""
        try:
            with self.path.open("rb") as file:
                rotated = file.seek(0, 2) < self.offset
                file.seek(0 if rotated else self.offset)
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return []
        return [line for line in lines if FENCER.search(line)]


def now(settings: tuple[Path, ...] = SETTINGS) -> FencerLog:
    """Return the log as it is now: what it will say later comes after."""
    path = configured(settings)
    try:
        return FencerLog(path, path.stat().st_size)
    except OSError:
        return FencerLog(path, 0)


def configured(settings: tuple[Path, ...]) -> Path:
    for file in settings:
        try:
            found = SETTING.findall(file.read_text())
        except OSError:
            continue
        if found:
            return Path(found[-1])
    return DEFAULT
