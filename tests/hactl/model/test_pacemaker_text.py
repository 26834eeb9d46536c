"""Reasons are read as the agent gave them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hactl.model.pacemaker_text import ENTITIES, unescaped


@given(st.text())
def test_what_was_escaped_once_more_is_read_as_it_was(text: str) -> None:
    escaped = text
    for entity, character in reversed(ENTITIES):
        escaped = escaped.replace(character, entity)
    assert unescaped(escaped) == text


def test_an_escape_that_the_agent_wrote_itself_stays() -> None:
    assert unescaped("use &amp;amp; in XML") == "use &amp; in XML"
