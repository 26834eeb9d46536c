"""A node made of dictionaries whose configfs keeps the rules of the kernel's NVMe target."""

import errno

from hactl_agents.failures import ABSENT
from hactl_agents.nvmeof.tree import ROOT
from tests.agents.fake_configfs import BLOCK, ConfigfsHost
from tests.support.configfs.nvmet_model import Nvmet


class NvmetHost(ConfigfsHost):
    """``auth``: whether the kernel was built with DH-HMAC-CHAP."""

    ROOT = ROOT
    UNREADABLE = (*ABSENT, errno.EINVAL)
    kernel: Nvmet

    def __init__(self, *, auth: bool = False, budget: float = 55.0) -> None:
        super().__init__(Nvmet(self.backing, auth), budget)
        self.kernel.addresses = self.ours
        for module in ("nvmet", "nvmet_tcp"):
            self.files[f"/sys/module/{module}/refcnt"] = "1\n"

    def backing(self, path: str) -> str:
        path = self.links.get(path, path)
        if path not in self.files:
            return ""
        if self.modes.get(path) == BLOCK:
            return "device"
        return "tmpfs" if (path, errno.EINVAL) in self.refused else "file"

    def block_size(self, path: str) -> int:  # noqa: ARG002
        return 4096

    def everything(self) -> list[str]:
        """The objects somebody made, and the links."""
        found: list[str] = []
        walk(self.kernel, "/nvmet", found)
        return found


def walk(target: Nvmet, path: str, found: list[str]) -> None:
    node = target.find(path)
    found += [f"{path}/{name} -> {to.rpartition('/')[2]}" for name, to in node.links.items()]
    for name, folder in node.folders.items():
        if folder.made:
            found.append(f"{path}/{name}"[len("/nvmet/") :])
        walk(target, f"{path}/{name}", found)
