"""ssh's ProxyCommand: hands ssh a connection that was made inside the lab's network namespace."""

from __future__ import annotations

import os
import socket
import sys

from hactl.errors import HactlError
from hactl.lab import wire
from hactl_vmlab import rendezvous


def main(argv: list[str]) -> int:
    """``HOST PORT``; ssh(1) reads the descriptor from standard output (ProxyUseFdpass)."""
    host, port = argv
    try:
        with rendezvous.connect(rendezvous.NAME) as connection:
            wire.send(connection, {"op": "dial"})
            _, (descriptor,) = wire.receive(connection, 1)
        outward = socket.socket(fileno=descriptor)
        outward.settimeout(10)
        outward.connect((host, int(port)))
        outward.setblocking(True)
        with socket.socket(fileno=os.dup(1)) as ssh:
            socket.send_fds(ssh, [b"\0"], [outward.fileno()])
    except (HactlError, OSError) as exc:
        print(f"{host}: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
