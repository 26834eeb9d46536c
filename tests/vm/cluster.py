"""What the tests ask of a cluster in a VM lab, and how it is made whole after they broke it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hactl_vmlab import provision, shell
from hactl_vmlab.lab import Lab
from hactl_vmlab.reach import Site
from hactl_vmlab.shell import wait_until

WITNESS = "witness"


@dataclass(frozen=True)
class Cluster:
    """The nodes of a lab taken together."""

    lab: Lab
    site: Site

    @property
    def nodes(self) -> list[str]:
        return self.site.names

    def others(self, node: str) -> list[str]:
        return [name for name in self.nodes if name != node]

    def run(self, node: str, command: str) -> str:
        return self.site.shell.check(node, command)

    def on_all(self, command: str) -> None:
        shell.on_all(
            self.site.lab.nodes, lambda node: self.site.shell.check(node.name, command) and None
        )

    def write(self, node: str, path: str, text: str) -> None:
        self.site.shell.check(node, f"cat >{path}", stdin=text.encode())

    def place_of(self, resource: str, seen_from: str) -> str:
        """The node a resource runs on, as another sees it; nothing where it runs nowhere."""
        said = self.site.shell.run(seen_from, f"crm_resource --quiet --locate -r {resource}")
        return said.stdout.split()[0] if said.stdout.split() else ""

    def wait(self, what: str, holds: Callable[[], bool], within: float | None = None) -> float:
        """The seconds until it holds; scaled with the accelerator unless told otherwise."""
        limit = within or self.site.timing.recovers_within / 1000
        return wait_until(holds, limit, what, every=0.5)

    def wait_moved(self, resource: str, away_from: str) -> float:
        """The seconds until a resource runs on another node."""
        observer = self.others(away_from)[0]
        return self.wait(
            f"{resource} has left {away_from}",
            lambda: self.place_of(resource, observer) not in ("", away_from),
        )

    def wait_stopped(self, resource: str) -> float:
        first = self.nodes[0]
        return self.wait(f"{resource} is stopped", lambda: not self.place_of(resource, first))

    def power_uses(self, node: str, since: float) -> list[dict[str, Any]]:
        """How a node's power was used since then, oldest first."""
        uses = self.lab.status()["power"]
        return [use for use in uses if use["node"] == node and use["time"] >= since]

    def fencing_of(self, node: str, since: float) -> list[dict[str, Any]]:
        """Those uses that a fence agent made."""
        uses = self.power_uses(node, since)
        return [use for use in uses if not use["by"].startswith("operator")]

    def happened(self, node: str, event: str, since: float) -> bool:
        """Whether a machine did something to itself, as its hypervisor saw it."""
        return any(
            each["node"] == node and each["event"] == event and each["time"] >= since
            for each in self.lab.status()["events"]
        )

    def make_whole(self) -> None:
        """Every machine on, thawed and plugged in, every node online, no failure remembered."""
        for node in self.lab.status()["nodes"]:
            if node["frozen"]:
                self.lab.power(node["name"], "off")
            if node["cut"]:
                self.lab.heal(node["name"])
            if self.lab.power(node["name"], "status") == "off":
                self.lab.power(node["name"], "on")
        provision.wait_for_ssh(self.site, lambda _text: None)
        provision.wait_formed(self.site)
        self.run(self.nodes[0], "crm_resource --cleanup")
        self.wait("the witness runs", lambda: bool(self.place_of(WITNESS, self.nodes[0])))
