"""Making a target in the kernel, taking it away, and changing its role.

Whatever touches a device may hang in the kernel, so all of it is done in a process apart.
"""

from hactl_agents.iscsi.lio import GROUP, ISCSI, MOUNT, OPTIMIZED, ROOT, STANDBY, STATES
from hactl_agents.iscsi.lio_plan import Link, Make, Put, Tell, steps
from hactl_agents.ocf.errors import Failed, NotInstalled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hactl_agents.host.host import Host
    from hactl_agents.iscsi.backing import Backing
    from hactl_agents.iscsi.lio import Lio
    from hactl_agents.iscsi.wanted import Wanted

MODULES = ("configfs", "target_core_mod", "iscsi_target_mod")


def prepare(host: "Host") -> None:
    """Have the kernel's target loaded and configfs mounted. Raises NotInstalled."""
    if not host.exists(ROOT):
        for module in MODULES:
            host.run("modprobe", module, check=False)
        if not host.exists(ROOT):
            host.run("mount", "-t", "configfs", "configfs", MOUNT, check=False)
        if not host.exists(ROOT):
            raise NotInstalled("the kernel has no module target_core_mod, or configfs is not there")
    if not host.exists(ISCSI):
        try:
            host.make_folder(ISCSI)  # loads iscsi_target_mod where it is missing
        except Failed:
            raise NotInstalled("the kernel has no module iscsi_target_mod") from None


def keep_reservations(host: "Host") -> None:
    """Make the folder for reservations that outlive a power cut: without it they are refused."""
    top = (host.read(f"{ROOT}/dbroot") or "").strip()
    for path in (top, f"{top}/pr") if top[:1] == "/" else ():
        try:
            host.make_folder(path)
        except Failed as exc:
            host.log(f"reservations that outlive a power cut will be refused: {exc}")


def build(lio: "Lio", wanted: "Wanted", behind: "list[Backing]") -> None:
    """Make it, disabled, and enable it last. Raises Failed where the kernel does otherwise."""
    if wanted.reservations:
        keep_reservations(lio.host)
    for step in steps(lio, wanted, behind):
        if isinstance(step, Make):
            lio.host.at(f"making {short(step.path)}")
            make(lio.host, step.path)
        elif isinstance(step, Link):
            lio.host.at(f"linking {short(step.path)}")
            lio.host.link(step.path, step.to)
        elif isinstance(step, Tell):
            lio.host.write(step.path, step.value)
        elif isinstance(step, Put):
            lio.host.at(f"writing {short(step.path)}")
            put(lio, step)


def make(host: "Host", path: str) -> None:
    try:
        host.make_folder(path)
    except Failed as exc:
        if "/np/" not in path:
            raise
        address = path.rpartition("/")[2]
        raise Failed(f"cannot listen on {address}, which may be in use: {exc}") from None


def put(lio: "Lio", step: Put) -> None:
    """Set an attribute to what it is not yet, and read it back."""
    if first_line(lio, step.path) == step.shown:
        return
    lio.host.write(step.path, step.value, step.secret)
    now = first_line(lio, step.path)
    if now != step.shown:
        what = "something else" if step.secret else repr(now)
        raise Failed(f"{step.path}: was set and is {what}")


def first_line(lio: "Lio", path: str) -> str:
    return lio.get(path).partition("\n")[0]


def tear_down(lio: "Lio") -> None:
    """Take all of it away, from its users to its objects. Raises Failed where something stays."""
    for group in lio.own_groups():
        close(lio, group)
        for acl in lio.host.listdir(f"{group}/acls"):
            for lun in lio.host.listdir(f"{group}/acls/{acl}"):
                if lun.startswith("lun_"):
                    unlinked(lio, f"{group}/acls/{acl}/{lun}")
            gone(lio, f"{group}/acls/{acl}")
        for portal in lio.host.listdir(f"{group}/np"):
            gone(lio, f"{group}/np/{portal}")
        for lun in lio.host.listdir(f"{group}/lun"):
            unlinked(lio, f"{group}/lun/{lun}")
        gone(lio, group)
    if (lio.claimed or lio.host.exists(lio.target)) and not lio.groups():
        gone(lio, lio.target)
    remove_objects(lio)


def close(lio: "Lio", group: str) -> None:
    """End its sessions: the kernel waits for the commands they have under way."""
    if lio.get(f"{group}/enable") == "1":
        lio.host.at(f"ending the sessions of {lio.iqn}")
        lio.host.write(f"{group}/enable", "0")


def unlinked(lio: "Lio", folder: str) -> None:
    """Take away a LUN, or what maps one to an initiator."""
    for name in lio.host.listdir(folder):
        if lio.host.readlink(f"{folder}/{name}") is not None:
            lio.host.at(f"taking away {short(folder)}")
            lio.host.remove(f"{folder}/{name}")
    gone(lio, folder)


def remove_objects(lio: "Lio") -> None:
    adapters = set()
    for path in lio.own_objects():
        for group in lio.host.listdir(f"{path}/alua"):
            if group == GROUP:
                gone(lio, f"{path}/alua/{group}")
        lio.host.at(f"letting go of {short(path)}")
        gone(lio, path)
        adapters.add(path.rpartition("/")[0])
    for adapter in adapters:  # one that also has objects of others stays
        lio.host.remove_folder(adapter)


def gone(lio: "Lio", path: str) -> None:
    if not lio.host.remove_folder(path):
        raise Failed(f"{path}: is still in use")


def set_role(lio: "Lio", *, promoted: bool) -> None:
    """Tell initiators by which state the LUNs can be reached here."""
    state = OPTIMIZED if promoted else STANDBY
    for group in lio.own_groups():
        for lun in lio.host.listdir(f"{group}/lun"):
            path = lio.behind(group, lun)
            lio.host.at(f"making {lun} {STATES[state]}")
            for step in role(path, f"{group}/lun/{lun}", group, state):
                if isinstance(step, Make):
                    lio.host.make_folder(step.path)
                elif isinstance(step, Put):
                    put(lio, step)


def role(path: str, lun: str, group: str, state: str) -> "Iterable[object]":
    """Also for a target that was not started as promotable."""
    from hactl_agents.iscsi.lio_plan import ALIAS_OF_GROUP, target_ports

    folder = f"{path}/alua/{GROUP}"
    made = list(target_ports(folder, int(group.rpartition("_")[2])))
    yield from made[:-1]
    yield Put(f"{folder}/alua_access_state", state)
    yield Put(f"{lun}/alua_tg_pt_gp", GROUP, f"{ALIAS_OF_GROUP}{GROUP}")


def short(path: str) -> str:
    return path.removeprefix(f"{ROOT}/")
