"""Talking to a daemon over its unix socket, with a deadline."""

import _socket
import errno
import posix
import sys

from hactl_agents.failures import ABSENT, Failed, TimedOut, strerror

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SCM_CREDENTIALS = 2
STREAM = _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC
SHORTEST = 0.01  # seconds; a timeout of 0 would mean "never wait"


def ask(
    step: str,
    address: bytes,
    message: bytes,
    complete: "Callable[[bytes], bool]",
    limit: "float | None",
) -> "bytes | None":
    """Send a message and read the answer, until ``complete`` says it is whole.

    None where nobody listens. Raises TimedOut where there is silence, and Failed where the other
    side hangs up.
    """
    connection = _socket.socket(_socket.AF_UNIX, STREAM)
    try:
        connection.settimeout(limit if limit is None else max(limit, SHORTEST))
        try:
            connection.connect(address)
        except (ConnectionRefusedError, FileNotFoundError):
            return None
        connection.sendmsg([message], [(_socket.SOL_SOCKET, SCM_CREDENTIALS, credentials())])
        answer = b""
        while not complete(answer):
            piece = connection.recv(65536)
            if not piece:
                raise Failed(f"{step}: it hung up")
            answer += piece
        return answer
    except TimeoutError:
        raise TimedOut(f"{step}: no answer within {limit:.1f} s") from None
    except OSError as exc:
        raise Failed(f"{step}: {strerror(exc)}") from None
    finally:
        connection.close()


def dial(path: str, limit: "float | None") -> "_socket.socket | None":
    """A connection; None where nobody listens.

    Raises TimedOut where somebody does and takes no more callers, and Failed.
    """
    connection = _socket.socket(_socket.AF_UNIX, STREAM)
    connection.settimeout(limit)
    try:
        connection.connect(path)
    except (TimeoutError, BlockingIOError):
        raise TimedOut(f"{path}: whoever listens there takes no more callers") from None
    except OSError as exc:
        if exc.errno in ABSENT or exc.errno == errno.ECONNREFUSED:
            return None
        raise Failed(f"{path}: cannot be reached: {strerror(exc)}") from None
    return connection


def credentials() -> bytes:
    """Who we are, as a unix socket carries it (struct ucred)."""
    numbers = (posix.getpid(), posix.getuid(), posix.getgid())
    return b"".join(number.to_bytes(4, sys.byteorder) for number in numbers)
