"""A lab's machines as they are reached: what there is, by which shell, and how long things take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hactl_vmlab.definition import Definition, Timing
from hactl_vmlab.lab import Lab
from hactl_vmlab.shell import CONFIG, Shell


@dataclass(frozen=True, slots=True)
class Site:
    """Machines that answer, and how long things take on them."""

    lab: Definition
    shell: Shell
    accelerator: str

    @property
    def timing(self) -> Timing:
        return self.lab.timing(self.accelerator)

    @property
    def names(self) -> list[str]:
        return [node.name for node in self.lab.nodes]


def site_of(definition: Definition, accelerator: str, config: Path) -> Site:
    patience = definition.timing(accelerator).answers_within / 1000
    return Site(definition, Shell(config, patience), accelerator)


def running() -> Site:
    """The machines of the lab that runs here. Raises NoLab."""
    lab = Lab()
    return site_of(lab.definition(), lab.accelerator, lab.folder / CONFIG)
