"""JSON-RPC over a unix socket, as Open vSwitch's daemons speak it; knows no table and no command.

The json module would cost a monitor more than all its questions (it imports re), so its C scanner
is used directly.
"""

from _json import encode_basestring_ascii, make_scanner

from hactl_agents.host.host import Failed, TimedOut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from hactl_agents.host.host import Host

PATIENCE = 10.0  # seconds for one answer; a daemon in good health takes milliseconds
SHARE = 0.4  # of the time that is left, at most


class NobodyListens(Failed):
    """There is no daemon behind a socket."""


class Wire:
    """Where ``daemon`` (its name, for messages) listens."""

    def __init__(self, host: "Host", path: str, daemon: str) -> None:
        self.host = host
        self.path = path
        self.daemon = daemon
        self.talk = (path, "", "")  # the last question and its answer, word for word

    def call(self, method: str, params: "list[Any]") -> "Any":
        """The result of a method. Raises NobodyListens, TimedOut, and Failed with its words."""
        request = encode({"id": 1, "method": method, "params": params}).encode()
        step = f"asking {self.daemon} for {method}"
        left = self.host.left()
        within = PATIENCE if left is None else min(PATIENCE, left * SHARE)
        try:
            data = self.host.ask(step, self.path.encode(), request, complete, within)
        except TimedOut:
            raise
        except Failed:  # it died as it was asked: whoever is there now is asked, or nobody
            data = self.host.ask(step, self.path.encode(), request, complete, within)
        if data is None:
            raise NobodyListens(f"{self.daemon} is not running: nobody listens on {self.path}")
        text = data.decode(errors="replace")
        self.talk = (self.path, request.decode(), text)
        reply = decode(text)
        if reply.get("error") is not None:
            raise Failed(f"{self.daemon} refused {method}: {error_text(reply['error'])}")
        return reply.get("result")


def complete(data: bytes) -> bool:
    """Whether this is one whole JSON text; the daemons put nothing between texts."""
    return data[-1:] == b"}" and whole(data.decode(errors="replace"))


def whole(text: str) -> bool:
    """Whether every brace outside of strings is closed again."""
    depth = 0
    inside = False
    for piece in text.replace("\\\\", "").replace('\\"', "").split('"'):
        if not inside:
            depth += piece.count("{") - piece.count("}")
        inside = not inside
    return depth == 0 and inside


def error_text(error: "Any") -> str:
    """The words in an error, which is a text here and an object there (RFC 7047, 3.1)."""
    if isinstance(error, dict):
        return f"{error.get('error')} ({error.get('details', 'no details')})"
    return str(error).strip()


def encode(value: "Any") -> str:
    """A value as JSON text."""
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        return "{" + ",".join([f"{quoted(k)}:{encode(v)}" for k, v in value.items()]) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join([encode(item) for item in value]) + "]"
    return str(int(value))


def quoted(text: str) -> str:
    """A text as JSON spells it, which is also how ovs-vsctl takes any text."""
    return str(encode_basestring_ascii(text))


class Context:
    """What the C scanner wants to know."""

    strict = False
    object_hook = object_pairs_hook = parse_constant = None
    parse_float = float
    parse_int = int
    memo: "dict[str, str]" = {}


def decode(text: str) -> "Any":
    """The value of a JSON text. Raises Failed where it is none."""
    try:
        return scanner()(text, 0)[0]
    except (StopIteration, ValueError):
        raise Failed(f"an answer that is not JSON: {text[:60]!r}") from None


def scanner() -> "Callable[[str, int], tuple[Any, int]]":
    return make_scanner(Context)  # type: ignore[arg-type]
