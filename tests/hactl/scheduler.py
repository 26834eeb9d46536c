"""Pacemaker's own scheduler for tests: a settled cluster made from nothing but a configuration."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.live.runner import Result, Runner

needs_scheduler = pytest.mark.skipif(
    not shutil.which("crm_simulate", path="/usr/sbin:/usr/bin"),
    reason="crm_simulate is not installed",
)


def runner(directory: Path) -> Runner:
    return Runner().with_env(CIB_shadow_dir=str(directory))


def settled(cib: _Element, directory: Path) -> _Element:
    """Return the CIB of the cluster after it has done everything that follows from ``cib``."""
    before, after = directory / "before.xml", directory / "after.xml"
    before.write_bytes(etree.tostring(cib))
    argv = ["crm_simulate", "-x", str(before), "-S", "-O", str(after), "--quiet"]
    environment = {**os.environ, "CIB_shadow_dir": str(directory)}
    subprocess.run(argv, check=True, capture_output=True, env=environment)
    parser = etree.XMLParser(remove_blank_text=True)
    made = etree.parse(str(after), parser).getroot()
    for name in ("epoch", "num_updates"):
        made.set(name, cib.get(name, "0"))
    return made


def corpus() -> Iterator[Path]:
    """Other people's CIBs, where HACTL_CORPORA says they are."""
    folder = os.environ.get("HACTL_CORPORA", "")
    yield from sorted(Path(folder, "cib").glob("*.xml")) if folder else ()


needs_corpora = pytest.mark.skipif(
    not any(corpus()), reason="HACTL_CORPORA names no folder with CIBs in cib/"
)


@dataclass
class Canned:
    """Answers every command in the same way, and remembers them."""

    stdout: bytes = b""
    stderr: bytes = b""
    returncode: int = 0
    asked: list[Sequence[str]] = field(default_factory=list)

    def run(self, argv: Sequence[str], stdin: bytes = b"", timeout: float = 0) -> Result:  # noqa: ARG002
        self.asked.append(argv)
        return Result(self.returncode, self.stdout, self.stderr)
