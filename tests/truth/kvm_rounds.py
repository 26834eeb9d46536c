"""Rounds of start, kill, stop, start of a KVM guest, at moments drawn from seeds, under load.

    python -m tests.truth.kvm_rounds [--rounds N] [--seed N] [--load N] [--minutes N] [--planted]

Each round has a seed of its own, which is told and plays it again: what is killed (the agent in
the middle of its start, libvirtd, QEMU, nothing), when, and whether libvirtd is back before the
stop. What must hold, whatever was killed: no answer is false, no stop fails, and the start at the
end of the round works; where it asks for a restart of libvirtd (docs/how-to/kvm-guest.md), after
that. ``--planted`` lets the agent deny a guest that it sees, and has to be found out.
"""

import argparse
import collections
import contextlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.libvirt_host import LibvirtHost, libvirt_host
from tests.support.private_node import why
from tests.truth.worlds.kvm_guest import Vm, kill_and_wait

KILLED = ("agent", "libvirtd", "agent and libvirtd", "QEMU", "nothing")
TIMEOUT = 60.0  # seconds, of every action
BUSY = ("sh", "-c", "while :; do :; done")


@dataclass
class Round:
    """What is done in one round, all of it drawn from its seed."""

    seed: int
    killed: str = ""
    after: float = 0.0  # seconds from the begin of the start to the kill
    back: bool = True  # whether libvirtd is there again when stop is called
    restarts: int = 0  # of libvirtd, that a start has asked for
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        drawn = random.Random(self.seed)
        self.killed = drawn.choice(KILLED)
        self.after = drawn.uniform(0.02, 0.9)
        self.back = drawn.random() < 0.5

    def __str__(self) -> str:
        back = "" if "libvirtd" not in self.killed or not self.back else ", back before stop"
        return f"--seed {self.seed}: {self.killed} killed after {self.after:.2f} s{back}"


def play(vm: Vm, each: Round) -> None:
    """One round; what was wrong is in ``each.wrong``."""
    kill(vm, each)
    if "libvirtd" in each.killed and each.back:
        vm.host.heal()
    look(vm, each)
    stop(vm, each)
    vm.host.heal()
    if vm.pid():
        each.wrong.append("a guest came to life after the stop")
    started = vm.call("start", timeout=TIMEOUT)
    if started.returncode == 1 and "restart libvirtd" in why(started):
        each.restarts += 1
        vm.host.restart_libvirtd()
        started = vm.call("start", timeout=TIMEOUT)
    if started.returncode or not vm.pid():
        each.wrong.append(f"start at the end: {started.returncode} {why(started)}")
    look(vm, each)
    stop(vm, each)


def kill(vm: Vm, each: Round) -> None:
    """A start, in which something dies."""
    wrapper = ("timeout", "-s", "KILL", f"{each.after:.3f}") if "agent" in each.killed else ()
    dies = threading.Timer(each.after, vm.host.signal_libvirtd, [signal.SIGKILL])
    if "libvirtd" in each.killed:
        dies.start()
    done = vm.call("start", timeout=TIMEOUT, wrapper=wrapper)
    if dies.is_alive() or "libvirtd" in each.killed:
        dies.join()
    if done.returncode == 0 and not vm.pid():
        each.wrong.append("start said it runs, and it does not")
    if each.killed == "QEMU" and vm.pid():
        kill_and_wait(vm)


def look(vm: Vm, each: Round) -> None:
    before = vm.pid()
    seen = vm.call("monitor", timeout=20)
    if before and before == vm.pid() and seen.returncode not in (0, 1, 190):
        each.wrong.append(f"monitor of a guest that is there: {seen.returncode} {why(seen)}")
    if not before and not vm.pid() and seen.returncode in (0, 190):
        each.wrong.append(f"monitor of a guest that is not there: {seen.returncode}")


def stop(vm: Vm, each: Round) -> None:
    done = vm.call("stop", timeout=TIMEOUT)
    if done.returncode == 0 and vm.pid():
        each.wrong.append("stop said it is gone, and it is not")
    if done.returncode == 1:
        again = vm.call("stop", timeout=TIMEOUT)
        text = f"stop: 1 {why(done)}"
        each.wrong.append(text + (", and 0 when asked again" if again.returncode == 0 else ""))


@contextlib.contextmanager
def load(number: int) -> Iterator[None]:
    busy = [subprocess.Popen(BUSY) for _ in range(number)]
    try:
        yield
    finally:
        for each in busy:
            each.kill()
            each.wait()


def plant(vm: Vm) -> None:
    """An agent that takes every guest for stopped, whatever it sees."""
    program = Path(vm.host.launcher("KvmGuest"))
    honest = program.read_text()
    lie = (
        "import sys\nif sys.argv[1] in ('monitor', 'stop'): sys.exit(7 * (sys.argv[1] != 'stop'))\n"
    )
    first, _, rest = honest.partition("\n")
    program.write_text(f"{first}\n{lie}{rest}")


def rounds(
    host: LibvirtHost, seeds: "range", until: float, planted: bool, say: Callable[[str], None]
) -> "list[Round]":
    played = []
    vm = Vm(host, "vm1").write()
    if planted:
        plant(vm)
    for seed in seeds:
        if time.monotonic() > until:
            break
        each = Round(seed)
        play(vm, each)
        played.append(each)
        if each.wrong:
            say(f"{each}: {'; '.join(each.wrong)}")
            clean(vm)
    return played


def clean(vm: Vm) -> None:
    """After a round that went wrong the next one begins with nothing there."""
    vm.host.restart_libvirtd()
    if vm.pid():
        kill_and_wait(vm)
    vm.host.sh("rm -rf /run/hactl /run/libvirt/qemu/vm1.*")
    vm.host.restart_libvirtd()
    vm.host.virsh("undefine", vm.name, check=False)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument(
        "--seed", type=int, default=1, help="of the first round; the next has one more"
    )
    parser.add_argument("--load", type=int, default=8, help="processes that do nothing but run")
    parser.add_argument("--minutes", type=float, default=600, help="no round begins after that")
    parser.add_argument("--planted", action="store_true", help="plant a lie, which must be found")
    given = parser.parse_args()
    until = time.monotonic() + given.minutes * 60
    seeds = range(given.seed, given.seed + given.rounds)
    with (
        tempfile.TemporaryDirectory(prefix="hactl-rounds-", dir="/var/tmp") as folder,
        load(given.load),
    ):
        Path(folder).chmod(0o755)
        with libvirt_host(Path(folder) / "host", cache=Path(folder) / "cache") as host:
            played = rounds(host, seeds, until, given.planted, lambda text: print(text, flush=True))
    kinds = collections.Counter(each.killed for each in played)
    wrong = sum(bool(each.wrong) for each in played)
    told = ", ".join(f"{kinds[kind]} {kind}" for kind in KILLED)
    restarts = sum(each.restarts for each in played)
    print(f"{len(played)} rounds from seed {given.seed} under load {given.load}: {wrong} wrong")
    print(f"killed: {told}; {restarts} starts asked for a restart of libvirtd")
    return int(bool(wrong) != given.planted or not played)


if __name__ == "__main__":
    sys.exit(main())
