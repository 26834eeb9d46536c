"""KvmGuest with real libvirtd and QEMU: misled, deprived and killed, it tells the truth."""

import itertools
import shutil
import signal
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.instructions import allowed
from tests.support.libvirt_host import LibvirtHost, lacking_libvirt, libvirt_host
from tests.support.private_node import wait_until, why
from tests.truth.worlds.kvm_guest import (
    RUN,
    XML,
    Vm,
    definition_gone,
    everything_written_down_gone,
    kill_and_wait,
)

pytestmark = [
    pytest.mark.backend,
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking_libvirt()),
]
RUNNING, FAILED, STOPPED, DEGRADED = 0, 1, 7, 190
SYSTEM_KEY = "/var/lib/libvirt/qemu/domain-7-vm1/master-key.aes"
SESSION_KEY = "/home/u/.config/libvirt/qemu/lib/domain-7-vm1/master-key.aes"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("libvirt-cache")


@pytest.fixture
def host(tmp_path: Path, cache: Path) -> Iterator[LibvirtHost]:
    with libvirt_host(tmp_path / "host", cache=cache) as host:
        yield host


@pytest.fixture
def vm(host: LibvirtHost) -> Vm:
    return Vm(host).write()


@pytest.fixture
def running(vm: Vm) -> Vm:
    return vm.start()


