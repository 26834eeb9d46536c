"""What a plain scalar means."""

import pytest

from hactl.topology.yaml.scalars import Scalar, plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-7", -7),
        ("42", 42),
        ("0.5", 0.5),
        ("-1.25", -1.25),
    ],
)
def test_the_types_of_yaml_1_2(text: str, value: Scalar) -> None:
    assert plain(text) == value
    assert type(plain(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        *("yes", "no", "on", "off", "y", "True", "NULL"),
        *("010", "0x10", "0o10", "0b1", "1_000", "+5", "1:30", "52:54:00:12:34:56"),
        *("3.10", "1.0e3", "1e3", ".5", "5.", ".inf", "-.inf", ".nan", "2026-11-21"),
        *("9" * 40, "0.1234567890123456789"),
    ],
)
def test_what_would_come_back_as_something_else_stays_text(text: str) -> None:
    assert plain(text) == text
