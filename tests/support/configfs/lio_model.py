"""The rules of the kernel's iSCSI target in configfs, as far as an agent meets them; pure.

Which call succeeds, which fails and how, what an attribute reads as after it was written. What a
test does with the kernel of a machine it can do with this, and compare (tests/truth).
"""

import errno
from collections.abc import Callable
from typing import Any

ROOT = "/target"
LEVELS = {"0": "None", "1": "Implicit", "2": "Explicit", "3": "Implicit and Explicit"}
PORT_STATES = {"0": "Active/Optimized", "1": "Active/NonOptimized", "2": "Standby"}
SERIAL = "T10 VPD Unit Serial Number: "
TPG_ATTRIBUTES = {
    "authentication": "1", "generate_node_acls": "0", "cache_dynamic_acls": "0",
    "demo_mode_write_protect": "1", "demo_mode_discovery": "1", "prod_mode_write_protect": "0",
}  # fmt: skip
DEVICE_ATTRIBUTES = {
    "emulate_pr": "1", "emulate_write_cache": "0", "block_size": "0", "hw_block_size": "0",
}  # fmt: skip
AUTH = {"userid": "", "password": "", "userid_mutual": "", "password_mutual": ""}
BOOLEAN = {*TPG_ATTRIBUTES, "emulate_pr", "emulate_write_cache", "write_protect"}


class Item:
    """A folder: attributes by name, folders and links (texts) in it."""

    def __init__(self, kind: str, attributes: "dict[str, str] | None" = None) -> None:
        self.kind = kind
        self.attributes = dict(attributes or {})
        self.items: dict[str, Item | str] = {}
        self.made = False  # by mkdir
        self.users: list[str] = []  # paths of the links to it

    def folder(self, name: str, item: "Item") -> "Item":
        self.items[name] = item
        return item


def failing(number: int) -> OSError:
    return OSError(number, errno.errorcode[number])


