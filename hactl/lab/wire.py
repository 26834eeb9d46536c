"""One JSON line each way over a unix socket, with file descriptors where asked for."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from typing import Any

from hactl.errors import ClusterError

Message = dict[str, Any]
MOST = 1 << 20


def send(connection: socket.socket, message: Message, descriptors: Sequence[int] = ()) -> None:
    data = json.dumps(message).encode() + b"\n"
    if descriptors:
        sent = socket.send_fds(connection, [data], list(descriptors))
        data = data[sent:]
    connection.sendall(data)


def receive(connection: socket.socket, most_descriptors: int = 0) -> tuple[Message, list[int]]:
    """The next message and its descriptors. Raises ClusterError where it is none."""
    try:
        data, descriptors, _, _ = socket.recv_fds(connection, 65536, most_descriptors)
    except OSError as exc:
        raise ClusterError(f"the lab does not answer: {exc.strerror}") from None
    while data and not data.endswith(b"\n") and len(data) < MOST:
        piece = connection.recv(65536)
        if not piece:
            break
        data += piece
    try:
        message = json.loads(data)
    except ValueError:
        raise ClusterError("the lab hung up in the middle of a sentence") from None
    if not isinstance(message, dict):
        raise ClusterError("the lab answered something that is not a message")
    return message, list(descriptors)
