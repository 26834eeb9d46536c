"""Gfs2Mount on a real kernel with real DLM, in a small virtual machine; more nodes in tests/vm."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gfs2_machine import (
    AGENT,
    LOSETUP,
    Gfs2Machine,
    HactlError,
    gfs2_machine,
    lacking,
)

pytestmark = [
    pytest.mark.backend,
    pytest.mark.extended,
    pytest.mark.xdist_group("gfs2-mount-kernel"),
    pytest.mark.timeout(900),
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking()),
]
RUNNING, FAILED, WRONG_HERE, STOPPED, DEGRADED = 0, 1, 2, 7, 190
TESTER = shutil.which("ocf-tester")
DTD = Path("/usr/share/resource-agents/ra-api-1.dtd")
SLEEP = "sleep 100000"
MOUNT = shutil.which("mount")  # busybox has one of its own


class Share:
    """A file system and its resource."""

    def __init__(self, machine: Gfs2Machine, name: str, protocol: str) -> None:
        self.machine = machine
        self.name = name
        self.directory = f"/srv/{name}"
        self.device = machine.make(name, protocol)
        self.params = {"device": self.device, "directory": self.directory, "patience": "2s"}
        if protocol != "lock_dlm":
            self.params["lock_protocol"] = protocol

    def line(
        self,
        action: str,
        timeout: float = 60,
        level: int = 0,
        before: str = "",
        instance: str = "",
        **more: object,
    ) -> str:
        given = self.params | more | {"CRM_meta_timeout": int(timeout * 1000)}
        words = " ".join(f"OCF_RESKEY_{key}='{value}'" for key, value in given.items())
        env = f"OCF_RESOURCE_INSTANCE={instance or self.name} OCF_CHECK_LEVEL={level}"
        return f"{env} {words} {before} {AGENT} {action}"

    def call(self, action: str, **more: object) -> "tuple[int, str]":
        return self.machine.run(self.line(action, **more), 180)  # type: ignore[arg-type]

    def code(self, action: str, **more: object) -> int:
        return self.call(action, **more)[0]

    def start(self, **more: object) -> None:
        code, text = self.call("start", **more)
        assert code == 0, text

    def hold(self, script: str) -> str:
        """Let a process run; its pid."""
        return self.machine.must(f"({script}) >/dev/null 2>&1 & sleep 0.3; echo $!")

    def lives(self, pid: str) -> bool:
        return self.machine.run(f"grep -q '^State:.[^Z]' /proc/{pid}/status")[0] == 0

    def is_gone(self) -> bool:
        """By other means than the agent's: no mount, no file system, no lock space."""
        left = f"grep -q ' {self.directory} ' /proc/mounts || ls -d /sys/fs/gfs2/*{self.name}"
        return self.machine.run(f"{left} || ls -d /sys/kernel/dlm/{self.name}")[0] != 0


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gfs2Machine]:
    files = {"/etc/passwd": b"root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"}
    if TESTER and DTD.exists():
        files |= {TESTER: Path(TESTER).read_bytes(), str(DTD): DTD.read_bytes()}
    try:
        with gfs2_machine(tmp_path_factory.mktemp("m"), ("xmllint", "dmsetup"), files) as machine:
            yield machine
    except HactlError as exc:
        pytest.skip(f"no kernel to boot: {exc}")


@pytest.fixture
def share(machine: Gfs2Machine, request: pytest.FixtureRequest) -> Iterator[Share]:
    name = request.node.name.partition("[")[0].replace("_", "-")[-20:].strip("-")
    found = Share(machine, name, getattr(request, "param", "lock_dlm"))
    yield found
    machine.drop(name)
    machine.run("rm -rf /run/hactl")


alone = pytest.mark.parametrize("share", ["lock_nolock"], indirect=True)


def test_it_comes_and_goes(share: Share) -> None:
    assert share.code("monitor") == STOPPED
    share.start()
    share.start()
    assert share.code("monitor") == RUNNING
    for level in (10, 20):
        code, text = share.call("monitor", level=level, CRM_meta_on_node="alone")
        assert code == RUNNING, text
    assert share.machine.says(f"ls -A {share.directory}") == ".hactl-alone"
    assert not share.is_gone()
    assert share.code("stop") == share.code("stop") == 0
    assert share.is_gone()
    assert share.code("monitor") == STOPPED
    assert share.machine.says("ls -A /run/hactl | grep -v lock") == ""


def test_what_would_not_work_is_refused_and_nothing_is_mounted(share: Share) -> None:
    def refusal(**more: object) -> str:
        code, text = share.call("start", **more)
        assert (code, share.is_gone()) == (WRONG_HERE, True), text
        return text

    assert "has 2 journals for 3 nodes: run gfs2_jadd -j 1" in refusal(CRM_meta_clone_max=3)
    assert "of another cluster than prod" in refusal(cluster_name="prod")
    assert "was made with lock_dlm" in refusal(lock_protocol="lock_nolock")
    assert "this node has no /dev/none" in refusal(device="/dev/none")
    assert "there is no /srv/none" in refusal(directory="/srv/none")
    share.machine.must(f"tunegfs2 -o locktable=prod:{share.name} {share.device}")
    assert f"tunegfs2 -o locktable=demo:{share.name}" in refusal()
    share.machine.must(f"tunegfs2 -o lockproto=lock_nolock {share.device}")
    assert "for one node only" in refusal()
    share.machine.must(f"dd if=/dev/zero of={share.device} bs=4096 seek=16 count=1 conv=notrunc")
    assert "there is no GFS2 superblock" in refusal()


