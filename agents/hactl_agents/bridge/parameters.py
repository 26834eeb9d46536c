"""The parameters of a Linux bridge."""

from hactl_agents.declare import boolean, choice, integer, seconds
from hactl_agents.netlink.device_names import attached, bridge_name, mac_address


class Parameters:
    """What a LinuxBridge can be given."""

    bridge: str = bridge_name()
    ports: tuple[str, ...] = attached(
        longdesc="Network devices to attach as ports, separated by spaces, such as uplinks. "
        "A device with an IP address of its own is refused: it would stop answering.",
        example="eth2",
    )
    vlan_filtering: bool | None = boolean(
        "Whether the bridge tells VLANs apart", None, reloadable=True
    )
    stp: bool | None = boolean("Whether the spanning tree protocol is on", None, reloadable=True)
    stp_priority: int | None = integer(
        "Priority of the bridge in the spanning tree, lowest wins",
        minimum=0,
        maximum=65535,
        reloadable=True,
    )
    forward_delay: int | None = seconds(
        "How long a port listens and learns before it forwards, 2s to 30s with stp",
        reloadable=True,
    )
    ageing: int | None = seconds("How long a station's port is remembered", reloadable=True)
    multicast_snooping: bool | None = boolean(
        "Whether multicast goes only where somebody listens", None, reloadable=True
    )
    multicast_querier: bool | None = boolean(
        "Whether the bridge asks who listens, which snooping needs once on a LAN",
        None,
        reloadable=True,
    )
    mtu: int | None = integer(
        "MTU of the bridge and of the given ports, in bytes",
        minimum=68,
        maximum=65535,
        reloadable=True,
    )
    address: str | None = mac_address(
        "MAC address of the bridge, or port for that of the first port",
        reloadable=True,
        longdesc="MAC address of the bridge, or the word port to pin it to that of the first "
        "port. Not given, the kernel takes the lowest of all ports, so it changes as guests come "
        "and go. A clone takes only the word: all nodes would have the same address.",
    )
    adopt: bool = boolean("Whether to take over a bridge that is there already", reloadable=True)
    drift: str = choice(
        "What a monitor makes of a port or setting that somebody changed",
        "report",
        "repair",
        "fail",
        default="report",
        reloadable=True,
        longdesc="What a monitor makes of a port or setting that somebody changed: report it as "
        "degraded, repair it, or fail, which restarts the bridge and what depends on it",
    )
    on_port_down: str = choice(
        "What a monitor makes of a port without carrier",
        "degraded",
        "fail",
        "ignore",
        default="degraded",
        reloadable=True,
    )
    force: bool = boolean("Whether stop deletes the bridge under ports of others", reloadable=True)
