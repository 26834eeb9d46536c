"""Whether a gate keeps everybody out: one question to the kernel, for those who ask all the time.

What a gate is made of, and whether it is whole, is the business of gate/.
"""

import errno

from hactl_agents.failures import Failed
from hactl_agents.netlink.messages import (
    DONE,
    DUMP,
    ERROR,
    INET,
    INTERRUPTED,
    NETFILTER,
    NO_NFTABLES,
    REQUEST,
    attribute,
    attributes,
    complain,
    connected,
    messages,
    name_in,
    number,
    text,
)

GETRULE, NEWRULE = 10 << 8 | 7, 10 << 8 | 6  # of nf_tables
TABLE, CHAIN, EXPRESSIONS = 1, 2, 4
VERDICT = "gate"  # the chain, as in gate/table.py
# The expression of a rule that drops whatever comes, which is what a closed gate ends with: an
# "immediate" that puts NF_DROP, which is 0, into the register of the verdict, which is 0 as well.
NOTHING = attribute(1, bytes(4))
VERDICT_DATA = attribute(2, attribute(2, NOTHING))
DROPPED = attribute(1, attribute(1, text("immediate")) + attribute(2, NOTHING + VERDICT_DATA))
ATTEMPTS = 5  # while others change rules


def keeps_out(gate: str) -> bool:
    """Whether nothing passes a gate that is there. Raises Failed where the kernel does not tell."""
    for _ in range(ATTEMPTS):
        try:
            rules = verdict_of(f"hactl-gate-{gate}")
        except OSError as exc:
            if exc.errno == errno.EINTR:
                continue
            if exc.errno in (*NO_NFTABLES, errno.ENOENT):
                return False  # a kernel without nf_tables has no gate
            raise Failed(f"looking at the gate {gate}: {exc.strerror or exc}") from None
        return bool(rules) and rules[-1] == DROPPED
    raise Failed(f"looking at the gate {gate}: others change the rules all the time")


def verdict_of(table: str) -> "list[bytes]":
    """The rules that decide, in order; none where there is no such table. Raises OSError."""
    body = attribute(TABLE, text(table)) + attribute(CHAIN, text(VERDICT))
    header = number(len(body) + 20) + number(GETRULE, 2) + number(REQUEST | DUMP, 2) + number(1)
    rules: list[bytes] = []
    connection = connected(NETFILTER)
    try:
        connection.sendall(header + bytes(4) + bytes((INET, 0, 0, 0)) + body)
        while True:
            for kind, flags, reply in messages(connection.recv(1 << 16)):
                if flags & INTERRUPTED:
                    raise OSError(errno.EINTR, "the rules changed while they were read")
                if kind == DONE:
                    return rules
                if kind == ERROR:
                    complain(reply, flags)
                rule = attributes(reply, 4) if kind == NEWRULE else {}
                names = [name_in(rule.get(key, b"")) for key in (TABLE, CHAIN)]
                if names == [table, VERDICT]:
                    rules.append(rule.get(EXPRESSIONS, b""))
    finally:
        connection.close()
