"""All that a target is to be, as one value that both back ends build from and compare with."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.iscsi.lun import Lun
    from hactl_agents.iscsi.portal import Portal
    from hactl_agents.iscsi.secret import Account

LAST_TAG = 65535


class Wanted:
    """``owner`` is the resource's name in those of its objects, ``tag`` the portal group's.

    ``promotable``: start as standby, and say so to initiators. ``account`` None: no CHAP, or a
    look for which nobody read the file.
    """

    def __init__(
        self,
        owner: str,
        iqn: str,
        luns: "tuple[Lun, ...]",
        portals: "tuple[Portal, ...]",
        initiators: "tuple[str, ...]",
        *,
        tag: int = 1,
        promotable: bool = False,
        reservations: bool = True,
        account: "Account | None" = None,
    ) -> None:
        self.owner = owner
        self.iqn = iqn
        self.luns = luns
        self.portals = portals
        self.initiators = initiators
        self.tag = tag
        self.promotable = promotable
        self.reservations = reservations
        self.account = account


class Sight:
    """What a look found. ``why`` says what is wrong with what is only partly there."""

    def __init__(self, state: str, why: str = "", *, promoted: bool = False) -> None:
        self.state = state
        self.why = why
        self.promoted = promoted


ABSENT, PARTLY, THERE = "absent", "partly", "there"
