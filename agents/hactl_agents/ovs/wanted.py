"""From parameters to the rows that should be in the database; pure.

A setting is named ``column`` or ``column:key`` and its value is a sorted tuple, so that it
compares with what ``database.setting`` reads.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hactl_agents.ovs.parameters import Parameters

    Settings = dict[str, tuple[Any, ...]]


class Port:
    """A port, its interfaces, and settings of both. ``internal`` ports are made, not attached."""

    def __init__(
        self, name: str, members: "tuple[str, ...]", settings: "Settings", *, internal: bool = False
    ) -> None:
        self.name = name
        self.members = members
        self.settings = settings
        self.internal = internal


class Child:
    """A row that hangs on another: ``holder`` is (table, record), or a port or the root.

    ``key`` is the setting that tells it from its siblings, '' where there is only one.
    """

    def __init__(
        self,
        table: str,
        holder: "tuple[str, str]",
        column: str,
        settings: "Settings",
        key: str = "",
    ) -> None:
        self.table = table
        self.holder = holder
        self.column = column
        self.settings = settings
        self.key = key

    def name(self) -> str:
        return f"{self.table} {self.settings[self.key][0]}" if self.key else self.table


class Wanted:
    """Everything a resource wants of the database. ``queues`` are those of the QoS row."""

    def __init__(self, given: "Parameters", address: str = "") -> None:
        self.bridge = given.bridge
        self.settings = bridge_settings(given, address)
        self.mtu = given.mtu
        self.ports = ports(given)
        self.children = children(given)
        self.queues = given.qos_queues
        self.datapath = given.datapath

    def tables(self) -> "list[str]":
        tables = {child.table for child in self.children}
        return sorted(tables | ({"Queue"} if self.queues else set()))

    def of_interface(self, port: Port) -> "Settings":
        """What is wanted of each interface of a port."""
        return optional(mtu_request=self.mtu, type="internal" if port.internal else None)

    def interfaces(self) -> "list[str]":
        return [self.bridge, *(name for port in self.ports for name in port.members)]


def optional(**given: "Any") -> "Settings":
    """Settings out of what is given, ``a__b`` meaning a:b and ``_`` in b being a dash."""
    found = {}
    for name, value in given.items():
        if value is None or value == ():
            continue
        column, _, key = name.partition("__")
        cell = tuple(sorted(value)) if isinstance(value, tuple) else (value,)
        found[f"{column}:{key.replace('_', '-')}" if key else column] = cell
    return found


def written(value: "Any") -> "str | None":
    """The value of a map's key: always a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def bridge_settings(given: "Parameters", address: str) -> "Settings":
    hwaddr = address if given.address == "port" else given.address
    return optional(
        datapath_type=given.datapath,
        fail_mode=given.fail_mode,
        rstp_enable=given.rstp,
        stp_enable=given.stp,
        mcast_snooping_enable=given.multicast_snooping,
        protocols=given.protocols,
        other_config__rstp_priority=written(given.rstp_priority),
        other_config__hwaddr=hwaddr or None,
    )


def ports(given: "Parameters") -> "list[Port]":
    vlans = optional(tag=given.tag, trunks=given.trunks, vlan_mode=given.vlan_mode)
    if vlans:  # each says what the others mean: a tag beside trunks would end them
        vlans = {"tag": (), "trunks": (), "vlan_mode": ()} | vlans
    if given.bond:
        found = [Port(given.bond, given.uplinks, vlans | bond_settings(given))]
    else:
        found = [Port(name, (name,), dict(vlans)) for name in given.uplinks]
    if given.mirror_to:
        found.append(Port(given.mirror_to, (given.mirror_to,), {}))
    for name, vlan in given.internal:
        found.append(Port(name, (name,), optional(tag=vlan), internal=True))
    return found


def bond_settings(given: "Parameters") -> "Settings":
    return optional(
        bond_mode=given.bond_mode,
        lacp=given.lacp,
        bond_updelay=given.bond_updelay,
        bond_downdelay=given.bond_downdelay,
        other_config__lacp_time=given.lacp_time,
        other_config__lacp_fallback_ab=written(given.lacp_fallback),
        other_config__bond_primary=given.bond_primary,
    )


def children(given: "Parameters") -> "list[Child]":
    bridge, root = ("Bridge", given.bridge), ("Open_vSwitch", ".")
    found = []
    if given.ssl_private_key:
        files = optional(
            private_key=given.ssl_private_key,
            certificate=given.ssl_certificate,
            ca_cert=given.ssl_ca_cert,
        )
        found.append(Child("SSL", root, "ssl", files))
    for target in given.managers:
        found.append(Child("Manager", root, "manager_options", optional(target=target), "target"))
    for target in given.controllers:
        settings = optional(target=target, connection_mode=given.connection_mode)
        found.append(Child("Controller", bridge, "controller", settings, "target"))
    return [*found, *shaping(given), *mirror(given), *sampling(given)]


def shaping(given: "Parameters") -> "list[Child]":
    if not given.qos_max_rate:
        return []
    settings = optional(type=given.qos_type, other_config__max_rate=written(given.qos_max_rate))
    shaped = (given.bond,) if given.bond else given.uplinks
    return [Child("QoS", ("Port", name), "qos", dict(settings)) for name in shaped]


def mirror(given: "Parameters") -> "list[Child]":
    """Ports stand by name where the database has UUIDs."""
    if not given.mirror_to and not given.mirror_vlan:
        return []
    settings = optional(
        name=f"hactl-{given.bridge}",
        select_all=not given.mirror_ports,
        select_src_port=given.mirror_ports,
        select_dst_port=given.mirror_ports,
        output_port=given.mirror_to,
        output_vlan=given.mirror_vlan,
    )
    settings["select_vlan"] = ()
    return [Child("Mirror", ("Bridge", given.bridge), "mirrors", settings, "name")]


def sampling(given: "Parameters") -> "list[Child]":
    if not given.sflow:
        return []
    settings = optional(
        targets=given.sflow,
        agent=given.sflow_agent,
        sampling=given.sflow_sampling,
        polling=given.sflow_polling,
    )
    return [Child("sFlow", ("Bridge", given.bridge), "sflow", settings)]
