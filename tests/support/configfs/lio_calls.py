"""Calls on the kernel's target, as data: made on a real configfs or on its model, and compared.

In a guest: python3 lio_calls.py ROOT <CALLS.json >ANSWERS.json
"""

import errno
import json
import posix
import sys
from typing import Any

CORE, IQN = "core/iblock_90", "iscsi/iqn.2026-11.test:calibration"
TPG = f"{IQN}/tpgt_1"
DEVICE, FILE = f"{CORE}/one", "core/fileio_90/file"
ACL = f"{TPG}/acls/iqn.2026-11.test:host"

# What an agent does, and what it might meet, in an order that ends with nothing.
CALLS = """
mkdir iscsi | mkdir bogus | mkdir core/bogus_1 | mkdir core/iblock_x | mkdir {CORE} | mkdir {CORE}
mkdir {DEVICE} | write {DEVICE}/enable 1 | write {DEVICE}/control udev_path=/dev/ram9,readonly=0
write {DEVICE}/udev_path /dev/ram9 | read {DEVICE}/udev_path | read {DEVICE}/control
read {DEVICE}/enable | write {DEVICE}/enable 0 | write {DEVICE}/enable 1 | read {DEVICE}/enable
mkdir {CORE}/two | write {CORE}/two/control udev_path=/dev/ram9 | write {CORE}/two/enable 1
write {CORE}/two/control udev_path=/dev/nosuch | rmdir {CORE}/two | rmdir {CORE}
write {DEVICE}/attrib/emulate_write_cache 1 | write {DEVICE}/attrib/emulate_write_cache 0
read {DEVICE}/attrib/block_size | write {DEVICE}/attrib/block_size 4096
write {DEVICE}/attrib/block_size 100 | read {DEVICE}/attrib/block_size
write {DEVICE}/attrib/emulate_pr 0 | write {DEVICE}/attrib/emulate_pr 2
read {DEVICE}/attrib/emulate_pr | read {DEVICE}/wwn/company_id
write {DEVICE}/wwn/vpd_unit_serial 0123456789abcdef | read {DEVICE}/wwn/vpd_unit_serial
write {DEVICE}/wwn/product_id thing | read {DEVICE}/wwn/product_id
mkdir {DEVICE}/alua/hactl | write {DEVICE}/alua/hactl/alua_access_state 2
write {DEVICE}/alua/hactl/tg_pt_gp_id 7 | write {DEVICE}/alua/hactl/tg_pt_gp_id 8
read {DEVICE}/alua/hactl/tg_pt_gp_id | read {DEVICE}/alua/hactl/alua_access_type
write {DEVICE}/alua/hactl/alua_access_type 1 | read {DEVICE}/alua/hactl/alua_access_type
write {DEVICE}/alua/hactl/alua_access_state 2 | read {DEVICE}/alua/hactl/alua_access_state
mkdir core/fileio_90 | mkdir {FILE} | write {FILE}/control fd_dev_name=/run/calibration
write {FILE}/enable 1 | write {FILE}/control fd_dev_size=8388608 | write {FILE}/enable 1
write {FILE}/attrib/emulate_write_cache 1 | read {FILE}/attrib/emulate_write_cache
mkdir {IQN} | mkdir {IQN} | mkdir {IQN}/bogus | mkdir {TPG} | read {TPG}/enable
read {TPG}/param/TargetAlias | write {TPG}/param/TargetAlias hactl:x | read {TPG}/param/TargetAlias
write {TPG}/attrib/authentication 2 | write {TPG}/attrib/generate_node_acls 1
read {TPG}/attrib/generate_node_acls | write {TPG}/attrib/generate_node_acls 0
mkdir {TPG}/lun/lun_x | mkdir {TPG}/lun/lun_3 | link {TPG}/lun/lun_3/hactl {DEVICE}
link {TPG}/lun/lun_3/again {DEVICE} | readlink {TPG}/lun/lun_3/hactl
read {TPG}/lun/lun_3/alua_tg_pt_gp | write {TPG}/lun/lun_3/alua_tg_pt_gp hactl
read {TPG}/lun/lun_3/alua_tg_pt_gp | write {TPG}/lun/lun_3/alua_tg_pt_gp nosuch
write {DEVICE}/attrib/block_size 512 | write {DEVICE}/wwn/vpd_unit_serial fedcba9876543210
link {TPG}/lun/lun_3/acl {IQN} | rmdir {TPG}/lun/lun_3 | rmdir {DEVICE}
mkdir {TPG}/np/127.0.0.1:3999 | mkdir {TPG}/np/bogus | mkdir {TPG}/np/[::1]:3999
mkdir {ACL} | mkdir {ACL}/lun_x | mkdir {ACL}/lun_3
link {ACL}/lun_3/hactl {TPG}/lun/lun_3 | readlink {ACL}/lun_3/hactl
read {ACL}/lun_3/write_protect | write {ACL}/lun_3/write_protect 1 | read {ACL}/lun_3/write_protect
write {ACL}/auth/userid joe | read {ACL}/auth/userid | write {ACL}/auth/password secret
read {ACL}/auth/password | rmdir {ACL}/lun_3 | rmdir {ACL} | rmdir {TPG}/acls
write {TPG}/enable 2 | write {TPG}/enable 1 | read {TPG}/enable | write {TPG}/enable 0
write {TPG}/enable 0 | read {TPG}/enable | rmdir {TPG} | rmdir {IQN}
unlink {ACL}/lun_3/hactl | rmdir {ACL}/lun_3 | rmdir {ACL}
rmdir {TPG}/np/127.0.0.1:3999 | rmdir {TPG}/np/[::1]:3999
unlink {TPG}/lun/lun_3/hactl | rmdir {TPG}/lun/lun_3 | rmdir {TPG} | rmdir {IQN}
rmdir {DEVICE} | rmdir {DEVICE}/alua/default_tg_pt_gp | rmdir {DEVICE}/alua/hactl | rmdir {DEVICE}
rmdir {CORE} | rmdir {FILE} | rmdir core/fileio_90 | read {DEVICE}/enable
"""


