"""The world of KvmGuest: a private node with real libvirtd and QEMU, and guests without a disk."""

import itertools
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.libvirt_host import LibvirtHost, lacking_libvirt, libvirt_host
from tests.support.private_node import wait_until
from tests.truth.table import Exemption, Impossible
from tests.truth.world import Presence

AGENT = "KvmGuest"
STATES = (
    "absent", "running", "half started", "paused", "frozen", "forgotten", "started by hand",
    "foreign",
)  # fmt: skip
TIMEOUT = 10.0
SHARES = 2
DEEP = True
COUNTER = itertools.count(1)
RUN = "/run/libvirt/qemu"

# Firmware without a disk: starts in 0.3 s and stays. It does not hear the power button.
XML = """\
<domain type='qemu'>
  <name>{name}</name>{more}
  <memory unit='MiB'>{memory}</memory>
  <vcpu current='1'>2</vcpu>
  <os><type arch='x86_64'>hvm</type></os>
  <features><acpi/></features>
  <devices>{devices}</devices>
</domain>
"""


def lacking() -> list[str]:
    return lacking_libvirt()


@contextmanager
def world(folder: Path) -> "Iterator[Guests]":
    with libvirt_host(folder / "host", cache=folder / "cache") as host:
        yield Guests(host)


class Guests:
    def __init__(self, host: LibvirtHost) -> None:
        self.host = host
        self.step = 1  # of a start, before the first after which there is a process

    def fresh(self) -> "GuestCell":
        return GuestCell(self, Vm(self.host, f"vm{next(COUNTER)}").write())


