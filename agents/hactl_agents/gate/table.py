"""What the table of a gate holds while it is open or closed, and what is wrong with one.

    table inet hactl-gate-san {
        comment "hactl:san-gate"
        chain gate { drop }                     the verdict, accept while the gate is open
        chain arriving { hook prerouting; ip daddr 192.0.2.10 tcp dport 3260 goto gate }
        chain leaving { hook output; ip saddr 192.0.2.10 tcp sport 3260 goto gate }
    }

Packets are dropped before the routing, so that a node that has not got the address yet, or no
longer has it, neither forwards them nor answers that the host cannot be reached.
"""

from hactl_agents.gate.rules import ACCEPTED, DROPPED, drained, tcp_rules
from hactl_agents.netlink.nftables import OUTPUT, PREROUTING, Chain, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hactl_agents.gate.portals import Portal

OWNER = "hactl:"
LONGEST_COMMENT = 127  # bytes; what nft itself allows
VERDICT, ARRIVING, LEAVING = "gate", "arriving", "leaving"
CHAINS = (VERDICT, ARRIVING, LEAVING)
RAW = -300  # the priority before connection tracking and address translation
OPEN, CLOSED, ABSENT, BROKEN = "open", "closed", "absent", "broken"
DRAINING = "draining"  # about to be closed: answers still leave, requests no longer arrive


def table_name(gate: str) -> str:
    return f"hactl-gate-{gate}"


def mark(instance: str) -> str:
    """The comment on the table of a resource."""
    return OWNER + instance


def table(owner: str, portals: "Iterable[Portal]", state: str) -> Table:
    """The whole table, with the comment ``owner``."""
    places = [(portal.packed(), portal.port) for portal in portals]
    arriving = tcp_rules(places, arriving=True, chain=VERDICT)
    leaving = tcp_rules(places, arriving=False, chain=VERDICT)
    chains = {
        VERDICT: Chain(verdict(state)),
        ARRIVING: Chain(arriving, PREROUTING, RAW),
        LEAVING: Chain(leaving, OUTPUT, RAW),
    }
    return Table(owner, chains)


def verdict(state: str) -> "list[bytes]":
    """The rules of the verdict in one of the states a gate can be in."""
    if state == DRAINING:
        return drained()
    return [ACCEPTED if state == OPEN else DROPPED]


def state_of(found: "Table | None") -> str:
    """Whether a gate lets packets through, by its verdict alone; ABSENT if it is not a gate."""
    if found is None or not found.comment.startswith(OWNER):
        return ABSENT
    chain = found.chains.get(VERDICT)
    if chain is None or found.flags or chain.hook is not None:
        return BROKEN
    if len(chain.rules) == 1:
        return {DROPPED: CLOSED, ACCEPTED: OPEN}.get(chain.rules[0], BROKEN)
    return DRAINING if chain.rules == drained() else BROKEN


def faults(found: Table, wanted: Table) -> "list[str]":
    """What somebody changed, in short sentences; the verdict may be either."""
    wrong = ["it is dormant, so nothing is silenced"] if found.flags else []
    if state_of(found) == BROKEN and not found.flags:
        wrong.append(f"its chain {VERDICT} neither drops nor accepts")
    for name in (ARRIVING, LEAVING):
        chain = found.chains.get(name)
        if chain is None:
            wrong.append(f"its chain {name} is gone")
        elif not chain.is_hooked_like(wanted.chains[name]):
            wrong.append(f"its chain {name} is hooked elsewhere")
        elif chain.rules != wanted.chains[name].rules:
            wrong.append(f"its chain {name} does not have the rules for the portals")
    if found.size != wanted.size and not wrong:
        wrong.append("it holds more than the gate")
    return wrong
