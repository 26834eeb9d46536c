"""The parameters of an iSCSI gateway, and what of them can be judged without a node."""

from hactl_agents.declare import boolean, choice, integer, parsed, string
from hactl_agents.gate.name import gate_name
from hactl_agents.iscsi.lun import FORM, parse_luns
from hactl_agents.iscsi.names import parse_initiators, parse_target
from hactl_agents.iscsi.portal import parse_portals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.iscsi.lun import Lun
    from hactl_agents.iscsi.portal import Portal

LIO, TGT = "lio", "tgt"
DRIFT = ("fail", "report")


class Parameters:
    """What an IscsiGateway can be given."""

    iqn: str = parsed(
        "Name of the target",
        parse_target,
        required=True,
        unique="iqn",
        example="iqn.2026-11.com.example:vol1",
    )
    portals: "tuple[Portal, ...]" = parsed(
        "Where to listen, ADDRESS:PORT separated by spaces",
        parse_portals,
        required=True,
        longdesc="Where to listen, ADDRESS:PORT or [ADDRESS]:PORT separated by spaces. In a "
        "promotable clone, where every node listens on an address of its own, the network as "
        "ADDRESS/LENGTH:PORT: the node's own address in it is used. Without a port it is 3260.",
        example="192.0.2.10:3260 [2001:db8::10]:3260",
    )
    backend: str = choice(
        "What serves the target",
        LIO,
        TGT,
        default=LIO,
        longdesc="What serves the target: lio is the kernel, tgt a tgtd for this target alone",
    )
    luns: "tuple[Lun, ...]" = parsed(
        f"What is served, separated by spaces, each as {FORM}",
        parse_luns,
        required=True,
        longdesc="What is served, separated by spaces, each as NUMBER=PATH[,KEY=VALUE...], where "
        "PATH is a block device, a file, or rbd:POOL/[NAMESPACE/]IMAGE (lio: mapped by an "
        "RbdImage; tgt: opened by tgtd itself). Keys: write_cache (true or false: whether what is "
        "acknowledged may still be in memory, which a failover loses; default false, and as the "
        "device says for block devices in lio), block_size (512 to 4096), readonly, serial and naa "
        "(default: made from iqn and number), vendor, product, and for images in tgt conf and "
        "client. tgt keeps number 0 for itself.",
        example="1=/dev/rbd/vms/vol1 2=/dev/vg/vol2,block_size=4096",
    )
    initiators: "tuple[str, ...]" = parsed(
        "Names of the initiators that may log in, separated by spaces; none: any with the secret",
        parse_initiators,
        default=(),
        longdesc="Names of the initiators that may log in, separated by spaces. Without any, "
        "whoever knows the secret in auth_file may.",
        example="iqn.1993-08.org.debian:01:web1",
    )
    auth_file: str | None = string(
        "File with CHAP names and secrets, mode 0600",
        longdesc="File with CHAP names and secrets, root's alone (mode 0600, no link): lines user "
        "= NAME and password = SECRET, by which initiators log in; mutual_user and "
        "mutual_password, by which the target proves itself to them.",
    )
    gate: str | None = gate_name(
        "Name of the PortGate before this gateway",
        longdesc="Name of the PortGate before this gateway: opened when all is served, closed "
        "before anything is taken away, so that initiators see silence and never an error.",
    )
    drift: str = choice(
        "What a monitor makes of anything that somebody changed",
        *DRIFT,
        default="fail",
        longdesc="What a monitor makes of anything that somebody changed: fail, which builds the "
        "target anew, or report it as degraded",
    )
    reservations: bool | None = boolean(
        "Whether initiators may make SCSI reservations, in lio",
        None,
        longdesc="Whether initiators may make SCSI reservations, in lio. They are lost when the "
        "target changes its node. Default: true, but false in a promotable clone, where one "
        "node would not know of another's.",
    )
    promotion_score: int = integer(
        "Score to be promoted that start gives to this node, 0 for none",
        10,
        minimum=0,
        maximum=1000000,
    )


__all__ = ["LIO", "TGT", "Parameters"]
