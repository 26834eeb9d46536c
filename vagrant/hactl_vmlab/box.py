"""A box: disk image, kernel and initial ramdisk of a node, and what they were made from."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from hactl.errors import HactlError
from hactl_vmlab import places

# suite -> the Python it brings, for which wheels are fetched
SUITES = {"bookworm": "3.11", "trixie": "3.13"}
DESCRIPTION = "box.json"


@dataclass(frozen=True, slots=True)
class Box:
    """A finished box. ``made_from`` is a digest of its recipe."""

    folder: Path
    suite: str
    kernel_release: str
    made_from: str

    @property
    def image(self) -> Path:
        return self.folder / "box.img"

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd.img"

    def describe(self) -> str:
        return json.dumps({**asdict(self), "folder": str(self.folder)}, indent=2) + "\n"


def find(suite: str) -> Box | None:
    """The box of ``suite``, if one was built. Raises HactlError where it is damaged."""
    folder = places.box(suite)
    try:
        said = json.loads((folder / DESCRIPTION).read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        raise HactlError(f"the box in {folder} is damaged", "vagrant/box/build") from None
    box = Box(folder, str(said["suite"]), str(said["kernel_release"]), str(said["made_from"]))
    missing = [path for path in (box.image, box.kernel, box.initrd) if not path.is_file()]
    if missing:
        raise HactlError(f"the box lacks {missing[0]}", "vagrant/box/build")
    return box


def recipe(suite: str, requirements: Iterable[str]) -> str:
    """A digest of everything that decides what is in a box of ``suite``."""
    digest = hashlib.sha256(suite.encode())
    for path in (places.CUSTOMIZE, places.key().with_suffix(".pub")):
        digest.update(path.read_bytes() if path.exists() else b"")
    names = packages(places.PACKAGES.read_text(), suite)
    digest.update("\n".join([*names, *requirements]).encode())
    return digest.hexdigest()[:16]


def packages(text: str, suite: str) -> list[str]:
    """The packages a list names for a suite: ``name``, ``name @suite``, ``name !suite``."""
    found = []
    for line in text.splitlines():
        name, _, condition = line.partition("#")[0].strip().partition(" ")
        condition = condition.strip()
        unfit = condition.startswith("@") and condition[1:] != suite
        if name and not unfit and condition != f"!{suite}":
            found.append(name)
    return found


def requirements(pyproject: str) -> list[str]:
    """What hactl needs from a package index, from the text of its pyproject.toml."""
    import tomllib

    return [re.sub(r"\s", "", each) for each in tomllib.loads(pyproject)["project"]["dependencies"]]
