"""What commands say to people: in colour at a terminal that can, plain anywhere else."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TextIO

import click

from hactl.commands.output import emit

ERASE = "\r\033[K"
NARROW = 80  # columns, where the terminal does not say


def say(text: str) -> None:
    """Write ``text`` and see it written.

    Raises HactlError if it cannot be, as on a full disk.
    """
    emit(dressed(text, sys.stdout).encode(errors="backslashreplace"))


def tell(text: str) -> None:
    """Write ``text`` to standard error, beside an answer that a program may read."""
    click.echo(dressed(text, sys.stderr), nl=False, err=True)


def dressed(text: str, stream: TextIO | None, environ: Mapping[str, str] = os.environ) -> str:
    """Return ``text`` as ``stream`` takes it: with its colours, or without."""
    fit = obeys(stream, environ) and not environ.get("NO_COLOR")
    return text if fit else click.unstyle(text)


def obeys(stream: TextIO | None, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether control sequences mean anything there."""
    return stream is not None and stream.isatty() and environ.get("TERM") != "dumb"


class ProgressLine:
    """One line at the bottom of the terminal that says what is waited for; none anywhere else."""

    def __init__(
        self, stream: TextIO | None = None, environ: Mapping[str, str] = os.environ
    ) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.environ = environ
        self.drawn = False

    @property
    def can_draw(self) -> bool:
        return obeys(self.stream, self.environ)

    def draw(self, text: str) -> None:
        """Show ``text`` instead of what stands there, cut to one line of the terminal."""
        if self.can_draw:
            self.write(f"{ERASE}{text[: self.columns() - 1]}")
            self.drawn = True

    def clear(self) -> None:
        if self.drawn:
            self.write(ERASE)
            self.drawn = False

    def write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()

    def columns(self) -> int:
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or NARROW
        except (OSError, ValueError):
            return NARROW
