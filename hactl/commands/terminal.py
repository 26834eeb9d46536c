"""Says things on standard output: in colour at a terminal, plain anywhere else."""

from __future__ import annotations

import os
import sys

import click

from hactl.commands.output import emit


def say(text: str) -> None:
    """Write ``text`` and see it written.

    Raises HactlError if it cannot be, as on a full disk.
    """
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    emit((text if coloured else click.unstyle(text)).encode(errors="backslashreplace"))
