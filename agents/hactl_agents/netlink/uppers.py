"""What stands on a network device: macvlan, macvtap, VLAN, tunnels, in every network namespace.

They go with the device below them, without a word (in the kernel's terms its upper devices).
"""

from hactl_agents.failures import Failed
from hactl_agents.host import namespaces
from hactl_agents.netlink.messages import attribute, attributes, number, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from hactl_agents.host.host import Host
    from hactl_agents.netlink.links import Links

GETNSID, REQUEST = 90, 0x1
NSID, FD = 1, 3  # attributes of a namespace's id, linux/net_namespace.h
SCAN = 5.0  # seconds for all namespaces of a node


def of(host: "Host", links: "Links", lower: "Container[int]") -> "list[str]":
    """The devices upon those with the indexes ``lower``, as text. Raises Failed."""
    here = [f"{name} ({kind})" for name, kind in links.upon(lower)]
    step = "looking into other network namespaces"
    there: list[str] = host.read_in_child(step, links.upon_elsewhere, lower, within=SCAN)
    return sorted(here) + sorted(there)


def elsewhere(kind: "type[Links]", lower: "Container[int]") -> "Iterator[str]":
    """The same in all other network namespaces. Leaves the caller in the last of them.

    ``kind`` makes a conversation in the namespace where it is called.
    """
    home = namespaces.home("net")
    looked_into = {namespaces.own("net")}
    for namespace, path, who in namespaces.all_of("net"):
        if namespace in looked_into:
            continue
        try:
            namespaces.enter("net", path)
            found = list(from_there(kind(), home, lower))
        except Failed:
            continue  # the process has ended; if the namespace is there yet, another one has it
        looked_into.add(namespace)
        yield from (f"{name} ({kind}, in the network namespace of {who})" for name, kind in found)


def from_there(links: "Links", home: int, lower: "Container[int]") -> "Iterator[tuple[str, str]]":
    """The devices where we are that lie upon those of the namespace ``home``, a descriptor."""
    links.upon(())  # the kernel numbers a namespace when a device refers to it
    reply = links.ask(GETNSID, REQUEST, bytes(4) + attribute(FD, number(home)), "finding home")
    space = value(attributes(reply[0], 4).get(NSID, number(0xFFFFFFFF)))
    if space != 0xFFFFFFFF:
        yield from links.upon(lower, space)
