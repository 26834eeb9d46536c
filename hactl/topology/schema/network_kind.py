"""What each kind of network has to say of itself, so that nobody else has to know its kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from hactl.model.resource import Agent
from hactl.topology.schema.operations import Operated


class NetworkKind(Operated, ABC):
    """A network; `hactl.topology.schema.networks.KINDS` lists the kinds there are."""

    @property
    @abstractmethod
    def run_by(self) -> Agent:
        """The agent that runs it."""

    @property
    @abstractmethod
    def taken(self) -> tuple[str, Sequence[str]]:
        """The interfaces that it takes for itself, after the key that lists them."""

    @property
    @abstractmethod
    def own_interfaces(self) -> Mapping[str, int | None]:
        """The node's own interfaces in it, each with its VLAN."""

    @property
    @abstractmethod
    def tags_ports(self) -> bool:
        """Whether a guest's port has an id and a VLAN of its own on it."""

    @property
    @abstractmethod
    def carried(self) -> Sequence[str]:
        """The VLANs that leave the node, as ranges; empty where all do."""

    @property
    @abstractmethod
    def started_by(self) -> str | None:
        """The service that the cluster starts for it, like systemd:openvswitch-switch."""


def complete(*kinds: type[NetworkKind]) -> tuple[type[NetworkKind], ...]:
    """Return the kinds; mypy refuses the call where one leaves a question open."""
    return kinds
