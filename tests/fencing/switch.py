"""A power switch made of a dictionary, for testing the fence runtime without one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from hactl_agents.declare import string
from hactl_agents.host.host import Failed
from hactl_agents.testing import FakeHost
from hactl_fencing.fence.device import OFF, ON, FenceDevice
from hactl_fencing.fence.main import run


class FakeSwitch(FenceDevice):
    """A power switch that does as told.

    It is made of a dictionary.
    """

    password = string("A secret", private=True)

    outlets: ClassVar[dict[str, str]] = {}
    used: ClassVar[list[str]] = []
    looks = 0

    def power(self) -> str:
        if self.plug not in self.outlets:
            raise Failed(f"there is no plug {self.plug!r}")
        type(self).looks += 1
        return self.outlets[self.plug]

    def switch_off(self) -> None:
        self.use("off")

    def switch_on(self) -> None:
        self.use("on")

    def use(self, action: str) -> None:
        if self.plug not in self.outlets:
            raise Failed(f"there is no plug {self.plug!r}")
        self.used.append(f"{action} {self.plug}")
        self.outlets[self.plug] = self.outcome(action)

    def outcome(self, action: str) -> str:
        return ON if action == "on" else OFF

    def plugs(self) -> dict[str, tuple[str, str]]:
        return {plug: ("", power) for plug, power in self.outlets.items()}


def fresh(kind: type[FakeSwitch] = FakeSwitch, **outlets: str) -> type[FakeSwitch]:
    """A device class with outlets of its own."""
    own = {"outlets": dict(outlets), "used": [], "looks": 0, "__doc__": kind.__doc__}
    return type(kind.__name__, (kind,), own)


class Call:
    """One call of an agent: exit code, what it wrote, and the host it ran on."""

    def __init__(
        self, device: type[FenceDevice], words: Sequence[str] = (), stdin: str = ""
    ) -> None:
        self.host = FakeHost()
        self.written: list[str] = []
        self.code = run(device, words, stdin, self.host, self.written.append)

    @property
    def output(self) -> str:
        return "".join(self.written)


class Fabric(FakeSwitch):
    """Cuts a node off from its storage.

    And leaves it running.
    """

    reboots = False
    unfences = True
    on_target = True
