"""The management protocol of tgtd (struct tgtadm_req and tgtadm_rsp, tgtadm.h), without tgtadm.

tgtadm takes secrets as arguments, which every user can read; here they only pass a private socket.
"""

import sys

from hactl_agents.ocf.errors import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host

SYSTEM, TARGET, DEVICE, PORTAL, ACCOUNT = 0, 1, 2, 3, 7  # modes
NEW, DELETE, SHOW, BIND, UPDATE = 0, 1, 2, 3, 5  # operations
ALL = -1  # as the id of a target
INCOMING, OUTGOING = 0, 1
DISK = 0
DRIVER = b"iscsi".ljust(64, b"\0")
HEADER = 120  # bytes of a request without its text
ANSWER = 8
LONGEST = 8000  # bytes of text that tgtd takes
PATIENCE = 5.0  # seconds; it answers at once unless it is frozen
REASONS = {
    1: "unknown error: see tgtd's log",
    2: "out of memory",
    3: "tgtd has no iSCSI driver: is the portal in use?",
    4: "no such target",
    5: "no such LUN",
    9: "the target exists already",
    10: "the LUN exists already",
    12: "this initiator is admitted already",
    14: "this user exists already",
    15: "no such user",
    17: "invalid request",
    18: "there is an outgoing account already",
    19: "the target is in use",
    20: "the LUN is in use",
    22: "not supported",
    23: "unknown parameter",
    24: "removal is prevented",
}


class Tgtd:
    """A daemon that listens on the unix socket at ``path``."""

    def __init__(self, host: "Host", path: str) -> None:
        self.host = host
        self.path = path

    def ask(
        self,
        step: str,
        mode: int,
        operation: int,
        text: str = "",
        *,
        tid: int = ALL,
        lun: int = 0,
        direction: int = INCOMING,
        force: bool = False,
        within: float = PATIENCE,
    ) -> str:
        """What it says to one request. Raises Failed in its words, TimedOut where it is silent."""
        message = request(mode, operation, text, tid, lun, direction, force)
        left = self.host.left()
        patience = within if left is None else min(within, left / 4)
        answer = self.host.ask(step, self.path.encode(), message, is_whole, within=patience)
        if answer is None:
            raise Failed(f"{step}: tgtd does not listen on {self.path}")
        code = number(answer[:4])
        if code:
            raise Failed(f"{step}: {REASONS.get(code, f'tgtd says {code}')}")
        return answer[ANSWER:].rstrip(b"\0").decode(errors="replace")


def request(
    mode: int, operation: int, text: str, tid: int, lun: int, direction: int, force: bool
) -> bytes:
    body = text.encode(errors="surrogateescape") + b"\0" if text else b""
    if len(body) > LONGEST:
        raise Failed(f"tgtd takes no more than {LONGEST} bytes at once")
    parts = [packed(mode), packed(operation), DRIVER, packed(HEADER + len(body)), packed(tid)]
    parts += [packed(0, 8), packed(lun, 8), packed(0), packed(0), packed(DISK)]
    parts += [packed(direction), packed(0), packed(int(force))]
    return b"".join(parts) + body


def packed(value: int, size: int = 4) -> bytes:
    return value.to_bytes(size, sys.byteorder, signed=value < 0)


def number(data: bytes) -> int:
    return int.from_bytes(data, sys.byteorder)


def is_whole(answer: bytes) -> bool:
    if len(answer) < ANSWER:
        return False
    return number(answer[:4]) != 0 or len(answer) >= number(answer[4:ANSWER])
