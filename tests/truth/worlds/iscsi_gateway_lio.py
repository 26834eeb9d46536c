"""The world of IscsiGateway on the kernel's target: a look-alike of configfs in a private node."""

import itertools
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.configfs.node import LookAlike, lacking, look_alike
from tests.truth.iscsi_surroundings import BREAKS as AROUND
from tests.truth.iscsi_surroundings import PLACES, Surroundings
from tests.truth.world import Presence

AGENT = "IscsiGateway"
TITLE = "IscsiGateway on the kernel's target"
STATES = (
    "absent", "running", "half started", "half stopped", "disabled", "without LUNs",
    "objects left", "forgotten", "foreign", "of another resource",
)  # fmt: skip
BREAKS = (*AROUND, "kernel hangs")
UNHINDERED = AROUND
EXTENDED = True  # tests/agents plays the same on the model by itself, in a second
TIMEOUT = 8.0
DEEP = True
CHANGES = True
COUNTER = itertools.count(1)
STEPS = 60  # of a start or stop; each is one wait of the agent for its worker

__all__ = ["PLACES", "Look", "lacking", "world"]


@contextmanager
def world(folder: Path) -> "Iterator[Looks]":  # noqa: ARG001
    with look_alike("target") as alike:
        yield Looks(alike)


class Looks:
    def __init__(self, alike: LookAlike) -> None:
        self.alike = alike

    def fresh(self) -> "LookCell":
        return LookCell(Look(self.alike))


class Look:
    """A target of the agent's on the look-alike; its names are used once."""

    def __init__(self, alike: LookAlike, luns: int = 2) -> None:
        self.alike = alike
        self.node = alike.node
        self.stick = alike.stick
        self.name = f"disks{next(COUNTER)}"
        self.iqn = f"iqn.2026-11.test:{self.name}"
        self.top = alike.tree
        self.target = self.top / "iscsi" / self.iqn
        self.folder = alike.node.dir / self.name
        self.folder.mkdir()
        self.disks = [self.folder / f"disk{number}" for number in range(luns)]
        for disk in self.disks:
            disk.write_bytes(bytes(1 << 20))
        self.disk = self.disks[0]
        self.auth = self.folder / "auth"
        self.auth.write_text("user = joe\npassword = joes-long-secret\n")
        self.auth.chmod(0o600)
        self.params: dict[str, Any] = {
            "iqn": self.iqn, "portals": "127.0.0.1:3260",
            "luns": " ".join(f"{number}={disk}" for number, disk in enumerate(self.disks)),
            "initiators": "iqn.2026-11.test:host", "auth_file": str(self.auth),
        }  # fmt: skip

    def call(self, action: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        given: dict[str, Any] = {"resource": self.name, "timeout": 30} | self.params | more
        return self.node.call("IscsiGateway", action, **given)

    def code(self, action: str, **more: Any) -> int:
        return self.call(action, **more).returncode

    def cut(self, action: str, step: int) -> bool:
        """Kill it while it waits for its worker the ``step``-th time; False: it came to its end."""
        return self.node.call_killed(
            "IscsiGateway", action, "select,pselect6", step, resource=self.name, **self.params
        )

    # witnesses of their own

    def objects(self) -> list[Path]:
        """The storage objects with its name."""
        return sorted(self.top.glob(f"core/*_*/hactl-{self.name}-lun*"))

    def gone(self) -> bool:
        return not self.target.exists() and not self.objects()

    def is_enabled(self) -> bool:
        enabled = [path.read_text().strip() for path in self.target.glob("tpgt_*/enable")]
        return enabled == ["1"]

    def exported(self) -> int:
        """How many LUNs have something behind them."""
        return len([path for path in self.target.glob("tpgt_*/lun/*/*") if path.is_symlink()])

    def clean_up(self) -> None:
        """By other means than the agent's."""
        self.stick()
        self.node.sh("umount /run/hactl; rm -rf /run/hactl", check=False)
        for group in self.target.glob("tpgt_*"):
            (group / "enable").write_text("0")
            for link in (*group.glob("acls/*/lun_*/*"), *group.glob("lun/lun_*/*")):
                if link.is_symlink():
                    link.unlink()
            for pattern in ("acls/*/lun_*", "acls/*", "lun/*", "np/*"):
                for path in group.glob(pattern):
                    path.rmdir()
            group.rmdir()
        if self.target.exists():
            self.target.rmdir()
        for path in self.objects():
            for port_group in path.glob("alua/hactl"):
                port_group.rmdir()
            path.rmdir()


class LookCell(Surroundings):
    """A target in one state."""

    def __init__(self, look: Look) -> None:
        super().__init__(look)
        self.look = look
        self.foreign = False

    @property
    def kernel(self) -> LookAlike:
        return self.look.alike

    def bring_into(self, state: str) -> None:
        look = self.look
        if state == "absent":
            return
        if state in ("foreign", "of another resource"):
            self.make_foreign("hactl:another" if state != "foreign" else "")
        elif state == "half started":
            self.start_half()
        else:
            done = look.call("start")
            assert done.returncode == 0, done.stderr
        self.spoil(state)

    def make_foreign(self, alias: str) -> None:
        group = self.look.target / "tpgt_1"
        group.mkdir(parents=True)
        (group / "enable").write_text("1")
        if alias:
            (group / "param/TargetAlias").write_text(alias)
        self.foreign = True

    def start_half(self) -> None:
        """Kill the start at the first step after which there is a storage object."""
        for step in range(1, STEPS):
            assert self.look.cut("start", step), "start was never half done"
            if self.look.objects() and not self.look.is_enabled():
                return
            self.look.clean_up()

    def spoil(self, state: str) -> None:
        look = self.look
        if state == "half stopped":
            look.cut("stop", 4)
        elif state in ("disabled", "without LUNs"):
            for group in look.target.glob("tpgt_*"):
                if state == "disabled":
                    (group / "enable").write_text("0")
                for link in group.glob("lun/*/hactl") if state != "disabled" else ():
                    link.unlink()
        elif state == "objects left":
            (path,) = look.objects()[:1]
            inner = (path.parent / path.name).relative_to(look.top)
            look.clean_up()
            again = look.top / inner
            again.parent.mkdir(exist_ok=True)
            again.mkdir()
        elif state == "forgotten":
            self.sh("rm -f /run/hactl/*.run")

    def do_break(self, what: str) -> None:
        super().do_break(what)
        if what == "kernel hangs":
            self.look.stick("tpgt_1/enable")

    def heal(self) -> None:
        self.look.stick()
        super().heal()

    def clean(self) -> None:
        self.look.clean_up()

    def witness(self) -> Presence:
        look = self.look
        if self.foreign or look.gone():
            return "absent"
        whole = look.is_enabled() and look.exported() == len(look.disks)
        return "there" if whole else "partly"

    def foreign_untouched(self) -> bool:
        return not self.foreign or self.look.is_enabled()
