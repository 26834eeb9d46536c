"""`hactl lab`: a real cluster in namespaces of this machine."""

from __future__ import annotations

import click

from hactl.lab.lab import Lab, up
from hactl.lab.spec import LabSpec


@click.group()
def lab() -> None:
    """A real cluster in namespaces of this machine."""


@lab.command("up")
@click.option("--nodes", default=3)
@click.option("--name", default="lab")
@click.option("--token", default=1000)
@click.option("--rootless", is_flag=True)
@click.option("--no-start", is_flag=True)
@click.option("--with", "services", default="")
def up_command(
    nodes: int, name: str, token: int, rootless: bool, no_start: bool, services: str
) -> None:
    spec = LabSpec(
        name, nodes, token, rootless, tuple(filter(None, services.split(","))), not no_start
    )
    up(spec, lambda text: click.echo(text, err=True))


@lab.command("down")
@click.option("--name", default="lab")
def down(name: str) -> None:
    Lab(name).down()


@lab.command("exec")
@click.option("--name", default="lab")
@click.argument("node")
@click.argument("argv", nargs=-1, required=True)
def exec_(name: str, node: str, argv: tuple[str, ...]) -> None:
    Lab(name).replace_process(node, argv)
