"""Each folder beside this file: its topology at rest, its events, and what it expects of them."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import pytest
from lxml import etree

from tests.hactl.scheduler import needs_scheduler
from tests.scenarios.events import SENTENCES, Unknown, pattern, rounds
from tests.scenarios.story import NOTHING, told

pytestmark = needs_scheduler
HERE = Path(__file__).parent
SCENARIOS = sorted(path for path in HERE.iterdir() if path.is_dir() and path.name[0] not in "._")
WRITE = os.environ.get("HACTL_SCENARIOS") == "write"
CIB = etree.fromstring(
    "<cib><configuration><nodes><node uname='n1'/></nodes><resources><group id='pair'>"
    "<primitive id='one'/><primitive id='two'/></group></resources></configuration></cib>"
)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_what_is_expected_of_the_events_comes_about(scenario: Path, tmp_path: Path) -> None:
    file = scenario / "expected.txt"
    seen = [f"{sentence}\n" for sentence in told(scenario, tmp_path)]
    if WRITE:
        file.write_text("".join(seen))
    expected = file.read_text().splitlines(keepends=True)
    differs = "".join(difflib.unified_diff(expected, seen, "expected.txt", "what came about"))
    assert differs == "", f"{scenario}\n{differs}"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_scenario_says_what_it_is_about(scenario: Path) -> None:
    heading, _, why = (scenario / "README.md").read_text().partition("\n")
    assert heading.startswith("# ")
    assert why.strip()
    names = {path.name for path in scenario.iterdir()} - {"files"}
    assert names == {"README.md", "topology.yaml", "events.txt", "expected.txt"}


def test_every_sentence_is_in_a_scenario() -> None:
    """What is in none of them may as well mean something else."""
    lines = [line for s in SCENARIOS for line in (s / "events.txt").read_text().splitlines()]
    used = {each for each in SENTENCES if any(map(pattern(each).fullmatch, lines))}
    assert set(SENTENCES) - used == set()


def test_something_happens_in_most_scenarios() -> None:
    quiet = [s.name for s in SCENARIOS if (s / "expected.txt").read_text().strip() == NOTHING]
    assert len(quiet) * 3 < len(SCENARIOS), quiet


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("node n1 is sad", "'node n1 is sad' is not an event; there are: node NODE is lost, "),
        ("node n2 is lost", "n2 is not a node; there are: n1"),
        ("three fails on n1", "the topology has no resource three"),
        ("pair fails on n1", "pair is several resources, name one of them: one, two"),
        ("one cannot stop on n2", "n2 is not a node; there are: n1"),
    ],
)
def test_what_is_not_an_event_is_refused_with_its_line(
    line: str, complaint: str, tmp_path: Path
) -> None:
    (tmp_path / "events.txt").write_text(f"# so far so good\nthen\n{line}\n")
    with pytest.raises(Unknown) as refused:
        rounds(tmp_path / "events.txt", CIB)
    assert str(refused.value).startswith(f"{tmp_path}/events.txt:3: {complaint}")
