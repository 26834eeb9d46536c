"""What a fence agent asks Ceph's monitors, by librados; knows nothing of fencing."""

from hactl_agents.ceph.blocklist import address_of
from hactl_agents.ceph.connection import Connection
from hactl_agents.failures import Failed
from hactl_agents.host.addresses import network

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from hactl_agents.ceph.blocklist import Entry
    from hactl_agents.host.addresses import Network
    from hactl_agents.host.host import Host

PATIENCE = 5  # seconds; monitors that are well answer in a tenth of one
EACCES, EINVAL = -13, -22
UNUSED = "192.0.2.1:0/1"  # of a network nobody may use (RFC 5737)


class Monitors(Connection):
    """Ceph's monitors, for what concerns the blocklist."""

    def __init__(self, host: "Host", conf: str, client: str, keyring: "str | None") -> None:
        super().__init__(host, client, conf, keyring, PATIENCE)

    def ask(self, prefix: str, **words: "Any") -> str:
        """A command to the monitors, and what they answer."""
        code, output, said = self.command(prefix, **words)
        if code == EACCES:
            raise Failed(
                f"{self.name} may not use '{prefix}': it needs the caps "
                "mon 'allow r, allow command \"osd blocklist\"'"
            )
        if code:
            raise Failed(f"Ceph: '{prefix}' as {self.name} failed ({code}): {said}")
        return output

    # the blocklist. Success means nothing here: read it again

    def block(self, addresses: "Network", seconds: int) -> None:
        """Monitors before Pacific know no ranges; an address alone they do."""
        words = {"blocklistop": "add", "expire": float(seconds)}
        code, _, _ = self.command("osd blocklist", range="range", addr=str(addresses), **words)
        if code == EINVAL and addresses.single():
            self.ask("osd blocklist", addr=str(addresses).partition("/")[0], **words)
        elif code:
            self.ask("osd blocklist", range="range", addr=str(addresses), **words)

    def unblock(self, entry: "Entry") -> None:
        if entry.name.startswith("cidr:"):
            words = {"range": "range", "addr": str(entry.network)}
        else:
            words = {"addr": entry.name}
        self.ask("osd blocklist", blocklistop="rm", **words)

    def may_block(self) -> None:
        """Raise Failed unless we may change the blocklist; taking out what is not in it changes
        nothing.
        """
        self.ask("osd blocklist", blocklistop="rm", addr=UNUSED)

    # addresses

    def own_addresses(self) -> "list[Network]":
        """Where the monitors see us."""
        return [network(address_of(part)) for part in self.addresses()]

    def monitors(self) -> "Iterator[Network]":
        for each in self.read("mon dump").get("mons", ()):
            yield from addresses_of(each.get("public_addrs"))


def osds(osdmap: "dict[str, Any]") -> "Iterator[tuple[int, Network]]":
    """(number, address) of every OSD in an ``osd dump``."""
    for each in osdmap.get("osds", ()):
        for kind in ("public_addrs", "cluster_addrs"):
            for address in addresses_of(each.get(kind)):
                yield each.get("osd", -1), address


def addresses_of(listed: "dict[str, Any] | None") -> "Iterator[Network]":
    for each in (listed or {}).get("addrvec", ()):
        yield network(address_of(each["addr"]))
