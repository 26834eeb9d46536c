"""hactl agents: install, list and describe the resource and fence agents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hactl.commands.options import format_option
from hactl.errors import HactlError

if TYPE_CHECKING:
    from hactl.catalog import Description


@click.group()
def agents() -> None:
    """Install, list and describe the resource and fence agents.

    \b
    hactl agents install
    hactl agents describe KvmGuest
    pcs resource describe ocf:hactl:KvmGuest
    """


@agents.command()
@click.option("--root", default="/", show_default=True, help="Install below this folder.")
@click.option("--libdir", default="/usr/lib/hactl", show_default=True, help="Where the code goes.")
def install(root: str, libdir: str) -> None:
    """Write the launchers Pacemaker calls, and the code they run, compiled.

    Resource agents go to /usr/lib/ocf/resource.d/hactl, fence agents to /usr/sbin.
    Installing again replaces each file whole; a monitor running meanwhile is not disturbed.
    """
    from hactl.install.agents import install as install_agents

    if not libdir.startswith("/"):
        raise HactlError(f"--libdir {libdir}: is not an absolute path", "write /usr/lib/hactl")
    try:
        written = install_agents(Path(root), libdir)
    except OSError as exc:
        raise HactlError(
            f"cannot install below {root}: {exc.filename}: {exc.strerror}", "try again as root"
        ) from None
    for path in written:
        click.echo(path)


@agents.command(name="list")
@format_option
def list_(form: str) -> None:
    """List the agents with what they are for."""
    from hactl.catalog import catalog

    found = catalog()
    if form == "json":
        rows = [{"name": name, "summary": entry.summary} for name, entry in found.items()]
        click.echo(json.dumps(rows, indent=2))
        return
    width = max(map(len, found))
    for name, entry in found.items():
        click.echo(f"{name:{width}}  {entry.summary}")


@agents.command()
@click.argument("name")
@format_option
def describe(name: str, form: str) -> None:
    """Show what an agent does, its parameters and its actions.

    NAME is KvmGuest, ocf:hactl:KvmGuest or fence_lab.
    """
    from hactl.catalog import find

    entry = find(name)
    click.echo(json.dumps(entry.as_json(), indent=2) if form == "json" else page(entry))


def page(entry: Description) -> str:
    """The reference page of an agent."""
    lines = [entry.name, "=" * len(entry.name), "", entry.summary + ".", ""]
    lines += click.wrap_text(entry.text, width=90, preserve_paragraphs=True).splitlines()
    lines += ["", "Parameters", ""]
    for param in entry.parameters:
        lines += [f"  {param.name}  ({param.kind}{param.note})"]
        lines += click.wrap_text(param.text, 90, "      ", "      ").splitlines()
    lines += ["", "Actions", ""]
    lines += [f"  {action}" for action in entry.actions]
    return "\n".join(lines)
