"""What Open vSwitch's database (OVSDB, RFC 7047) says of one bridge and its surroundings.

Only reads. Rows are dictionaries of columns: sets are tuples, maps dictionaries, and a reference
to another row is its UUID as text.
"""

from hactl_agents.host.host import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from hactl_agents.ovs.wire import Wire

    Row = dict[str, Any]

DATABASE = "Open_vSwitch"
IDENTITY = ("_uuid", "external_ids")
COLUMNS = {
    "Open_vSwitch": ("_uuid", "cur_cfg", "next_cfg", "manager_options", "ssl"),
    "Bridge": (
        *IDENTITY, "name", "ports", "datapath_type", "fail_mode", "rstp_enable", "stp_enable",
        "mcast_snooping_enable", "protocols", "other_config", "controller", "mirrors", "sflow",
    ),
    "Port": (
        *IDENTITY, "name", "interfaces", "tag", "trunks", "vlan_mode", "bond_mode", "lacp",
        "bond_updelay", "bond_downdelay", "other_config", "qos",
    ),
    "Interface": (
        *IDENTITY, "name", "type", "mtu_request", "mtu", "error", "link_state", "ofport",
        "lacp_current", "mac_in_use", "ifindex",
    ),
    "Controller": (*IDENTITY, "target", "connection_mode", "is_connected"),
    "Manager": (*IDENTITY, "target", "is_connected"),
    "SSL": (*IDENTITY, "private_key", "certificate", "ca_cert"),
    "Mirror": (
        *IDENTITY, "name", "select_all", "select_src_port", "select_dst_port", "output_port",
        "output_vlan", "select_vlan",
    ),
    "sFlow": (*IDENTITY, "targets", "agent", "sampling", "polling"),
    "QoS": (*IDENTITY, "type", "other_config", "queues"),
    "Queue": (*IDENTITY, "other_config"),
}  # fmt: skip
CHILDREN = ("Controller", "Manager", "SSL", "Mirror", "sFlow", "QoS", "Queue")


class Snapshot:
    """Rows as they were at one moment.

    ``ports`` and ``interfaces`` are by name, rows of ``children``, by table, are by UUID.
    ``bridge`` is None where there is none of that name.
    """

    def __init__(self, root: "Row") -> None:
        self.root = root
        self.talk = ("", "", "")  # socket, question and answer this was read from
        self.bridge: Row | None = None
        self.bridges: list[Row] = []
        self.ports: dict[str, Row] = {}
        self.interfaces: dict[str, Row] = {}
        self.children: dict[str, dict[str, Row]] = {table: {} for table in CHILDREN}

    @property
    def applied(self) -> bool:
        """Whether ovs-vswitchd has done everything it was told to."""
        return bool(self.root["cur_cfg"] >= self.root["next_cfg"])

    def on_bridge(self, port: str) -> bool:
        """Whether a port of that name is on the bridge."""
        row = self.ports.get(port)
        return bool(row and self.bridge and row["_uuid"] in many(self.bridge["ports"]))

    def on_switch(self, interface: str) -> bool:
        """Whether ovs-vswitchd has given an interface its OpenFlow port."""
        row = self.interfaces.get(interface)
        return bool(row) and many(row["ofport"]) not in ((), (-1,))  # type: ignore[index]

    def members(self, port: str) -> "list[str]":
        """The names of a port's interfaces, as far as they are in this snapshot."""
        uuids = many(self.ports[port]["interfaces"])
        return [name for name, row in self.interfaces.items() if row["_uuid"] in uuids]

    def ports_of(self, bridge: "Row") -> "list[str]":
        """The names of all ports of a bridge, its own (local) one left out."""
        uuids = set(many(bridge["ports"]))
        return sorted(
            name
            for name, row in self.ports.items()
            if row["_uuid"] in uuids and name != bridge["name"]
        )


