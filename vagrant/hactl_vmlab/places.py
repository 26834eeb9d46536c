"""Where the VM lab keeps its things: one folder of the user's cache, and files of the project."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
VAGRANT = PROJECT / "vagrant"
DEFINITION = VAGRANT / "lab.yaml"
PACKAGES = VAGRANT / "box" / "packages"
CUSTOMIZE = VAGRANT / "box" / "customize"
TESTS = PROJECT / "tests" / "vm"


def home() -> Path:
    """Everything the VM lab makes is below this folder; HACTL_VM_HOME puts it elsewhere."""
    named = os.environ.get("HACTL_VM_HOME")
    if named:
        return Path(named)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    return cache / "hactl" / "vm"


def key() -> Path:
    """The private ssh key for all nodes; its other half is in the box."""
    return home() / "key"


def cache(suite: str) -> Path:
    """Downloaded packages, package lists and wheels."""
    return home() / "cache" / suite


def box(suite: str) -> Path:
    """A finished box."""
    return home() / "box" / suite


def run() -> Path:
    """What a running lab needs; empty when there is none."""
    return home() / "run"
