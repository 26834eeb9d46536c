"""The world of NvmeofGateway: a private node with a look-alike of configfs; and what breaks there.

The look-alike keeps the rules of a real kernel, which tests/truth/test_nvmeof_gateway_kernel.py
compares it with.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.configfs.node import LookAlike
from tests.support.configfs.nvmet_node import Gateway, NvmetNode, lacking, nvmet_node
from tests.support.private_node import PrivateNode
from tests.truth.breaks import NO_TOOLS, STATE_FOLDER, STATE_FOLDER_MENDED
from tests.truth.world import Presence

__all__ = ["lacking"]

AGENT = "NvmeofGateway"
STATES = (
    "absent", "running", "half started", "half stopped", "disabled", "not offered", "forgotten",
    "with guests", "foreign", "a foreign port",
)  # fmt: skip
BREAKS = (
    "nothing", "no tools", "no parameters", "parameters broken", "disk gone", "disk hangs",
    "address gone", "secret gone", "state folder lost", "state folder read-only",
)  # fmt: skip
SLOW = ("disk hangs",)
UNHINDERED = tuple(what for what in BREAKS if what not in SLOW)
TIMEOUT = 5.0
DEEP = True
PLACES = ("disk", "secret")
CHANGES = True
RELOADS = True


@contextmanager
def world(folder: Path) -> "Iterator[Targets]":  # noqa: ARG001
    with nvmet_node() as target:
        yield Targets(target)


class Targets:
    def __init__(self, target: NvmetNode) -> None:
        self.target = target

    def fresh(self) -> "GatewayCell":
        return GatewayCell(Gateway(self.target))


class GatewayCell:
    """A gateway in one state."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.target = gateway.target
        self.sh = gateway.node.sh
        self.keys = self.target.disks / f"{gateway.name}.keys"
        self.keys.write_text(f"{gateway.host} {secret()}\n")
        self.keys.chmod(0o600)
        gateway.params["auth_file"] = str(self.keys)
        self.foreign: dict[str, str] = {}
        self.others: list[Path] = []  # folders that are not ours
        self.broken = ""
        self.given: dict[str, Any] = {}

    def bring_into(self, state: str) -> None:
        gateway = self.gateway
        if state == "absent":
            return
        if state == "foreign":
            self.make_foreign(gateway.nqn, gateway.address, 4999)
        elif state == "a foreign port":
            self.make_foreign(f"{gateway.nqn}b", gateway.address, 4420)
        elif state == "half started":
            self.start_half()
        else:
            done = gateway.call("start")
            assert done.returncode == 0, done.stderr
            self.spoil(state)

    def start_half(self) -> None:
        """Kill a start that has come as far as the port; a slow machine needs longer for that."""
        gateway = self.gateway
        for seconds in ("1", "3", "9"):
            self.target.stick("/addr_trtype")
            gateway.call("start", wrapper=("timeout", "-s", "KILL", seconds))
            self.target.stick()
            gateway.wait_for_workers()
            if self.witness() == "partly" and gateway.enabled() == ["1"]:
                return
            gateway.clean_up()
            self.sh("rm -rf /run/hactl")
        raise AssertionError("start was never half done")

    def spoil(self, state: str) -> None:
        gateway = self.gateway
        if state == "half stopped":
            for link in gateway.offered():
                link.unlink()
            (gateway.subsystem / "namespaces/1/enable").write_text("0")
        elif state == "disabled":
            (gateway.subsystem / "namespaces/1/enable").write_text("0")
        elif state == "not offered":
            for link in gateway.offered():
                link.unlink()
        elif state == "forgotten":
            self.sh("rm -rf /run/hactl")
        elif state == "with guests":
            (gateway.subsystem / "namespaces/7").mkdir()
            host = self.target.tree / "hosts/nqn.guest"
            host.mkdir(exist_ok=True)
            (gateway.subsystem / "allowed_hosts/nqn.guest").symlink_to(f"{MOUNTED}/hosts/nqn.guest")

    def make_foreign(self, nqn: str, address: str, service: int) -> None:
        """A subsystem and a port of somebody's, by hand."""
        tree = self.target.tree
        subsystem, port = tree / "subsystems" / nqn, tree / "ports" / "77"
        disk = self.target.disks / f"{self.gateway.name}.other"
        disk.write_bytes(bytes(4096))
        (subsystem / "namespaces/1").mkdir(parents=True)
        (subsystem / "namespaces/1/device_path").write_text(str(disk))
        (subsystem / "namespaces/1/enable").write_text("1")
        (subsystem / "attr_allow_any_host").write_text("1")
        port.mkdir()
        values = {"trtype": "tcp", "adrfam": "ipv4", "traddr": address, "trsvcid": str(service)}
        for name, value in values.items():
            (port / f"addr_{name}").write_text(value)
        (port / "subsystems" / nqn).symlink_to(f"{MOUNTED}/subsystems/{nqn}")
        self.others = [subsystem, port]
        self.foreign = self.of_others()

    def of_others(self) -> "dict[str, str]":
        names = [str(path.relative_to(self.target.tree)) for path in self.others]
        found = self.target.snapshot().items()
        return {path: text for path, text in found if path.startswith(tuple(names))}

    @property
    def node(self) -> PrivateNode:
        return self.gateway.node

    def move(self, place: str, behind: Path, shown: Path) -> None:
        name, before = {
            "disk": ("namespaces", self.gateway.disk),
            "secret": ("auth_file", self.keys),
        }[place]
        shutil.copy2(before, behind / before.name)
        params = self.gateway.params
        params[name] = params[name].replace(str(before), str(shown / before.name))

    @property
    def kernel(self) -> LookAlike:
        return self.target.look

    def do_break(self, what: str) -> None:
        gateway = self.gateway
        self.broken = what
        if what == "no tools":
            self.given = {"wrapper": NO_TOOLS}
        elif what == "no parameters":
            self.given = {"nqn": "", "namespaces": "", "address": "", "auth_file": ""}
        elif what == "parameters broken":
            self.given = {"nqn": "x y", "namespaces": "1", "address": "nowhere", "hosts": "z"}
        elif what == "disk gone":
            gateway.disk.rename(gateway.disk.with_suffix(".hidden"))
        elif what == "disk hangs":
            self.target.stick(f"{gateway.nqn}/namespaces/1/enable")
        elif what == "address gone":
            self.sh(f"ip addr del {gateway.address}/32 dev lo")
        elif what == "secret gone":
            self.keys.rename(self.keys.with_suffix(".hidden"))
        elif what in STATE_FOLDER:
            self.sh(STATE_FOLDER[what])

    def heal(self) -> None:
        gateway = self.gateway
        if self.broken == "disk gone":
            gateway.disk.with_suffix(".hidden").rename(gateway.disk)
        elif self.broken == "disk hangs":
            self.target.stick()
        elif self.broken == "address gone":
            self.sh(f"ip addr add {gateway.address}/32 dev lo")
        elif self.broken == "secret gone":
            self.keys.with_suffix(".hidden").rename(self.keys)
        elif self.broken in STATE_FOLDER_MENDED:
            self.sh(STATE_FOLDER_MENDED[self.broken])
        self.broken, self.given = "", {}

    def clean(self) -> None:
        tree = self.target.tree
        for link in [*tree.glob("ports/77/subsystems/*")]:
            link.unlink()
        self.gateway.clean_up()
        for nsid in tree.glob(f"subsystems/{self.gateway.nqn}b/namespaces/*"):
            (nsid / "enable").write_text("0")
            nsid.rmdir()
        for name in (f"subsystems/{self.gateway.nqn}b", "ports/77", "hosts/nqn.guest"):
            if (tree / name).is_dir():
                (tree / name).rmdir()
        self.sh("rm -rf /run/hactl")

    def witness(self) -> Presence:
        """What configfs shows. A foreign subsystem has not our host among its own."""
        gateway = self.gateway
        if self.others and gateway.subsystem in self.others:
            return "absent"
        if not gateway.subsystem.is_dir():
            return "absent"
        served = gateway.offered() and gateway.enabled()[:1] == ["1"]
        return "there" if served else "partly"

    def foreign_untouched(self) -> bool:
        return self.of_others() == self.foreign

    def call(self, action: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        return self.gateway.call(action, **{**more, **self.given})


MOUNTED = "/sys/kernel/config/nvmet"


def secret(fill: int = 7) -> str:
    """A key as nvme gen-dhchap-key makes them."""
    import base64
    import zlib

    key = bytes([fill]) * 32
    data = key + zlib.crc32(key).to_bytes(4, "little")
    return f"DHHC-1:01:{base64.b64encode(data).decode()}:"
