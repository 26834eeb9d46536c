"""What a QEMU says of its machine (QMP): events, each with the time it was heard."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hactl.errors import HactlError

OPENS_WITHIN = 10.0  # seconds from the start of QEMU
HANDSHAKE = b'{"execute": "qmp_capabilities"}\n'


@dataclass(frozen=True, slots=True)
class Event:
    """``time`` is in seconds since the epoch; ``guest`` where the machine did it to itself."""

    time: float
    node: str
    name: str
    guest: bool

    def to_dict(self) -> dict[str, object]:
        return {"time": self.time, "node": self.node, "event": self.name, "guest": self.guest}


@dataclass
class Monitor:
    """The connection to one QEMU."""

    node: str
    connection: socket.socket
    unread: bytes = field(default=b"")

    def events(self) -> list[Event]:
        """What has arrived; to be called when the connection is readable. Raises EOFError."""
        data = self.connection.recv(65536)
        if not data:
            raise EOFError
        *lines, self.unread = (self.unread + data).split(b"\n")
        return [found for line in lines if (found := event(self.node, line))]


def event(node: str, line: bytes) -> Event | None:
    """An event in a line of QMP; replies and greetings are none."""
    try:
        said = json.loads(line)
        stamp = said["timestamp"]
        when = stamp["seconds"] + stamp["microseconds"] / 1e6
        return Event(when, node, said["event"], bool(said.get("data", {}).get("guest")))
    except (ValueError, KeyError, TypeError):
        return None


def connect(node: str, path: Path, alive: Callable[[], bool]) -> Monitor:
    """The monitor of a QEMU that was just started. Raises HactlError."""
    until = time.monotonic() + OPENS_WITHIN
    connection = socket.socket(socket.AF_UNIX)
    while True:
        try:
            connection.connect(str(path))
            break
        except OSError as exc:
            if time.monotonic() > until or not alive():
                connection.close()
                raise HactlError(f"{node}: its QEMU has no monitor: {exc.strerror}") from None
            time.sleep(0.02)
    connection.sendall(HANDSHAKE)
    return Monitor(node, connection)
