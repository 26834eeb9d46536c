"""Names and values that want to be something else, and a runner that tells what was started."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from hactl.live.runner import Result, Runner

TOKEN = "PWNED"
HOSTILE = (
    f"-oProxyCommand=touch {TOKEN}",
    f"--{TOKEN}",
    f"-{TOKEN}",
    f"$(touch {TOKEN})",
    f"`touch {TOKEN}`",
    f"; touch {TOKEN}",
    f"x; touch {TOKEN} #",
    f"| touch {TOKEN}",
    f"> {TOKEN}",
    f"& touch {TOKEN} &",
    f"'; touch {TOKEN}; '",
    f'"; touch {TOKEN}; "',
    f"a\ntouch {TOKEN}",
    f"{TOKEN}\naction=off",
    f"{TOKEN}\u2028action=off",
    f"{TOKEN}\x85action=off",
    f"{TOKEN}\naction=off\noption=off",
    f"../../../../{TOKEN}",
    f"/../../{TOKEN}",
    f"/srv/../../{TOKEN}",
    f"%s%n%d{TOKEN}",
    f"{{0}}{{node}}{{node.__class__}}{TOKEN}",
    f"{TOKEN} {TOKEN}",
    f"{TOKEN}=off",
    f"\\{TOKEN}",
    f"*{TOKEN}?",
    f"~{TOKEN}",
    f"é{TOKEN}",
    TOKEN * 15_000,
    "off",
    "action",
    "lrm://",
    "",
)
# what an agent may be told to do when nobody is to be fenced
HARMLESS = {"metadata", "monitor", "status", "list", "list-status", "validate-all"}
SSH = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "--"]
AGENT = re.compile(r"/usr/sbin/fence_[A-Za-z0-9_.-]+")
METADATA = """<resource-agent name="fence_x"><parameters>
<parameter name="plug"><content type="string"/></parameter>{more}</parameters><actions>
<action name="on"/><action name="off"/><action name="monitor"/><action name="status"/>
<action name="list"/><action name="metadata"/></actions></resource-agent>"""
KNOWN = {
    ("crm_node", "--name"),
    ("true",),
    ("xargs", "-0", "stat", "-L", "-c", "%f:%s:%n", "--"),
    ("cat", "/etc/default/sbd", "/etc/sysconfig/sbd"),
    ("cat", "/sys/class/dmi/id/product_uuid"),
    ("/usr/sbin/stonith_admin", "--list-registered", "--output-as=xml"),
}


@dataclass(frozen=True)
class Site(Runner):
    """Nodes that answer everything; ``wrong`` is what should never have been started or said."""

    wrong: list[str] = field(default_factory=list)
    started: list[Sequence[str]] = field(default_factory=list)

    def run(self, argv: Sequence[str], stdin: bytes = b"", timeout: float = 0) -> Result:  # noqa: ARG002
        self.started.append(argv)
        if any("\0" in word for word in argv):
            self.wrong.append(f"NUL in {argv}")
        command = list(argv)
        if command[0] == "ssh":
            command = self.at_the_other_end(command)
        if AGENT.fullmatch(command[0]) and len(command) == 1:
            return self.agent(stdin.decode())
        if tuple(command) not in KNOWN:
            self.wrong.append(f"started {argv}")
        return Result(0, b"node1\n" if command[0] == "crm_node" else b"", b"")

    def at_the_other_end(self, argv: list[str]) -> list[str]:
        """What a shell there makes of it."""
        if argv[: len(SSH)] != SSH or not re.fullmatch(r"\w[\w.-]*", argv[len(SSH)], re.ASCII):
            self.wrong.append(f"ssh is told {argv}")
        words = argv[argv.index("--") + 2 :]
        if any(not re.fullmatch(r"[\w./:%+=,@-]+", word, re.ASCII) for word in words):
            self.wrong.append(f"a shell is told {words}")
        return words

    def agent(self, told: str) -> Result:
        lines = told.splitlines()
        if lines != told.split("\n")[:-1]:
            self.wrong.append(f"an agent counts other lines in {told!r}")
        said = dict(line.partition("=")[::2] for line in lines)
        actions = [line for line in lines if line.partition("=")[0] in ("action", "option")]
        if len(actions) != 1 or said.get("action") not in HARMLESS:
            self.wrong.append(f"an agent is told {actions}")
        if said.get("action") == "metadata":
            return Result(0, METADATA.format(more="").encode(), b"")
        return Result(0, b"node1,\nnode2,\nnode3,\n", b"")


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every scalar in nested mappings and lists, and of every key."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key, None)
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path


def planted(value: Any, path: tuple[Any, ...], text: str) -> Any:
    """A copy with ``text`` at a path; one that ends in None names a key."""
    if not path:
        return text
    step, *rest = path
    if rest == [None]:
        return {text if key == step else key: inner for key, inner in value.items()}
    copy = value.copy()
    copy[step] = planted(value[step], tuple(rest), text)
    return copy
