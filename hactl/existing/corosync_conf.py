"""corosync.conf -> what a topology says of it: names, ids, addresses, times; corosync.conf(5)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hactl.errors import ClusterError
from hactl.model.secret import may_be_secret
from hactl.topology.units import as_time

SECTION = re.compile(r"\s*([a-z_]+)\s*\{\s*")
KEY = re.compile(r"\s*([a-z0-9_]+)\s*:\s*(.*?)\s*")
LINKS = 8
DEEPEST = 8


@dataclass
class Section:
    """A section by its name, with its keys and the sections in it."""

    name: str
    keys: dict[str, str] = field(default_factory=dict)
    inside: list[Section] = field(default_factory=list)

    def all(self, name: str) -> Iterator[Section]:
        yield from (each for each in self.inside if each.name == name)

    def value(self, *path: str) -> str:
        """Return the value of a key of a section below, empty where there is none."""
        *names, key = path
        here = [self]
        for name in names:
            here = [below for each in here for below in each.all(name)]
        return next((each.keys[key] for each in here if key in each.keys), "")


@dataclass(frozen=True, slots=True)
class Membership:
    """``settings`` are keys of the section ``cluster``, ``links`` the addresses of each node.

    ``unsaid`` is what the file says and no topology can: `hactl render --corosync` leaves it out.
    """

    settings: Mapping[str, object] = field(default_factory=dict)
    links: Mapping[str, list[str]] = field(default_factory=dict)
    unsaid: tuple[str, ...] = ()


# What `hactl render --corosync` writes, by section; the rest is told.
SAID = {
    "totem": {
        *("version", "cluster_name", "transport", "token", "token_coefficient", "consensus"),
        *("crypto_cipher", "crypto_hash"),
    },
    "quorum": {"provider", "two_node", "wait_for_all"},
    "device": {"model", "votes", "sync_timeout"},
    "net": {"host", "algorithm", "tls"},
    "node": {"name", "nodeid", *(f"ring{n}_addr" for n in range(LINKS))},
    "logging": {"to_logfile", "logfile", "to_syslog", "timestamp"},
}
FIXED = {"transport": "knet", "crypto_cipher": "aes256", "crypto_hash": "sha256"}


def parse(text: str, name: str) -> Section:
    """Read a corosync.conf. Raises ClusterError, with the line, for what is not one."""
    stack = [Section("")]
    for number, line in enumerate(text.splitlines(), 1):
        bare = "" if line.lstrip().startswith("#") else line.strip()
        if found := SECTION.fullmatch(bare):
            stack.append(Section(found[1]))
            stack[-2].inside.append(stack[-1])
        elif bare == "}" and len(stack) > 1:
            stack.pop()
        elif pair := KEY.fullmatch(bare):
            stack[-1].keys[pair[1]] = pair[2]
        elif bare:
            raise ClusterError(f"{name}:{number}: not a line of a corosync.conf")
        if len(stack) > DEEPEST:
            raise ClusterError(f"{name}:{number}: not a corosync.conf: nested too deep")
    if len(stack) > 1 or not list(stack[0].all("totem")):
        raise ClusterError(f"{name}: not a whole corosync.conf: no totem section, or one is open")
    return stack[0]


def membership(text: str, name: str) -> Membership:
    """Return what a topology says of a corosync.conf. Raises ClusterError."""
    root = parse(text, name)
    nodes = [node for found in root.all("nodelist") for node in found.all("node")]
    links = {node.keys["name"]: list(addresses(node)) for node in nodes if "name" in node.keys}
    return Membership(dict(settings(root)), links, tuple(unsaid(root)))


def addresses(node: Section) -> Iterator[str]:
    for number in range(LINKS):
        if address := node.keys.get(f"ring{number}_addr"):
            yield address


def settings(root: Section) -> Iterator[tuple[str, object]]:
    for key in ("token", "consensus"):
        if (value := root.value("totem", key)).isdigit() and int(value):
            yield key, as_time(int(value))
    if (wait := root.value("quorum", "wait_for_all")) in ("0", "1"):
        yield "wait_for_all", wait == "1"
    if host := root.value("quorum", "device", "net", "host"):
        keys = {key: root.value("quorum", "device", "net", key) for key in ("algorithm", "tls")}
        yield "qdevice", {"host": host} | {key: value for key, value in keys.items() if value}


def unsaid(root: Section) -> Iterator[str]:
    """Yield what stands there and no topology says."""
    for key, value in root.keys.items():
        if key not in SAID.get(root.name, {key}) or FIXED.get(key, value) != value:
            shown = "(hidden)" if may_be_secret(key, value) else value
            yield f"{root.name}.{key}: {shown}"
    for inner in root.inside:
        yield from unsaid(inner)
