"""The parameters of an Open vSwitch bridge, and how each is read."""

from hactl_agents.declare import boolean, choice, integer, parsed, string, words
from hactl_agents.netlink.device_names import attached, bridge_name, device, devices, mac_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VLANS = "1-4094"
SSL = ("ssl_private_key", "ssl_certificate", "ssl_ca_cert")
DRIFT = ("report", "repair", "fail")
WHEN_DOWN = ("degraded", "fail", "ignore")


def list_of(parse_one: "Any", what: str) -> "Any":
    """A parser for words separated by spaces, each read by ``parse_one`` and named once."""

    def parse(text: str) -> "tuple[Any, ...]":
        found = tuple([parse_one(word) for word in text.split()])
        if not found or len(set(found)) < len(found):
            raise ValueError(f"names {what} twice" if found else f"names no {what}")
        return found

    return parse


def parse_target(text: str) -> str:
    from hactl_agents.ovs import targets

    return targets.parse_target(text)


def parse_collector(text: str) -> str:
    from hactl_agents.ovs import targets

    return targets.parse_collector(text)


def parse_vlan(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= 4094:
        raise ValueError(f"is not a VLAN ({VLANS})")
    return int(text)


def parse_vlans(text: str) -> "tuple[int, ...]":
    found: set[int] = set()
    for word in text.replace(",", " ").split():
        first, dash, last = word.partition("-")
        low, high = parse_vlan(first), parse_vlan(last if dash else first)
        if low > high:
            raise ValueError(f"has the range {word} the wrong way round")
        found.update(range(low, high + 1))
    return tuple(sorted(found))


def parse_internal(text: str) -> "tuple[tuple[str, int | None], ...]":
    """``mgmt=10 plain`` as (("mgmt", 10), ("plain", None))."""
    found = []
    for word in text.split():
        name, equals, vlan = word.partition("=")
        found.append((parse_one_device(name), parse_vlan(vlan) if equals else None))
    if len({name for name, _ in found}) < len(found):
        raise ValueError("names a port twice")
    return tuple(found)


def parse_one_device(name: str) -> str:
    from hactl_agents.netlink.device_names import parse_device

    if not name:
        raise ValueError("does not name a device")
    return parse_device(name)


def parse_queues(text: str) -> "tuple[tuple[int, int, int], ...]":
    """``0=0-1000000`` as ((0, 0, 1000000),): number, least and most bits per second."""
    found = []
    for word in text.split():
        number, _, rates = word.partition("=")
        least, _, most = rates.partition("-")
        parts = (number, least, most)
        if not all(part.isascii() and part.isdigit() and len(part) < 16 for part in parts):
            raise ValueError("is not a list of QUEUE=MIN-MAX in bits per second")
        found.append((int(number), int(least), int(most)))
    if len({number for number, _, _ in found}) < len(found):
        raise ValueError("names a queue twice")
    if any(least > most or not most or number > 61439 for number, least, most in found):
        raise ValueError("has a queue whose minimum is above its maximum, or beyond 61439")
    return tuple(found)


def vlan_list(shortdesc: str, **more: "Any") -> "Any":
    return parsed(shortdesc, parse_vlans, (), reloadable=True, **more)


class Parameters:
    """Mix-in for the agent. What is not given is left as Open vSwitch has it."""

    bridge: str = bridge_name()
    uplinks: tuple[str, ...] = attached(
        longdesc="Network devices to attach, separated by spaces: each as a port of its own, or, "
        "with bond, all as members of one port. A device with an IP address is refused.",
        example="eth2 eth3",
    )
    bond: str | None = device(
        "Name of the port that bonds the uplinks", reloadable=True, example="bond0"
    )
    bond_mode: str | None = choice(
        "How the bond spreads traffic over its members",
        "active-backup",
        "balance-slb",
        "balance-tcp",
        reloadable=True,
        longdesc="How the bond spreads traffic over its members; balance-tcp needs lacp",
    )
    lacp: str | None = choice(
        "Whether the bond speaks LACP with the switch", "off", "passive", "active", reloadable=True
    )
    lacp_time: str | None = choice(
        "How often LACP asks: every second or every 30", "fast", "slow", reloadable=True
    )
    lacp_fallback: bool | None = boolean(
        "Whether the bond is active-backup while the switch speaks no LACP", None, reloadable=True
    )
    bond_primary: str | None = device(
        "The member an active-backup bond prefers", reloadable=True, example="eth2"
    )
    bond_updelay: int | None = integer(
        "Milliseconds a member must have link before it is used", minimum=0, maximum=600000,
        reloadable=True,
    )  # fmt: skip
    bond_downdelay: int | None = integer(
        "Milliseconds a member may be without link before it is given up", minimum=0,
        maximum=600000, reloadable=True,
    )  # fmt: skip
    tag: int | None = integer(
        "Access VLAN of the uplinks, or their native one", minimum=1, maximum=4094, reloadable=True
    )
    trunks: tuple[int, ...] = vlan_list(
        "VLANs the uplinks carry, such as 10,20-29; all if not given", example="10,20-29"
    )
    vlan_mode: str | None = choice(
        "What tag and trunks mean on the uplinks",
        "access",
        "trunk",
        "native-tagged",
        "native-untagged",
        reloadable=True,
    )
    internal: tuple[tuple[str, int | None], ...] = parsed(
        "Ports for this node itself, each NAME or NAME=VLAN",
        parse_internal,
        (),
        reloadable=True,
        longdesc="Ports for this node itself, separated by spaces, each NAME or NAME=VLAN, where "
        "VLAN is its access VLAN. Addresses are put on them by other resources.",
        example="mgmt=10",
    )
    datapath: str | None = choice(
        "Where packets are switched: in the kernel or in ovs-vswitchd", "system", "netdev"
    )
    fail_mode: str | None = choice(
        "What the bridge does without a controller", "standalone", "secure", reloadable=True
    )
    protocols: tuple[str, ...] = words(
        "OpenFlow versions the bridge speaks", (), forbid=",\"'[]{}", reloadable=True,
        example="OpenFlow13",
    )  # fmt: skip
    controllers: tuple[str, ...] = parsed(
        "OpenFlow controllers, such as ssl:192.0.2.1:6653 or ptcp:6653",
        list_of(parse_target, "a controller"),
        (),
        reloadable=True,
    )
    connection_mode: str | None = choice(
        "Whether controllers are reached through the bridge itself",
        "in-band",
        "out-of-band",
        reloadable=True,
    )
    managers: tuple[str, ...] = parsed(
        "Managers of the database, such as pssl:6640",
        list_of(parse_target, "a manager"),
        (),
        reloadable=True,
        longdesc="Managers of the database, such as pssl:6640. They serve the whole node; one "
        "that is there already is used as it is, and stays.",
    )
    ssl_private_key: str | None = string(
        "File with the private key for ssl: and pssl:, mode 0600", reloadable=True
    )
    ssl_certificate: str | None = string("File with its certificate", reloadable=True)
    ssl_ca_cert: str | None = string(
        "File with the certificate of the authority the peers must be signed by", reloadable=True
    )
    rstp: bool | None = boolean("Whether the bridge speaks RSTP", None, reloadable=True)
    rstp_priority: int | None = integer(
        "Priority of the bridge in RSTP, a multiple of 4096, lowest wins", minimum=0, maximum=61440,
        reloadable=True,
    )  # fmt: skip
    stp: bool | None = boolean("Whether the bridge speaks STP", None, reloadable=True)
    multicast_snooping: bool | None = boolean(
        "Whether multicast goes only where somebody listens", None, reloadable=True
    )
    mtu: int | None = integer(
        "MTU of the uplinks and internal ports, in bytes", minimum=68, maximum=65535,
        reloadable=True,
    )  # fmt: skip
    address: str | None = mac_address(
        "MAC address of the bridge, or port for that of the first uplink", reloadable=True
    )
    flows: str | None = string(
        "File with OpenFlow flows that are always there, as ovs-ofctl(8) reads them",
        reloadable=True,
        longdesc="File with OpenFlow flows that are always there, as ovs-ofctl(8) reads them, the "
        "same on every node. They are told from others by their cookie, so the file must not set "
        "cookies. They come back when ovs-vswitchd lost them, as it does when it dies.",
        example="/etc/hactl/lan.flows",
    )
    qos_type: str = choice(
        "How the uplinks are shaped", "linux-htb", "linux-hfsc", default="linux-htb",
        reloadable=True,
    )  # fmt: skip
    qos_max_rate: int | None = integer(
        "Most bits per second that leave through each uplink", minimum=1000, reloadable=True
    )
    qos_queues: tuple[tuple[int, int, int], ...] = parsed(
        "Queues of the uplinks, each QUEUE=MIN-MAX in bits per second",
        parse_queues,
        (),
        reloadable=True,
        example="0=0-1000000000 1=500000000-1000000000",
    )
    mirror_to: str | None = device(
        "Network device that gets a copy of all traffic", reloadable=True, example="eth4"
    )
    mirror_vlan: int | None = integer(
        "VLAN that gets a copy of all traffic", minimum=1, maximum=4094, reloadable=True
    )
    mirror_ports: tuple[str, ...] = devices(
        "Ports whose traffic is copied; all if not given", reloadable=True
    )
    sflow: tuple[str, ...] = parsed(
        "Collectors of sFlow samples, each ADDRESS:PORT",
        list_of(parse_collector, "a collector"),
        (),
        reloadable=True,
        example="192.0.2.9:6343",
    )
    sflow_agent: str | None = device(
        "Network device whose address stands in sFlow packets", reloadable=True
    )
    sflow_sampling: int = integer(
        "One packet out of this many is sampled", 400, minimum=1, reloadable=True
    )
    sflow_polling: int = integer(
        "Seconds between sFlow's counters", 30, minimum=0, maximum=86400, reloadable=True
    )
    adopt: bool = boolean(
        "Whether to take over a bridge, and ports on it, that are there already", reloadable=True
    )
    drift: str = choice(
        "What a monitor makes of anything that somebody changed",
        *DRIFT,
        default="report",
        reloadable=True,
        longdesc="What a monitor makes of anything that somebody changed: report it as degraded, "
        "repair it, or fail, which restarts the bridge and what depends on it",
    )
    on_member_down: str = choice(
        "What a monitor makes of an uplink without link, or one LACP does not use",
        *WHEN_DOWN,
        default="degraded",
        reloadable=True,
    )
    on_controller_down: str = choice(
        "What a monitor makes of a controller or manager that is not connected",
        *WHEN_DOWN,
        default="degraded",
        reloadable=True,
        longdesc="What a monitor makes of a controller or manager that is called and does not "
        "answer, or that cannot call, as another program has the port",
    )
    force: bool = boolean("Whether stop deletes the bridge under ports of others", reloadable=True)
    rundir: str = string(
        "Folder with the sockets of Open vSwitch's daemons", "/run/openvswitch", forbid=" "
    )
