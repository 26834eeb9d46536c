"""Whatever is in the file: a cluster or problems, and never anything else."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hactl.topology.jsonschema import json_schema
from hactl.topology.yaml import source
from tests.hactl.strategies import documents
from tests.hactl.topologies import BASE, problems_of

KEYS = sorted(
    {key for part in json_schema()["$defs"].values() for key in part.get("properties", {})}
    | set(json_schema()["properties"])
)
WORDS = st.sampled_from(
    [*KEYS, "bridge", "primitive", "order", "1GiB", "30s", "node1", "lan", "vms", "", "-", "1.5h"]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
RELAXED = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def text_of(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@RELAXED
@given(st.dictionaries(WORDS, VALUES, max_size=6))
def test_any_mapping(value: dict[str, Any]) -> None:
    problems_of(text_of(value))


@RELAXED
@given(documents(), st.data())
def test_a_good_file_with_something_else_in_one_place(
    document: dict[str, Any], data: st.DataObject
) -> None:
    place: Any = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            place[key] = data.draw(VALUES)
            break
        place = inner
    for problem in problems_of(text_of(document)):
        assert problem.line >= 0
        assert problem.message


@RELAXED
@given(documents(), st.data())
def test_a_good_file_with_one_key_less(document: dict[str, Any], data: st.DataObject) -> None:
    place = document
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        inner = place[key]
        if not isinstance(inner, dict) or not inner or data.draw(st.booleans()):
            del place[key]
            break
        place = inner
    problems_of(text_of(document))


@RELAXED
@given(st.text())
def test_any_text(text: str) -> None:
    problems_of(text)


@RELAXED
@given(st.integers(0, len(BASE)), st.integers(0, 20), st.text(max_size=5))
def test_a_good_file_with_a_part_written_over(start: int, length: int, text: str) -> None:
    problems_of(BASE[:start] + text + BASE[start + length :])


@RELAXED
@given(st.binary())
def test_any_bytes(data: bytes) -> None:
    try:
        text = source.decoded("f", data)
    except source.TopologyError:
        return
    problems_of(text)
