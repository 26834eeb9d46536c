"""Parameters of an iSCSI gateway that do not fit each other, judged without a node.

Only what is begun or validated is judged: a monitor never imports this.
"""

from hactl_agents.iscsi.parameters import LIO
from hactl_agents.ocf.errors import NotConfigured

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hactl_agents.iscsi.parameters import Parameters


def refuse(gateway: "Parameters", promotable: bool) -> None:
    """Raise NotConfigured where its parameters do not fit each other."""
    of_backend = of_lio if gateway.backend == LIO else of_tgt
    for sentence in (*of_all(gateway), *of_backend(gateway, promotable)):
        raise NotConfigured(sentence)


def of_all(gateway: "Parameters") -> "Iterator[str]":
    if not gateway.luns:
        yield "luns: name at least one"
    if not gateway.portals:
        yield "portals: name at least one"
    if not gateway.initiators and not gateway.auth_file:
        yield "initiators: name who may log in, or give auth_file"
    if gateway.auth_file and gateway.auth_file[0] != "/":
        yield "auth_file: give the whole path, from /"


def of_lio(gateway: "Parameters", promotable: bool) -> "Iterator[str]":
    for lun in gateway.luns:
        if lun.kernel_complaint():
            yield f"luns: {lun.kernel_complaint()}"
    if len({lun.readonly for lun in gateway.luns}) > 1 and not gateway.initiators:
        yield "luns: readonly is for all LUNs or none where initiators are not named: name them"
    if promotable and gateway.reservations:
        yield "reservations: one node of the clone knows nothing of another's"


def of_tgt(gateway: "Parameters", promotable: bool) -> "Iterator[str]":
    if promotable:
        yield "backend: tgt has no ALUA, so it cannot be promotable: take lio"
    for lun in gateway.luns:
        if not lun.number:
            yield "luns: tgt keeps LUN 0 for itself: begin with 1"
        if lun.image and lun.image.namespace:
            yield (
                f"luns: tgt cannot open {lun.image}, which is in a namespace: map it with "
                "RbdImage, and give its device"
            )
