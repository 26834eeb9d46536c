"""`hactl import`: the topology of a cluster that is there already, proven on its own CIB."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hactl.commands.options import cib_option
from hactl.commands.output import emit, write
from hactl.existing.corosync_conf import Membership, membership
from hactl.existing.imported import NotImportable, imported
from hactl.existing.proof import prove
from hactl.live.session import opened
from hactl.report.proof import text
from hactl.topology.yaml import source

COROSYNC_CONF = Path("/etc/corosync/corosync.conf")


@click.command("import", epilog="Example: hactl import -o cluster.yaml")
@cib_option()
@click.option(
    "--corosync",
    type=click.Path(path_type=Path),
    help="The corosync.conf to read (without --cib: this machine's).",
)
@click.option("-o", "--output", metavar="FILE", help="Write to a file, all or nothing.")
def import_(cib: Path | None, corosync: Path | None, output: str | None) -> None:
    """Write the topology that a cluster stands for, and prove that it says what is there.

    The topology is merged into the same CIB: nothing may change but marks of ownership. What stays
    in the cluster and is in no file is named. Changes nothing in the cluster; exits 1 where the
    proof fails.
    """
    found = known_members(cib, corosync)
    with opened(cib) as world:
        live = world.pacemaker.cib()
        made = imported(live, found)
        refuse_too_long(made.text)
        proof = prove(live, made.text, output or "cluster.yaml", world.runner, source.read_bytes)
    if output is None:
        emit(made.text.encode())
    else:
        write(output, made.text.encode())
    left = [str(each) for each in made.left]
    click.echo(text(proof.plan, proof.changes, left), nl=False, err=True)
    if not proof.holds:
        sys.exit(1)


def refuse_too_long(text: str) -> None:
    """Raise NotImportable where nobody could read the file again."""
    if len(text) > source.MAX_BYTES:
        limit = source.MAX_BYTES >> 20
        raise NotImportable(f"the topology would be longer than {limit} MiB, which none may be")


def known_members(cib: Path | None, corosync: Path | None) -> Membership:
    """Return what corosync.conf says: the one that is named, or else that of this machine."""
    file = corosync or (None if cib else COROSYNC_CONF)
    if file is None or not (corosync or file.exists()):
        return Membership()
    text, _ = source.read_text(str(file))
    return membership(text, str(file))
