"""What a fence agent is told, on standard input and on a command line."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hactl_agents.declare import BadValue
from hactl_fencing.fence.options import from_lines, from_words, pairs
from hactl_fencing.lab import LabPower
from tests.fencing.switch import Call, FakeSwitch, fresh

OPTIONS = LabPower.options()


def test_unknown_keys_are_ignored_and_the_last_value_wins() -> None:
    text = "# a comment\naction=off\nplug=a\nCRM_meta_timeout=1\n\nplug=b\nnonsense\n=x\n"
    assert from_lines(text, OPTIONS) == {"action": "off", "plug": "b"}


def test_a_value_may_contain_an_equals_sign() -> None:
    assert from_lines("socket=/a=b\n", OPTIONS) == {"socket": "/a=b"}


def test_old_names_are_understood() -> None:
    assert from_lines("option=on\nport=a\n", OPTIONS) == {"action": "on", "plug": "a"}


@given(st.text())
def test_no_input_breaks_it_or_invents_an_option(text: str) -> None:
    with contextlib.suppress(BadValue):
        assert set(from_lines(text, OPTIONS)) <= set(OPTIONS)


@pytest.mark.parametrize("code", [0, 11, 12, 13, 28, 29, 30, 133, 0x2028, 0x2029])
def test_what_only_looks_like_the_end_of_a_line_is_refused(
    code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    device = fresh(a="on", b="on")
    said = f"action=status\nplug=b\npassword=x{chr(code)}action=off{chr(code)}plug=a\n"
    assert Call(device, stdin=said).code == 1
    assert (device.used, device.looks) == ([], 0)
    assert f"U+{code:04X}" in capfd.readouterr().err


@given(st.text())
def test_nobody_reads_more_lines_than_there_are(value: str) -> None:
    """Whatever is in a value: it is either refused, or one line to everybody."""
    text = f"password={value}\nplug=a\n"
    with contextlib.suppress(BadValue):
        assert len(list(pairs(text))) == text.count("\n") - value.count("\n") + sum(
            "=" in line.strip() and line.strip()[0] not in "=#" for line in value.split("\n")[1:]
        )


def test_lines_of_another_system_are_understood() -> None:
    assert from_lines("action=off\r\nplug=a\r\n", OPTIONS) == {"action": "off", "plug": "a"}


@pytest.mark.parametrize(
    "words",
    [
        ["-o", "off", "-n", "a"],
        ["-ooff", "-na"],
        ["--action=off", "--plug=a"],
        ["--action", "off", "--plug", "a"],
    ],
)
def test_every_spelling_of_a_command_line(words: list[str]) -> None:
    assert from_words(words, LabPower) == {"action": "off", "plug": "a"}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--colour=red"], "no such option"),
        (["-x"], "no such option"),
        (["off"], "no such option"),
        (["--plug"], "a value is missing"),
    ],
)
def test_a_wrong_command_line_is_refused(words: list[str], complaint: str) -> None:
    with pytest.raises(BadValue, match=complaint):
        from_words(words, LabPower)


def test_a_secret_on_the_command_line_is_refused_and_not_repeated(
    capfd: pytest.CaptureFixture[str],
) -> None:
    device = fresh(a="on")
    assert Call(device, ["-o", "off", "-n", "a", "--password=hunter2"]).code == 1
    said = capfd.readouterr().err
    assert "secrets do not belong" in said
    assert "hunter2" not in said
    assert device.used == []


def test_a_value_with_a_newline_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    device = fresh(a="on")
    assert Call(device, ["-o", "off", "-n", "a\nb"]).code == 1
    assert "control character" in capfd.readouterr().err
    assert device.used == []


def test_a_wrong_secret_is_not_repeated(capfd: pytest.CaptureFixture[str]) -> None:
    call = Call(FakeSwitch, stdin="action=validate-all\npassword=hun\x01ter2\n")
    assert call.code == 1
    assert "ter2" not in capfd.readouterr().err
