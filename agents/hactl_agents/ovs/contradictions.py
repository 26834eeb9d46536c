"""Parameters of an Open vSwitch bridge that do not fit each other, judged without a node.

Only what is begun or validated is judged: a monitor never imports this.
"""

from hactl_agents.ocf.errors import NotConfigured
from hactl_agents.ovs.parameters import SSL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    Given = Mapping[str, Any]

BONDS = ("bond_mode", "lacp", "lacp_time", "lacp_fallback", "bond_primary", "bond_updelay",
         "bond_downdelay")  # fmt: skip
RESERVED = ("ovs-system", "ovs-netdev", "all", "default")  # Open vSwitch's, and of /proc/sys/net


def refuse(given: "Given") -> None:
    """Raise NotConfigured where parameters, by name, do not fit each other."""
    for judge in JUDGES:
        for sentence in judge(given):
            raise NotConfigured(sentence)


def of_names(given: "Given") -> "Iterator[str]":
    names = all_names(given)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        yield f"{twice}: this name is given to two different things"
    if any(name in RESERVED for name in names):
        yield f"{' '.join(RESERVED)}: no bridge or port can have one of these names"
    if any(name[0] in "@+_" for name in names):
        yield "names: the name of a bridge or port begins with a letter or a digit"


def all_names(given: "Given") -> "list[str]":
    """Of everything that there will be in the bridge."""
    names = [given["bridge"], *given["uplinks"], *(name for name, _ in given["internal"])]
    return names + [given[key] for key in ("bond", "mirror_to") if given[key]]


def of_bond(given: "Given") -> "Iterator[str]":
    bond, primary, mode = given["bond"], given["bond_primary"], given["bond_mode"]
    if bond and len(given["uplinks"]) < 2:
        yield f"bond: {bond} needs two uplinks or more"
    if not bond and any(given[name] is not None for name in BONDS):
        yield "bond: not given, but something about it is"
    if primary and primary not in given["uplinks"]:
        yield f"bond_primary: {primary} is none of the uplinks"
    if mode == "balance-tcp" and given["lacp"] not in ("active", "passive"):
        yield "bond_mode: balance-tcp needs lacp=active or passive"
    if primary and mode not in (None, "active-backup") and not given["lacp_fallback"]:
        yield (
            "bond_primary: only a bond that is active-backup, or falls back to it, prefers a member"
        )
    if (given["lacp_time"] or given["lacp_fallback"]) and given["lacp"] in (None, "off"):
        yield "lacp: is off, but something about it is given"


def of_spanning_tree(given: "Given") -> "Iterator[str]":
    priority = given["rstp_priority"]
    if given["rstp"] and given["stp"]:
        yield "stp: a bridge speaks either RSTP or STP"
    if given["bond"] and (given["rstp"] or given["stp"]):
        yield "rstp: Open vSwitch speaks no spanning tree on a bond: a bridge has one or the other"
    if priority is not None and priority % 4096:
        yield "rstp_priority: is not a multiple of 4096"
    if priority is not None and not given["rstp"] and not given["adopt"]:
        yield "rstp_priority: means nothing without rstp=true"


def of_vlans(given: "Given") -> "Iterator[str]":
    mode, tag, trunks = given["vlan_mode"], given["tag"], given["trunks"]
    if mode == "access" and trunks:
        yield "trunks: an access port carries one VLAN, given as tag"
    if mode is None and tag and trunks:
        yield (
            "vlan_mode: with tag and trunks say native-untagged or native-tagged; Open vSwitch "
            "would carry the tag alone"
        )
    if mode == "trunk" and tag:
        yield "tag: with vlan_mode=trunk there is none; use native-untagged"
    if mode not in (None, "trunk") and not tag:
        yield f"tag: vlan_mode={mode} needs it"


def of_files(given: "Given") -> "Iterator[str]":
    ssl = [given[name] for name in SSL]
    if any(ssl) and not all(ssl):
        yield f"{', '.join(SSL)}: all three or none"
    if any(path and path[:1] != "/" for path in (*ssl, given["flows"], given["rundir"])):
        yield "files are named by their whole path, from /"


def of_openflow(given: "Given") -> "Iterator[str]":
    protocols = given["protocols"]
    if given["connection_mode"] and not given["controllers"]:
        yield "connection_mode: there is no controller"
    if given["flows"] and protocols and "OpenFlow13" not in protocols:
        yield "protocols: flows need OpenFlow13 among them"
    if not all(is_protocol(name) for name in protocols):
        yield "protocols: are OpenFlow10 to OpenFlow15"
    if len(set(protocols)) < len(protocols):
        yield "protocols: one is named twice"


def is_protocol(name: str) -> bool:
    return name[:9] == "OpenFlow1" and name[9:] in ("0", "1", "2", "3", "4", "5")


def of_watching(given: "Given") -> "Iterator[str]":
    """sFlow and mirrors."""
    ports, output = given["mirror_ports"], given["mirror_to"] or given["mirror_vlan"]
    if given["sflow_agent"] and not given["sflow"]:
        yield "sflow_agent: there is no sflow"
    if given["mirror_to"] and given["mirror_vlan"]:
        yield "mirror_vlan: a mirror has one output"
    if ports and not output:
        yield "mirror_ports: copied whereto? give mirror_to or mirror_vlan"
    known = set(all_names(given))
    if given["bond"]:  # its members are not ports
        known -= set(given["uplinks"])
    stranger = next((name for name in ports if name not in known), None)
    if stranger:
        yield f"mirror_ports: {stranger} is not a port of this resource"


def of_uplinks(given: "Given") -> "Iterator[str]":
    if given["qos_queues"] and not given["qos_max_rate"]:
        yield "qos_max_rate: queues need it"
    if (given["qos_max_rate"] or given["address"] == "port") and not given["uplinks"]:
        yield "uplinks: there is none to shape or take an address from"


def of_targets(given: "Given") -> "Iterator[str]":
    targets = given["controllers"] + given["managers"]
    if len(set(targets)) < len(targets):
        yield "managers: a controller has the same target"


JUDGES = (
    of_names, of_bond, of_spanning_tree, of_vlans, of_files, of_openflow, of_watching, of_uplinks,
    of_targets,
)  # fmt: skip
