"""What a terminal of 24 lines and 80 columns gets, and what anybody else gets."""

import fcntl
import io
import os
import struct
import termios
from collections.abc import Iterator
from typing import TextIO

import click
import pytest

from hactl.commands.terminal import ERASE, ProgressLine, dressed

RED = click.style("failed", fg="red")
CAPABLE = {"TERM": "xterm"}
END = "<end>"


class Pair:
    """A terminal: ``stream`` is what a command writes to, ``seen`` what comes out."""

    def __init__(self) -> None:
        self.screen, inner = os.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.stream: TextIO = os.fdopen(inner, "w")

    def seen(self) -> str:
        """What came out; piece by piece as the kernel hands it over, up to an end mark."""
        self.stream.write(END)
        self.stream.flush()
        seen = ""
        while not seen.endswith(END):
            seen += os.read(self.screen, 4096).decode()
        return seen.removesuffix(END)


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.stream.close()
    os.close(made.screen)


def test_colours_are_for_terminals_whose_user_wants_them(pair: Pair) -> None:
    assert dressed(RED, pair.stream, CAPABLE) == RED
    for environ in (CAPABLE | {"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert dressed(RED, pair.stream, environ) == "failed"
    assert dressed(RED, io.StringIO(), CAPABLE) == "failed"
    assert dressed(RED, None, CAPABLE) == "failed"


def test_progress_is_one_line_however_long_it_is_and_goes_without_a_trace(pair: Pair) -> None:
    line = ProgressLine(pair.stream, CAPABLE)
    line.draw("waiting for the first")
    line.draw("x" * 300)
    line.clear()
    line.clear()
    # a character in the last column would wrap on some terminals
    assert pair.seen() == f"{ERASE}waiting for the first{ERASE}{'x' * 79}{ERASE}"


@pytest.mark.parametrize("environ", [{"TERM": "dumb"}, CAPABLE])
def test_nothing_is_drawn_where_nothing_can_be_erased(environ: dict[str, str]) -> None:
    stream = io.StringIO()
    line = ProgressLine(stream, environ)
    line.draw("waiting")
    line.clear()
    assert stream.getvalue() == ""
