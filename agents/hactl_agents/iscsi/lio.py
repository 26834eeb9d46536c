"""The kernel's iSCSI target as configfs shows it: whose a target is, how far it is, its role.

Reads only. A target of ours bears the resource's name in its TargetAlias, and so do the names of
the storage objects behind it; what bears neither is somebody else's.
"""

from hactl_agents.iscsi.names import number
from hactl_agents.iscsi.wanted import ABSENT, PARTLY, THERE, Sight

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host

MOUNT = "/sys/kernel/config"
ROOT = f"{MOUNT}/target"
CORE = f"{ROOT}/core"
ISCSI = f"{ROOT}/iscsi"
PLUGINS = ("iblock", "fileio")
ALIAS = "param/TargetAlias"
LINK = "hactl"  # the name of every symbolic link we make in configfs
GROUP = "hactl"  # of target ports, with the state that a role stands for
STATES = {"0": "active/optimized", "1": "active/non-optimized", "2": "standby", "3": "unavailable"}
OPTIMIZED, STANDBY = "0", "2"
SPARE = 16  # adapters in a row that may belong to others
FIRST, RANGE = 1_000_000, 1_000_000  # of adapters' numbers: targetcli counts from 0


class Lio:
    """The target of one resource. ``claimed``: the record says that we began to make it."""

    name = "lio"

    def __init__(self, host: "Host", owner: str, iqn: str, *, claimed: bool = False) -> None:
        self.host = host
        self.owner = owner
        self.claimed = claimed
        self.iqn = iqn or self.marked()

    @property
    def mark(self) -> str:
        return f"hactl:{self.owner}"

    @property
    def target(self) -> str:
        return f"{ISCSI}/{self.iqn}"

    def object(self, lun: "int | str") -> str:
        """The name of the storage object behind a LUN."""
        return f"hactl-{self.owner}-lun{lun}"

    def get(self, path: str) -> str:
        """An attribute; '' where this kernel has none of that name, or its object is gone."""
        return (self.host.read(path) or "").strip()

    # whose it is

    def marked(self) -> str:
        """The name of the target that bears our mark, '' for none."""
        for iqn in self.host.listdir(ISCSI):
            for name in self.host.listdir(f"{ISCSI}/{iqn}"):
                if self.get(f"{ISCSI}/{iqn}/{name}/{ALIAS}") == self.mark:
                    return iqn
        return ""

    def groups(self) -> "list[str]":
        """The portal groups of our name, whoever made them."""
        names = self.host.listdir(self.target) if self.iqn else []
        return [f"{self.target}/{name}" for name in names if name.startswith("tpgt_")]

    def own_groups(self) -> "list[str]":
        return [group for group in self.groups() if self.is_ours(group)]

    def is_ours(self, group: str) -> bool:
        alias = self.get(f"{group}/{ALIAS}")
        return alias == self.mark or (self.claimed and self.is_bare(group, alias))

    def is_bare(self, group: str, alias: str) -> bool:
        """Whether it is as it was made: the mark is the first thing it gets."""
        if alias.startswith("hactl:") or self.get(f"{group}/enable") != "0":
            return False
        return not any(self.host.listdir(f"{group}/{part}") for part in ("lun", "np", "acls"))

    def owner_of(self, group: str) -> str:
        """In words, for a complaint."""
        alias = self.get(f"{group}/{ALIAS}")
        if alias.startswith("hactl:"):
            return f"the resource {alias[len('hactl:') :]}"
        return f"somebody else, under the alias {alias!r}"

    def began_it(self) -> bool:
        """Whether there is a target without any portal group that we were about to fill."""
        return self.claimed and self.host.exists(self.target) and not self.groups()

    def foreign(self) -> str:
        """Why a target of this name cannot be made; '' if it can, or is ours."""
        others = [group for group in self.groups() if not self.is_ours(group)]
        if others:
            return f"{self.iqn} is served by {self.owner_of(others[0])}: nothing was touched"
        if self.host.exists(self.target) and not self.groups() and not self.claimed:
            return f"{self.iqn} was made by somebody else: nothing was touched"
        return ""

    # storage objects

    def own_objects(self) -> "list[str]":
        """The paths of all our storage objects, exported or not."""
        return [
            f"{CORE}/{adapter}/{name}"
            for adapter in self.host.listdir(CORE)
            if adapter.partition("_")[0] in PLUGINS
            for name in self.host.listdir(f"{CORE}/{adapter}")
            if self.lun_of(name)
        ]

    def lun_of(self, name: str) -> str:
        """The number of the LUN that a storage object of ours is for, '' if it is not ours."""
        prefix = self.object("")
        digits = name[len(prefix) :] if name.startswith(prefix) else ""
        return digits if digits.isdigit() else ""

    def adapter(self, plugin: str) -> str:
        """The name of our adapter: the one that has objects of ours, or the first that is free."""
        first = FIRST + number(self.owner, RANGE)
        free = ""
        for offset in range(SPARE):
            name = f"{plugin}_{first + offset}"
            found = self.host.listdir(f"{CORE}/{name}")
            objects = [each for each in found if not each.startswith("hba_")]
            if any(self.lun_of(each) for each in objects):
                return name
            if not objects:
                free = free or name
        return free or f"{plugin}_{first + SPARE}"

    def sweep(self) -> None:
        """Remove our adapters where they have no object: they hold nothing."""
        for plugin in PLUGINS:
            name = f"{plugin}_{FIRST + number(self.owner, RANGE)}"
            if name in self.host.listdir(CORE):
                self.host.remove_folder(f"{CORE}/{name}")

    def behind(self, group: str, lun: str) -> str:
        """The path of the storage object that a LUN exports, '' for none."""
        folder = f"{group}/lun/{lun}"
        for name in self.host.listdir(folder):
            to = self.host.readlink(f"{folder}/{name}")
            if to is not None:
                return resolved(to)
        return ""

    # how far it is

    def is_absent(self) -> bool:
        return self.sight().state == ABSENT

    def sight(self) -> Sight:
        groups = self.own_groups()
        if not groups:
            left = self.own_objects()
            if left:
                return Sight(PARTLY, f"{self.iqn} is gone, {left[0]} is left of it")
            if self.began_it():
                return Sight(PARTLY, f"{self.iqn} was only begun")
            return Sight(ABSENT)
        if len(groups) > 1:
            return Sight(PARTLY, f"{self.iqn} has two portal groups of ours")
        return self.sight_of(groups[0])

    def sight_of(self, group: str) -> Sight:
        if self.get(f"{group}/enable") != "1":
            return Sight(PARTLY, f"{self.iqn} is there and not enabled")
        if not self.host.listdir(f"{group}/np"):
            return Sight(PARTLY, f"{self.iqn} listens nowhere")
        luns = self.host.listdir(f"{group}/lun")
        if not luns:
            return Sight(PARTLY, f"{self.iqn} has no LUN")
        roles = set()
        for lun in luns:
            there = self.behind(group, lun)
            if not there:
                return Sight(PARTLY, f"{self.iqn}: {lun} has nothing behind it")
            roles.add(self.get(f"{there}/alua/{GROUP}/alua_access_state"))
        if len(roles) > 1:
            return Sight(
                PARTLY, f"{self.iqn}: some LUNs are {' and some '.join(role_names(roles))}"
            )
        return Sight(THERE, promoted=roles == {OPTIMIZED})


def role_names(roles: "set[str]") -> "list[str]":
    return sorted(STATES.get(role, "without a state") for role in roles)


def resolved(link: str) -> str:
    """The whole path of what a link in configfs, which the kernel makes relative, points to."""
    return f"{ROOT}/{link.rpartition('/target/')[2]}"
