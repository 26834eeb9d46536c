"""What is written about the topology file is what the code does."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hactl.topology.jsonschema import json_schema, keys_at
from hactl.topology.reference import page
from tests.hactl.topologies import said

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"


def examples() -> Iterator[tuple[str, str]]:
    """Every whole topology in the documentation."""
    for path in (ROOT / "README.md", *sorted(DOCS.rglob("*.md"))):
        for number, text in enumerate(re.findall(r"```yaml\n(.*?)```", path.read_text(), re.S)):
            if re.search(r"^cluster:", text, re.M) and re.search(r"^nodes:", text, re.M):
                yield f"{path.relative_to(ROOT)}-{number}", text


EXAMPLES = dict(examples())


def test_the_reference_page_is_current() -> None:
    assert (DOCS / "reference/topology.md").read_text() == page(), "run scripts/reference"


def test_the_schema_for_editors_is_current() -> None:
    written = json.loads((DOCS / "reference/topology.schema.json").read_text())
    assert written == json_schema(), "run scripts/reference"


def test_every_key_has_a_description() -> None:
    rows = [line for line in page().splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    assert all(re.fullmatch(r"\| .+ \| .+ \| \S.+ \|", row) for row in rows)


@pytest.mark.parametrize("text", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_examples_in_the_documentation_are_right(text: str) -> None:
    assert [line for line in said(text) if "warning" not in line] == []


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda p: p.name)
def test_examples_are_right_and_know_their_schema(path: Path) -> None:
    text = path.read_text()
    assert [line for line in said(text) if "warning" not in line] == []
    modeline = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / modeline).resolve() == DOCS / "reference/topology.schema.json"


def test_defaults_are_spelled_as_an_operator_would() -> None:
    keys = json_schema()["$defs"]["Cluster"]["properties"]
    assert keys["token"]["default"] == "3s"
    assert "default" not in keys["consensus"]


def test_the_keys_of_any_mapping_are_known() -> None:
    assert "guests" in keys_at(())
    assert "memory" in keys_at(("guests", "web1"))
    assert "network" in keys_at(("guests", "web1", "nics", 0))
    assert "members" in keys_at(("raw", 3))
    assert keys_at(("cluster", "properties")) == []


def test_the_schema_refuses_unknown_keys_like_the_loader() -> None:
    for name, definition in json_schema()["$defs"].items():
        assert definition.get("additionalProperties") is False or name == "Device"
