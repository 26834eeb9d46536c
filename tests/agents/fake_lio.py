"""A node made of dictionaries whose configfs keeps the rules of the kernel's iSCSI target."""

from hactl_agents.iscsi.lio import ROOT
from tests.agents.fake_configfs import ConfigfsHost
from tests.support.configfs.lio_model import Item, Lio


class LioHost(ConfigfsHost):
    """``claimed`` devices are in use."""

    ROOT = ROOT
    kernel: Lio

    def __init__(self, budget: float = 55.0) -> None:
        super().__init__(Lio(self.backing), budget)
        self.claimed: set[str] = set()

    def backing(self, path: str) -> str:
        if path not in self.files:
            return ""
        return "claimed" if self.is_claimed(path) else "device"

    def is_claimed(self, path: str) -> bool:
        return path in self.claimed

    def facts(self, path: str) -> tuple[int, int, int, str] | None:
        found = super().facts(path)
        return (*found[:3], self.links.get(path, path)) if found else None

    def everything(self) -> list[str]:
        """The objects somebody made, and the links."""
        found: list[str] = []
        walk(self.kernel.top, "", found)
        return sorted(found)


def walk(item: Item, path: str, found: list[str]) -> None:
    for name, each in item.items.items():
        below = f"{path}/{name}"
        if isinstance(each, str) or each.made:
            found.append(below.removeprefix("/target/"))
        if isinstance(each, Item):
            walk(each, below, found)
