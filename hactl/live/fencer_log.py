"""Which devices the fencer of this machine has used, by its log: nothing else tells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

SETTINGS = (Path("/etc/sysconfig/pacemaker"), Path("/etc/default/pacemaker"))
DEFAULT = Path("/var/log/pacemaker/pacemaker.log")
SETTING = re.compile(r"^\s*PCMK_logfile\s*=\s*[\"']?([^\"'\s#]+)", re.MULTILINE)
FENCER = re.compile(rb"fenced?\b|stonith-ng")


@dataclass(frozen=True, slots=True)
class FencerLog:
    """What is in the log at ``path`` from ``offset`` on."""

    path: Path
    offset: int

    def used_on(self, node: str) -> frozenset[str]:
        """Return the devices it names for ``node``; nothing where there is no log to read."""
        try:
            with self.path.open("rb") as file:
                rotated = file.seek(0, 2) < self.offset
                file.seek(0 if rotated else self.offset)
                lines = file.read().splitlines()
        except OSError:
            return frozenset()
        use = re.compile(rb" targeting %s using ([\w.-]+)" % re.escape(node.encode()))
        found = (use.search(line) for line in lines if FENCER.search(line))
        return frozenset(match[1].decode() for match in found if match)


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
