"""What is remembered of a gate until it is stopped, so that it can be made anew if it is flushed.

Its target agent knows a gate only by its name, so this stands beside the resource's own record.
"""

from hactl_agents.gate.portals import parse_portals
from hactl_agents.gate.table import table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hactl_agents.gate.portals import Portal
    from hactl_agents.host.host import Host
    from hactl_agents.netlink.nftables import Table


def note(host: "Host", name: str, owner: str, portals: "Iterable[Portal]") -> None:
    """Raises Failed."""
    host.save(file_name(name), f"{owner}\n{' '.join(map(str, portals))}\n")


def forget(host: "Host", name: str) -> None:
    host.drop(file_name(name))


def remembered(host: "Host", name: str, state: str) -> "Table | None":
    """The table as it was noted, open or closed; None where no such gate was started here."""
    owner, _, portals = (host.load(file_name(name)) or "").partition("\n")
    try:
        return table(owner, parse_portals(portals.strip()), state) if owner else None
    except ValueError:
        return None


def file_name(name: str) -> str:
    """No record of a resource has a = in its name."""
    return f"gate={name}"