class Lio:
    """``backing`` says what is at a path: device, claimed, file, or '' for nothing."""

    def __init__(self, backing: "Callable[[str], str]") -> None:
        self.backing = backing
        self.top = Item("top")
        target = self.top.folder(
            "target", Item("target", {"dbroot": "/run/target", "version": "5"})
        )
        target.folder("core", Item("core")).folder("alua", Item("alua_root"))

    # looking

    def find(self, path: str) -> "tuple[Item, str]":
        """The folder a path is in, or is, and the attribute's or link's name, '' for none."""
        item = self.top
        parts = [part for part in path.split("/") if part]
        for position, part in enumerate(parts):
            found = item.items.get(part)
            if isinstance(found, Item):
                item = found
            elif position == len(parts) - 1 and (found is not None or part in item.attributes):
                return item, part
            else:
                raise failing(errno.ENOENT)
        return item, ""

    def kind(self, path: str) -> str:
        item, name = self.find(path)
        if not name:
            return "folder"
        return "link" if name in item.items else "attribute"

    def listdir(self, path: str) -> list[str]:
        item, name = self.find(path)
        if name:
            raise failing(errno.ENOTDIR)
        return [*item.items, *item.attributes]

    def readlink(self, path: str) -> str:
        item, name = self.find(path)
        to = item.items.get(name) if name else None
        if not isinstance(to, str):
            raise failing(errno.EINVAL)
        return "../" * (path.strip("/").count("/")) + to.strip("/")

    def read(self, path: str) -> str:
        item, name = self.find(path)
        if name not in item.attributes:
            raise failing(errno.EISDIR)
        if name == "control":
            raise failing(errno.EACCES)
        if item.kind == "lun" and name == "alua_tg_pt_gp":
            return self.port_group(item)
        value = item.attributes[name]
        if name == "alua_access_type":
            value = LEVELS[value]
        elif name == "vpd_unit_serial":
            value = f"{SERIAL}{value}"
        return f"{value}\n"

    def port_group(self, lun: Item) -> str:
        device = self.device_of(lun)
        name = lun.attributes["alua_tg_pt_gp"]
        group = device.items["alua"].items.get(name) if device else None  # type: ignore[union-attr]
        if not isinstance(group, Item):
            return "\n"
        state = PORT_STATES.get(group.attributes["alua_access_state"], "?")
        return (
            f"TG Port Alias: {name}\nTG Port Group ID: {group.attributes['tg_pt_gp_id']}\n"
            f"TG Port Primary Access State: {state}\n"
        )

    def device_of(self, lun: Item) -> "Item | None":
        for to in lun.items.values():
            if isinstance(to, str):
                return self.find(to)[0]
        return None

    # making and removing

    def mkdir(self, path: str) -> None:
        above, _, name = path.rpartition("/")
        item, attribute = self.find(above)
        if attribute:
            raise failing(errno.ENOTDIR)
        if name in item.items:
            raise failing(errno.EEXIST)
        maker = MAKERS.get(item.kind)
        if maker is None:
            raise failing(errno.EPERM)
        made = maker(self, item, name)
        made.made = True
        item.items[name] = made

    def rmdir(self, path: str) -> None:
        item, attribute = self.find(path)
        if attribute:
            raise failing(errno.ENOTDIR)
        if not item.made:
            raise failing(errno.EPERM)
        if item.users:
            raise failing(errno.EBUSY)
        if any(not isinstance(each, Item) or each.made for each in below(item)):
            raise failing(errno.ENOTEMPTY)
        above, _, name = path.rpartition("/")
        parent = self.find(above)[0]
        if item.kind == "port_group":
            self.leave(above.rpartition("/")[0], name)
        del parent.items[name]

    def leave(self, device: str, group: str) -> None:
        """The LUNs of a group that goes fall back to the default one."""
        for link in self.find(device)[0].users:
            lun = self.find(link.rpartition("/")[0])[0]
            if lun.attributes["alua_tg_pt_gp"] == group:
                lun.attributes["alua_tg_pt_gp"] = "default_tg_pt_gp"

    def symlink(self, path: str, to: str) -> None:
        above, _, name = path.rpartition("/")
        item, target = self.find(above)[0], self.find(to)[0]
        if name in item.items:
            raise failing(errno.EEXIST)
        pairs = {"lun": "device", "mapped_lun": "lun"}
        if pairs.get(item.kind) != target.kind:
            raise failing(errno.EPERM if item.kind not in pairs else errno.EFAULT)
        if item.kind == "lun" and target.attributes["enable"] != "1":
            raise failing(errno.ENODEV)
        if any(isinstance(each, str) for each in item.items.values()):
            raise failing(errno.EEXIST)
        item.items[name] = to.strip("/")
        if item.kind == "lun":
            target.users.append(path)

    def unlink(self, path: str) -> None:
        item, name = self.find(path)
        to = item.items.get(name) if name else None
        if not isinstance(to, str):
            raise failing(errno.EPERM)
        del item.items[name]
        users = self.find(to)[0].users
        if path in users:
            users.remove(path)
        if item.kind == "lun":
            item.attributes["alua_tg_pt_gp"] = "default_tg_pt_gp"

    # writing

    def write(self, path: str, text: str) -> None:
        item, name = self.find(path)
        if name not in item.attributes:
            raise failing(errno.EISDIR)
        value = text.removesuffix("\n")
        if name in BOOLEAN and value not in ("0", "1"):
            raise failing(errno.EINVAL)
        special: dict[str, Callable[[str, Item, str], None]] = {
            "control": self.write_control, "enable": self.write_enable,
            "block_size": self.write_block_size, "emulate_write_cache": self.write_cache,
            "tg_pt_gp_id": self.write_id, "alua_access_state": self.write_state,
            "alua_tg_pt_gp": self.write_group, "vpd_unit_serial": self.write_serial,
            "info": self.refuse,
        }  # fmt: skip
        special.get(name, lambda _, item, value: item.attributes.update({name: value}))(
            path, item, value
        )

    def refuse(self, path: str, item: Item, value: str) -> None:  # noqa: ARG002
        raise failing(errno.EACCES)

    def write_control(self, path: str, device: Item, value: str) -> None:  # noqa: ARG002
        for pair in value.split(","):
            key, _, word = pair.partition("=")
            device.attributes["control"] += f"{key}={word}\n"

    def write_enable(self, path: str, item: Item, value: str) -> None:
        if item.kind == "tpg":
            if value not in ("0", "1"):
                raise failing(errno.EINVAL)
            item.attributes["enable"] = value
            return
        given = dict(line.partition("=")[::2] for line in item.attributes["control"].splitlines())
        if value != "1" or item.attributes["enable"] == "1":
            raise failing(errno.EINVAL if value != "1" else errno.EEXIST)
        is_file = "/fileio_" in path
        at = given.get("fd_dev_name" if is_file else "udev_path", "")
        if not at or (is_file and "fd_dev_size" not in given):
            raise failing(errno.EINVAL)
        there = self.backing(at)
        if not there:
            raise failing(errno.ENOENT)
        if not is_file and there == "claimed":
            raise failing(errno.EBUSY)
        item.attributes["enable"] = "1"
        attrib = item.items["attrib"]
        assert isinstance(attrib, Item)
        attrib.attributes |= {"block_size": "512", "hw_block_size": "512"}
        if given.get("fd_buffered_io") == "1":
            attrib.attributes["emulate_write_cache"] = "1"

    def write_block_size(self, path: str, item: Item, value: str) -> None:
        if value not in ("512", "1024", "2048", "4096") or self.device_at(path).users:
            raise failing(errno.EINVAL)
        item.attributes["block_size"] = value

    def write_cache(self, path: str, item: Item, value: str) -> None:
        if value == "1" and "/iblock_" in path:
            raise failing(errno.EINVAL)
        item.attributes["emulate_write_cache"] = value

    def write_serial(self, path: str, item: Item, value: str) -> None:
        if self.device_at(path).users:
            raise failing(errno.EINVAL)
        item.attributes["vpd_unit_serial"] = value

    def device_at(self, path: str) -> Item:
        return self.find("/".join(path.split("/")[:5]))[0]

    def write_id(self, path: str, item: Item, value: str) -> None:
        taken = [
            group.attributes["tg_pt_gp_id"]
            for group in self.find(path.rpartition("/")[0].rpartition("/")[0])[0].items.values()
            if isinstance(group, Item) and group is not item
        ]
        if item.attributes["tg_pt_gp_id"] or not value.isdigit() or value in taken:
            raise failing(errno.EINVAL)
        item.attributes["tg_pt_gp_id"] = value

    def write_state(self, path: str, item: Item, value: str) -> None:  # noqa: ARG002
        implicit = item.attributes["alua_access_type"] in ("1", "3")
        if not item.attributes["tg_pt_gp_id"] or value not in PORT_STATES or not implicit:
            raise failing(errno.EINVAL)
        item.attributes["alua_access_state"] = value

    def write_group(self, path: str, lun: Item, value: str) -> None:  # noqa: ARG002
        device = self.device_of(lun)
        if device is None:
            raise failing(errno.ENODEV)
        if value not in device.items["alua"].items:  # type: ignore[union-attr]
            raise failing(errno.ENODEV)
        lun.attributes["alua_tg_pt_gp"] = value


