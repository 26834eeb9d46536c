"""What differs between the rows that should be and the rows that are; each difference says so in
a sentence and knows the ovs-vsctl commands that end it. Pure, and nothing is run here.

What a setting was before we changed it is noted in the row itself, as external_ids
``hactl-was-SETTING``: the database outlives a reboot, so must our way back.
"""

from hactl_agents.ovs.database import many, setting
from hactl_agents.ovs.wire import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hactl_agents.ovs.database import Row, Snapshot
    from hactl_agents.ovs.wanted import Child, Port, Settings, Wanted

    Command = list[str]

MARK, ADOPTED, WAS = "hactl-resource", "hactl-adopted", "hactl-was-"
UNFINISHED = "hactl-unfinished"
DEFAULTS: "dict[str, tuple[Any, ...]]" = {
    "rstp_enable": (False,),
    "stp_enable": (False,),
    "mcast_snooping_enable": (False,),
    "bond_updelay": (0,),
    "bond_downdelay": (0,),
    "datapath_type": ("system",),
}


class Difference:
    def __init__(self, sentence: str, *commands: "Command") -> None:
        self.sentence = sentence
        self.commands = commands


def owner(row: "Row | None") -> str:
    """The resource whose mark a row carries."""
    return str(row["external_ids"].get(MARK, "")) if row else ""


def is_ours_alone(row: "Row | None", mine: str) -> bool:
    """Whether we made a row: what somebody else hangs on it is drift, and not his."""
    marks = row.get("external_ids", {}) if row else {}  # the root is nobody's
    return marks.get(MARK) == mine and ADOPTED not in marks


def is_unfinished(row: "Row | None") -> bool:
    """Whether a start or stop of a bridge was cut short."""
    return bool(row) and UNFINISHED in row["external_ids"]  # type: ignore[index]


def differences(now: "Snapshot", wanted: "Wanted", mine: str) -> "list[Difference]":
    """Everything that is not as wanted on a bridge that is there."""
    assert now.bridge is not None
    found = row_differences("Bridge", wanted.bridge, now.bridge, wanted.settings)
    for port in wanted.ports:
        found += port_differences(now, wanted, port, mine)
    for number, child in enumerate(wanted.children):
        found += child_differences(now, wanted, child, mine, f"@r{number}")
    return found


def creation(wanted: "Wanted", mine: str) -> "list[Command]":
    """Make the bridge itself, marked."""
    return [["add-br", wanted.bridge], mark("Bridge", wanted.bridge, mine)]


def row_differences(table: str, record: str, row: "Row", wanted: "Settings") -> "list[Difference]":
    found = []
    for name, value in wanted.items():
        now = current(row, name)
        if now != value:
            sentence = f"{record} has {name} {shown(now)} instead of {shown(value)}"
            found.append(Difference(sentence, change(table, record, name, value)))
    for name in noted(row):
        if name not in wanted:
            sentence = f"{record} keeps {name}, which is not given any more"
            found.append(Difference(sentence, *restore(table, record, row, name)))
    return found


def remember(table: str, record: str, row: "Row", wanted: "Settings") -> "list[Command]":
    """Note what settings are before we change them for the first time."""
    known = noted(row)
    return [
        ["set", table, record, assignment(f"external_ids:{WAS}{name}", literal(name, row))]
        for name in wanted
        if name not in known
    ]


def port_differences(
    now: "Snapshot", wanted: "Wanted", port: "Port", mine: str
) -> "list[Difference]":
    if not now.on_bridge(port.name):
        sentence = f"{port.name} is no port of {wanted.bridge} any more"
        return [Difference(sentence, *port_creation(wanted, port, mine))]
    row = now.ports[port.name]
    found = []
    if owner(row) != mine:
        sentence = f"port {port.name} does not carry our mark"
        found.append(Difference(sentence, mark("Port", port.name, mine, adopted=True)))
    found += row_differences("Port", port.name, row, port.settings)
    found += member_differences(now, port, wanted.of_interface(port))
    for name in port.members:
        if name in now.interfaces:
            given = wanted.of_interface(port)
            found += row_differences("Interface", name, now.interfaces[name], given)
    return found


