"""Whole topologies and what becomes of them, line by line; README in golden/ says how to renew."""

import difflib
import os
from pathlib import Path

import pytest
from lxml import etree

from hactl import corosync
from hactl.cib import document
from hactl.intent import reads
from hactl.topology.jsonschema import json_schema
from tests.hactl.pacemaker import needs_pacemaker, schema

CASES = sorted(path.parent for path in Path(__file__).parent.glob("golden/*/topology.yaml"))
WRITE = os.environ.get("HACTL_GOLDEN") == "write"


def become(case: Path) -> dict[str, str]:
    def read(path: str) -> bytes:
        return (case / "files" / path.lstrip("/")).read_bytes()

    text = (case / "topology.yaml").read_text()
    cluster, _ = reads(text, "topology.yaml", read)
    return {
        "cib.xml": document.text(document.cib(cluster)).decode(),
        "corosync.conf": corosync.render(cluster),
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_topology_becomes_what_it_always_did(case: Path) -> None:
    for name, text in become(case).items():
        file = case / name
        if WRITE:
            file.write_text(text)
        before = file.read_text().splitlines(keepends=True)
        changes = "".join(difflib.unified_diff(before, text.splitlines(keepends=True), n=1))
        assert changes == "", f"{file}\n{changes}"


@needs_pacemaker
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_pacemakers_schema_accepts_it(case: Path) -> None:
    schema("pacemaker-3.7").assertValid(etree.fromstring(become(case)["cib.xml"].encode()))


def test_every_key_of_the_schema_is_in_a_case() -> None:
    text = "".join((case / "topology.yaml").read_text() for case in CASES)
    keys = {
        key
        for part in [json_schema(), *json_schema()["$defs"].values()]
        for key in part.get("properties", {})
    }
    assert {key for key in keys if f"{key}:" not in text} == set()