def look(
    wire: "Wire", bridge: str, ports: "Iterable[str]", members: "Iterable[str]", *tables: str
) -> Snapshot:
    """A bridge, the named ports and interfaces, and all rows of ``tables``; one round trip."""
    wanted = [select("Open_vSwitch"), select("Bridge", bridge)]
    wanted += [select("Port", name) for name in ports]
    wanted += [select("Interface", name) for name in members]
    return read(wire, [*wanted, *(select(table) for table in tables)], bridge)


def look_at_all(wire: "Wire", bridge: str) -> Snapshot:
    """Everything there is, for actions that have to know their neighbours."""
    return read(wire, [select(table) for table in COLUMNS], bridge)


def change_number(wire: "Wire") -> int:
    """Have ovs-vswitchd say when it has applied all that is in the database by now: as soon as its
    cur_cfg is that number.
    """
    one_more = {"table": "Open_vSwitch", "where": [], "mutations": [["next_cfg", "+=", 1]]}
    read_back = {"op": "select", "table": "Open_vSwitch", "where": [], "columns": ["next_cfg"]}
    results = wire.call("transact", [DATABASE, {"op": "mutate", **one_more}, read_back])
    if len(results) < 2 or any(result is None or "error" in result for result in results):
        raise Failed(f"{wire.daemon} refused to count a change: {results}")
    return int(results[1]["rows"][0]["next_cfg"])


def has_applied(wire: "Wire", number: int) -> bool:
    """Whether ovs-vswitchd has come as far as that."""
    columns = {"op": "select", "table": "Open_vSwitch", "where": [], "columns": ["cur_cfg"]}
    (result,) = wire.call("transact", [DATABASE, columns])
    return int(result["rows"][0]["cur_cfg"]) >= number


def read(wire: "Wire", operations: "list[Row]", bridge: str) -> Snapshot:
    results = wire.call("transact", [DATABASE, *operations])
    for result in results:
        if result is None or "error" in result:
            raise Failed(f"{wire.daemon} refused to be read: {result}")
    found = [
        (operation["table"], plain(row))
        for operation, result in zip(operations, results, strict=False)
        for row in result["rows"]
    ]
    root = [row for table, row in found if table == "Open_vSwitch"]
    if not root:
        raise Failed("the database of Open vSwitch was never initialised: start Open vSwitch")
    snapshot = Snapshot(root[0])
    snapshot.talk = wire.talk
    for table, row in found:
        put(snapshot, table, row, bridge)
    return snapshot


def put(snapshot: Snapshot, table: str, row: "Row", bridge: str) -> None:
    if table == "Bridge":
        snapshot.bridges.append(row)
        if row["name"] == bridge:
            snapshot.bridge = row
    elif table == "Port":
        snapshot.ports[row["name"]] = row
    elif table == "Interface":
        snapshot.interfaces[row["name"]] = row
    elif table != "Open_vSwitch":
        snapshot.children[table][row["_uuid"]] = row


def select(table: str, name: str = "") -> "Row":
    where = [["name", "==", name]] if name else []
    return {"op": "select", "table": table, "where": where, "columns": list(COLUMNS[table])}


def plain(row: "Mapping[str, Any]") -> "Row":
    return {column: value(cell) for column, cell in row.items()}


def value(cell: "Any") -> "Any":
    """A cell without OVSDB's wrapping (RFC 7047, 5.1)."""
    if not isinstance(cell, list):
        return cell
    kind, content = cell
    if kind == "set":
        return tuple([value(item) for item in content])
    if kind == "map":
        return {value(key): value(item) for key, item in content}
    return content


def many(cell: "Any") -> "tuple[Any, ...]":
    """A cell as a tuple: a set of one item looks like the item itself."""
    return cell if isinstance(cell, tuple) else (cell,)


def setting(row: "Mapping[str, Any]", name: str) -> "tuple[Any, ...]":
    """What a row has for ``column`` or ``column:key``, as a sorted tuple; () for nothing."""
    column, _, key = name.partition(":")
    cell = row.get(column, ())
    if key:
        return (cell[key],) if key in cell else ()
    return tuple(sorted(many(cell)))
