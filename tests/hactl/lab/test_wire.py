"""Messages between the lab and those who ask it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from hactl.errors import ClusterError
from hactl.lab import wire


def test_a_message_and_its_descriptors_arrive() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Path("/dev/null").open("rb") as file:
        wire.send(ours, {"op": "x", "long": "y" * 100_000}, [file.fileno()])
        message, descriptors = wire.receive(theirs, 4)
    assert message == {"op": "x", "long": "y" * 100_000}
    assert os.fstat(descriptors[0]).st_rdev == Path("/dev/null").stat().st_rdev
    os.close(descriptors[0])


@pytest.mark.parametrize("garbage", [b"", b"\n", b"{", b"[1]\n", b"\xff\xfe\n", b'{"a": 1'])
def test_garbage_is_an_error_and_no_crash(garbage: bytes) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.sendall(garbage)
            ours.shutdown(socket.SHUT_WR)
            if garbage == b'{"a": 1':
                ours.close()
        with pytest.raises(ClusterError):
            wire.receive(theirs)
