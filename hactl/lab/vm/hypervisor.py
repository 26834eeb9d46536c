"""The machines of a VM lab from below: power, cables, and what they did, in either kind of lab."""

from __future__ import annotations

from typing import Any, Protocol

from hactl.errors import UsageError
from hactl.lab.vm import places, shell
from hactl.lab.vm.lab import PlainLab
from hactl.lab.vm.provision import Site


class Hypervisor(Protocol):
    """What a test may do to a machine without asking it."""

    def status(self) -> dict[str, Any]:
        """``nodes`` (name, power, frozen, cut), ``power`` (each use) and ``events``."""

    def power(self, node: str, action: str) -> str:
        """``on``, ``off``, ``reboot`` or ``status``; the state afterwards."""

    def freeze(self, node: str) -> None:
        """Stop a machine as it stands."""

    def thaw(self, node: str) -> None:
        """Let it go on."""

    def cut(self, node: str, network: str | None = None) -> None:
        """Pull its cable to one network, or all of them."""

    def heal(self, node: str, network: str | None = None) -> None:
        """Put it back."""


def attach(kind: str) -> tuple[Hypervisor, Site]:
    """The running lab of a kind, and its nodes. Raises HactlError where there is none."""
    if kind != "plain":
        raise UsageError(f"HACTL_VM_LAB={kind}: there is no such kind of lab", "set it to plain")
    lab = PlainLab()
    definition, accelerator = lab.definition(), lab.accelerator
    patience = definition.timing(accelerator).answers_within / 1000
    found = shell.Shell(places.run() / shell.CONFIG, patience)
    return lab, Site(definition, found, accelerator)
