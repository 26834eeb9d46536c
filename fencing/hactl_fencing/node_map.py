"""Which addresses of Ceph's network belong to which node; pure, asks nobody."""

from hactl_agents.host.addresses import network

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hactl_agents.host.addresses import Network


def node_map(text: str) -> "dict[str, tuple[Network, ...]]":
    """``node1=10.1.0.1,fd00::1 node2=10.1.0.2`` by node. Raises ValueError with a sentence."""
    found: dict[str, tuple[Network, ...]] = {}
    for word in text.split():
        node, equals, addresses = word.partition("=")
        if not equals or not node or not addresses:
            raise ValueError(f"has {word!r}, which is not NODE=ADDRESS,ADDRESS")
        if node in found:
            raise ValueError(f"names {node!r} twice")
        networks = tuple(network(address) for address in addresses.split(","))
        for each in networks:
            refuse_wide(each)
        found[node] = networks
    refuse_shared(found)
    return found


def refuse_wide(network: "Network") -> None:
    """A mask of a few bits is a slip of the hand that would cut off everybody."""
    if network.length < network.family // 2:
        raise ValueError(f"has {network}, which is not a single machine's network")


def refuse_shared(nodes: "Mapping[str, Iterable[Network]]") -> None:
    pairs = [(node, own) for node, networks in nodes.items() for own in networks]
    for index, (node, own) in enumerate(pairs):
        for other, its in pairs[index + 1 :]:
            if own.meets(its):
                both = f"{node!r} and {other!r}" if node != other else f"{node!r} twice"
                raise ValueError(f"gives {its} to {both}")
