"""fence_lab: powers the nodes of a hactl lab through its out-of-node power switch."""

import _socket

from hactl_agents.declare import string
from hactl_agents.host import Failed
from hactl_fencing.fence.device import OFF, ON, UNKNOWN, FenceDevice

SHORTEST = 0.05  # seconds; a socket timeout of 0 would mean "never wait"


class LabPower(FenceDevice):
    """Fence agent for the nodes of a hactl lab.

    The lab's power switch stands outside the nodes, as a management controller does, and is
    reached by a socket that every node sees. A node is off when its last process is gone and its
    network ports are dead.
    """

    socket: str = string(
        "Socket of the lab's power switch",
        default="/lab/power.sock",
        example="/lab/power.sock",
    )

    def power(self) -> str:
        said = self.ask(f"status {self.plug}")
        return said if said in (ON, OFF) else UNKNOWN

    def switch_off(self) -> None:
        self.ask(f"off {self.plug}")

    def switch_on(self) -> None:
        self.ask(f"on {self.plug}")

    def plugs(self) -> "dict[str, tuple[str, str]]":
        pairs = (line.split() for line in self.ask("list").splitlines())
        return {pair[0]: ("", pair[1]) for pair in pairs if len(pair) == 2}

    def check(self) -> None:
        if self.plug and " " in self.plug:
            raise Failed(f"plug {self.plug!r}: exactly one node, without spaces")

    def ask(self, question: str) -> str:
        """One line there, the answer back. Raises Failed."""
        self.host.step = f"asking {self.socket}: {question}"
        try:
            answer = converse(self.socket, question, self.host.left(None))
        except OSError as exc:
            reason = exc.strerror or "no answer in time"
            raise Failed(f"the lab's power switch {self.socket}: {reason}") from None
        verdict, _, rest = answer.partition(" ")
        if verdict != "ok":
            raise Failed(rest.strip() or "the lab's power switch hung up without an answer")
        return rest.strip()


def converse(path: str, question: str, within: "float | None") -> str:
    """Send a line to a unix socket and read until the other end closes. Raises OSError."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.settimeout(None if within is None else max(within, SHORTEST))
        connection.connect(path)
        connection.send(question.encode() + b"\n")
        pieces = []
        while piece := connection.recv(65536):
            pieces.append(piece)
    finally:
        connection.close()
    return b"".join(pieces).decode(errors="replace")
