"""Whether Open vSwitch does what its database says, link by link; decides nothing.

The database takes many a wish that ovs-vswitchd or the kernel then refuses in a log file only.
"""

from hactl_agents.ovs.database import many
from hactl_agents.ovs.shaping import qdiscs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hactl_agents.netlink.links import Link, Links
    from hactl_agents.ovs.database import Snapshot
    from hactl_agents.ovs.wanted import Wanted

    Listens = Callable[[str, str], bool]  # whether a daemon listens at a target

QDISCS = {"linux-htb": "htb", "linux-hfsc": "hfsc"}
ACTIVE = ("tcp:", "ssl:", "unix:")
DAEMONS = {"Controller": "ovs-vswitchd", "Manager": "ovsdb-server"}


def not_applied(now: "Snapshot", names: "list[str]") -> "list[str]":
    """What ovs-vswitchd could not do, in its own words."""
    wrong = []
    for name in names:
        row = now.interfaces.get(name)
        if row is None:
            continue  # a difference, said elsewhere
        error = "".join(many(row["error"]))
        if error or many(row["ofport"]) in ((), (-1,)):
            wrong.append(f"{name} could not be attached: {error or 'it has no OpenFlow port'}")
    return wrong


def devices(
    wanted: "Wanted", links: "Mapping[str, Link | None]", called_now: "Callable[[str], str]"
) -> "list[str]":
    """What is wrong with the network devices themselves.

    ``called_now`` tells what one is called that has lost its name, '' where it is gone.
    """
    wrong = []
    for port in wanted.ports:
        for name in port.members:
            link = links.get(name)
            if link is None:
                now = called_now(name)
                what = f"is called {now} by now" if now else "does not exist any more"
                wrong.append(f"port {name} {what}")
            elif not link.up:
                wrong.append(f"port {name} is down")
            elif wanted.mtu and link.mtu != wanted.mtu:
                wrong.append(f"port {name} has mtu {link.mtu} instead of {wanted.mtu}")
    bridge = links.get(wanted.bridge)
    if bridge is not None and not bridge.up:
        wrong.append(f"{wanted.bridge} is down")
    (address,) = wanted.settings.get("other_config:hwaddr", ("",))
    if bridge is not None and address and bridge.address != address:
        wrong.append(f"{wanted.bridge} has the address {bridge.address} instead of {address}")
    return wrong


def unshaped(links: "Links", wanted: "Wanted", found: "Mapping[str, Link | None]") -> "list[str]":
    """Uplinks that should be shaped and are not: Open vSwitch only logs that it could not."""
    wrong = []
    for child in wanted.children:
        if child.table != "QoS":
            continue
        kind = QDISCS[str(child.settings["type"][0])]
        port = next(port for port in wanted.ports if port.name == child.holder[1])
        for name in port.members:
            link = found.get(name)
            if link is not None and kind not in qdiscs(links, link.index):
                wrong.append(f"{name} is not shaped: the kernel has no {kind} on it")
    return wrong


def without_link(now: "Snapshot", wanted: "Wanted") -> "list[str]":
    """Uplinks that carry nothing, and why."""
    wrong = []
    for port in wanted.ports:
        if port.internal:
            continue
        lacp = port.settings.get("lacp", ("off",)) != ("off",)
        for name in port.members:
            row = now.interfaces.get(name, {})
            if many(row.get("link_state", ())) != ("up",):
                wrong.append(f"no link on {name}, {place(port.name, name)} of {wanted.bridge}")
            elif lacp and many(row.get("lacp_current", ())) != (True,):
                wrong.append(f"no LACP partner on {name}, member of {port.name}")
    return wrong


def place(port: str, name: str) -> str:
    return "port" if port == name else f"member of {port}"


def without_connection(now: "Snapshot", wanted: "Wanted", listens: "Listens") -> "list[str]":
    """Controllers and managers that are called in vain, or that nobody can call."""
    wrong = []
    for child in wanted.children:
        if child.table not in DAEMONS:
            continue
        target = str(child.settings["target"][0])
        name = f"{child.table.lower()} {target}"
        rows = now.children[child.table].values()
        linked = any(row["target"] == target and row["is_connected"] is True for row in rows)
        if target.startswith(ACTIVE):
            wrong += [] if linked else [f"{name} is not connected"]
        elif not linked and not listens(DAEMONS[child.table], target):
            wrong.append(f"{name}: {DAEMONS[child.table]} does not listen there, see its log")
    return wrong
