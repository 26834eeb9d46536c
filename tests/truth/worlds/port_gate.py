"""The world of PortGate: a private node with the real packet filter, and gates in every condition.

The witness is nft, which lists what the kernel has in words of its own.
"""

import itertools
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support import private_node as nodes
from tests.support.private_node import PrivateNode, fresh_node
from tests.truth.breaks import NO_TOOLS, STATE_FOLDER, STATE_FOLDER_MENDED
from tests.truth.table import nameless
from tests.truth.world import Presence

AGENT = "PortGate"
STATES = (
    "absent", "running", "open", "draining", "neither open nor closed", "dormant", "bypassed",
    "hooked elsewhere", "forgotten", "flushed", "foreign", "of another resource",
)  # fmt: skip
BREAKS = (
    "nothing", "no tools", "parameters broken", "name unreadable", "state folder lost",
    "state folder read-only",
)  # fmt: skip
UNHINDERED = tuple(what for what in BREAKS if what != "name unreadable")
TIMEOUT = 6.0
EXEMPTIONS = nameless("forgotten", "name unreadable")
COUNTER = itertools.count(1)

DRAINED = ("oif != 0 accept", "meta length < 88 accept", "drop")
LISTING = """\
table inet {table} {{
	comment "{comment}"
	chain gate {{
		{verdict}
	}}

	chain arriving {{
		type filter hook prerouting priority raw; policy accept;
		ip daddr {v4} tcp dport 3260 goto gate
		ip6 daddr {v6} tcp dport 3260 goto gate
	}}

	chain leaving {{
		type filter hook output priority raw; policy accept;
		ip saddr {v4} tcp sport 3260 goto gate
		ip6 saddr {v6} tcp sport 3260 goto gate
	}}
}}
"""
FOREIGN = "chain by-hand { type filter hook input priority 0; tcp dport 22 accept; };"


def lacking() -> list[str]:
    return nodes.lacking("nft")


@contextmanager
def world(folder: Path) -> "Iterator[Gates]":  # noqa: ARG001
    with fresh_node() as node:
        yield Gates(node)


class Gates:
    def __init__(self, node: PrivateNode) -> None:
        self.node = node

    def fresh(self) -> "GateCell":
        return GateCell(Gate(self.node))


class Gate:
    """A gate of the agent's; its names are used once."""

    def __init__(self, node: PrivateNode) -> None:
        number = next(COUNTER)
        self.node = node
        self.gate, self.name = f"g{number}", f"gate{number}"
        self.table = f"hactl-gate-{self.gate}"
        self.v4, self.v6 = f"192.0.2.{number % 200 + 1}", f"2001:db8::{number:x}"
        portals = f"{self.v4}:3260 [{self.v6}]:3260"
        self.params: dict[str, Any] = {"gate": self.gate, "portals": portals}

    def call(self, action: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        given: dict[str, Any] = {"resource": self.name} | self.params | more
        return self.node.call("PortGate", action, **given)

    def code(self, action: str, **more: Any) -> int:
        return self.call(action, **more).returncode

    def monitor(self, **more: Any) -> int:
        return self.code("monitor", meta={"interval": "10000"}, **more)

    def turn(self, *verdict: str) -> None:
        """Open it (accept) or close it (drop), by other means than ours."""
        rules = "; ".join(f"add rule inet {self.table} gate {rule}" for rule in verdict)
        self.node.sh(f"nft 'flush chain inet {self.table} gate; {rules}'")

    def listing(self) -> str:
        """What nft says of the table; '' where there is none."""
        return self.node.run("nft", "list", "table", "inet", self.table, check=False).stdout

    def whole(self, *verdict: str) -> str:
        """What nft says of the table while it is whole."""
        comment = f"hactl:{self.name}"
        return LISTING.format(
            table=self.table, comment=comment, verdict="\n\t\t".join(verdict),
            v4=self.v4, v6=self.v6,
        )  # fmt: skip

    def clean_up(self) -> None:
        """By other means than the agent's."""
        self.node.sh(f"nft delete table inet {self.table}", check=False)
        self.node.sh("umount /run/hactl; rm -rf /run/hactl", check=False)


class GateCell:
    """A gate in one state, beside a table of nearly the same name that is nobody's business."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.sh = gate.node.sh
        self.another = f"{gate.table}0"
        self.is_foreign = False
        self.broken = ""
        self.given: dict[str, Any] = {}
        self.sh(f"nft 'table inet {self.another} {{ comment \"hactl:{gate.name}\"; {FOREIGN} }}'")
        self.foreign = {self.another: self.seen(self.another)}

    def bring_into(self, state: str) -> None:
        table = self.gate.table
        if state in ("foreign", "of another resource"):
            comment = "by hand" if state == "foreign" else f"hactl:{self.gate.name}2"
            self.sh(f"nft 'table inet {table} {{ comment \"{comment}\"; {FOREIGN} }}'")
            self.is_foreign = True
            self.foreign[table] = self.seen(table)
        elif state != "absent":
            assert self.gate.code("start") == 0
            self.spoil(state)

    def spoil(self, state: str) -> None:
        table = f"inet {self.gate.table}"
        if state == "open":
            self.gate.turn("accept")
        if state == "draining":
            self.gate.turn(*DRAINED)
        if state == "neither open nor closed":
            self.sh(f"nft flush chain {table} gate")
        if state == "dormant":
            self.sh(f"nft 'add table {table} {{ flags dormant; }}'")
        if state == "bypassed":
            self.sh(f"nft insert rule {table} arriving tcp dport 3260 accept")
        if state == "hooked elsewhere":
            self.sh(f"nft delete chain {table} leaving")
            hook = "type filter hook input priority 10;"
            self.sh(f"nft 'add chain {table} leaving {{ {hook} }}'")
        if state == "forgotten":
            self.sh("rm -rf /run/hactl")
        if state == "flushed":
            self.sh(f"nft delete table {table}")

    def do_break(self, what: str) -> None:
        self.broken = what
        if what == "no tools":
            self.given = {"wrapper": NO_TOOLS}
        elif what == "parameters broken":
            self.given = {"portals": "192.0.2.1:many"}
        elif what == "name unreadable":
            self.given = {"gate": "san; flush ruleset"}
        elif what in STATE_FOLDER:
            self.sh(STATE_FOLDER[what])

    def heal(self) -> None:
        if self.broken in STATE_FOLDER_MENDED:
            self.sh(STATE_FOLDER_MENDED[self.broken])
        self.broken, self.given = "", {}

    def clean(self) -> None:
        self.gate.clean_up()
        self.sh(f"nft delete table inet {self.another}", check=False)

    def witness(self) -> Presence:
        listing = self.gate.listing()
        if not listing or self.is_foreign:
            return "absent"
        whole = [self.gate.whole(*verdict) for verdict in (["drop"], ["accept"], DRAINED)]
        return "there" if listing in whole else "partly"

    def foreign_untouched(self) -> bool:
        return all(self.seen(name) == before for name, before in self.foreign.items())

    def seen(self, name: str) -> str:
        """A table with its handles, which tell a table that was made anew from the old one."""
        return self.sh(f"nft -a list table inet {name}", check=False)

    def call(self, action: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        return self.gate.call(action, **self.given, **more)
