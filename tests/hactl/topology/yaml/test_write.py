"""What is written as YAML is read back as the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hactl.topology.yaml.parse import parse
from hactl.topology.yaml.write import Block, Said, document

KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,9}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=20)
SCALARS = st.booleans() | st.integers(0, 10**9) | TEXTS | st.sampled_from(["no", "~", "1:2", "- a"])
FLAT = st.dictionaries(KEYS, SCALARS, max_size=4)
VALUES = st.recursive(
    SCALARS | FLAT,
    lambda inner: st.dictionaries(KEYS, inner, max_size=3) | st.lists(FLAT),
    max_leaves=9,
)


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), st.text(max_size=9))
def test_values_and_comments(values: dict[str, object], comment: str) -> None:
    written = {key: Said(value, (comment,)) for key, value in values.items()}
    assert parse(document(written)).value == values


def test_blocks_keep_their_lines() -> None:
    text = '<a b="1">\n  <c/>\n</a>'
    read = parse(document({"raw": [{"kind": "xml", "xml": Block(text)}]})).value
    assert read == {"raw": [{"kind": "xml", "xml": f"{text}\n"}]}