def below(item: Item) -> "list[Item | str]":
    found: list[Item | str] = []
    for each in item.items.values():
        found.append(each)
        if isinstance(each, Item):
            found += below(each)
    return found


# what mkdir makes, by the kind of the folder it is called in


def make_fabric(lio: Lio, above: Item, name: str) -> Item:  # noqa: ARG001
    if name != "iscsi":
        raise failing(errno.EINVAL)
    found = Item("iscsi", {"lio_version": "5"})
    found.folder("discovery_auth", Item("static", AUTH))
    return found


def make_adapter(lio: Lio, above: Item, name: str) -> Item:  # noqa: ARG001
    plugin, _, number = name.partition("_")
    if plugin not in ("iblock", "fileio", "rd_mcp") or not number.isdigit():
        raise failing(errno.EINVAL)
    return Item("adapter", {"hba_info": "HBA", "hba_mode": "0"})


def make_device(lio: Lio, above: Item, name: str) -> Item:  # noqa: ARG001
    attributes = {"control": "", "info": "", "enable": "0", "udev_path": "", "alias": ""}
    found = Item("device", attributes)
    found.folder("attrib", Item("static", DEVICE_ATTRIBUTES))
    wwn = {"vpd_unit_serial": "", "company_id": "0x001405", "product_id": "", "vendor_id": ""}
    found.folder("wwn", Item("static", wwn))
    alua = found.folder("alua", Item("alua"))
    alua.folder("default_tg_pt_gp", port_group("0"))
    return found


