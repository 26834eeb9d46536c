"""A private node with Open vSwitch in it, packets switched by ovs-vswitchd itself (netdev).

Knows how to start, freeze and kill the two daemons; knows nothing of any agent.
"""

import json
from pathlib import Path
from typing import Any

from tests.support.private_node import PrivateNode, wait_until
from tests.support.private_node import lacking as node_lacks

RUN = "/run/openvswitch"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
DAEMONS = ("ovsdb-server", "ovs-vswitchd")
START = {
    "ovsdb-server": (
        f"ovsdb-server /run/conf.db --remote=punix:{RUN}/db.sock "
        "--remote=db:Open_vSwitch,Open_vSwitch,manager_options "
        "--private-key=db:Open_vSwitch,SSL,private_key "
        "--certificate=db:Open_vSwitch,SSL,certificate --ca-cert=db:Open_vSwitch,SSL,ca_cert "
        f"--pidfile={RUN}/ovsdb-server.pid --detach --no-chdir -vconsole:off"
    ),
    "ovs-vswitchd": (
        f"ovs-vswitchd unix:{RUN}/db.sock --pidfile={RUN}/ovs-vswitchd.pid --detach --no-chdir "
        f"-vconsole:off --log-file={RUN}/vswitchd.log"
    ),
}


def lacking() -> list[str]:
    """What this machine lacks for such a node, as reasons to skip."""
    lacks = node_lacks("ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-ofctl")
    return lacks if Path(SCHEMA).exists() else [*lacks, f"{SCHEMA} is not installed"]


class OvsNode(PrivateNode):
    """A private node that switches by Open vSwitch."""

    def up(self) -> None:
        super().up()
        self.sh(f"mkdir -p {RUN}; ovsdb-tool create /run/conf.db {SCHEMA}")
        self.start("ovsdb-server")
        self.sh("ovs-vsctl --no-wait init")
        self.start("ovs-vswitchd")

    def start(self, daemon: str) -> None:
        self.sh(START[daemon])

    def daemon_pid(self, daemon: str) -> str:
        """Its pid as the node sees it."""
        return self.sh(f"cat {RUN}/{daemon}.pid")

    def signal(self, daemon: str, name: str) -> None:
        self.sh(f"kill -{name} {self.daemon_pid(daemon)}")

    def kill(self, daemon: str) -> None:
        pid = self.daemon_pid(daemon)
        self.sh(f"kill -KILL {pid}")
        wait_until(lambda: not self.sh(f"ls -d /proc/{pid} || :"), f"{daemon} lives on", 10)

    def heal(self) -> None:
        """Thaw and start whatever was frozen or killed."""
        for daemon in DAEMONS:
            if self.sh(f"kill -CONT $(cat {RUN}/{daemon}.pid) && echo lives || :") != "lives":
                self.start(daemon)

    def vsctl(self, *words: str) -> str:
        return self.run("ovs-vsctl", "--timeout=10", *words).stdout.strip()

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table, as ovs-vsctl shows them: a witness of its own."""
        found = json.loads(self.vsctl("-f", "json", "list", table))
        return [
            {name: plain(cell) for name, cell in zip(found["headings"], row, strict=True)}
            for row in found["data"]
        ]

    def row(self, table: str, name: str) -> dict[str, Any]:
        return next(row for row in self.rows(table) if row["name"] == name)


def plain(cell: Any) -> Any:
    if not isinstance(cell, list):
        return cell
    kind, content = cell
    if kind == "map":
        return {key: plain(item) for key, item in content}
    return [plain(item) for item in content] if kind == "set" else content