def stays_stopped(vm: Vm, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if vm.pid():
            return False
        time.sleep(0.05)
    return True


def forge(host: LibvirtHost, name: str, key: str, isolated: bool = False) -> int:
    """A process that looks like a guest's QEMU; in a process namespace of its own if asked."""
    words = f"-name guest={name},debug-threads=on -object file={key} -uuid {uuid.uuid4()}"
    before = host.guest_pid(name)
    script = host.dir / "forged"  # not on a command line, where the name would be seen as well
    script.write_text(f"exec setsid sh -c 'sleep 600; :' {words} >/dev/null 2>&1\n")
    host.sh(f"{'unshare --pid --fork ' if isolated else ''}sh {script} >/dev/null 2>&1 &")
    wait_until(lambda: host.guest_pid(name) not in (0, before), "no forged guest", 5)
    return host.guest_pid(name)


# The ordinary life of a guest


def test_a_guest_starts_is_seen_and_stops(vm: Vm) -> None:
    assert vm.code("monitor") == STOPPED
    vm.start()
    assert vm.code("monitor") == RUNNING
    assert vm.code("start") == 0
    assert vm.code("stop") == 0
    assert vm.pid() == 0
    assert vm.code("monitor") == STOPPED
    assert vm.code("stop") == 0


def test_nothing_of_a_guest_stays_behind(running: Vm) -> None:
    assert running.code("stop") == 0
    assert running.host.virsh("list", "--all") == ""
    assert running.host.sh("ls /run/hactl") == "vm1.run.lock"
    assert running.file.exists()


def test_a_definition_in_the_cib_needs_no_file(host: LibvirtHost) -> None:
    text = XML.format(name="vm1", more="", devices="", memory=64)
    vm = Vm(host, definition="", domain=text).start()
    assert vm.code("monitor") == RUNNING
    assert vm.code("stop") == 0


def test_a_uuid_that_is_not_given_is_the_same_at_every_start(running: Vm) -> None:
    first = running.host.virsh("domuuid", "vm1")
    assert running.code("stop") == 0
    assert running.start().host.virsh("domuuid", "vm1") == first


def test_a_guest_of_the_operators_own_definition_leaves_it_alone(vm: Vm) -> None:
    vm.host.virsh("define", str(vm.file))
    defined = vm.host.virsh("domuuid", "vm1")
    vm.start()
    assert vm.host.virsh("domuuid", "vm1") == defined
    assert vm.code("stop") == 0
    assert vm.host.virsh("list", "--all", "--name") == "vm1"


def test_a_guest_that_libvirt_starts_at_boot_is_refused(vm: Vm) -> None:
    vm.host.virsh("define", str(vm.file))
    vm.host.virsh("autostart", "vm1")
    done = vm.call("start")
    assert done.returncode == 2
    assert "autostart --disable" in why(done)


def test_memory_and_vcpus_are_set_at_start_and_changed_live(vm: Vm) -> None:
    vm.start(memory=96, vcpus=1)
    info = vm.host.virsh("dominfo", "vm1")
    assert "Max memory:     98304 KiB" in info
    assert "CPU(s):         1" in info
    assert vm.code("reload-agent", memory=96, vcpus=2) == 0
    assert "CPU(s):         2" in vm.host.virsh("dominfo", "vm1")
    refused = vm.call("reload-agent", memory=128, vcpus=2)
    assert (refused.returncode, "at most 96 MiB" in why(refused)) == (1, True)


def test_saved_memory_is_restored_at_the_next_start(vm: Vm, tmp_path: Path) -> None:
    vm.params |= {"stop_mode": "save", "save_dir": tmp_path}
    vm.start()
    assert vm.code("stop", timeout=30) == 0
    assert [path.name for path in tmp_path.glob("*.save*")] == ["vm1.save"]
    vm.start()
    assert vm.runs()
    assert "-incoming" in vm.host.sh("tail -n 60 /var/log/libvirt/qemu/vm1.log")
    assert list(tmp_path.glob("*.save*")) == []


def test_saved_memory_is_thrown_away_on_request(vm: Vm, tmp_path: Path) -> None:
    vm.params |= {"stop_mode": "save", "save_dir": tmp_path}
    vm.start()
    assert vm.code("stop", timeout=30) == 0
    vm.start(restore="false")
    assert list(tmp_path.glob("*.save*")) == []


def test_memory_that_libvirt_saved_itself_is_restored(vm: Vm) -> None:
    host = vm.host
    host.virsh("define", str(vm.file))
    host.virsh("start", "vm1")
    host.virsh("managedsave", "vm1")
    vm.start()
    assert vm.runs()
    assert "-incoming" in host.sh("tail -n 60 /var/log/libvirt/qemu/vm1.log")
    assert host.virsh("list", "--all", "--with-managed-save", "--name") == ""
    assert "resource='vm1'" in host.virsh("dumpxml", "vm1").replace('"', "'")
    assert vm.code("stop") == 0
    assert host.virsh("list", "--all", "--name") == "vm1"


def test_nvram_of_the_guest_is_kept(vm: Vm, tmp_path: Path) -> None:
    nvram = tmp_path / "vm1_VARS.fd"
    nvram.write_bytes(b"variables" + bytes((1 << 18) - 9))
    loader = "<loader readonly='yes' type='pflash'>/usr/share/seabios/bios-256k.bin</loader>"
    text = vm.file.read_text().replace("</type>", f"</type>{loader}<nvram>{nvram}</nvram>")
    vm.file.write_text(text)
    vm.start()
    assert str(nvram) in vm.host.virsh("dumpxml", "vm1")
    assert vm.code("stop") == 0
    assert nvram.read_bytes().startswith(b"variables")


# A monitor sees what is wrong with a guest that exists


def test_a_paused_guest_is_never_stopped_and_obeys_the_policy(running: Vm) -> None:
    running.host.virsh("suspend", "vm1")
    done = running.call("monitor")
    assert (done.returncode, why(done)) == (FAILED, "the guest is paused (user)")
    assert running.code("monitor", on_paused="degraded") == DEGRADED
    assert running.code("monitor", on_paused="ignore") == RUNNING
    assert running.code("monitor", on_paused="nonsense") == FAILED
    assert running.code("stop") == 0
    assert running.pid() == 0


def test_a_guest_paused_by_a_disk_error_is_seen(vm: Vm) -> None:
    vm.write(devices=broken_disk(vm.host)).start()
    wait_until(lambda: "I/O error" in vm.host.virsh("domstate", "vm1", "--reason"), "no error", 20)
    done = vm.call("monitor")
    assert (done.returncode, "I/O error" in why(done)) == (FAILED, True)
    assert vm.code("stop") == 0
    assert vm.pid() == 0


def broken_disk(host: LibvirtHost) -> str:
    """A disk that cannot be read."""
    image, socket = host.dir / "disk.img", host.dir / "disk.sock"
    image.write_bytes(bytes(1 << 20))
    fault = "inject-error.0.event=none,inject-error.0.iotype=read"
    source = f"driver=blkdebug,image.driver=file,image.filename={image},{fault}"
    host.sh(f"qemu-nbd --fork -t -k {socket} --image-opts {source}")
    return (
        "<disk type='network' device='disk'><driver name='qemu' type='raw' error_policy='stop' "
        "rerror_policy='stop'/><source protocol='nbd'><host transport='unix' "
        f"socket='{socket}'/></source><target dev='vda' bus='virtio'/></disk>"
    )


def test_a_frozen_qemu_is_seen_and_stopped(running: Vm) -> None:
    pid = running.pid()
    running.host.sh(f"kill -STOP {pid}")
    done = running.call("monitor")
    assert (done.returncode, "stopped by a signal" in why(done)) == (FAILED, True)
    assert running.code("stop", timeout=60) == 0
    assert not running.host.alive(pid)


def test_a_deeper_look_sees_that_libvirt_hangs_and_restarts_no_guest_for_it(running: Vm) -> None:
    running.host.signal_libvirtd(signal.SIGSTOP)
    assert running.code("monitor") == RUNNING
    done = running.call("monitor", level=10, timeout=12)
    assert (done.returncode, "libvirt does not answer" in why(done)) == (DEGRADED, True)
    running.host.signal_libvirtd(signal.SIGCONT)
    assert running.code("monitor", level=10) == RUNNING


def test_a_guest_that_died_is_stopped(running: Vm) -> None:
    kill_and_wait(running)
    assert running.code("monitor") == STOPPED
    assert running.code("stop") == 0


# Everything broken at once; one thing at a time in every state: test_truth.py


def test_without_any_trace_of_its_name_a_guest_is_neither_stopped_nor_killed(running: Vm) -> None:
    pid = running.pid()
    everything_written_down_gone(running)
    done = running.call("monitor")
    assert (done.returncode, "set the parameter name" in why(done)) == (FAILED, True)
    assert running.code("stop") == FAILED
    assert running.host.alive(pid)
    running.params["name"] = "vm1"
    assert running.code("monitor") in (RUNNING, FAILED)
    assert running.code("stop", timeout=60) == 0
    assert not running.host.alive(pid)


def test_an_unreadable_definition_on_a_node_without_guests_is_stopped(vm: Vm) -> None:
    definition_gone(vm)
    assert vm.code("monitor") == STOPPED
    assert vm.code("stop") == 0


def test_an_unreadable_definition_beside_guests_of_ours_is_stopped(vm: Vm) -> None:
    other = Vm(vm.host, "other").write().start()
    definition_gone(vm)
    assert vm.code("monitor") == STOPPED
    assert vm.code("stop") == 0
    assert other.pid()


# Guests of others


def test_similarly_named_guests_are_not_ours(vm: Vm) -> None:
    for name in ("vm1-test", "my-vm1", "vm"):
        Vm(vm.host, name).write().start()
    assert vm.code("monitor") == STOPPED
    assert vm.code("stop") == 0
    assert Vm(vm.host, "vm1-test").pid()


def test_a_foreign_guest_of_the_same_name_is_left_alone(vm: Vm) -> None:
    foreign = vm.file.with_name("foreign.xml")
    foreign.write_text(vm.file.read_text())
    vm.host.virsh("create", str(foreign))
    vm.write(more=f"<uuid>{uuid.uuid4()}</uuid>")
    pid = vm.pid()
    assert vm.code("monitor") == STOPPED
    done = vm.call("start")
    assert (done.returncode, "another guest named vm1" in why(done)) == (2, True)
    assert vm.code("stop") == 0
    assert vm.host.alive(pid)


def test_a_copy_of_our_guest_with_our_mark_is_not_ours(running: Vm) -> None:
    host = running.host
    copied = host.virsh("dumpxml", "vm1").replace("<name>vm1<", "<name>copy<", 1)
    copied = copied.replace(host.virsh("domuuid", "vm1"), str(uuid.uuid4()), 1)
    assert running.code("stop") == 0
    (host.dir / "copy.xml").write_text(copied)
    host.virsh("create", str(host.dir / "copy.xml"))
    assert running.code("monitor") == STOPPED
    assert running.code("stop") == 0
    assert host.guest_pid("copy")


def test_a_guest_of_a_users_session_is_not_ours(vm: Vm) -> None:
    pid = forge(vm.host, "vm1", SESSION_KEY)
    assert vm.code("monitor") == STOPPED
    assert vm.code("stop") == 0
    assert vm.host.alive(pid)


def test_a_guest_inside_a_container_is_not_ours(vm: Vm) -> None:
    pid = forge(vm.host, "vm1", SYSTEM_KEY, isolated=True)
    assert vm.code("monitor") == STOPPED
    assert vm.code("stop") == 0
    assert vm.host.alive(pid)


def test_a_process_that_got_the_recorded_pid_is_never_killed(running: Vm) -> None:
    host = running.host
    assert running.code("monitor") == RUNNING
    record = host.sh("cat /run/hactl/vm1.run")
    kill_and_wait(running)
    victim = int(host.sh("setsid sleep 600 >/dev/null 2>&1 & echo $!"))
    lines = [f"pid={victim}" if line.startswith("pid=") else line for line in record.splitlines()]
    (host.dir / "record").write_text("\n".join(lines) + "\n")
    host.sh(f"cat {host.dir}/record > /run/hactl/vm1.run; echo {victim} > {RUN}/vm1.pid")
    assert running.code("monitor") == STOPPED
    assert running.code("stop") == 0
    assert host.alive(victim)


def test_a_guest_that_somebody_else_started_is_ours_all_the_same(vm: Vm) -> None:
    vm.host.virsh("create", str(vm.file))
    assert vm.code("monitor") == RUNNING
    assert vm.code("start") == 0
    definition_gone(vm)
    assert vm.code("monitor") == RUNNING
    assert vm.code("stop") == 0
    assert vm.pid() == 0


# Killed in the middle of a start: what is there is seen, and stop takes it away for good


def truth_and_stop(vm: Vm) -> None:
    before = vm.pid()
    code = vm.code("monitor")
    if before and before == vm.pid():
        assert code in (RUNNING, FAILED)
    assert vm.code("stop", timeout=30) == 0
    assert vm.pid() == 0


# clone3: a call of libvirt each; renameat: a record written each
@pytest.mark.parametrize(("calls", "at_least"), [("clone3", 5), ("renameat", 4)])
def test_a_start_killed_at_any_step_leaves_nothing_that_is_not_seen(
    vm: Vm, calls: str, at_least: int
) -> None:
    params = vm.params | {"resource": vm.name}
    steps = 0
    while vm.host.call_killed("KvmGuest", "start", calls, steps + 1, **params):
        steps += 1
        truth_and_stop(vm)
    assert steps >= at_least
    assert vm.runs()


@pytest.mark.parametrize("after", [0.05, 0.1, 0.15, 0.2, 0.3, 0.4])
def test_a_start_killed_while_libvirt_is_at_it_does_not_come_to_life_later(
    vm: Vm, after: float
) -> None:
    vm.call("start", wrapper=("timeout", "-s", "KILL", str(after)))
    truth_and_stop(vm)
    assert stays_stopped(vm, 1.5)


def test_a_half_done_start_in_a_hung_libvirtd_is_neither_denied_nor_ignored(vm: Vm) -> None:
    params = vm.params | {"resource": vm.name}
    for step in itertools.count(1):
        assert vm.host.call_killed("KvmGuest", "start", "clone3", step, **params)
        if "starting=" in vm.host.sh("cat /run/hactl/vm1.run || :"):
            break
        assert vm.code("stop") == 0
    vm.host.signal_libvirtd(signal.SIGSTOP)
    assert vm.code("monitor", timeout=9) == FAILED
    assert vm.code("stop", timeout=9) == FAILED
    vm.host.signal_libvirtd(signal.SIGCONT)
    assert vm.code("stop") == 0
    assert stays_stopped(vm, 1.0)


@pytest.mark.parametrize("after", [0.12, 0.25])
def test_a_start_that_hangs_in_libvirtd_does_not_come_to_life_after_a_stop(
    vm: Vm, after: float
) -> None:
    vm.call("start", wrapper=("timeout", "-s", "KILL", str(after)))
    vm.host.signal_libvirtd(signal.SIGSTOP)
    before = vm.pid()
    assert vm.code("monitor", timeout=9) in ((RUNNING, FAILED) if before else (STOPPED, FAILED))
    stopped = vm.code("stop", timeout=9)
    vm.host.signal_libvirtd(signal.SIGCONT)
    assert stopped == FAILED or stays_stopped(vm, 1.5)
    assert vm.code("stop") == 0
    assert stays_stopped(vm, 1.0)


def test_a_half_done_start_under_a_libvirtd_that_died_is_over(vm: Vm) -> None:
    vm.call("start", wrapper=("timeout", "-s", "KILL", "0.15"))
    vm.host.signal_libvirtd(signal.SIGKILL)
    truth_and_stop(vm)
    vm.host.start_libvirtd()
    assert stays_stopped(vm, 1.0)
    assert vm.start().code("stop") == 0


def test_a_stop_killed_at_any_step_can_be_repeated(vm: Vm) -> None:
    params = vm.params | {"resource": vm.name}
    vm.start()
    steps = 0
    while vm.host.call_killed("KvmGuest", "stop", "clone3,unlinkat", steps + 1, **params):
        steps += 1
        before = vm.pid()
        assert vm.code("monitor") in ((RUNNING, FAILED) if before == vm.pid() != 0 else (STOPPED,))
        if not vm.pid():
            vm.start()
    assert steps >= 3
    assert vm.pid() == 0


def test_a_guest_survives_the_death_of_libvirtd(running: Vm) -> None:
    pid = running.pid()
    running.host.signal_libvirtd(signal.SIGKILL)
    assert running.code("monitor") == RUNNING
    running.host.start_libvirtd()
    assert running.code("monitor", level=10) == RUNNING
    assert running.pid() == pid


# Many at once


def test_starts_and_stops_of_one_guest_wait_for_each_other(vm: Vm) -> None:
    actions = ["start", "start", "stop", "start", "stop", "start"]
    with ThreadPoolExecutor(len(actions)) as pool:
        assert set(pool.map(lambda action: vm.code(action, timeout=60), actions)) == {0}
    assert vm.code("monitor") == (RUNNING if vm.pid() else STOPPED)


def test_many_guests_start_at_once(host: LibvirtHost) -> None:
    vms = [Vm(host, f"vm{number}").write(memory=32) for number in range(6)]
    with ThreadPoolExecutor(len(vms)) as pool:
        assert set(pool.map(lambda vm: vm.code("start", timeout=60), vms)) == {0}
        assert set(pool.map(lambda vm: vm.code("monitor"), vms)) == {RUNNING}
        assert set(pool.map(lambda vm: vm.code("stop", timeout=60), vms)) == {0}
    assert [vm.pid() for vm in vms] == [0] * len(vms)


# What it costs, and what others say


def test_a_monitor_forks_nothing(running: Vm) -> None:
    trace = ("strace", "-f", "-qq", "-e", "trace=%process", "-e", "signal=none")
    for level in (0, 10):
        lines = running.call("monitor", level=level, wrapper=trace).stderr.splitlines()
        assert sum("execve(" in line for line in lines) == 1
        assert [line for line in lines if "fork(" in line] == []
        assert [line for line in lines if "clone" in line and not a_thread(line)] == []


def a_thread(line: str) -> bool:
    return "CLONE_THREAD" in line or "resumed>" in line  # which follows on what was judged before


def test_a_monitor_costs_no_more_than_agreed(running: Vm) -> None:
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    assert instructions(running, level=0) <= allowed(25_000_000)
    assert instructions(running, level=10) <= allowed(75_000_000)
    running.host.sh(f"rm {RUN}/vm1.xml")
    assert instructions(running, level=0) <= allowed(75_000_000)


def instructions(vm: Vm, level: int) -> int:
    grind = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
    done = vm.call("monitor", level=level, wrapper=(*grind, "/usr/bin/python3", "-IS"))
    assert done.returncode == RUNNING
    return int(done.stderr.partition("Collected : ")[2].split()[0])


def test_ocf_tester_comes_to_its_end(vm: Vm) -> None:
    if shutil.which("ocf-tester") is None:
        pytest.skip("ocf-tester is not installed")
    for folder in (vm.host.dir, *vm.host.dir.parents):
        if folder.stat().st_mode & 0o055 != 0o055:
            folder.chmod(0o755)  # it asks for meta-data as nobody
    given = [word for name, value in vm.params.items() for word in ("-o", f"{name}={value}")]
    program = vm.host.launcher("KvmGuest")
    done = vm.host.run("ocf-tester", "-n", "vm1", *given, program, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed all tests" in done.stdout
    assert vm.pid() == 0
