"""The ``storage`` section: where disks and root file systems live."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hactl.topology.schema.section import Section
from hactl.topology.types import Path, Text


class Directory(Section):
    """A directory with the same content on every node.

    With a ``device`` hactl mounts it (a clone of ocf:heartbeat:Filesystem); without one it is
    simply there, and hactl only knows what lives in it.
    """

    kind: Literal["directory"] = Field(description="A directory that all nodes share.")
    path: Path = Field(description="Where it is, on every node.")
    device: Text | None = Field(None, description="What is mounted there, like nas:/export/vms.")
    fstype: Text | None = Field(None, description="The type of the file system, like nfs4.")
    options: Text | None = Field(None, description="Mount options.")


# A union over `kind`: RBD, LVM and GFS2 join it later.
Storage = Annotated[Directory, Field(description="A storage, by its kind.")]
