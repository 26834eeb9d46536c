"""Ask an HTTP address again and again and say each time, as a line of JSON, whether it answered.

    python3 -m hactl.lab.prober 10.77.10.80 --interval 0.05

Runs in the lab's client; knows nothing of clusters.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import time
from dataclasses import asdict, dataclass

PORT = 80


@dataclass(frozen=True, slots=True)
class Sample:
    """One question. ``time`` is when it was asked, in seconds since the epoch."""

    time: float
    ok: bool
    body: str


def ask(address: str, timeout: float) -> Sample:
    asked = time.time()
    try:
        with socket.create_connection((address, PORT), timeout) as connection:
            connection.sendall(f"GET / HTTP/1.0\r\nHost: {address}\r\n\r\n".encode())
            reply = b"".join(iter(lambda: connection.recv(4096), b""))
    except OSError:
        return Sample(asked, False, "")
    head, _, body = reply.decode(errors="replace").partition("\r\n\r\n")
    return Sample(asked, " 200 " in head.split("\r\n")[0] + " ", body.strip())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("--interval", type=float, default=0.05, help="seconds between questions")
    parser.add_argument("--timeout", type=float, default=0.4, help="seconds to wait for an answer")
    given = parser.parse_args()
    while True:
        sample = ask(given.address, given.timeout)
        print(json.dumps(asdict(sample)), flush=True)
        time.sleep(max(0.0, given.interval - (time.time() - sample.time)))


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(0)
