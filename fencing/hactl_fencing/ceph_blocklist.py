"""fence_ceph_blocklist: cuts a node off from its Ceph storage, and lets it back in."""

from hactl_agents.ceph import blocklist
from hactl_agents.declare import BadValue, Param, boolean, seconds, string
from hactl_agents.host.host import Failed
from hactl_fencing import ceph_clients
from hactl_fencing.ceph_monitors import Monitors, osds
from hactl_fencing.fence.device import OFF, ON, FenceDevice
from hactl_fencing.node_map import node_map

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from hactl_agents.ceph.blocklist import Entry
    from hactl_agents.host.addresses import Network
    from hactl_agents.host.host import Host

YEARS = 5 * 365 * 86400
WEEK = 7 * 86400
LEAST = 86400  # an entry that ends sooner lets the old writer go on before anybody has looked
SKEW = 300  # seconds that clocks of nodes and monitors may differ
TO_END = 5.0  # seconds for a monitor action or the like to end by itself
LET_IN = "ceph-blocklist.boot"  # in which boot this node was last let in


class CephBlocklist(FenceDevice):
    """Fence agent that cuts a node off from Ceph.

    Puts the addresses of a node on Ceph's blocklist: from then on no client there, RBD or CephFS,
    can read or write, whatever it still holds open. The node itself runs on. Off means that every
    address is on the list, for years, as read back from the monitors. `on` lets a node back in and
    runs on the node itself as it joins the cluster, after proving that no client is left there
    from before it was cut off. Resources that need this have the meta attribute
    requires=unfencing. The client needs the caps mon 'allow r, allow command "osd blocklist"'.
    """

    reboots = False
    unfences = True
    on_target = True

    addresses: "dict[str, tuple[Network, ...]]" = Param(  # type: ignore[assignment]
        "string",
        node_map,
        "The addresses of each node, as Ceph sees them",
        required=True,
        longdesc="The addresses of each node, as Ceph sees them, v4 and v6, of every network "
        "card by which it may reach Ceph: NODE=ADDRESS,ADDRESS NODE=ADDRESS. Networks such as "
        "10.1.2.0/28 are possible.",
        example="node1=10.1.0.1,fd00:1::1 node2=10.1.0.2,fd00:1::2",
    )
    conf: str = string("Ceph's configuration file", default="/etc/ceph/ceph.conf")
    client: str = string("The Ceph user, without 'client.'", default="fencing", forbid=" /")
    keyring: "str | None" = string(
        "The file with the user's key",
        longdesc="The file with the user's key. Default: where the configuration file says.",
    )
    expire: int = seconds(
        "How long an address stays on the list", default=YEARS,
        longdesc="How long an address stays on the list, at least a day. When it ends, an old "
        "client may write again.",
    )  # fmt: skip
    minimum_life: int = seconds(
        "How long an entry has to last to count", default=WEEK,
        longdesc="How long an entry has to last from now on to count as off. A monitor fails when "
        "an entry of a listed node is about to end.",
    )  # fmt: skip
    allow_osd_hosts: bool = boolean(
        "Cut off hosts of Ceph's own daemons, too",
        longdesc="Cut off addresses of hosts that run Ceph's own monitors or OSDs, too. Managers "
        "and metadata servers there are cut off with them.",
    )

    def __init__(self, host: "Host", texts: "Mapping[str, str]") -> None:
        super().__init__(host, texts)
        self.connection: Monitors | None = None
        self.unreachable: Failed | None = None

    def check(self) -> None:
        if self.expire < LEAST:
            raise BadValue(f"expire: must be at least {LEAST} s, a day")
        if self.minimum_life * 2 > self.expire:
            raise BadValue("minimum_life: must be at most half of expire")
        if self.plug and self.plug not in self.addresses:
            raise BadValue(f"addresses: there is no node {self.plug!r} in it")

    def power(self) -> str:
        power, why = self.judge(self.networks(), self.osdmap())
        if why:
            raise Failed(why)
        return power

    def networks(self) -> "tuple[Network, ...]":
        return self.addresses[self.plug or ""]

    def judge(self, networks: "Iterable[Network]", osdmap: "dict[str, Any]") -> "tuple[str, str]":
        """(power, '') or ('', why it cannot be told)."""
        whole = [entry for entry in self.entries(osdmap) if entry.whole]
        until = self.now(osdmap) + self.minimum_life
        blocked = [each for each in networks if covered(each, whole, until)]
        touched = [each for each in networks if any(each.meets(e.network) for e in whole)]
        if len(blocked) == len(tuple(networks)):
            self.proof = f"{listing(blocked)} cut off since osdmap epoch {osdmap.get('epoch', '?')}"
            return OFF, ""
        if not touched:
            return ON, ""
        short = [each for each in touched if each not in blocked]
        if short:
            return "", f"{listing(short)} cut off in part, or not for long enough"
        rest = [each for each in networks if each not in touched]
        return "", f"{listing(blocked)} cut off, but {listing(rest)} not"

    def switch_off(self) -> None:
        """Add what is missing; what has been added stays, even where another one fails."""
        networks, osdmap = self.networks(), self.osdmap()
        self.refuse_ourselves(networks)
        if not self.allow_osd_hosts:
            self.refuse_servers(networks, osdmap)
        whole = [entry for entry in self.entries(osdmap) if entry.whole]
        until = self.now(osdmap) + self.minimum_life
        complaint = None
        for network in networks:
            if not covered(network, whole, until):
                try:
                    self.monitors().block(network, self.expire)
                except Failed as exc:
                    complaint = complaint or exc
        if complaint:
            raise complaint

    def switch_on(self) -> None:
        """Let this very node in, once nothing is left on it from before it was cut off."""
        networks, osdmap = self.networks(), self.osdmap()
        if not self.ours(networks):
            raise Failed(
                f"{self.plug} is let in by itself alone, and none of its addresses is ours: "
                "only there can be seen that no old client is left"
            )
        entries = self.entries(osdmap)
        for entry in entries:
            if entry.whole and any(beyond(entry, network) for network in networks):
                raise Failed(f"{entry.network} is cut off, which is more than {self.plug} alone")
        mine = [entry for entry in entries if any(n.holds(entry.network) for n in networks)]
        self.refuse_old_clients(mine)
        for entry in mine:
            self.monitors().unblock(entry)

    def now_on(self) -> None:
        self.host.save(LET_IN, self.boot())

    def plugs(self) -> "dict[str, tuple[str, str]]":
        osdmap = self.osdmap()
        found = {node: self.judge(its, osdmap)[0] for node, its in self.addresses.items()}
        return {node: ("", power or "unknown") for node, power in found.items()}

    def watch(self) -> None:
        """What would go wrong in the night should be seen by day."""
        super().watch()
        osdmap = self.osdmap()
        self.monitors().may_block()
        if not self.allow_osd_hosts:
            for networks in self.addresses.values():
                self.refuse_servers(networks, osdmap)
        self.refuse_endings(osdmap)

    # what speaks against it

    def refuse_ourselves(self, networks: "Iterable[Network]") -> None:
        mine = self.ours(networks)
        if mine:
            raise Failed(f"{listing(mine)} ours: a node does not cut itself off")

    def ours(self, networks: "Iterable[Network]") -> "list[Network]":
        seen = self.monitors().own_addresses()
        return [
            each
            for each in networks
            if any(each.holds(own) for own in seen)
            or (each.single() and self.host.has_address(str(each).partition("/")[0]))
        ]

    def refuse_servers(self, networks: "Iterable[Network]", osdmap: "dict[str, Any]") -> None:
        servers = [(f"osd.{number}", address) for number, address in osds(osdmap)]
        servers += [("a monitor", address) for address in self.monitors().monitors()]
        for network in networks:
            for server, address in servers:
                if network.holds(address):
                    raise Failed(
                        f"{network} is where {server} runs: cutting it off would hurt Ceph itself "
                        "(allow_osd_hosts=true to do it all the same)"
                    )

    def refuse_endings(self, osdmap: "dict[str, Any]") -> None:
        until = self.now(osdmap) + self.minimum_life
        whole = [entry for entry in self.entries(osdmap) if entry.whole]
        for node, networks in self.addresses.items():
            for network in networks:
                ending = [entry.name for entry in whole if network.meets(entry.network)]
                if ending and not covered(network, whole, until):
                    raise Failed(f"{node} is cut off, but not for long: {ending[0]} is to end")

    def refuse_old_clients(self, entries: "Iterable[Entry]") -> None:
        """Raise Failed unless nobody here can have an open way to Ceph from before the fence.

        Either this boot began after it, or there is nobody at all.
        """
        if self.booted_since(entries):
            return
        step = "waiting for clients of Ceph on this node to end"
        if not self.host.wait_for(
            step, lambda: not ceph_clients.users(self.host), within=TO_END, interval=0.5
        ):
            left = ceph_clients.users(self.host)
            raise Failed(
                f"{self.plug} is not let in: it was cut off in this boot, and may still write "
                f"what is old: {', '.join(left[:3])}{' ...' if left[3:] else ''}; "
                "stop that, or reboot the node"
            )

    def booted_since(self, entries: "Iterable[Entry]") -> bool:
        """Whether this boot began after the fence, by the clock, and nothing contradicts it."""
        if self.host.load(LET_IN) == self.boot():
            return False  # it was let in before, in this boot
        began = boot_time(self.host.read("/proc/stat") or "")
        added = [entry.until - self.expire for entry in entries if entry.whole]
        return bool(added) and began is not None and max(added) + SKEW < began

    def boot(self) -> str:
        found = (self.host.read("/proc/sys/kernel/random/boot_id") or "").strip()
        if not found:
            raise Failed("this boot of the node has no boot_id")
        return found

    # Ceph

    def monitors(self) -> Monitors:
        """One connection, tried once: the next level of fencing should not wait for us."""
        if self.unreachable:
            raise self.unreachable
        if self.connection is None:
            try:
                self.connection = Monitors(self.host, self.conf, self.client, self.keyring)
            except Failed as exc:
                self.unreachable = exc
                raise
        return self.connection

    def osdmap(self) -> "dict[str, Any]":
        return self.monitors().read("osd dump")

    def entries(self, osdmap: "dict[str, Any]") -> "list[Entry]":
        try:
            return blocklist.entries(osdmap)
        except (ValueError, AttributeError, TypeError) as exc:
            raise Failed(f"Ceph's blocklist is not understood: {exc}") from None

    def now(self, osdmap: "dict[str, Any]") -> float:
        """A clock that is behind must not make an entry last longer than it does."""
        try:
            return max(self.host.wall_clock(), blocklist.instant(osdmap["modified"]))
        except (KeyError, ValueError, AttributeError):
            raise Failed("Ceph's osdmap does not say when it was made") from None


def covered(network: "Network", entries: "Iterable[Entry]", until: float) -> bool:
    return any(entry.network.holds(network) and entry.until >= until for entry in entries)


def beyond(entry: "Entry", network: "Network") -> bool:
    """Whether an entry stands for a network and for more."""
    return entry.network.holds(network) and entry.network != network


def listing(networks: "Iterable[Network]") -> str:
    names = [str(each) for each in networks]
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


def boot_time(stat: str) -> "int | None":
    """When this boot began, in seconds since 1970 (proc(5), /proc/stat)."""
    for line in stat.split("\n"):
        word, _, value = line.partition(" ")
        if word == "btime" and value.isdigit():
            return int(value)
    return None
