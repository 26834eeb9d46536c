"""What several verbs ask for in the same words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from hactl.model.cluster import Cluster
from hactl.plan.identity import Identity

ADOPT_CLUSTER = "Take over the cluster of this NAME, although the topology calls it otherwise."

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

format_option: Decorator = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text"
)


def cib_option(text: str = "A CIB in a file, instead of the running cluster.") -> Decorator:
    """Return the option for what is asked or written: a file, or else the running cluster."""
    return click.option("--cib", type=click.Path(path_type=Path), envvar="CIB_file", help=text)


def identity(cluster: Cluster, adopted: str) -> Identity:
    """Return whose CIB the one to be changed must be."""
    return Identity(cluster.name, tuple(node.name for node in cluster.nodes), adopted)
