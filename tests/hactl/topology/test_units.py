"""Quantities with their unit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hactl.topology import units
from hactl.topology.units import BadUnit


@pytest.mark.parametrize(
    ("text", "value"),
    [("30s", 30_000), ("500ms", 500), ("5min", 300_000), ("2h", 7_200_000), ("0s", 0)],
)
def test_times_are_milliseconds(text: str, value: int) -> None:
    assert units.milliseconds(text) == value


def test_sizes_are_bytes_and_rates_bytes_a_second() -> None:
    assert units.size("512MiB") == 512 * 1024 * 1024
    assert units.rate("1GiB/s") == 1024**3


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (30, "write the unit: 30s or 30min"),
        ("30", "write the unit: 30s or 30min"),
        ("30sec", "write 30s"),
        ("10S", "write 10s"),
        ("5m", "write 5min"),
        ("1 h", "write 1h"),
        ("1.5h", "write a whole number and its unit, like 30s"),
        (True, "write a whole number and its unit, like 30s"),
        (None, "write a whole number and its unit, like 30s"),
        ([], "write a whole number and its unit, like 30s"),
        ("30 parsecs", "write it with one of ms, s, min, h, d, like 30s"),
    ],
)
def test_a_time_without_its_unit_is_guessed_but_not_taken(value: object, hint: str) -> None:
    with pytest.raises(BadUnit) as caught:
        units.milliseconds(value)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("4G", "write 4GiB"),
        ("4GB", "write 4GiB"),
        ("512Mb", "write 512MiB"),
        ("4gib", "write 4GiB"),
        (4, "write the unit: 4MiB or 4GiB"),
        ("0GiB", "write more, like 4GiB"),
    ],
)
def test_a_size_without_its_unit_is_guessed_but_not_taken(value: object, hint: str) -> None:
    with pytest.raises(BadUnit) as caught:
        units.size(value)
    assert caught.value.hint == hint


@given(st.text() | st.integers() | st.floats() | st.booleans() | st.none())
def test_anything_is_either_read_or_refused(value: object) -> None:
    for read in (units.milliseconds, units.size, units.rate):
        try:
            assert read(value) >= 0
        except BadUnit as exc:
            assert len(exc.message) < 100
