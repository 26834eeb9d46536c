"""What the keeper of a VM lab asks of whatever runs its machines."""

from __future__ import annotations

import selectors
from collections.abc import Callable, Sequence
from typing import Protocol

from hactl_vmlab.definition import Network
from hactl_vmlab.monitor import Event

Heard = Callable[[Sequence[Event]], None]


class Machines(Protocol):
    """Machines by the names of their nodes. Every method raises HactlError with a sentence."""

    def open(self, heard: Heard) -> selectors.DefaultSelector:
        """Get ready. When the selector is readable, `on_readable` is to be called."""

    def on_readable(self) -> None: ...

    def is_on(self, name: str) -> bool:
        """Whether it runs, as seen now; doubt is an error."""

    def is_frozen(self, name: str) -> bool: ...

    def on(self, name: str) -> None: ...

    def off(self, name: str) -> None:
        """Take its power away: it is gone when this returns."""

    def freeze(self, name: str, *, frozen: bool) -> None: ...

    def plug(self, name: str, cable: Network, *, connected: bool) -> None: ...

    def ended(self) -> list[str]:
        """Those that have switched themselves off since they were last asked after."""

    def memory(self, name: str) -> int:
        """MiB that it takes from this machine; 0 where that is not known."""
