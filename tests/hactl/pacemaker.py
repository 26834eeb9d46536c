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


def simulate(cib: Path, *faults: str) -> etree._Element:
    """Return what the scheduler makes of a CIB, as crm_simulate's XML.

    ``faults`` are crm_simulate's options that change the CIB. They get a run of their own: with
    them, Pacemaker 3 tells no actions in XML.
    """
    if faults:
        changed = cib.with_name("faulty.xml")
        crm_simulate("-x", str(cib), *faults, "-O", str(changed))
        cib = changed
    return etree.fromstring(crm_simulate("--output-as=xml", "-x", str(cib), "-R"))


def crm_simulate(*arguments: str) -> bytes:
    done = subprocess.run(["crm_simulate", *arguments], capture_output=True, check=True)
    return done.stdout
