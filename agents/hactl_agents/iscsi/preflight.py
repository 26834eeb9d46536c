"""Whether what is to be served is free on this node: nobody else has, serves or names it so."""

from hactl_agents.gateway.in_use import Uses, refuse_claimed, refuse_unfit_device
from hactl_agents.ocf.errors import WrongHere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from hactl_agents.host.host import Host
    from hactl_agents.iscsi.backing import Backing
    from hactl_agents.iscsi.lun import Lun


def identities(luns: "Iterable[tuple[Lun, Backing | None]]") -> "dict[int, str]":
    """What is behind each LUN, whatever the path: its number -> a device's, a file's, an image's.

    Raises WrongHere where two LUNs have the same behind them.
    """
    found: dict[int, str] = {}
    for lun, each in luns:
        identity = each.identity if each else lun.path
        if identity in found.values():
            raise WrongHere(f"LUN {lun.number}: {lun.path} is behind another LUN already")
        found[lun.number] = identity
    return found


def refuse_in_use(
    host: "Host",
    iqn: str,
    luns: "list[tuple[Lun, Backing | None]]",
    ours: "Container[str]",
) -> None:
    """Raises WrongHere where somebody else serves or uses what is behind a LUN.

    ``ours`` are the users that do not count; what they have for themselves is ours already.
    """
    uses = Uses(host, ours)
    behind = identities(luns)
    for lun, each in luns:
        what = f"LUN {lun.number}"
        uses.refuse(what, lun.path, behind[lun.number], lun.serial_for(iqn))
        if each is None and not host.paths.exists(lun.conf):
            raise WrongHere(f"{what}: this node has no {lun.conf}, by which Ceph is found")
        if each and each.is_block:
            refuse_unfit_device(host, what, each.path, each.identity, writable=not lun.readonly)
            if each.identity not in uses.held:
                refuse_claimed(host, what, each.path, each.identity)
