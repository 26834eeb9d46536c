"""The rules of the kernel's NVMe target in configfs, kept by a tree of objects in memory.

What may be made, linked, written and removed, and the errors of what may not, as in Linux 6.1 to
6.13; calibrated against a real kernel by tests/truth/test_nvmeof_gateway_kernel.py. It moves no
data. Raises OSError, so a file system can be put before it (file_system.py).
"""

import errno
import re
from collections.abc import Callable
from dataclasses import dataclass, field

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NGUID = re.compile(r"([0-9a-f]{2}[-:]?){16}")
NO_UUID = "00000000-0000-0000-0000-000000000000"
STATES = ("optimized", "non-optimized", "inaccessible", "persistent-loss", "change")
MOST_GROUPS = 128


@dataclass
class Node:
    """A folder of configfs: attributes, folders, links. ``made`` by mkdir, not by its parent."""

    kind: str
    attributes: dict[str, str] = field(default_factory=dict)
    folders: "dict[str, Node]" = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    made: bool = False


class Nvmet:
    """One node's target, below ``/nvmet``. ``backing`` says what is at a path of the node:
    "device", "file", "tmpfs" (a file without direct I/O), or "" for nothing.
    """

    def __init__(
        self, backing: Callable[[str], str] = lambda _: "file", auth: bool = False
    ) -> None:
        self.backing = backing
        self.auth = auth
        self.addresses: set[str] | None = None  # that can be listened on; None: all
        self.stuck: set[str] = set()  # paths below which a disk hangs, for whoever asks
        names = ("subsystems", "ports", "hosts")
        self.root = Node("root", folders={"nvmet": Node("nvmet", folders={
            name: Node(name) for name in names})})  # fmt: skip
        self.born = 0

    # looking

    def find(self, path: str) -> Node:
        node = self.root
        for part in parts(path):
            if part not in node.folders:
                fail(errno.ENOENT)
            node = node.folders[part]
        return node

    def listdir(self, path: str) -> list[str]:
        node = self.find(path)
        return [*node.folders, *node.links, *node.attributes]

    def kind(self, path: str) -> str:
        """folder, link or attribute. Raises OSError (ENOENT) for nothing."""
        folder, name = split(path)
        if not name:
            return "folder"
        node = self.find(folder)
        if name in node.folders:
            return "folder"
        if name in node.links:
            return "link"
        if name in node.attributes:
            return "attribute"
        return fail(errno.ENOENT)

    def readlink(self, path: str) -> str:
        folder, name = split(path)
        node = self.find(folder)
        return node.links[name] if name in node.links else fail(errno.EINVAL)

    def read(self, path: str) -> str:
        folder, name = split(path)
        node = self.find(folder)
        if name not in node.attributes:
            fail(errno.ENOENT if name not in node.folders else errno.EISDIR)
        if name == "revalidate_size":
            fail(errno.EACCES)
        return node.attributes[name] + "\n"

    # making and removing

    def mkdir(self, path: str) -> None:
        folder, name = split(path)
        node = self.find(folder)
        if name in node.folders or name in node.links or name in node.attributes:
            fail(errno.EEXIST)
        make = {
            "subsystems": self.subsystem,
            "namespaces": self.namespace,
            "ports": self.port,
            "ana_groups": self.ana_group,
            "referrals": self.referral,
            "hosts": self.host,
        }.get(node.kind)
        if make is None:
            fail(errno.EPERM)
        made = make(name)
        made.made = True
        node.folders[name] = made

    def rmdir(self, path: str) -> None:
        folder, name = split(path)
        node = self.find(path)
        if not node.made:
            fail(errno.EPERM)
        if self.is_linked(path):
            fail(errno.EBUSY)
        if any(has_more(each) for each in [node, *defaults(node)]):
            fail(errno.ENOTEMPTY)
        del self.find(folder).folders[name]

    def is_linked(self, path: str) -> bool:
        ports, subsystems = self.find("/nvmet/ports"), self.find("/nvmet/subsystems")
        holders = [each.folders["subsystems"] for each in ports.folders.values()]
        holders += [each.folders["allowed_hosts"] for each in subsystems.folders.values()]
        return any(parts(path)[-2:] == parts(to)[-2:] for h in holders for to in h.links.values())

    def symlink(self, path: str, to: str) -> None:
        folder, name = split(path)
        node = self.find(folder)
        if node.kind not in ("offers", "allowed_hosts"):
            fail(errno.EPERM)
        kind, target = parts(to)[-2:]
        if target not in self.find(f"/nvmet/{kind}").folders:
            fail(errno.ENOENT)
        if name in node.links:
            fail(errno.EEXIST)
        if (node.kind, kind) not in (("offers", "subsystems"), ("allowed_hosts", "hosts")):
            fail(errno.EINVAL)
        owner = self.find(split(folder)[0])
        if node.kind == "offers" and not node.links:
            self.listen(owner)
        if node.kind == "allowed_hosts" and owner.attributes["attr_allow_any_host"] == "1":
            fail(errno.EINVAL)
        if target in [parts(each)[-1] for each in node.links.values()]:
            fail(errno.EEXIST)
        node.links[name] = f"../../../../nvmet/{kind}/{target}"

    def unlink(self, path: str) -> None:
        folder, name = split(path)
        node = self.find(folder)
        if name not in node.links:
            fail(errno.EPERM if name in node.attributes else errno.ENOENT)
        del node.links[name]

    def listen(self, port: Node) -> None:
        """The transport opens the portal; it can be opened once."""
        said = port.attributes
        if said["addr_trtype"] not in ("tcp", "rdma"):
            fail(errno.EINVAL)
        if said["addr_adrfam"] not in ("ipv4", "ipv6"):
            fail(errno.EINVAL)
        if self.addresses is not None and said["addr_traddr"] not in self.addresses:
            fail(errno.EADDRNOTAVAIL)
        for other in self.find("/nvmet/ports").folders.values():
            same = all(
                other.attributes[key] == said[key] for key in ("addr_traddr", "addr_trsvcid")
            )
            if other is not port and same and other.folders["subsystems"].links:
                fail(errno.EADDRINUSE)

    # writing

    def write(self, path: str, text: str) -> None:
        folder, name = split(path)
        node = self.find(folder)
        if name not in node.attributes:
            fail(errno.EACCES)
        value = text.strip("\n")
        rule = getattr(self, f"write_{node.kind}", None)
        node.attributes[name] = rule(node, name, value) if rule else value

    def write_subsystem(self, node: Node, name: str, value: str) -> str:
        said = node.attributes
        hosts = node.folders["allowed_hosts"].links
        if name == "attr_allow_any_host":
            value = flag(value)
            return fail(errno.EINVAL) if value == "1" and hosts else value
        limit = {"attr_serial": 20, "attr_model": 40}.get(name)
        if limit and not (0 < len(value) <= limit and value.isascii() and value.isprintable()):
            fail(errno.EINVAL)
        if name == "attr_cntlid_min" and not 0 < int(value) <= int(said["attr_cntlid_max"]):
            fail(errno.EINVAL)
        if name == "attr_cntlid_max" and int(value) < int(said["attr_cntlid_min"]):
            fail(errno.EINVAL)
        return value

    def write_namespace(self, node: Node, name: str, value: str) -> str:
        said = node.attributes
        if name == "enable":
            return self.enable(node, flag(value))
        if name == "ana_grpid":
            return value if 1 <= int(value) <= MOST_GROUPS else fail(errno.EINVAL)
        if said["enable"] == "1":
            fail(errno.EINVAL if name in ("buffered_io", "resv_enable") else errno.EBUSY)
        if name in ("buffered_io", "resv_enable"):
            return flag(value)
        if name == "device_path" and not value:
            fail(errno.EINVAL)
        if name == "device_uuid" and not UUID.fullmatch(value):
            fail(errno.EINVAL)
        if name == "device_nguid":
            return dashed(value) if NGUID.fullmatch(value) else fail(errno.EINVAL)
        return value

    def enable(self, node: Node, value: str) -> str:
        said = node.attributes
        if said["enable"] == value or value == "0":
            return value
        if said["device_path"] == "(null)":
            fail(errno.EINVAL)
        kind = self.backing(said["device_path"])
        if not kind:
            fail(errno.ENOENT)
        if kind == "tmpfs" and said["buffered_io"] == "0":
            fail(errno.EINVAL)
        if said["device_uuid"] == NO_UUID:
            self.born += 1
            said["device_uuid"] = f"{self.born:08x}-0000-4000-8000-000000000000"
        return value

    def write_port(self, node: Node, name: str, value: str) -> str:
        if node.folders["subsystems"].links:
            fail(errno.EACCES)
        known = {"addr_trtype": ("rdma", "fc", "tcp", "loop"), "addr_adrfam": (
            "pcie", "ipv4", "ipv6", "ib", "fc", "loop")}.get(name)  # fmt: skip
        if known and value not in known:
            fail(errno.EINVAL)
        return value if value.strip() else fail(errno.EINVAL)

    def write_ana_group(self, node: Node, name: str, value: str) -> str:  # noqa: ARG002
        return value if value in STATES else fail(errno.EINVAL)

    def write_host(self, node: Node, name: str, value: str) -> str:  # noqa: ARG002
        if name.endswith("_key") and not value.startswith("DHHC-1:"):
            fail(errno.EINVAL)
        return value

    # objects as they are when they are made

    def subsystem(self, name: str) -> Node:
        if name == "nqn.2014-08.org.nvmexpress.discovery":
            fail(errno.EINVAL)
        self.born += 1
        attributes = {
            "attr_allow_any_host": "0", "attr_serial": f"{self.born:020x}", "attr_model": "Linux",
            "attr_version": "1.3", "attr_cntlid_min": "1", "attr_cntlid_max": "65519",
            "attr_pi_enable": "0", "attr_qid_max": "128",
        }  # fmt: skip
        folders = {kind: Node(kind) for kind in ("namespaces", "allowed_hosts")}
        return Node("subsystem", attributes, folders)

    def namespace(self, name: str) -> Node:
        if not name.isdigit() or not 0 < int(name) < 0xFFFFFFFF:
            fail(errno.EINVAL)
        self.born += 1
        return Node("namespace", {
            "device_path": "(null)", "device_nguid": NO_UUID, "enable": "0", "ana_grpid": "1",
            "device_uuid": f"{self.born:08x}-0000-4000-8000-000000000000", "buffered_io": "0",
            "revalidate_size": "",
        })  # fmt: skip

    def port(self, name: str) -> Node:
        if not name.isdigit() or int(name) > 0xFFFF:
            fail(errno.EINVAL)
        attributes = dict.fromkeys(
            ("addr_trtype", "addr_adrfam", "addr_traddr", "addr_trsvcid"), ""
        ) | {"addr_treq": "not specified", "param_inline_data_size": "-1", "param_pi_enable": "0"}
        folders = {
            "subsystems": Node("offers"),
            "referrals": Node("referrals"),
            "ana_groups": Node("ana_groups", folders={"1": self.ana_group("1", "optimized")}),
        }
        return Node("port", attributes, folders)

    def ana_group(self, name: str, state: str = "inaccessible") -> Node:
        if state == "inaccessible" and not (name.isdigit() and 1 < int(name) <= MOST_GROUPS):
            fail(errno.EINVAL)
        return Node("ana_group", {"ana_state": state})

    def referral(self, name: str) -> Node:  # noqa: ARG002
        return Node("referral", {"enable": "0", "addr_traddr": "", "addr_trsvcid": ""})

    def host(self, name: str) -> Node:  # noqa: ARG002
        if not self.auth:
            return Node("host")
        return Node("host", {
            "dhchap_key": "", "dhchap_ctrl_key": "", "dhchap_hash": "hmac(sha256)",
            "dhchap_dhgroup": "null",
        })  # fmt: skip


def parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part and part != ".."]


def split(path: str) -> tuple[str, str]:
    folder, _, name = path.rstrip("/").rpartition("/")
    return folder, name


def defaults(node: Node) -> list[Node]:
    return [each for each in node.folders.values() if not each.made]


def has_more(node: Node) -> bool:
    return bool(node.links) or any(each.made for each in node.folders.values())


def flag(value: str) -> str:
    if value.lower() in ("1", "y", "on", "t"):
        return "1"
    return "0" if value.lower() in ("0", "n", "off", "f") else fail(errno.EINVAL)


def dashed(value: str) -> str:
    plain = re.sub("[-:]", "", value)
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))


def fail(number: int) -> "str":
    raise OSError(number, errno.errorcode[number])
