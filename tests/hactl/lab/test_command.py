"""The lab's verbs on the command line: wrong input is one sentence and the right exit status."""

from __future__ import annotations

import pytest

from hactl.cli import main
from hactl.commands.lab import described, milliseconds
from hactl.errors import UsageError


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["lab", *words])
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["up", "--nodes", "0"], 2, "1 to 16 nodes"),
        (["up", "--nodes", "three"], 2, "not a valid integer"),
        (["up", "--token", "soon"], 2, "is not a time"),
        (["up", "--token", "1ms"], 2, "100ms to 10m"),
        (["up", "--with", "docker"], 2, "none of libvirt, lxc, ovs"),
        (["up", "--name", "Ä"], 2, "not a name for a lab"),
        (["down", "--name", "no-such-lab"], 1, "no lab 'no-such-lab' is running"),
        (["exec", "--name", "no-such-lab", "node1", "--", "true"], 1, "no lab"),
        (["exec", "--name", "no-such-lab", "node1", "--"], 2, "say which command to run"),
        (["power", "--name", "no-such-lab", "node1"], 2, "say NODE and on, off"),
        (["power", "--name", "no-such-lab", "node1", "explode"], 2, "explode"),
        (["cut", "--name", "no-such-lab", "node1", "--link", "9"], 2, "0<=x<=2"),
        (["cut", "--name", "no-such-lab", "node1", "--one-way", "up"], 2, "'in', 'out'"),
        (["explode"], 2, "explode"),
    ],
)
def test_wrong_input_is_a_sentence(
    words: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == code
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("text", "expected"), [("1s", 1000), ("800ms", 800), ("2", 2000), ("0.5s", 500), ("1m", 60000)]
)
def test_a_token_is_a_time(text: str, expected: int) -> None:
    assert milliseconds(text) == expected


@pytest.mark.parametrize("text", ["", "s", "1h", "ms", "-", "1e", "1 s", "inf", "nan", "٣s"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        milliseconds(text)


def test_status_in_words() -> None:
    nodes = [
        {"name": "node1", "power": "on", "online": True, "frozen": False, "cut": []},
        {"name": "node2", "power": "off", "online": False, "frozen": False, "cut": []},
        {
            "name": "node3",
            "power": "on",
            "online": False,
            "frozen": True,
            "cut": [{"link": 0, "way": "both"}, {"link": 2, "way": "in"}],
        },
    ]
    assert described({"name": "x", "dc": "node1", "quorum": True, "nodes": nodes}) == [
        "lab x: DC node1, quorum",
        "  node1  on  online",
        "  node2  off",
        "  node3  on  not in the cluster  frozen  cut: link 0, link 2 in",
    ]
