from hypothesis import given
from hypothesis import strategies as st

from hactl_agents.ocf.record import file_name, parse, render

KEYS = st.text(st.characters(exclude_characters="=\n", exclude_categories=["Cs"]), min_size=1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.dictionaries(KEYS, TEXT))
def test_notes_survive_being_written_down(notes: dict[str, str]) -> None:
    assert parse(render(notes)) == notes


@given(st.text(min_size=1), st.text(min_size=1))
def test_two_instances_never_share_a_file(one: str, other: str) -> None:
    assert (file_name(one) == file_name(other)) == (one == other)


@given(st.text())
def test_a_file_name_is_never_a_path(instance: str) -> None:
    assert "/" not in file_name(instance)
    assert file_name(instance) not in (".", "..")
    assert file_name(instance).isascii()


@given(st.text())
def test_a_damaged_record_is_read_as_far_as_it_goes(text: str) -> None:
    assert isinstance(parse(text), dict)
