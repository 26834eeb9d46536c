"""Runs RbdImage's actions with rbd_holder.py for a mapper: this machine's kernel has no other.

Run with the distribution's python3: rbd_driver.py LIBDIR NODE ACTION, parameters in the
environment as Pacemaker gives them. Everything but the mapper is the agent as it is installed.
"""

import os
import sys
import time
from pathlib import Path

LIBDIR, NODE, ACTION = sys.argv[1:]
sys.path.insert(0, LIBDIR)

from hactl_agents.ceph.image import (  # noqa: E402
    Mapping,
    Spec,
    Wish,
)
from hactl_agents.host.host import Failed, Host  # noqa: E402
from hactl_agents.ocf.main import answer, budget, exit_code, perform  # noqa: E402
from hactl_agents.rbd_image import RbdImage  # noqa: E402

HOLDER = str(Path(__file__).resolve().parent / "rbd_holder.py")


class Holder:
    """A mapper whose device is a process."""

    name = "holder"

    def __init__(self, host: Host) -> None:
        self.host = host

    def state(self, spec: Spec) -> str:
        return f"/run/held-{NODE}-{str(spec).replace('/', '-')}"

    def find(self, spec: Spec, fsid: str) -> "list[Mapping]":  # noqa: ARG002
        words = (self.host.read(self.state(spec)) or "").split()
        started = self.host.started(int(words[0])) if words else None
        if started is None:
            return []
        mapping = Mapping(self.name, str(spec), "/dev/held")
        mapping.pid, mapping.started = int(words[0]), started
        mapping.client, mapping.size = words[1].removeprefix("v1:"), int(words[2])
        return [mapping]

    def lacks(self) -> str:
        return ""

    def map(self, spec: Spec, wish: Wish) -> None:
        state = self.state(spec)
        words = [
            wish.conf,
            wish.client,
            wish.keyring or "",
            spec.pool,
            spec.namespace,
            spec.image,
            state,
        ]
        if os.fork() == 0:
            os.setsid()
            null = os.open("/dev/null", os.O_RDWR)
            for number in (0, 1, 2):
                os.dup2(null, number)
            os.execv("/usr/bin/python3", ["python3", HOLDER, *words, NODE[-1]])
        if not self.host.wait_for("holding", lambda: self.host.exists(state), within=10):
            raise Failed("the holder did not get the image")

    def unmap(self, mapping: Mapping, force: bool) -> None:  # noqa: ARG002
        self.host.kill(mapping.pid, 15, mapping.started)
        self.host.wait_for("letting go", lambda: not self.host.started(mapping.pid), within=10)

    def unknown(self, features: int) -> "list[str]":  # noqa: ARG002
        return []

    def epoch(self, mapping: Mapping) -> int:  # noqa: ARG002
        return -1


class Held(RbdImage):
    def mappers(self) -> "list[Holder]":  # type: ignore[override]
        return [Holder(self.host)]


ENVIRON = dict(os.environ)
seconds = budget(ENVIRON, Held, ACTION)
host = Host(seconds.work, ENVIRON, state_dir=f"/run/state-{NODE}", kept_back=seconds.look)
began = time.monotonic()
try:
    code = exit_code(perform(Held(host, ENVIRON), ACTION), ACTION, ENVIRON)
except Failed as exc:
    code = answer(host, ACTION, exc, ENVIRON)
print(f"{time.monotonic() - began:.2f}", flush=True)
os._exit(code)
