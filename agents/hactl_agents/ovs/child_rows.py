"""Rows that hang on others, as a QoS on a port: which are there, which should be, and the commands
that end what differs. Pure.
"""

from hactl_agents.ovs.database import many, setting
from hactl_agents.ovs.vsctl import Difference, assignment, bracketed, ours, owner, spelled
from hactl_agents.ovs.wire import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hactl_agents.ovs.database import Row, Snapshot
    from hactl_agents.ovs.vsctl import Command
    from hactl_agents.ovs.wanted import Child, Wanted


def child_differences(
    now: "Snapshot", wanted: "Wanted", child: "Child", mine: str, new: str
) -> "list[Difference]":
    row = find(now, child)
    if row is None:
        sentence = f"{child.name()} is missing from {child.holder[1]}"
        return [Difference(sentence, *child_creation(wanted, child, mine, new))]
    wrong = unlike(now, wanted, child, row)
    if not wrong:
        return []
    sentence = f"{child.name()} of {child.holder[1]} has another {', '.join(wrong)} than given"
    return [Difference(sentence, *child_renewal(now, wanted, child, mine, new))]


def unlike(now: "Snapshot", wanted: "Wanted", child: "Child", row: "Row") -> "list[str]":
    """The settings in which a row is not as the child should be."""
    wrong = [name for name, value in child.settings.items() if named(now, row, name) != value]
    if child.table == "QoS" and queues(now, row) != wanted.queues:
        wrong.append("queues")
    return wrong


def child_renewal(
    now: "Snapshot", wanted: "Wanted", child: "Child", mine: str, new: str
) -> "list[Command]":
    """Put ours in the place of a row. One that somebody made by hand is taken off, not destroyed;
    against another resource nothing is done.
    """
    row = find(now, child)
    assert row is not None
    if owner(row) not in ("", mine):
        return []
    places = holders(now, row) if owner(row) else [[*child.holder, child.column]]
    off = removal(now, row, child.table if owner(row) else "", places)
    return [*off, *child_creation(wanted, child, mine, new)]


def find(now: "Snapshot", child: "Child") -> "Row | None":
    """The row of a child, wherever it hangs in place."""
    return next(iter(rivals(now, child)), None)


def rivals(now: "Snapshot", child: "Child") -> "list[Row]":
    """The rows that are the child, or that stand where it belongs, whoever made them."""
    holder = holder_row(now, child)
    found = many(holder[child.column]) if holder else ()
    rows = [now.children[child.table].get(uuid) for uuid in found]
    key = child.key
    return [row for row in rows if row and (not key or setting(row, key) == child.settings[key])]


def holder_row(now: "Snapshot", child: "Child") -> "Row | None":
    table, record = child.holder
    if table == "Open_vSwitch":
        return now.root
    return now.bridge if table == "Bridge" else now.ports.get(record)


def named(now: "Snapshot", row: "Row", name: str) -> "tuple[Any, ...]":
    """A setting in which ports stand by name instead of UUID."""
    found = setting(row, name)
    if name[-5:] != "_port":
        return found
    names = {port["_uuid"]: port["name"] for port in now.ports.values()}
    return tuple(sorted([names.get(uuid, uuid) for uuid in found]))


def queues(now: "Snapshot", row: "Row") -> "tuple[tuple[int, int, int], ...]":
    found = []
    for number, uuid in sorted(row["queues"].items()):
        config = now.children["Queue"].get(uuid, {}).get("other_config", {})
        rates = [config.get(key, "") for key in ("min-rate", "max-rate")]
        least, most = [int(rate) if rate.isdigit() else -1 for rate in rates]
        found.append((number, least, most))
    return tuple(found)


def child_creation(wanted: "Wanted", child: "Child", mine: str, new: str) -> "list[Command]":
    commands, given = [], []
    for name, value in child.settings.items():
        items = [quoted(item) if isinstance(item, str) else spelled(item) for item in value]
        if name[-5:] == "_port":  # a port is referred to by a name for its row
            items = [f"{new}{name}{number}" for number in range(len(value))]
            commands += [
                [f"--id={item}", "get", "Port", port]
                for item, port in zip(items, value, strict=True)
            ]
        given.append(assignment(name, bracketed(items)))
    if child.table == "QoS":
        for number, least, most in wanted.queues:
            rates = [f"other_config:min-rate={least}", f"other_config:max-rate={most}"]
            commands.append([f"--id={new}q{number}", "create", "Queue", *rates, ours(mine)])
            given.append(f"queues:{number}={new}q{number}")
    commands.append([f"--id={new}", "create", child.table, *given, ours(mine)])
    return [*commands, ["add", *child.holder, child.column, new]]


def holders(now: "Snapshot", row: "Row") -> "list[Command]":
    """(table, record, column) of everything that refers to a row."""
    bridges = [row for row in now.bridges if row is not now.bridge]
    bridges += [now.bridge] if now.bridge else []
    places: list[tuple[Row, str, str, tuple[str, ...]]]
    places = [(now.root, "Open_vSwitch", ".", ("manager_options", "ssl"))]
    places += [(row, "Bridge", row["name"], ("controller", "mirrors", "sflow")) for row in bridges]
    places += [(row, "Port", name, ("qos",)) for name, row in now.ports.items()]
    return [
        [table, record, column]
        for holder, table, record, columns in places
        for column in columns
        if row["_uuid"] in many(holder[column])
    ]


def removal(now: "Snapshot", row: "Row", table: str, places: "list[Command]") -> "list[Command]":
    """Take a row out of where it hangs; rows that would stay all the same are destroyed."""
    commands = [["remove", *place, row["_uuid"]] for place in places]
    if table == "QoS":
        commands.append(["destroy", "QoS", row["_uuid"]])
        known = now.children["Queue"]
        mine = [uuid for uuid in row["queues"].values() if owner(known.get(uuid)) == owner(row)]
        commands += [["destroy", "Queue", uuid] for uuid in sorted(set(mine))]
    return commands
