"""Talks with a process: writes what it is told, reads what it says, within time and memory."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from typing import IO

AT_ONCE = 1 << 20


class TooMuch(Exception):
    """The process says more than it may."""


def exchange(
    process: subprocess.Popen[bytes], stdin: bytes, timeout: float, most: int
) -> tuple[bytes, bytes]:
    """Return its output and its errors, once it has closed both and ended.

    Raises subprocess.TimeoutExpired after ``timeout`` seconds, and TooMuch once either is longer
    than ``most`` bytes; then it still runs.
    """
    assert process.stdin and process.stdout and process.stderr
    until = time.monotonic() + timeout
    said: dict[IO[bytes], bytearray] = {process.stdout: bytearray(), process.stderr: bytearray()}
    left = memoryview(stdin)
    with selectors.DefaultSelector() as waiting:
        for pipe in said:
            os.set_blocking(pipe.fileno(), False)
            waiting.register(pipe, selectors.EVENT_READ)
        os.set_blocking(process.stdin.fileno(), False)
        waiting.register(process.stdin, selectors.EVENT_WRITE)
        while waiting.get_map():
            for key, _ in waiting.select(remaining(process, until, timeout)):
                if key.fileobj is process.stdin:
                    left = left[written(process.stdin, left) :]
                    done = not left
                else:
                    done = not taken(key.fileobj, said[key.fileobj], most)  # type: ignore[arg-type, index]
                if done:
                    waiting.unregister(key.fileobj)
                    key.fileobj.close()  # type: ignore[union-attr]
    process.wait(remaining(process, until, timeout))
    return bytes(said[process.stdout]), bytes(said[process.stderr])


def remaining(process: subprocess.Popen[bytes], until: float, timeout: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise subprocess.TimeoutExpired(process.args, timeout)
    return left


def written(pipe: IO[bytes], data: memoryview) -> int:
    """Write what goes in; all of it counts as written where nobody reads any more."""
    try:
        return os.write(pipe.fileno(), data[:AT_ONCE])
    except BrokenPipeError:
        return len(data)


def taken(pipe: IO[bytes], into: bytearray, most: int) -> bool:
    """Take what is there; False at the end. Raises TooMuch."""
    data = os.read(pipe.fileno(), AT_ONCE)
    into += data
    if len(into) > most:
        raise TooMuch
    return bool(data)
