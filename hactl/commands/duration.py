"""A time on the command line: a number and its unit, like 30s."""

from __future__ import annotations

import click

from hactl.topology.units import BadUnit, milliseconds


class Duration(click.ParamType):  # type: ignore[type-arg] # not every release can be subscripted
    """A time with its unit, in seconds."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        try:
            return milliseconds(value) / 1000
        except BadUnit as problem:
            self.fail(f"{problem.message}; {problem.hint}", param, ctx)
