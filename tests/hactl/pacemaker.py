"""Pacemaker's schemas and tools for tests that use the real ones."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from lxml import etree

SCHEMAS = Path("/usr/share/pacemaker")

needs_pacemaker = pytest.mark.skipif(
    not (SCHEMAS / "pacemaker-3.7.rng").exists() or not shutil.which("crm_simulate"),
    reason="Pacemaker is not installed",
)


@cache
def schema(version: str) -> etree.RelaxNG:
    return etree.RelaxNG(etree.parse(str(SCHEMAS / f"{version}.rng")))


def simulate(cib: Path, *arguments: str) -> etree._Element:
    """Return what the scheduler says to a CIB, as crm_simulate's XML."""
    done = subprocess.run(
        ["crm_simulate", "--output-as=xml", "-x", str(cib), *arguments],
        capture_output=True,
        check=True,
    )
    return etree.fromstring(done.stdout)