def calls() -> list[list[str]]:
    text = CALLS
    for name in ("CORE", "IQN", "TPG", "DEVICE", "FILE", "ACL"):
        text = text.replace(f"{{{name}}}", globals()[name])
    return [call.split() for line in text.strip().splitlines() for call in line.split(" | ")]


def answers(target: Any, made: list[list[str]]) -> list[str]:
    """What each call says: an error's name, or what was read, or nothing."""
    found = []
    for verb, path, *rest in made:
        try:
            answer = getattr(target, verb)(path, *rest)
        except OSError as exc:
            answer = errno.errorcode[exc.errno or 0]
        found.append("" if answer is None else str(answer).partition("\n")[0])
    return found


class Kernel:
    """configfs below ``root``. A small guest may have no more than ``posix``."""

    def __init__(self, root: str) -> None:
        self.root = root

    def at(self, path: str) -> str:
        return f"{self.root}/{path}"

    def mkdir(self, path: str) -> None:
        posix.mkdir(self.at(path))

    def rmdir(self, path: str) -> None:
        posix.rmdir(self.at(path))

    def link(self, path: str, to: str) -> None:
        posix.symlink(self.at(to), self.at(path))

    def unlink(self, path: str) -> None:
        posix.unlink(self.at(path))

    def readlink(self, path: str) -> str:
        return posix.readlink(self.at(path))

    def read(self, path: str) -> str:
        descriptor = posix.open(self.at(path), posix.O_RDONLY)
        try:
            return posix.read(descriptor, 4096).decode()
        finally:
            posix.close(descriptor)

    def write(self, path: str, text: str) -> None:
        descriptor = posix.open(self.at(path), posix.O_WRONLY)
        try:
            posix.write(descriptor, text.encode())
        finally:
            posix.close(descriptor)


class Model:
    """A ``tests.support.configfs.lio_model.Lio``."""

    def __init__(self, lio: Any) -> None:
        self.lio = lio

    def __getattr__(self, verb: str) -> Any:
        name = "symlink" if verb == "link" else verb
        return lambda path, *rest: getattr(self.lio, name)(
            f"/target/{path}", *(f"/target/{rest[0]}" if verb == "link" else each for each in rest)
        )


if __name__ == "__main__":
    json.dump(answers(Kernel(sys.argv[1]), json.load(sys.stdin)), sys.stdout)
