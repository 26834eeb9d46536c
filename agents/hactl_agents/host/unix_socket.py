"""Talking to a daemon over its unix socket: one deadline for all that is said, both ways."""

import _socket
import errno
import posix
import sys
import time

from hactl_agents.failures import ABSENT, Failed, TimedOut, seconds, strerror

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SCM_CREDENTIALS = 2
STREAM = _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC
SHORTEST = 0.001  # seconds; a timeout of 0 would mean "never wait"


class Connection:
    """A socket whose deadline is for the whole conversation, however often it is read.

    A daemon that sends a byte now and then would else be waited for as long as it likes.
    """

    def __init__(self, connection: "Any", limit: "float | None") -> None:
        self.socket = connection
        self.stop_at = None if limit is None else time.monotonic() + limit

    def left(self) -> "Any":
        """The socket, for one more call on it. Raises TimeoutError once the time is over."""
        left = None if self.stop_at is None else self.stop_at - time.monotonic()
        if left is not None and left < 0:
            raise TimeoutError
        self.socket.settimeout(left if left is None else max(left, SHORTEST))
        return self.socket

    def connect(self, address: "str | bytes") -> None:
        self.left().connect(address)

    def send(self, data: bytes) -> None:
        self.left().sendall(data)

    def introduce(self, message: bytes) -> None:
        """Send a message together with who we are."""
        ours = [(_socket.SOL_SOCKET, SCM_CREDENTIALS, credentials())]
        sent = self.left().sendmsg([message], ours)
        if sent < len(message):
            self.send(message[sent:])

    def receive(self) -> bytes:
        """What comes next; b"" once the other side has hung up."""
        data: bytes = self.left().recv(65536)
        return data

    def close(self) -> None:
        self.socket.close()


def ask(
    step: str,
    address: bytes,
    message: bytes,
    complete: "Callable[[bytes], bool]",
    limit: "float | None",
) -> "bytes | None":
    """Send a message and read the answer, until ``complete`` says it is whole.

    None where nobody listens. Raises TimedOut where it is not whole in time, and Failed where the
    other side hangs up.
    """
    connection = Connection(_socket.socket(_socket.AF_UNIX, STREAM), limit)
    try:
        try:
            connection.connect(address)
        except (ConnectionRefusedError, FileNotFoundError):
            return None
        connection.introduce(message)
        answer = b""
        while not complete(answer):
            piece = connection.receive()
            if not piece:
                raise Failed(f"{step}: it hung up")
            answer += piece
        return answer
    except TimeoutError:
        raise TimedOut(f"{step}: no answer within {seconds(limit)}") from None
    except BlockingIOError:
        raise TimedOut(f"{step}: whoever listens there takes no more callers") from None
    except OSError as exc:
        raise Failed(f"{step}: {strerror(exc)}") from None
    finally:
        connection.close()


def dial(path: str, limit: "float | None") -> "Connection | None":
    """A connection, of which all has to be over within ``limit``; None where nobody listens.

    Raises TimedOut where somebody does and takes no more callers, and Failed.
    """
    connection = Connection(_socket.socket(_socket.AF_UNIX, STREAM), limit)
    try:
        connection.connect(path)
    except (TimeoutError, BlockingIOError):
        connection.close()
        raise TimedOut(f"{path}: whoever listens there takes no more callers") from None
    except OSError as exc:
        connection.close()
        if exc.errno in ABSENT or exc.errno == errno.ECONNREFUSED:
            return None
        raise Failed(f"{path}: cannot be reached: {strerror(exc)}") from None
    return connection


def credentials() -> bytes:
    """Who we are, as a unix socket carries it (struct ucred)."""
    numbers = (posix.getpid(), posix.getuid(), posix.getgid())
    return b"".join(number.to_bytes(4, sys.byteorder) for number in numbers)
