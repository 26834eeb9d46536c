"""The world of KvmGuest: a private node with real libvirtd and QEMU, and guests without a disk."""

import itertools
import random
import signal
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.libvirt_host import LibvirtHost, lacking_libvirt, libvirt_host
from tests.support.private_node import wait_until
from tests.truth.table import LOOKS, Exemption, Impossible, Lie
from tests.truth.world import Presence

AGENT = "KvmGuest"
STATES = (
    "absent", "running", "half started", "paused", "frozen", "forgotten", "started by hand",
    "foreign", "asked for", "called off", "left half made", "copied",
)  # fmt: skip
SAMPLED = ("asked for", "called off", "left half made", "copied")
TIMEOUT = 10.0
SHARES = 3
DEEP = True
PLACES = ("definition",)
DAEMONS = ("libvirtd",)
TALK = "clone3"  # each call of libvirt is made by a thread of its own
RELOADS = True
TIMEOUT_DURING = 8.0
COUNTER = itertools.count(1)
RENAMES = 20  # files that libvirtd renames in a start, at most
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
        host.hold_starts()
        yield Guests(host)


class Guests:
    def __init__(self, host: LibvirtHost) -> None:
        self.host = host
        self.step = 1  # of a start, before the first after which there is a process
        self.rename = 1  # of a file by libvirtd, in which it notes a guest in the making

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


def libvirtd_busy(vm: Vm) -> None:
    """It starts another guest, which takes long, and somebody asks for that one: then nobody can
    be added to the list of guests, or taken off it.
    """
    other = Vm(vm.host, f"{vm.name}-busy").write()
    vm.host.hold(other.name)
    uri = "virsh -q -c qemu:///system"
    vm.host.sh(f"{uri} create {other.file} >/dev/null 2>&1 &")
    wait_until(lambda: vm.host.holding(other.name), "no start is held", 10)
    vm.host.sh(f"{uri} domstate {other.name} >/dev/null 2>&1 &")