def test_a_copy_of_a_mounted_file_system_is_refused(share: Share) -> None:
    share.start()
    copy = f"/run/fs/{share.name}-copy"
    share.machine.must(f"cp /run/fs/{share.name} {copy}; mkdir -p /srv/copy")
    device = share.machine.must(f"{LOSETUP} --find --show {copy}")
    code, text = share.call("start", device=device, directory="/srv/copy", instance="copy")
    share.machine.must(f"{LOSETUP} -d {device}; rm {copy}")
    assert (code, "is in use by the device" in text) == (WRONG_HERE, True), text


def test_the_kernel_s_reason_is_told_where_mount_only_guesses(share: Share) -> None:
    code, text = share.call("start", options="noatime,frobnicate")
    assert code == FAILED
    assert "(the kernel: " in text and "frobnicate" in text
    assert share.is_gone()


def test_options_are_those_that_were_asked_for(share: Share) -> None:
    given = {"options": "noatime,discard,commit=5,errors=panic", "quota": "on"}
    share.start(**given)
    assert share.call("monitor", **given) == (RUNNING, "")
    places = f"--source {share.device} --target {share.directory}"
    share.machine.must(f"{MOUNT} -c -o remount,relatime,errors=panic {places}")
    assert share.code("monitor", **given) == DEGRADED
    changed = {"options": "noatime", "quota": "account"}
    code, text = share.call("reload-agent", **changed)
    assert code == 0, text
    assert share.call("monitor", **changed) == (RUNNING, "")
    line = share.machine.says(f"grep {share.directory} /proc/mounts")
    assert "discard" not in line and "commit=" not in line
    share.machine.must(f"mount -o remount,ro {share.directory}")
    assert share.code("monitor", **changed) == FAILED
    assert share.code("stop") == 0


# users


@pytest.mark.parametrize(
    ("script", "how"),
    [
        (f"cd {{}}; exec {SLEEP}", "cwd"),
        (f"exec 9>{{}}/open; exec {SLEEP}", "fd 9"),
        (f"exec 9>{{}}/deleted; rm {{}}/deleted; exec {SLEEP}", "fd 9"),
        (f"cp /bin/busybox {{}}/sleep; exec {{}}/{SLEEP}", "exe"),
        (f"unshare --mount --propagation private {SLEEP}", "a copy of the mount"),
        (f"unshare --mount --propagation private sh -c 'cd {{}}; exec {SLEEP}'", "cwd"),
    ],
    ids=["cwd", "open", "deleted", "program", "namespace", "within-namespace"],
)
def test_users_are_named_and_ended_only_with_force(share: Share, script: str, how: str) -> None:
    share.start()
    bystander = share.hold(f"cd /srv; exec {SLEEP}")
    pid = share.hold(script.format(share.directory, share.directory))
    code, text = share.call("stop")
    assert (code, f"{how}" in text, share.lives(pid)) == (FAILED, True, True), text
    code, text = share.call("stop", force="true")
    assert (code, share.is_gone(), share.lives(bystander)) == (0, True, True), text
    assert share.lives(pid) == (how == "a copy of the mount")
    share.machine.run(f"kill -9 {pid} {bystander}")


def test_what_the_cluster_stands_on_is_spared(share: Share) -> None:
    share.start()
    # the name is what counts; the program is Python, which does not look at its own
    share.machine.must("ln -sf /usr/bin/python3 /run/corosync")
    pid = share.hold(
        f"cd {share.directory}; exec /run/corosync -ISc 'import time; time.sleep(1e6)'"
    )
    code, text = share.call("stop", force="true")
    assert (code, "the cluster stands on it" in text, share.lives(pid)) == (FAILED, True, True)
    share.machine.run(f"kill -9 {pid}")
    assert share.code("stop") == 0


def test_a_loop_device_and_a_mount_on_it_are_named_and_left(share: Share) -> None:
    share.start()
    disk = f"{share.directory}/disk"
    share.machine.must(f"dd if=/dev/zero of={disk} bs=1M count=1; mkdir {share.directory}/sub")
    loop = share.machine.must(f"{LOSETUP} --find --show {disk}")
    share.machine.must(f"mount -t tmpfs inner {share.directory}/sub")
    code, text = share.call("stop", force="true")
    assert (code, f"{loop} in {disk}" in text, "inner (tmpfs)" in text) == (FAILED, True, True), (
        text
    )
    share.machine.must(f"umount {share.directory}/sub; {LOSETUP} -d {loop}")
    assert share.code("stop") == 0


