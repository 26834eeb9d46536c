"""Tables of nf_tables, family inet, by nfnetlink: what is in them, not what it is for.

Every change is one batch: all of it happens at one instant, or none. A rule is kept as the bytes
of its expressions, just as the kernel gives them back (linux/netfilter/nf_tables.h).
"""

import errno

from hactl_agents.failures import Failed, NotInstalled
from hactl_agents.netlink.messages import (
    ACK,
    CREATE,
    DONE,
    DUMP,
    ERROR,
    EXCL,
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

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeVar

    T = TypeVar("T")
    Request = tuple[int, int, bytes]  # kind, flags, attributes

NFTABLES = 10  # the subsystem
BATCH_BEGIN, BATCH_END = 16, 17
NEWTABLE, GETTABLE, DELTABLE, NEWCHAIN, GETCHAIN = 0, 1, 2, 3, 4
NEWRULE, GETRULE, DELRULE, GETGEN = 6, 7, 8, 16
APPEND = 0x800
ATTEMPTS = 20  # at a moment when nobody else changes the rules
PREROUTING, OUTPUT = 0, 3
ACCEPT = 1


class Chain:
    """Rules in order. A chain without a hook is one that others go to."""

    __slots__ = ("hook", "kind", "policy", "priority", "rules")

    def __init__(
        self,
        rules: "Iterable[bytes]" = (),
        hook: "int | None" = None,
        priority: int = 0,
        kind: str = "filter",
        policy: int = ACCEPT,
    ) -> None:
        self.rules = list(rules)
        self.hook = hook
        self.priority = priority
        self.kind = kind
        self.policy = policy

    def is_hooked_like(self, other: "Chain") -> bool:
        mine = (self.hook, self.priority, self.kind, self.policy)
        return mine == (other.hook, other.priority, other.kind, other.policy)


class Table:
    """``size`` counts all that is in it: also sets, and chains that were not asked for."""

    __slots__ = ("chains", "comment", "flags", "size")

    def __init__(
        self, comment: str, chains: "dict[str, Chain]", size: "int | None" = None, flags: int = 0
    ) -> None:
        self.comment = comment
        self.chains = chains
        self.size = len(chains) if size is None else size
        self.flags = flags  # 1 is dormant: it is there and filters nothing


class Tables:
    """The tables of this network namespace. Every call raises Failed where the kernel refuses."""

    def __init__(self) -> None:
        self.socket: _socket.socket | None = None

    def get(self, name: str, chains: "Iterable[str]") -> "Table | None":
        """A table and those of ``chains`` that are in it; None where there is no such table."""
        wanted = list(chains)
        try:
            return self.patiently(f"looking at the table {name}", lambda: self.read(name, wanted))
        except NotInstalled:
            return None  # a kernel without nf_tables has no table

    def make(self, name: str, table: Table) -> None:
        """Make a table; there must be none of that name."""
        batch = new_table(name, table)
        self.patiently(f"making the table {name}", lambda: self.commit(lambda: batch))

    def replace(self, name: str, table: Table) -> None:
        """Put a table in place of the one with the same name and comment, if there is one."""

        def change() -> "list[Request]":
            return [*self.deletion(name, table.comment), *new_table(name, table)]

        self.patiently(f"making the table {name}", lambda: self.commit(change))

    def put_rules(self, name: str, rules: "Mapping[str, Iterable[bytes]]") -> None:
        """Put rules in place of all that a chain has, for each chain; the table must be there."""
        batch: list[Request] = []
        for chain, all_of_it in rules.items():
            batch.append((DELRULE, 0, attribute(1, text(name)) + attribute(2, text(chain))))
            batch += new_rules(name, chain, all_of_it)
        self.patiently(f"changing the table {name}", lambda: self.commit(lambda: batch))

    def delete(self, name: str, comment: str) -> None:
        """Delete a table and all that is in it; it may be gone already."""
        doing = f"deleting the table {name}"
        self.patiently(doing, lambda: self.commit(lambda: self.deletion(name, comment)))

    def deletion(self, name: str, comment: str) -> "list[Request]":
        there = self.read(name, ())
        if there is not None and there.comment != comment:
            raise Failed(f"the table {name} has become somebody else's")
        return [(DELTABLE, 0, attribute(1, text(name)))] if there else []

    def read(self, name: str, chains: "Iterable[str]") -> "Table | None":
        found = self.one(GETTABLE, attribute(1, text(name)))
        if found is None:
            return None
        comment, size, flags = comment_in(found.get(6, b"")), big(found[3]), big(found.get(2, b""))
        table = Table(comment, {}, size, flags)
        for chain in chains:
            about = self.one(GETCHAIN, attribute(1, text(name)) + attribute(3, text(chain)))
            if about is not None:
                table.chains[chain] = described(about)
        if table.chains:
            self.read_rules(name, table)
        return table

    def read_rules(self, name: str, table: Table) -> None:
        for reply in self.talk([(GETRULE, DUMP, attribute(1, text(name)))]):
            rule = attributes(reply, 4)
            chain = table.chains.get(name_in(rule[2]))
            if chain is not None and name_in(rule[1]) == name:
                chain.rules.append(rule.get(4, b""))

    def one(self, kind: int, body: bytes) -> "dict[int, bytes] | None":
        """What the kernel says of one thing; None where there is none."""
        try:
            (reply,) = self.talk([(kind, 0, body)])
        except OSError as exc:
            if exc.errno == errno.ENOENT:
                return None
            raise
        return attributes(reply, 4)

    def commit(self, change: "Callable[[], list[Request]]") -> None:
        """Carry out a batch, unless somebody changed anything since it was decided on."""
        (generation,) = self.talk([(GETGEN, 0, b"")])
        batch = change()
        if batch:
            self.talk(batch, attribute(1, attributes(generation, 4)[1]))

    def patiently(self, doing: str, work: "Callable[[], T]") -> "T":
        """``work()``, again while others change rules in between (EAGAIN is what that gives)."""
        for _ in range(ATTEMPTS):
            try:
                return work()
            except OSError as exc:
                self.hang_up()
                if exc.errno in NO_NFTABLES:
                    raise NotInstalled(f"{doing}: this kernel has no nf_tables") from None
                if exc.errno not in (errno.EINTR, errno.EAGAIN, errno.ERESTART):
                    raise Failed(f"{doing}: {exc.strerror or exc}") from None
        raise Failed(f"{doing}: others change the rules all the time")

    def talk(self, requests: "list[Request]", generation: bytes = b"") -> "list[bytes]":
        """The bodies of the answers to one question, or to a batch. Raises OSError."""
        if self.socket is None:
            self.socket = connected(NETFILTER)
        if generation:
            self.socket.sendall(batched(requests, generation))
            return self.answers(len(requests))
        ((kind, flags, body),) = requests
        self.socket.sendall(message(NFTABLES << 8 | kind, REQUEST | flags, 1, INET, 0, body))
        return self.answers(0 if flags & DUMP else 1)

    def answers(self, expected: int) -> "list[bytes]":
        """``expected`` answers, or all until the kernel says that it is done."""
        assert self.socket is not None
        replies: list[bytes] = []
        acknowledged = 0
        while True:
            for kind, flags, reply in messages(self.socket.recv(1 << 16)):
                if flags & INTERRUPTED:
                    raise OSError(errno.EINTR, "the rules changed while they were read")
                if kind == DONE:
                    return replies
                if kind == ERROR:
                    complain(reply, flags)
                    acknowledged += 1
                else:
                    replies.append(reply)
            if expected and acknowledged + len(replies) >= expected:
                return replies

    def hang_up(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


# what is in the kernel's answers


def described(about: "dict[int, bytes]") -> Chain:
    if 4 not in about:
        return Chain(kind="")
    hook = attributes(about[4], 0)
    priority = int.from_bytes(hook[2], "big", signed=True)
    return Chain((), big(hook[1]), priority, name_in(about.get(7, b"")), big(about.get(5, b"")))


def comment_in(data: bytes) -> str:
    """The comment among the notes that nft keeps with a table: (kind, length, value) each."""
    start = 0
    while start + 2 <= len(data):
        kind, length = data[start], data[start + 1]
        if kind == 0:
            return name_in(data[start + 2 : start + 2 + length])
        start += 2 + length
    return ""


# messages


def message(kind: int, flags: int, sequence: int, family: int, resource: int, body: bytes) -> bytes:
    """struct nlmsghdr, struct nfgenmsg, attributes."""
    return (
        number(len(body) + 20)
        + number(kind, 2)
        + number(flags, 2)
        + number(sequence)
        + bytes(4)
        + bytes((family, 0))
        + resource.to_bytes(2, "big")
        + body
    )


def batched(requests: "list[Request]", generation: bytes) -> bytes:
    parts = [message(BATCH_BEGIN, REQUEST, 1, 0, NFTABLES, generation)]
    for sequence, (kind, flags, body) in enumerate(requests, 2):
        asked = REQUEST | ACK | flags
        parts.append(message(NFTABLES << 8 | kind, asked, sequence, INET, 0, body))
    parts.append(message(BATCH_END, REQUEST, len(requests) + 2, 0, NFTABLES, b""))
    return b"".join(parts)


def new_table(name: str, table: Table) -> "list[Request]":
    """The table and its chains first: a rule can only go to a chain that is there."""
    comment = text(table.comment)
    notes = bytes((0, len(comment))) + comment
    batch = [(NEWTABLE, CREATE | EXCL, attribute(1, text(name)) + attribute(6, notes))]
    for chain, about in table.chains.items():
        batch.append((NEWCHAIN, CREATE | EXCL, new_chain(name, chain, about)))
    for chain, about in table.chains.items():
        batch += new_rules(name, chain, about.rules)
    return batch


def new_chain(name: str, chain: str, about: Chain) -> bytes:
    body = attribute(1, text(name)) + attribute(3, text(chain))
    if about.hook is not None:
        priority = about.priority.to_bytes(4, "big", signed=True)
        body += attribute(4, attribute(1, word(about.hook)) + attribute(2, priority))
        body += attribute(5, word(about.policy)) + attribute(7, text(about.kind))
    return body


def new_rules(name: str, chain: str, rules: "Iterable[bytes]") -> "list[Request]":
    place = attribute(1, text(name)) + attribute(2, text(chain))
    return [(NEWRULE, CREATE | APPEND, place + attribute(4, rule)) for rule in rules]


def word(amount: int) -> bytes:
    return amount.to_bytes(4, "big")


def big(data: bytes) -> int:
    return int.from_bytes(data, "big")