def libvirtd_dies_meanwhile(vm: Vm) -> None:
    """Not yet: in the middle of each call, and there is a new one before the next."""


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
        libvirtd_busy,
        libvirtd_dies_meanwhile,
        binding_missing,
        parameters_wrong,
    )
}
BREAKS = tuple(BREAKING)
SLOW = ("libvirtd hung", "libvirtd hung and status file gone", "libvirtd busy")
UNHINDERED = tuple(what for what in BREAKS if what != "everything written down gone")
DOUBT = "whose guest that is, somebody's or ours, cannot be told without the definition: no stop"
EXEMPTIONS = [
    Exemption("a_stop_works_where_nothing_hinders_it", state, what, "stop", DOUBT)
    for state in ("foreign", "started by hand", "copied")
    for what in BREAKS
    if "definition" in what and what.rpartition(" ")[2] in ("gone", "unreadable", "broken")
]
STILL_AT_IT = (
    "libvirtd works on the start, and says nothing of that guest meanwhile: it may yet come"
)
LEFT_DEFINED = (
    "the definition of a start that was cut short is there, and libvirt does not say whether it "
    "was asked to start it and may yet: a stop takes it away, and then it may not"
)
EXEMPTIONS += [
    Exemption("absence_is_seen_where_nothing_is_broken", "called off", "*", look, LEFT_DEFINED)
    for look in LOOKS
]
NOBODY_TO_ASK = "a start can be called off only by the libvirtd that was asked for it"
EXEMPTIONS += [
    Exemption("a_stop_works_where_nothing_hinders_it", "asked for", "*", "stop", STILL_AT_IT),
    *(
        Exemption(
            "a_stop_works_where_nothing_hinders_it", "called off", what, "stop", NOBODY_TO_ASK
        )
        for what in ("libvirtd hung", "libvirtd hung and status file gone", "binding missing")
    ),
]
BY_NAME = "what was started by hand is ours by its name only: under another one it is somebody's"
LIES = {
    "denies what is to come": Lie("asked for", "monitor", 7, "what_is_there_is_not_denied"),
    "forgets what is to come": Lie("asked for", "stop", 0, "what_was_stopped_is_absent"),
    "takes the copy": Lie("copied", "stop", 0, "what_is_foreign_is_untouched", damage=True),
}
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
        self.copied = Vm(vm.host, f"{vm.name}-copied")
        self.busy = Vm(vm.host, f"{vm.name}-busy")
        self.foreign = {self.namesake.name: self.namesake.pid()}
        self.broken = "nothing"
        self.chance = random.Random(vm.name)
        self.maker = self.host.libvirtd()  # of all that is made before anything breaks

    @property
    def node(self) -> LibvirtHost:
        return self.host

    def pids(self, daemon: str) -> list[int]:  # noqa: ARG002
        return [self.host.libvirtd()]

    def move(self, place: str, behind: Path, shown: Path) -> None:  # noqa: ARG002
        """Lay the definition elsewhere; the name is given as well, as the how-to says."""
        file = behind / self.vm.file.name
        file.write_text(self.vm.file.read_text())
        self.vm.params |= {"definition": shown / file.name, "name": self.vm.name}
        self.params = dict(self.vm.params)

    def bring_into(self, state: str) -> None:
        vm = self.vm
        if state == "foreign":
            vm.write(more=f"<uuid>{uuid.uuid4()}</uuid>").create()
            self.foreign[vm.name] = vm.pid()
            vm.write(more=f"<uuid>{uuid.uuid4()}</uuid>")
            self.text = vm.file.read_text()
        elif state == "started by hand":
            vm.create()
        elif state == "copied":
            self.copy()
        elif state == "half started":
            self.start_half(lambda: bool(vm.pid()))
        elif state == "called off":
            self.start_half(lambda: vm.known() and not vm.pid())
        elif state == "asked for":
            self.ask_for()
        elif state == "left half made":
            self.leave_half_made()
        elif state != "absent":
            vm.start()
        if state == "paused":
            vm.host.virsh("suspend", vm.name)
        if state == "frozen":
            vm.host.sh(f"kill -STOP {vm.pid()}")
        if state == "forgotten":
            record_gone(vm)

    def start_half(self, is_it: "Callable[[], bool]") -> None:
        """Kill the start at the first step after which it is as wanted."""
        vm = self.vm
        for step in itertools.count(self.guests.step):
            cut = self.host.call_killed(
                "KvmGuest", "start", "clone3,renameat", step, resource=vm.name, **vm.params
            )
            assert cut, "start was never half done"
            if is_it():
                return
            assert vm.code("stop") == 0  # whatever libvirt is still at

    def ask_for(self) -> None:
        """Kill the start while libvirt works on it: the guest comes once that is released."""
        vm = self.vm
        vm.host.hold(vm.name)
        vm.call("start", timeout=60, wrapper=("timeout", "-s", "KILL", "2.5"))
        wait_until(lambda: vm.host.holding(vm.name), "libvirt was not asked", 10)

    def leave_half_made(self) -> None:
        """Kill libvirtd right after it has noted a guest in the making, before it has a process."""
        vm = self.vm
        for number in [self.guests.rename, *range(1, RENAMES)]:
            vm.host.kill_libvirtd_at_rename(number, lambda: vm.call("start", timeout=60))
            noted = vm.host.sh(f"cat {RUN}/{vm.name}.xml 2>/dev/null || :")
            vm.host.restart_libvirtd()
            if "reason='starting up' pid='0'" in noted:
                self.guests.rename = number
                return
            assert vm.code("stop") == 0
        raise AssertionError("libvirtd never noted a guest in the making")

    def copy(self) -> None:
        """Somebody runs a copy of the definition in which only the name was edited."""
        same = f"<uuid>{uuid.uuid4()}</uuid>"
        self.copied.write(more=same).create()
        self.foreign[self.copied.name] = self.copied.pid()
        self.vm.write(more=same)
        self.text = self.vm.file.read_text()

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
        self.host.release()
        self.host.heal()
        if self.broken == "libvirtd busy":
            wait_until(self.busy.pid, "the guest that was held did not come", 20)
            kill_and_wait(self.busy)
        self.see_it_made()
        self.broken = "nothing"

    def see_it_made(self) -> None:
        """Wait for the end of what libvirtd is making; where it never ends, a new one is needed."""
        if not self.host.half_made(self.vm.name):
            return
        if self.host.libvirtd() != self.maker:
            self.host.restart_libvirtd()
            return
        wait_until(lambda: not self.host.half_made(self.vm.name), "it is never made", 20)

    def clean(self) -> None:
        for vm in (self.vm, self.renamed, self.namesake, self.copied, self.busy):
            if vm.pid():
                kill_and_wait(vm)
            self.host.virsh("destroy", vm.name, check=False)
            self.host.virsh("undefine", vm.name, check=False)
            vm.file.unlink(missing_ok=True)
        record_gone(self.vm)

    def witness(self) -> Presence:
        """A guest that was started under another name is this resource's, too.

        What libvirt is about to start is not there, and must not be denied.
        """
        pids = {self.vm.pid(), self.renamed.pid()} - {0, self.foreign.get(self.vm.name)}
        coming = self.host.holding(self.vm.name)
        return "there" if pids else "partly" if coming else "absent"

    def foreign_untouched(self) -> bool:
        return all(self.host.guest_pid(name) == pid for name, pid in self.foreign.items())

    def call(self, action: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        if self.broken != "libvirtd dies meanwhile":
            return self.vm.call(action, **more)
        self.host.heal()
        dies = threading.Timer(
            self.chance.uniform(0.03, 0.5), self.host.signal_libvirtd, [signal.SIGKILL]
        )
        dies.start()
        try:
            return self.vm.call(action, **more)
        finally:
            dies.join()
