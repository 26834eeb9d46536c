"""The command socket of a running LXC container: what its monitor process says of it.

Knows the protocol of liblxc 3.0 to 7.0 (commands.c), which never changes a command that exists:
``struct lxc_cmd_req {int cmd, int datalen, void *data}`` one way, with the data behind it, and
``struct lxc_cmd_rsp {int ret, int datalen, void *data}`` the other way; small answers stand in the
pointer itself. The socket's name is abstract, so it is seen only in the network namespace in which
the container was started.
"""

import sys

from hactl_agents.host.host import Failed, TimedOut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host

GET_STATE, GET_INIT_PID, GET_CONFIG_ITEM = 3, 4, 7
STOPPED, STARTING, RUNNING, STOPPING, ABORTING, FREEZING, FROZEN, THAWED = STATES = (
    "STOPPED", "STARTING", "RUNNING", "STOPPING", "ABORTING", "FREEZING", "FROZEN", "THAWED",
)  # fmt: skip
LONGEST = 106  # bytes of a socket's name before liblxc hashes it: sun_path less two
POINTER = 8 if sys.maxsize > 1 << 32 else 4
REPLY = 8 + POINTER
PATIENCE = 10.0  # seconds a monitor process may take to answer, if the action has that long
SHORT = 1.0  # seconds it gets once it was silent
BLINK = 0.2  # seconds to see whether it listens at all


class LxcSocket:
    """Ask the monitor process of a container. Raises Failed where it listens and is silent."""

    def __init__(self, host: "Host", lxcpath: str, name: str) -> None:
        self.host = host
        self.lxcpath = lxcpath
        self.name = name
        self.address = address(lxcpath, name)
        self.silent = False

    def state(self) -> "str | None":
        """The container's state, None where no monitor process listens."""
        answer = self.ask(GET_STATE)
        if answer is None:
            return None
        said = value(answer)
        if refused(answer) or said >= len(STATES):
            raise Failed(f"the monitor process of {self.name} does not say what state it is in")
        return STATES[said]

    def init_pid(self) -> "int | None":
        """The pid of the container's first process; None where there is none."""
        answer = self.ask(GET_INIT_PID)
        pid = value(answer) if answer is not None and not refused(answer) else 0
        return pid if 0 < pid < 1 << 31 else None

    def config_item(self, key: str) -> "str | None":
        """What the running container's configuration says, None where it says nothing."""
        answer = self.ask(GET_CONFIG_ITEM, key.encode() + b"\0")
        if answer is None or refused(answer):
            return None
        return answer[REPLY:].rstrip(b"\0").decode(errors="replace") or None

    def listens(self) -> bool:
        """Whether somebody does, be it in silence."""
        try:
            return self.ask(GET_STATE, most=BLINK) is not None
        except Failed:
            return True

    def ask(self, command: int, data: bytes = b"", most: float = PATIENCE) -> "bytes | None":
        request = number(command) + number(len(data)) + bytes(POINTER) + data
        step = f"asking the monitor process of {self.name}"
        left = self.host.left()
        within = min(SHORT if self.silent else PATIENCE, most)
        within = within if left is None else min(within, left * 0.4)
        try:
            return self.host.ask(step, self.address, request, complete, within)
        except TimedOut:
            self.silent = True
            raise


def address(lxcpath: str, name: str) -> bytes:
    """The abstract name on which a container's monitor process listens (commands_utils.c)."""
    place = f"{lxcpath}/{name}".encode(errors="surrogateescape")
    if len(place) + len(b"/command") < LONGEST:
        return b"\0" + place + b"/command"
    return b"\0lxc/%016x/command" % fnv_1a(place)


def fnv_1a(data: bytes) -> int:
    """The 64 bit Fowler-Noll-Vo hash."""
    found = 0xCBF29CE484222325
    for byte in data:
        found = (found ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return found


def complete(answer: bytes) -> bool:
    if len(answer) < REPLY:
        return False
    follows = int.from_bytes(answer[4:8], sys.byteorder, signed=True)
    return len(answer) >= REPLY + max(0, follows)


def refused(answer: bytes) -> bool:
    return answer[:4] != bytes(4)


def value(answer: bytes) -> int:
    return int.from_bytes(answer[8:REPLY], sys.byteorder)


def number(amount: int) -> bytes:
    return amount.to_bytes(4, sys.byteorder)
