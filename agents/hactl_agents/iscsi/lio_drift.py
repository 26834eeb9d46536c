"""What is otherwise in the kernel than it was made, read back attribute by attribute."""

from hactl_agents.iscsi import portal
from hactl_agents.iscsi.lio import CORE, resolved
from hactl_agents.iscsi.lio_plan import Link, Make, Put, steps
from hactl_agents.iscsi.lio_work import first_line, short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hactl_agents.iscsi.backing import Backing
    from hactl_agents.iscsi.lio import Lio
    from hactl_agents.iscsi.wanted import Wanted


def shallow(lio: "Lio", wanted: "Wanted") -> "Iterable[str]":
    """What every monitor looks at: LUNs and what is behind them, portals, who may log in."""
    group = lio.own_groups()[0]
    yield from extra(lio, f"{group}/lun", {f"lun_{lun.number}" for lun in wanted.luns}, "exports")
    yield from extra(lio, f"{group}/acls", set(wanted.initiators), "admits")
    yield from portal.differences(wanted.portals, lio.host.listdir(f"{group}/np"))
    for lun in wanted.luns:
        path = lio.behind(group, f"lun_{lun.number}")
        if path and not lio.lun_of(path.rpartition("/")[2]):
            yield f"LUN {lun.number} is {short(path)}, which is not ours"


def deep(lio: "Lio", wanted: "Wanted", behind: "list[Backing]") -> "Iterable[str]":
    """Everything that was written."""
    for step in steps(lio, wanted, behind):
        if isinstance(step, Put) and not step.path.endswith("/alua_access_state"):
            yield from put_differs(lio, step)
        elif isinstance(step, Link):
            to = lio.host.readlink(step.path)
            if to is None or resolved(to) != step.to:
                yield f"{short(step.path)} does not lead to {short(step.to)}"
        elif isinstance(step, Make) and not lio.host.exists(step.path):
            yield f"{short(step.path)} is missing"
    for each in behind:
        yield from device_differs(lio, each)
    group = lio.own_groups()[0]
    for initiator in wanted.initiators:
        folder = f"{group}/acls/{initiator}"
        names = {name for name in lio.host.listdir(folder) if name.startswith("lun_")}
        for name in sorted(names - {f"lun_{lun.number}" for lun in wanted.luns}):
            yield f"{initiator} is given {name} as well"


def put_differs(lio: "Lio", step: Put) -> "Iterable[str]":
    now = first_line(lio, step.path)
    if now != step.shown:
        said = "was changed" if step.secret else f"is {now!r}, not {step.shown!r}"
        yield f"{short(step.path)} {said}"


def device_differs(lio: "Lio", each: "Backing") -> "Iterable[str]":
    """A path may lead to another device than the one that was opened."""
    if not each.is_block:
        return
    path = f"{CORE}/{lio.adapter('iblock')}/{lio.object(each.lun.number)}"
    words = lio.get(f"{path}/info").replace(":", " ").split()
    if "Major" not in words or "Minor" not in words:
        return
    opened = f"{words[words.index('Major') + 1]}:{words[words.index('Minor') + 1]}"
    if opened != each.identity:
        yield f"LUN {each.lun.number} is device {opened}, {each.path} is {each.identity} now"


def extra(lio: "Lio", folder: str, wanted: "set[str]", does: str) -> "Iterable[str]":
    found = set(lio.host.listdir(folder))
    for name in sorted(found - wanted):
        yield f"it {does} {name} as well"
    for name in sorted(wanted - found):
        yield f"it no longer {does} {name}"
