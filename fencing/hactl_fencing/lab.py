"""fence_lab: powers the nodes of a hactl lab through its out-of-node power switch."""

from hactl_agents.declare import BadValue, string
from hactl_agents.host.host import Failed
from hactl_fencing.fence.device import OFF, ON, UNKNOWN, FenceDevice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.unix_socket import Connection


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
        pairs = (line.split() for line in self.ask("list").split("\n"))
        return {pair[0]: ("", pair[1]) for pair in pairs if len(pair) == 2}

    def check(self) -> None:
        if self.plug and " " in self.plug:
            raise BadValue(f"plug: {self.plug!r} is not the name of one node, without spaces")

    def ask(self, question: str) -> str:
        """One line there, the answer back. Raises Failed."""
        self.host.step = f"asking {self.socket}: {question}"
        connection = self.host.dial(self.socket)
        if connection is None:
            raise Failed(f"{self.socket}: nobody listens: is this a node of a lab?")
        try:
            connection.send(question.encode() + b"\n")
            answer = read_to_end(connection)
        except (TimeoutError, BlockingIOError):
            raise Failed(f"{self.socket}: no answer in time to: {question}") from None
        except OSError as exc:
            raise Failed(f"{self.socket}: {exc.strerror or exc}") from None
        finally:
            connection.close()
        verdict, _, rest = answer.partition(" ")
        if verdict != "ok":
            raise Failed(rest.strip() or "the lab's power switch hung up without an answer")
        return rest.strip()


def read_to_end(connection: "Connection") -> str:
    pieces = []
    while piece := connection.receive():
        pieces.append(piece)
    return b"".join(pieces).decode(errors="replace")
