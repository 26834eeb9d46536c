"""The OpenFlow flows that are always there: put in as a whole, told from others by their cookie.

Counting them takes one question over the bridge's OpenFlow socket, without a program.
"""

from hactl_agents.host.host import Failed
from hactl_agents.ocf.errors import NotConfigured, WrongHere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host
    from hactl_agents.ovs.database import Snapshot

OFCTL = ("ovs-ofctl", "-vsyslog:off", "-vconsole:off", "-O", "OpenFlow13")
COOKIE = 0x6861637461676E74  # "hactagnt"
MASKED = f"cookie={COOKIE:#x}/-1"
NOTE = "hactl-flows"  # external_ids of a bridge: how many flows were put in, and their digest
VERSION = 4  # OpenFlow 1.3
HELLO, ERROR, ASK, ANSWER = 0, 1, 18, 19
AGGREGATE = 2
PATIENCE = 10.0  # seconds
LONGEST = 262144  # bytes of a file; a command's output is kept up to four times that


def socket_of(rundir: str, bridge: str) -> str:
    return f"{rundir}/{bridge}.mgmt"


def read(host: "Host", path: str) -> "list[str]":
    """The flows in a file, one for each line, '' for none. Raises WrongHere and NotConfigured."""
    text = host.paths.read(path)
    if text is None:
        raise WrongHere(f"flows: there is no file {path} on this node")
    if len(text) > LONGEST:
        raise NotConfigured(f"flows: {path} is longer than {LONGEST // 1024} KiB")
    flows = []
    for number, line in enumerate(text.split("\n"), 1):
        flow = line.partition("#")[0].strip()
        if "cookie=" in flow or flow.split(" ")[0] in ("delete", "delete_strict", "modify"):
            raise NotConfigured(
                f"flows: {path}:{number} sets a cookie or changes flows: only add flows there"
            )
        flows.append(flow)
    if not any(flows):
        raise NotConfigured(f"flows: there is no flow in {path}")
    return flows


def noted(now: "Snapshot") -> "tuple[int, str]":
    """How many flows were put in, and their digest; (-1, '') if none were."""
    ids = now.bridge["external_ids"] if now.bridge else {}
    amount, _, digest = ids.get(NOTE, "").partition(" ")
    return (int(amount), digest) if amount.isdigit() else (-1, "")


def load(host: "Host", rundir: str, bridge: str, path: str, given: "list[str]") -> None:
    """Replace our flows by those ``given``, as read from a file, all or nothing.

    Raises Failed with the line of it.
    """
    lines = [f"add cookie={COOKIE:#x},{bare(flow)}" if flow else "" for flow in given]
    target = f"unix:{socket_of(rundir, bridge)}"
    text = "\n".join([f"delete {MASKED}", *lines, ""])
    done = host.run(*OFCTL, "--bundle", "add-flows", target, "-", stdin=text, check=False)
    if done.returncode:
        raise Failed(located(done.complaint(), path))


def located(complaint: str, path: str) -> str:
    """With the place in the file, where ovs-ofctl counts lines of its input (``-:3:``)."""
    before, found, rest = complaint.partition(" -:")
    line, colon, what = rest.partition(":")
    if not found or not colon or not line.isdigit():
        return complaint
    return f"{before} {path}:{int(line) - 1}:{what}"  # the first is the one that deletes


def clear(host: "Host", rundir: str, bridge: str) -> None:
    target = f"unix:{socket_of(rundir, bridge)}"
    host.run(*OFCTL, "del-flows", target, MASKED)


def digest(host: "Host", rundir: str, bridge: str) -> str:
    """What our flows are, shortened; the switch spells each flow in its own way."""
    from _sha256 import sha256  # type: ignore[import-not-found]

    target = f"unix:{socket_of(rundir, bridge)}"
    done = host.run(*OFCTL, "--no-stats", "dump-flows", target, MASKED)
    lines = sorted(line.strip() for line in done.stdout.split("\n") if "cookie=" in line)
    return str(sha256("\n".join(lines).encode()).hexdigest()[:16])


def count(host: "Host", rundir: str, bridge: str) -> int:
    """How many of our flows the bridge has. Raises Failed and TimedOut."""
    path = socket_of(rundir, bridge)
    step = f"counting the flows of {bridge}"
    request = message(HELLO, b"") + message(ASK, question())
    data = host.ask(step, path.encode(), request, lambda data: bool(answers(data)), PATIENCE)
    if data is None:
        raise Failed(f"ovs-vswitchd does not serve {bridge}: nobody listens on {path}")
    kind, body = answers(data)[0]
    if kind == ERROR:
        raise Failed(f"{bridge} refuses to say how many flows it has: {body.hex()}")
    return number(body[24:28])


def answers(data: bytes) -> "list[tuple[int, bytes]]":
    """(type, body) of the messages in ``data`` that answer the question."""
    found = []
    while len(data) >= 8 and len(data) >= (size := number(data[2:4])) >= 8:
        found.append((data[1], data[8:size]))
        data = data[size:]
    return [(kind, body) for kind, body in found if kind in (ANSWER, ERROR)]


def question() -> bytes:
    """An aggregate request for our cookie in all tables (OpenFlow 1.3.5, 7.3.5.3)."""
    anywhere = b"\xff\xff\xff\xff"
    everything = b"\0\1\0\4" + bytes(4)
    body = b"\xff" + bytes(3) + anywhere + anywhere + bytes(4)
    body += COOKIE.to_bytes(8, "big") + b"\xff" * 8 + everything
    return AGGREGATE.to_bytes(2, "big") + bytes(6) + body


def message(kind: int, body: bytes) -> bytes:
    size = len(body) + 8
    return bytes((VERSION, kind)) + size.to_bytes(2, "big") + bytes((0, 0, 0, 1)) + body


def number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def bare(flow: str) -> str:
    return flow[4:].strip() if flow.startswith("add ") else flow
