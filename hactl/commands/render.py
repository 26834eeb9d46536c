"""`hactl render`: the CIB, corosync.conf or SBD's file that a topology stands for."""

from __future__ import annotations

from collections.abc import Sequence

import click

from hactl import corosync, intent, sbd
from hactl.cib import document
from hactl.commands.output import emit, write
from hactl.errors import Problem, UsageError


@click.command(epilog="Example: hactl render cluster.yaml -o cib.xml")
@click.argument("file")
@click.option("--corosync", "want_corosync", is_flag=True, help="Write corosync.conf instead.")
@click.option("--sbd", "want_sbd", is_flag=True, help="Write SBD's configuration instead.")
@click.option("-o", "--output", metavar="OUT", help="Write to a file, all or nothing.")
def render(file: str, want_corosync: bool, want_sbd: bool, output: str | None) -> None:
    """Write the CIB that the topology in FILE stands for (- reads standard input)."""
    if want_corosync and want_sbd:
        raise UsageError("--corosync or --sbd?", "one at a time")
    cluster, warnings = intent.read(file)
    report(warnings)
    if want_corosync:
        data = corosync.render(cluster).encode()
    elif want_sbd:
        data = sbd.render(cluster).encode()
    else:
        data = document.text(document.cib(cluster))
    if output is None:
        emit(data)
    else:
        write(output, data)


def report(warnings: Sequence[Problem]) -> None:
    for warning in warnings:
        click.echo(str(warning), err=True)
