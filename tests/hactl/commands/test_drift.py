"""`hactl drift` as it is called, on CIB files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from lxml import etree

from tests.hactl.cibs import cib, dummy_text, text
from tests.hactl.commands.place import Place
from tests.hactl.contracts import violations
from tests.hactl.scheduler import needs_scheduler
from tests.support.topology_file import dumped

pytestmark = needs_scheduler

THEIRS = dummy_text("web1") + dummy_text("db1")
RULE = '<rsc_location id="home" rsc="web1" node="node1" score="5"/>'


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A cluster of others, imported and taken over."""
    place = Place(tmp_path)
    place.write("cib.xml", text(cib(THEIRS, RULE)))
    assert place.hactl("import", "--cib", "cib.xml", "-o", "t.yaml").returncode == 0
    assert place.hactl("apply", "t.yaml", "--cib", "cib.xml").returncode == 0
    return place


def change(place: Place, old: str, new: str) -> None:
    said = (place.directory / "cib.xml").read_text()
    assert old in said
    place.write("cib.xml", said.replace(old, new))


def test_a_cluster_as_it_is_meant_has_not_drifted(place: Place) -> None:
    done = place.hactl("drift", "t.yaml", "--cib", "cib.xml", "--detailed-exitcode")
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("Nothing has drifted")


def test_what_was_edited_what_is_missing_and_what_is_foreign_is_named(place: Place) -> None:
    change(
        place,
        'name="monitor" interval="10s" timeout="20s"',
        'name="monitor" interval="10s" timeout="25s"',
    )
    change(place, "</resources>", dummy_text("stranger") + "</resources>")
    root = etree.fromstring((place.directory / "cib.xml").read_bytes())
    rule = root.find("configuration/constraints/rsc_location")
    rule.getparent().remove(rule)
    root.set("update-user", "joe")
    place.write("cib.xml", etree.tostring(root, encoding="unicode"))
    before = (place.directory / "cib.xml").read_bytes()
    done = place.hactl("drift", "t.yaml", "--cib", "cib.xml", "--detailed-exitcode")
    assert done.returncode == 2, done.stdout + done.stderr
    edited, missing, foreign = done.stdout.split("\n\n")[:3]
    assert "web1: monitor timeout 20s -> 25s, edited by hand (the CIB was last written by" in edited
    assert "home: location is missing; apply would make it" in missing
    assert "stranger: primitive is in no topology" in foreign
    said = place.hactl("drift", "t.yaml", "--cib", "cib.xml", "--format", "json")
    assert violations(json.loads(said.stdout), "drift.schema.json") == []
    assert (place.directory / "cib.xml").read_bytes() == before


def test_what_an_operator_switches_is_not_drift(place: Place) -> None:
    switch = (
        '<meta_attributes id="web1-meta_attributes"><nvpair id="s" name="target-role" '
        'value="Stopped"/></meta_attributes><operations>'
    )
    root = (place.directory / "cib.xml").read_text().replace("<operations>", switch, 1)
    place.write("cib.xml", root)
    done = place.hactl("drift", "t.yaml", "--cib", "cib.xml", "--detailed-exitcode")
    assert done.returncode == 0, done.stdout


def test_what_is_known_is_ignored_until_its_day(place: Place) -> None:
    change(place, "</resources>", dummy_text("stranger") + "</resources>")
    for until, code in (("2999-01-01", 0), ("2001-01-01", 2)):
        place.write("ignore.yaml", f"- {{what: 'stran*', reason: a trial, until: '{until}'}}\n")
        done = place.hactl(
            *("drift", "t.yaml", "--cib", "cib.xml", "--ignore", "ignore.yaml"),
            "--detailed-exitcode",
        )
        assert done.returncode == code, done.stdout
    assert "2001" not in done.stdout


@pytest.mark.parametrize("entry", ["{}", "- {what: a}", "- {what: a, reason: b, until: soon}"])
def test_an_ignore_list_that_is_none_is_refused(place: Place, entry: str) -> None:
    place.write("ignore.yaml", f"{entry}\n")
    done = place.hactl("drift", "t.yaml", "--cib", "cib.xml", "--ignore", "ignore.yaml")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr


def test_an_edit_is_accepted_by_the_yaml_that_says_it(place: Place) -> None:
    change(place, 'score="5"', 'score="7"')
    done = place.hactl("drift", "t.yaml", "--cib", "cib.xml", "--accept", "home")
    topology = yaml.safe_load((place.directory / "t.yaml").read_text())
    new = yaml.safe_load(done.stdout)["raw"]
    topology["raw"] = [item for item in topology["raw"] if 'id="home"' not in item["xml"]] + new
    place.write("t.yaml", dumped(topology))
    again = place.hactl("drift", "t.yaml", "--cib", "cib.xml", "--detailed-exitcode")
    assert again.returncode == 0, again.stdout + again.stderr
