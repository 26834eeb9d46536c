"""What a fence agent asks Ceph's monitors, by librados; knows nothing of fencing.

Never by ceph(8): it costs ten times as much, and breaks on IPv6 addresses.
"""

from hactl_agents.host.host import Failed
from hactl_fencing.blocklist import network

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from hactl_agents.host.host import Host
    from hactl_fencing.blocklist import Entry, Network

PATIENCE = 5  # seconds; monitors that are well answer in a tenth of one
EACCES, EINVAL = -13, -22
UNUSED = "192.0.2.1:0/1"  # of a network nobody may use (RFC 5737)


class Monitors:
    """A connection as client.CLIENT. Raises Failed from every call."""

    def __init__(self, host: "Host", conf: str, client: str, keyring: "str | None") -> None:
        self.host = host
        self.name = f"client.{client}"
        self.where = f"Ceph's monitors ({conf}, {self.name})"
        for path in (conf, keyring):
            if path and host.paths.read(path) is None:
                raise Failed(f"{path}: there is no such file")
        self.lib = host.binding("rados")
        # it would write to stderr, and leave a socket behind
        quiet = {"log_to_stderr": "false", "err_to_stderr": "false", "admin_socket": ""}
        limits = {"client_mount_timeout": str(PATIENCE), "rados_mon_op_timeout": str(2 * PATIENCE)}
        keys = {"keyring": keyring} if keyring else {}
        self.cluster: Any = self.call(
            "connecting",
            lambda: connected(self.lib, conf, self.name, {**quiet, **limits, **keys}),
        )

    def call(self, step: str, function: "Any") -> "Any":
        """A call that may hang. Raises Failed."""
        try:
            full = f"{self.where}: {step}"
            return self.host.bounded(full, function, within=2 * PATIENCE)
        except self.lib.Error as exc:
            raise Failed(f"{self.where}: {step}: {exc}") from None

    def ask(self, prefix: str, **words: "Any") -> str:
        """A command to the monitors, and what they answer."""
        code, output, said = self.try_to(prefix, **words)
        if code == EACCES:
            raise Failed(
                f"{self.name} may not use '{prefix}': it needs the caps "
                "mon 'allow r, allow command \"osd blocklist\"'"
            )
        if code:
            raise Failed(f"{self.where}: '{prefix}' failed ({code}): {said}")
        return output

    def try_to(self, prefix: str, **words: "Any") -> "tuple[int, str, str]":
        import json

        command = json.dumps({"prefix": prefix, **words})
        code, output, said = self.call(prefix, lambda: self.cluster.mon_command(command, b""))
        return code, output.decode(errors="replace"), said

    def read(self, prefix: str) -> "dict[str, Any]":
        """The JSON document that a command answers with."""
        import json

        text = self.ask(prefix, format="json")
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Failed(f"{self.where}: '{prefix}' answered something that is not understood")
        return found

    # the blocklist. Success means nothing here: read it again

    def block(self, addresses: "Network", seconds: int) -> None:
        """Monitors before Pacific know no ranges; an address alone they do."""
        words = {"blocklistop": "add", "expire": float(seconds)}
        code, _, _ = self.try_to("osd blocklist", range="range", addr=str(addresses), **words)
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
        text = self.call("asking for our address", self.cluster.get_addrs)
        return [address_of(part) for part in separate(text)]

    def monitors(self) -> "Iterator[Network]":
        for each in self.read("mon dump").get("mons", ()):
            yield from addresses_of(each.get("public_addrs"))


def connected(lib: "Any", conf: str, name: str, options: "dict[str, str]") -> "Any":
    cluster = lib.Rados(conffile=conf, name=name, conf=options)
    cluster.connect(timeout=PATIENCE)
    return cluster


def osds(osdmap: "dict[str, Any]") -> "Iterator[tuple[int, Network]]":
    """(number, address) of every OSD in an ``osd dump``."""
    for each in osdmap.get("osds", ()):
        for kind in ("public_addrs", "cluster_addrs"):
            for address in addresses_of(each.get(kind)):
                yield each.get("osd", -1), address


def addresses_of(listed: "dict[str, Any] | None") -> "Iterator[Network]":
    for each in (listed or {}).get("addrvec", ()):
        yield address_of(each["addr"])


def address_of(text: str) -> "Network":
    """``v2:10.1.0.1:3300/0`` or ``[fd00::1]:0/77`` as an address."""
    for prefix in ("v1:", "v2:", "any:"):
        text = text.removeprefix(prefix)
    return network(text.rpartition(":")[0])


def separate(text: str) -> "list[str]":
    """One address, or several as ``[v2:10.1.0.1:0/7,v1:10.1.0.1:0/7]``."""
    if text.startswith("[v"):
        text = text[1:-1]
    return text.split(",")