def make_group(lio: Lio, above: Item, name: str) -> Item:  # noqa: ARG001
    return port_group("")


def port_group(number: str) -> Item:
    values = {"tg_pt_gp_id": number, "alua_access_type": "3", "alua_access_state": "0"}
    return Item("port_group", values)


def make_target(lio: Lio, above: Item, name: str) -> Item:  # noqa: ARG001
    found = Item("iqn")
    found.folder("fabric_statistics", Item("static"))
    found.folder("param", Item("static"))
    return found


def make_tpg(lio: Lio, above: Item, name: str) -> Item:  # noqa: ARG001
    if not numbered(name, "tpgt_"):
        raise failing(errno.EINVAL)
    found = Item("tpg", {"enable": "0", "dynamic_sessions": ""})
    found.folder("attrib", Item("static", TPG_ATTRIBUTES))
    found.folder("param", Item("static", {"TargetAlias": "LIO Target", "AuthMethod": "CHAP"}))
    found.folder("auth", Item("static", AUTH))
    for kind in ("lun", "np", "acls"):
        found.folder(kind, Item(f"{kind}_root"))
    return found


def make_lun(lio: Lio, above: Item, name: str) -> Item:  # noqa: ARG001
    if not numbered(name, "lun_"):
        raise failing(errno.EINVAL)
    found = Item("lun", {"alua_tg_pt_gp": "default_tg_pt_gp"})
    found.folder("statistics", Item("static"))
    return found


def make_portal(lio: Lio, above: Item, name: str) -> Item:  # noqa: ARG001
    if not name.rpartition(":")[2].isdigit():
        raise failing(errno.EINVAL)
    return Item("portal", {"iser": "0"})


def make_acl(lio: Lio, above: Item, name: str) -> Item:  # noqa: ARG001
    found = Item("acl", {"info": "", "tag": "", "cmdsn_depth": "64"})
    found.folder("auth", Item("static", AUTH))
    return found


def make_mapped(lio: Lio, above: Item, name: str) -> Item:  # noqa: ARG001
    if not numbered(name, "lun_"):
        raise failing(errno.EINVAL)
    found = Item("mapped_lun", {"write_protect": "0"})
    found.folder("statistics", Item("static"))
    return found


def numbered(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and name[len(prefix) :].isdigit()


MAKERS: "dict[str, Callable[[Lio, Item, str], Any]]" = {
    "target": make_fabric,
    "core": make_adapter,
    "adapter": make_device,
    "alua": make_group,
    "iscsi": make_target,
    "iqn": make_tpg,
    "lun_root": make_lun,
    "np_root": make_portal,
    "acls_root": make_acl,
    "acl": make_mapped,
}