# what goes wrong


@alone
def test_one_that_has_withdrawn_asks_for_fencing(share: Share) -> None:
    share.start()
    share.machine.must(f"echo 1 >/sys/fs/gfs2/{share.name}/withdraw; sleep 0.5")
    for action, level in (("monitor", 0), ("monitor", 10), ("start", 0), ("stop", 0)):
        code, text = share.call(action, level=level)
        assert (code, "has to be fenced" in text) == (FAILED, True), f"{action}: {text}"


@alone
def test_a_damaged_file_system_withdraws_by_itself(share: Share) -> None:
    share.start()
    share.machine.must(f"mkdir {share.directory}/sub && sync")
    inode = int(share.machine.must(f"stat -c %i {share.directory}/sub"))
    share.machine.must(f"umount {share.directory}")
    zero = f"dd if=/dev/zero of={share.device} bs=4096 seek={inode} count=1 conv=notrunc"
    share.machine.must(zero)
    share.start()
    share.machine.run(f"ls {share.directory}/sub; sleep 0.5")
    code, text = share.call("monitor")
    assert (code, "has withdrawn on this node" in text) == (FAILED, True), text


@pytest.mark.parametrize(
    "freeze", ["fsfreeze --freeze {}", "echo 1 >/sys/fs/gfs2/demo:{name}/freeze"]
)
def test_a_frozen_one_is_thawed_the_way_it_was_frozen(share: Share, freeze: str) -> None:
    share.start()
    share.machine.must(freeze.format(share.directory, name=share.name))
    assert share.code("monitor") == DEGRADED
    code, text = share.call("stop")
    assert (code, share.is_gone()) == (0, True), text


def test_a_device_that_hangs_hangs_nobody(share: Share) -> None:
    run = share.machine
    sectors = run.must(f"cat /sys/block/{share.device.rpartition('/')[2]}/size")
    run.must(f"echo '0 {sectors} linear {share.device} 0' | dmsetup create --noudevsync hung")
    minor = run.must("cut -d: -f2 /sys/block/dm-0/dev")
    run.must(
        f"mkdir -p /dev/mapper; [ -b /dev/mapper/hung ] || mknod /dev/mapper/hung b 253 {minor}"
    )
    mapped = {"device": "/dev/mapper/hung"}
    share.start(**mapped)
    run.must("dmsetup suspend --noflush --nolockfs --noudevsync hung")
    try:
        assert share.code("monitor", **mapped) == RUNNING
        code, text = share.call("monitor", level=10, **mapped)
        assert (code, "no answer within 10 s" in text) == (FAILED, True), text
        code, text = share.call("monitor", level=10, **mapped)
        assert (code, "still hangs: process" in text) == (FAILED, True), text
    finally:  # or the machine hangs for the tests that follow
        run.must("dmsetup resume --noudevsync hung")
    assert share.code("monitor", level=10, **mapped) == RUNNING
    assert share.code("stop", **mapped) == 0
    run.must("dmsetup remove --noudevsync hung")


def test_a_dlm_that_hangs_hangs_nobody_and_what_it_left_is_seen(share: Share) -> None:
    run = share.machine
    run.must("kill -STOP $(pidof dlm_controld)")
    code, text = share.call("start", timeout=15)
    assert (code, "DLM is not ready" in text) == (FAILED, True), text
    run.must("kill -CONT $(pidof dlm_controld)")
    share.start()
    run.must("kill -STOP $(pidof dlm_controld)")
    code, text = share.call("stop", timeout=15)
    assert code == FAILED, text
    assert share.code("monitor") == FAILED, "unmounted, but not gone"
    run.must("kill -CONT $(pidof dlm_controld)")
    assert share.code("stop") == 0
    assert share.is_gone()


@pytest.mark.parametrize("action", ["start", "stop"])
def test_an_action_killed_at_any_step_can_be_repeated(share: Share, action: str) -> None:
    calls = "rename,openat,pidfd_open,wait4,clone,clone3,vfork"
    cut = 0
    for step in range(1, 400, 23):
        if action == "stop":
            share.start()
        trace = f"strace -o /dev/null -e trace={calls} -e inject={calls}:signal=KILL:when={step}"
        if share.code(action, before=trace) != 137:
            break
        cut += 1
        assert share.code("monitor") in (RUNNING, STOPPED, FAILED)
        code, text = share.call(action)
        assert code == 0, f"step {step}: {text}"
        assert share.code("stop") == 0
        assert share.is_gone()
    assert cut > 2


@alone
def test_ocf_tester_is_content(share: Share) -> None:
    if not TESTER or not DTD.exists() or shutil.which("xmllint") is None:
        pytest.skip("ocf-tester or xmllint is not installed")
    given = " ".join(f"-o {key}={value}" for key, value in share.params.items())
    code, text = share.machine.run(f"sh {TESTER} -n {share.name} {given} {AGENT}", 240)
    assert code == 0, text
    assert share.is_gone()
