"""How a target is made in the kernel, step by step; what a step makes, it can also read back.

Pure: everything stands still until the last step enables it.
"""

from hactl_agents.iscsi.lio import ALIAS, CORE, GROUP, ISCSI, LINK, STANDBY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hactl_agents.iscsi.backing import Backing
    from hactl_agents.iscsi.lio import Lio
    from hactl_agents.iscsi.lun import Lun
    from hactl_agents.iscsi.wanted import Wanted

IMPLICIT = ("1", "Implicit")  # as it is written, as it is read
SERIAL = "T10 VPD Unit Serial Number: "
ALIAS_OF_GROUP = "TG Port Alias: "


class Make:
    """A folder."""

    def __init__(self, path: str) -> None:
        self.path = path


class Link:
    """A symbolic link."""

    def __init__(self, path: str, to: str) -> None:
        self.path = path
        self.to = to


class Put:
    """An attribute, whose first line reads as ``shown`` afterwards.

    ``final``: it cannot be set twice. ``secret``: its value is in no message.
    """

    def __init__(
        self, path: str, value: str, shown: "str | None" = None, *, secret: bool = False
    ) -> None:
        self.path = path
        self.value = value
        self.shown = value if shown is None else shown
        self.secret = secret


class Tell:
    """Something written to an attribute that cannot be read, and is told by another one."""

    def __init__(self, path: str, value: str) -> None:
        self.path = path
        self.value = value


def steps(lio: "Lio", wanted: "Wanted", behind: "Iterable[Backing]") -> "Iterable[object]":
    """All of them, in order. The storage objects' adapters are looked up."""
    group = f"{lio.target}/tpgt_{wanted.tag}"
    yield Make(ISCSI)
    yield Make(lio.target)
    yield Make(group)
    yield Put(f"{group}/{ALIAS}", lio.mark)
    adapters: dict[str, str] = {}
    for each in behind:
        plugin = "iblock" if each.is_block else "fileio"
        if plugin not in adapters:
            adapters[plugin] = lio.adapter(plugin)
            yield Make(f"{CORE}/{adapters[plugin]}")
        path = f"{CORE}/{adapters[plugin]}/{lio.object(each.lun.number)}"
        yield from storage_object(path, each, wanted)
        yield from exported(f"{group}/lun/lun_{each.lun.number}", path, wanted)
    yield from access(group, wanted)
    for portal in wanted.portals:
        yield Make(f"{group}/np/{portal.on_this_node(lio.host)}")
    yield Put(f"{group}/enable", "1")


def storage_object(path: str, each: "Backing", wanted: "Wanted") -> "Iterable[object]":
    lun = each.lun
    yield Make(path)
    yield Tell(f"{path}/control", control(each))
    yield Put(f"{path}/udev_path", each.path)
    yield Put(f"{path}/enable", "1")
    if lun.company != "001405":
        yield Put(f"{path}/wwn/company_id", f"0x{lun.company}")
    serial = lun.serial_for(wanted.iqn)
    yield Put(f"{path}/wwn/vpd_unit_serial", serial, f"{SERIAL}{serial}")
    for name, value in (("vendor_id", lun.vendor), ("product_id", lun.product)):
        if value:
            yield Put(f"{path}/wwn/{name}", value)
    for name, number in attributes(each, wanted).items():
        yield Put(f"{path}/attrib/{name}", str(number))
    if wanted.promotable:
        yield from target_ports(f"{path}/alua/{GROUP}", wanted.tag)


def control(each: "Backing") -> str:
    if each.is_block:
        return f"udev_path={each.path},readonly={int(each.lun.readonly)}"
    words = f"fd_dev_name={each.path},fd_dev_size={each.size}"
    return f"{words},fd_buffered_io=1" if each.lun.write_cache else words


def attributes(each: "Backing", wanted: "Wanted") -> "dict[str, int]":
    found = {"emulate_pr": int(wanted.reservations)}
    if each.lun.block_size:
        found["block_size"] = each.lun.block_size
    if not each.is_block or each.lun.write_cache is not None:
        found["emulate_write_cache"] = int(bool(each.lun.write_cache))
    return found


def target_ports(folder: str, tag: int) -> "Iterable[object]":
    """A group of target ports that starts as standby, and that only this node changes."""
    yield Make(folder)
    yield Put(f"{folder}/tg_pt_gp_id", str(tag))
    yield Put(f"{folder}/alua_access_type", *IMPLICIT)
    yield Put(f"{folder}/alua_access_state", STANDBY)


def exported(folder: str, path: str, wanted: "Wanted") -> "Iterable[object]":
    yield Make(folder)
    yield Link(f"{folder}/{LINK}", path)
    if wanted.promotable:
        yield Put(f"{folder}/alua_tg_pt_gp", GROUP, f"{ALIAS_OF_GROUP}{GROUP}")


def access(group: str, wanted: "Wanted") -> "Iterable[object]":
    """Who may log in: those that are named, or anybody who knows the secret."""
    chap = wanted.account is not None
    open_to_all = not wanted.initiators
    values = {
        "authentication": chap,
        "generate_node_acls": open_to_all,
        "cache_dynamic_acls": open_to_all,
        "demo_mode_write_protect": open_to_all and any(lun.readonly for lun in wanted.luns),
        "demo_mode_discovery": open_to_all,
    }
    for name, value in values.items():
        yield Put(f"{group}/attrib/{name}", str(int(value)))
    if open_to_all:
        yield from authentication(f"{group}/auth", wanted)
    for initiator in wanted.initiators:
        yield from admitted(group, f"{group}/acls/{initiator}", wanted)


def admitted(group: str, folder: str, wanted: "Wanted") -> "Iterable[object]":
    yield Make(folder)
    yield from authentication(f"{folder}/auth", wanted)
    for lun in wanted.luns:
        yield from admitted_to(group, f"{folder}/lun_{lun.number}", lun)


def admitted_to(group: str, folder: str, lun: "Lun") -> "Iterable[object]":
    yield Make(folder)
    yield Link(f"{folder}/{LINK}", f"{group}/lun/lun_{lun.number}")
    yield Put(f"{folder}/write_protect", str(int(lun.readonly)))


def authentication(folder: str, wanted: "Wanted") -> "Iterable[object]":
    account = wanted.account
    if account is not None:
        yield Put(f"{folder}/userid", account.user, secret=True)
        yield Put(f"{folder}/password", account.password, secret=True)
    if account is not None and account.mutual_user:
        yield Put(f"{folder}/userid_mutual", account.mutual_user, secret=True)
        yield Put(f"{folder}/password_mutual", account.mutual_password, secret=True)