def port_creation(wanted: "Wanted", port: "Port", mine: str) -> "list[Command]":
    if len(port.members) > 1:
        commands = [["add-bond", wanted.bridge, port.name, *port.members]]
    else:
        commands = [["add-port", wanted.bridge, port.name]]
    commands.append(mark("Port", port.name, mine))
    commands += new_settings("Port", port.name, port.settings)
    for name in port.members:
        commands += new_settings("Interface", name, wanted.of_interface(port))
    return commands


def new_settings(table: str, record: str, given: "Settings") -> "list[Command]":
    """Settings of a row that is being made, and what it would have without them."""
    commands = [change(table, record, name, given[name]) for name in given]
    return [*remember(table, record, {"external_ids": {}}, given), *commands]


def member_differences(now: "Snapshot", port: "Port", given: "Settings") -> "list[Difference]":
    """Interfaces that are missing from a port, and those that should not be in it."""
    present = now.members(port.name)
    found = []
    for number, name in enumerate(port.members):
        if name not in present:
            new = f"@{port.name}{number}"
            settings = {"name": (name,), **given}
            create = [f"--id={new}", "create", "Interface", *assignments(settings)]
            add = ["add", "Port", port.name, "interfaces", new]
            found.append(Difference(f"{name} is no member of {port.name} any more", create, add))
    ours = {now.interfaces[name]["_uuid"] for name in present if name in port.members}
    for uuid in many(now.ports[port.name]["interfaces"]):
        if uuid not in ours:
            sentence = f"{port.name} has a member that nobody gave"
            remove = ["remove", "Port", port.name, "interfaces", uuid]
            found.append(Difference(sentence, remove))
    return found


# rows that hang on others


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


# spelling


def noted(row: "Row") -> "list[str]":
    """The settings whose former value is noted in a row."""
    start = len(WAS)
    return [key[start:] for key in row.get("external_ids", {}) if key[:start] == WAS]


def current(row: "Row", name: str) -> "tuple[Any, ...]":
    found = setting(row, name)
    if not found or found == ("",):
        return DEFAULTS.get(name, ())
    return found


def restore(table: str, record: str, row: "Row", name: str) -> "list[Command]":
    """Put a setting back as it was noted, and forget the note."""
    was = str(row["external_ids"][WAS + name])
    column, _, key = name.partition(":")
    if key and was == "[]":
        back = ["remove", table, record, column, quoted(key)]
    else:
        back = ["set", table, record, assignment(name, was)]
    return [back, ["remove", table, record, "external_ids", quoted(WAS + name)]]


def change(table: str, record: str, name: str, value: "tuple[Any, ...]") -> "Command":
    return ["set", table, record, *assignments({name: value})]


def assignments(settings: "Settings") -> "list[str]":
    return [
        assignment(name, bracketed([spelled(item) for item in value]))
        for name, value in settings.items()
    ]


def literal(name: str, row: "Row") -> str:
    """The present value of a setting, as text for ``external_ids``."""
    return quoted(bracketed([spelled(item) for item in current(row, name)]))


def assignment(name: str, value: str) -> str:
    column, colon, key = name.partition(":")
    return f"{column}:{quoted(key)}={value}" if colon else f"{column}={value}"


def bracketed(items: "list[str]") -> str:
    return items[0] if len(items) == 1 else f"[{','.join(items)}]"


def spelled(item: "Any") -> str:
    if item is True or item is False:
        return "true" if item else "false"
    return str(item) if isinstance(item, int) else quoted(str(item))


def shown(value: "tuple[Any, ...]") -> str:
    return ",".join([str(item).lower() if item is True or item is False else str(item)
                     for item in value]) or "nothing"  # fmt: skip


def mark(table: str, record: str, mine: str, *, adopted: bool = False) -> "Command":
    marks = [ours(mine)]
    if adopted:
        marks.append(assignment(f"external_ids:{ADOPTED}", '"true"'))
    return ["set", table, record, *marks]


def ours(mine: str) -> str:
    return assignment(f"external_ids:{MARK}", quoted(mine))
