"""The parameters of an NVMe-oF gateway, and what of them can be judged without a node."""

from hactl_agents.declare import boolean, choice, integer, parsed, string
from hactl_agents.gate.name import gate_name
from hactl_agents.gateway.listen_address import Place
from hactl_agents.nvmeof.names import parse_nqn, parse_nqns
from hactl_agents.nvmeof.namespace import FORM, parse_namespaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.nvmeof.namespace import Namespace

LAST_CONTROLLER = 65519  # NVME_CNTLID_MAX
LONGEST_MODEL = 40  # NVMET_MN_MAX_SIZE


class Range:
    """The controller ids that the gateway on one node gives away."""

    def __init__(self, node: str, first: int, last: int) -> None:
        self.node = node
        self.first = first
        self.last = last


def parse_ranges(text: str) -> "tuple[Range, ...]":
    found = [parse_range(word) for word in text.split()]
    if len({each.node for each in found}) < len(found):
        raise ValueError("names a node twice")
    ordered = sorted(found, key=lambda each: each.first)
    for number, each in enumerate(ordered[1:]):
        if each.first <= ordered[number].last:
            raise ValueError(f"gives ids of {ordered[number].node} to {each.node} as well")
    return tuple(found)


def parse_range(word: str) -> Range:
    node, equals, numbers = word.rpartition("=")
    first, dash, last = numbers.partition("-")
    plain = all(part.isascii() and part.isdigit() and len(part) < 6 for part in (first, last))
    if not node or not equals or not dash or not plain:
        raise ValueError(f"has {word!r}, which is not NODE=FIRST-LAST, such as node1=1-1000")
    if not 1 <= int(first) <= int(last) <= LAST_CONTROLLER:
        raise ValueError(f"has {word!r}; ids go from 1 to {LAST_CONTROLLER}")
    return Range(node, int(first), int(last))


def parse_model(text: str) -> str:
    plain = text.isascii() and text.isprintable() and text == text.strip()
    if not plain or len(text) > LONGEST_MODEL:
        raise ValueError(f"is not a model: use at most {LONGEST_MODEL} printable ASCII characters")
    return text


class Parameters:
    """What an NvmeofGateway can be given."""

    nqn: str = parsed(
        "NQN of the subsystem",
        parse_nqn,
        required=True,
        unique="nqn",
        example="nqn.2026-11.com.example:vol1",
    )
    address: "Place" = parsed(
        "IP address to listen on, or the network ADDRESS/LENGTH in which the node has one",
        Place,
        required=True,
        unique="portal",
        longdesc="IP address to listen on, v4 or v6. In a gateway group, where every node listens "
        "on an address of its own, the network as ADDRESS/LENGTH: the node's own address in it is "
        "used; floating ones, which are secondary, are not.",
        example="192.0.2.0/24",
    )
    port: int = integer(
        "Port to listen on", 4420, minimum=1, maximum=65535, unique="portal", example="4420"
    )
    transport: str = choice("What carries it", "tcp", "rdma", default="tcp")
    namespaces: "tuple[Namespace, ...]" = parsed(
        f"What is served, separated by spaces, each as {FORM}",
        parse_namespaces,
        required=True,
        reloadable=True,
        longdesc="What is served, separated by spaces, each as NSID=PATH[,KEY=VALUE...], where "
        "PATH is a block device or a file. Keys: id, from which UUID and NGUID are made together "
        "with the NQN (default: the NSID); uuid and nguid, to give them; ana_group (1); "
        "buffered_io, whether a file is written through the page cache (default: only where its "
        "file system has no direct I/O, as tmpfs). Given anew while it runs, namespaces are added "
        "and taken away; one that is served is not moved to another path.",
        example="1=/dev/rbd/vms/vol1",
    )
    hosts: "tuple[str, ...]" = parsed(
        "NQNs of the hosts that may connect, separated by spaces; none: any host",
        parse_nqns,
        default=(),
        reloadable=True,
        longdesc="NQNs of the hosts that may connect, separated by spaces. Not given: those in "
        "auth_file, or any host where there is none.",
        example="nqn.2014-08.org.nvmexpress:uuid:1b4e28ba-2fa1-11d2-883f-0016d3cca427",
    )
    auth_file: str | None = string(
        "File with the hosts' DH-HMAC-CHAP keys, mode 0600",
        reloadable=True,
        longdesc="File with the hosts' DH-HMAC-CHAP keys, root's alone (mode 0600, no link). A "
        "line is HOSTNQN KEY [CONTROLLERKEY] [hash=hmac(sha256)] [dhgroup=ffdhe2048]; keys are as "
        "nvme gen-dhchap-key makes them; with a CONTROLLERKEY the host can tell that it speaks to "
        "this subsystem.",
    )
    gate: str | None = gate_name(
        "Name of the PortGate before this gateway",
        longdesc="Name of the PortGate before this gateway: opened when all is served, closed "
        "before anything is taken away, so that hosts see silence and never an error.",
    )
    unpromoted: str = choice(
        "ANA state of a gateway that is not promoted",
        "inaccessible",
        "non-optimized",
        default="inaccessible",
        reloadable=True,
        longdesc="ANA state of a gateway that is not promoted: non-optimized only where both may "
        "write to the storage at once",
    )
    model: str = parsed("Model that hosts show", parse_model, "hactl")
    controller_ids: "tuple[Range, ...]" = parsed(
        "Controller ids of each node's gateway, as NODE=FIRST-LAST",
        parse_ranges,
        default=(),
        longdesc="Controller ids of each node's gateway, as NODE=FIRST-LAST separated by spaces: "
        "gateways that serve one subsystem must not give one id away twice. Default: 1000 for each "
        "node of a clone, by the node's id in Corosync.",
        example="node1=1-1000 node2=1001-2000",
    )
    reservations: bool = boolean(
        "Whether hosts may make persistent reservations, Linux 6.13 and newer",
        longdesc="Whether hosts may make persistent reservations, Linux 6.13 and newer. A "
        "reservation is known to one gateway only, and lost when that stops.",
    )
    promotion_score: int = integer(
        "Score to be promoted that start gives to this node, 0 for none",
        10,
        minimum=0,
        maximum=1000000,
    )


__all__ = ["LAST_CONTROLLER", "Parameters", "Range"]