class Vm:
    """A guest under the agent's care, with a definition file of its own."""

    def __init__(self, host: LibvirtHost, name: str = "vm1", **params: Any) -> None:
        self.host = host
        self.name = name
        self.file = host.dir / f"{name}.xml"
        self.params: dict[str, Any] = {"definition": self.file, "shutdown_timeout": 0} | params

    def write(self, more: str = "", devices: str = "", memory: int = 64) -> "Vm":
        text = XML.format(name=self.name, more=more, devices=devices, memory=memory)
        self.file.write_text(text)
        return self

    def call(self, action: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        given: dict[str, Any] = {"resource": self.name} | self.params | more
        return self.host.call("KvmGuest", action, **given)

    def code(self, action: str, **more: Any) -> int:
        return self.call(action, **more).returncode

    def start(self, **more: Any) -> "Vm":
        done = self.call("start", timeout=60, **more)
        assert done.returncode == 0, done.stderr
        assert self.pid()
        return self

    def create(self) -> "Vm":
        """Start it by other means than the agent's."""
        self.host.virsh("create", str(self.file))
        wait_until(self.pid, f"{self.name} does not start", 10)
        return self

    def known(self) -> bool:
        """Whether libvirt has such a domain."""
        return self.name in self.host.virsh("list", "--all", "--name").split()

    def pid(self) -> int:
        return self.host.guest_pid(self.name)

    def runs(self) -> bool:
        return self.host.virsh("domstate", self.name, check=False) == "running"


def kill_and_wait(vm: Vm) -> None:
    pid = vm.pid()
    vm.host.sh(f"kill -KILL {pid}")
    wait_until(lambda: not vm.host.alive(pid), "QEMU does not die", 10)


# Breaks: one thing taken away from a guest

Break = Callable[[Vm], None]


def definition_gone(vm: Vm) -> None:
    vm.file.unlink()


def definition_unreadable(vm: Vm) -> None:
    vm.file.unlink()
    vm.file.mkdir()


def definition_broken(vm: Vm) -> None:
    vm.file.write_text(f"<domain type='qemu'><name>{vm.name}</na")


def another_name(vm: Vm) -> str:
    """What a guest is called whose definition was changed under it."""
    return f"{vm.name}-renamed"


def definition_of_another(vm: Vm) -> None:
    vm.file.write_text(vm.file.read_text().replace(vm.name, another_name(vm)))


def record_gone(vm: Vm) -> None:
    vm.host.sh("rm -rf /run/hactl")


def record_of_another_life(vm: Vm) -> None:
    vm.host.sh(f"sed -i s/^started=.*/started=1/ /run/hactl/{vm.name}.run || :")


def definition_and_record_gone(vm: Vm) -> None:
    definition_gone(vm)
    record_gone(vm)


def definition_renamed_and_record_gone(vm: Vm) -> None:
    definition_of_another(vm)
    record_gone(vm)


def status_file_gone(vm: Vm) -> None:
    vm.host.sh(f"rm -f {RUN}/{vm.name}.xml")


def status_file_broken(vm: Vm) -> None:
    vm.host.sh(f"[ ! -e {RUN}/{vm.name}.xml ] || echo '<domst' > {RUN}/{vm.name}.xml")


def status_file_of_another_process(vm: Vm) -> None:
    edit = f"sed -i \"s/pid='[0-9]*'>/pid='1'>/\" {RUN}/{vm.name}.xml"
    vm.host.sh(f"! {edit} || echo 1 > {RUN}/{vm.name}.pid")


def all_files_of_libvirt_gone(vm: Vm) -> None:
    vm.host.sh(f"rm -rf {RUN}/{vm.name}.* {RUN}/*-{vm.name}.*")


def everything_written_down_gone(vm: Vm) -> None:
    definition_and_record_gone(vm)
    all_files_of_libvirt_gone(vm)


def libvirtd_dead(vm: Vm) -> None:
    vm.host.signal_libvirtd(signal.SIGKILL)


def libvirtd_hung(vm: Vm) -> None:
    vm.host.signal_libvirtd(signal.SIGSTOP)


def libvirtd_dead_and_definition_and_record_gone(vm: Vm) -> None:
    libvirtd_dead(vm)
    definition_and_record_gone(vm)


def libvirtd_hung_and_status_file_gone(vm: Vm) -> None:
    libvirtd_hung(vm)
    status_file_gone(vm)


def binding_missing(vm: Vm) -> None:
    vm.host.sh("mount -t tmpfs tmpfs /usr/lib/python3/dist-packages")


def parameters_wrong(vm: Vm) -> None:
    vm.params |= {"on_paused": "what", "uri": "xen:///", "stop_mode": "?", "memory": "much"}


def nothing(vm: Vm) -> None:
    """All is well."""


BREAKING: "dict[str, Break]" = {
    break_it.__name__.replace("_", " "): break_it
    for break_it in (
        nothing,
        definition_gone,
        definition_unreadable,
        definition_broken,
        definition_of_another,
        record_gone,
        record_of_another_life,
        definition_and_record_gone,
        definition_renamed_and_record_gone,
        status_file_gone,
        status_file_broken,
        status_file_of_another_process,
        all_files_of_libvirt_gone,
        everything_written_down_gone,
        libvirtd_dead,
        libvirtd_hung,
        libvirtd_dead_and_definition_and_record_gone,
        libvirtd_hung_and_status_file_gone,
        binding_missing,
        parameters_wrong,
    )
}
BREAKS = tuple(BREAKING)
SLOW = ("libvirtd hung", "libvirtd hung and status file gone")
UNHINDERED = tuple(what for what in BREAKS if what != "everything written down gone")
DOUBT = "whose guest that is, somebody's or ours, cannot be told without the definition: no stop"
EXEMPTIONS = [
    Exemption("a_stop_works_where_nothing_hinders_it", state, what, "stop", DOUBT)
    for state in ("foreign", "started by hand")
    for what in BREAKS
    if "definition" in what and what.rpartition(" ")[2] in ("gone", "unreadable", "broken")
]
BY_NAME = "what was started by hand is ours by its name only: under another one it is somebody's"
IMPOSSIBLE = [
    Impossible("started by hand", what, BY_NAME)
    for what in ("definition of another", "definition renamed and record gone")
]


class GuestCell:
    """A guest in one state, beside one of nearly the same name that is nobody's business."""

    def __init__(self, guests: Guests, vm: Vm) -> None:
        self.guests = guests
        self.vm = vm
        self.host = vm.host
        self.text = vm.file.read_text()
        self.params = dict(vm.params)
        self.namesake = Vm(vm.host, f"{vm.name}-test").write().start()
        self.renamed = Vm(vm.host, another_name(vm))
        self.foreign = {self.namesake.name: self.namesake.pid()}
        self.broken = "nothing"

    def bring_into(self, state: str) -> None:
        vm = self.vm
        if state == "foreign":
            vm.write(more=f"<uuid>{uuid.uuid4()}</uuid>").create()
            self.foreign[vm.name] = vm.pid()
            vm.write(more=f"<uuid>{uuid.uuid4()}</uuid>")
            self.text = vm.file.read_text()
        elif state == "started by hand":
            vm.create()
        elif state == "half started":
            self.start_half()
        elif state != "absent":
            vm.start()
        if state == "paused":
            vm.host.virsh("suspend", vm.name)
        if state == "frozen":
            vm.host.sh(f"kill -STOP {vm.pid()}")
        if state == "forgotten":
            record_gone(vm)

    def start_half(self) -> None:
        """Kill the start at the first step after which there is a process."""
        vm = self.vm
        for step in itertools.count(self.guests.step):
            cut = self.host.call_killed(
                "KvmGuest", "start", "clone3,renameat", step, resource=vm.name, **vm.params
            )
            assert cut, "start was never half done"
            if vm.pid():
                self.guests.step = step
                return
            assert vm.code("stop") == 0  # whatever libvirt is still at

    def do_break(self, what: str) -> None:
        self.broken = what
        BREAKING[what](self.vm)

    def heal(self) -> None:
        vm = self.vm
        vm.params = dict(self.params)
        if vm.file.is_dir():
            vm.file.rmdir()
        vm.file.write_text(self.text)
        if self.broken == "binding missing":
            self.host.sh("umount /usr/lib/python3/dist-packages")
        if self.broken.startswith("libvirtd"):
            self.host.heal()
        self.broken = "nothing"

    def clean(self) -> None:
        for vm in (self.vm, self.renamed, self.namesake):
            if vm.pid():
                kill_and_wait(vm)
            self.host.virsh("destroy", vm.name, check=False)
            vm.file.unlink(missing_ok=True)
        record_gone(self.vm)

    def witness(self) -> Presence:
        """A guest that was started under another name is this resource's, too."""
        pids = {self.vm.pid(), self.renamed.pid()} - {0, self.foreign.get(self.vm.name)}
        return "there" if pids else "absent"

    def foreign_untouched(self) -> bool:
        return all(self.host.guest_pid(name) == pid for name, pid in self.foreign.items())

    def call(self, action: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        return self.vm.call(action, **more)
