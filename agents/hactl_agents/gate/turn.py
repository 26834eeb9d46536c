"""Gates: what an agent that serves through one may ask of it, and tell it.

``host`` is the agent's, ``name`` the gate's, as in the parameter of that name.
"""

from hactl_agents.failures import Failed
from hactl_agents.gate.table import (
    ABSENT,
    BROKEN,
    CLOSED,
    DRAINING,
    OPEN,
    VERDICT,
    state_of,
    table_name,
    verdict,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host

DRAIN = 0.2  # seconds in which what was requested is still answered
__all__ = [
    "ABSENT",
    "BROKEN",
    "CLOSED",
    "DRAINING",
    "OPEN",
    "close_gate",
    "gate_state",
    "open_gate",
]


def gate_state(host: "Host", name: str) -> str:
    """``open``, ``draining``, ``closed``, ``absent``, or ``broken``; in a few microseconds.

    Raises Failed where the kernel does not tell.
    """
    return state_of(host.firewall().get(table_name(name), (VERDICT,)))


def open_gate(host: "Host", name: str) -> None:
    """Let the portals of a gate be reached: the last step of a start. Raises Failed."""
    turn(host, name, OPEN)


def close_gate(host: "Host", name: str) -> bool:
    """Silence the portals of a gate: the first step of a stop. Raises Failed.

    False where there is no such gate on this node: then nothing is silent. An open gate is drained
    first: a request that was received and acknowledged, and then not answered, would leave an
    initiator waiting until it next asks whether anybody is there.
    """
    try:
        if gate_state(host, name) == OPEN:
            turn(host, name, DRAINING)
            host.sleep(host.left(DRAIN) or 0.0)
        turn(host, name, CLOSED)
    except NoGate:
        return False
    return True


def turn(host: "Host", name: str, wanted: str) -> None:
    """Open or close a gate and look whether it is. One that somebody flushed is made anew."""
    there = gate_state(host, name)
    if there == wanted:
        return
    if there == ABSENT:
        make_anew(host, name, wanted)
    else:
        host.firewall().put_rules(table_name(name), {VERDICT: verdict(wanted)})
    now = gate_state(host, name)
    if now != wanted:
        raise Failed(f"the gate {name} is {now} after it was to be {wanted}")


def make_anew(host: "Host", name: str, wanted: str) -> None:
    from hactl_agents.gate.memory import remembered

    table = remembered(host, name, wanted)
    if table is None:
        raise NoGate(f"there is no gate {name} on this node: start its PortGate first")
    host.firewall().make(table_name(name), table)
    host.log(f"the gate {name} had been deleted: it was made anew, {wanted}")


class NoGate(Failed):
    """There is no such gate on this node, and never was since it was last stopped."""
