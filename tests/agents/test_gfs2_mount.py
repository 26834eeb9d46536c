"""What Gfs2Mount does on a node made of dictionaries; real kernels are in tests/truth."""

from collections.abc import Callable
from typing import Any

import pytest

from hactl_agents.gfs2 import options, superblock
from hactl_agents.gfs2.users import mapped
from hactl_agents.gfs2_mount import Gfs2Mount
from hactl_agents.host.command import Done
from hactl_agents.host.host import Failed
from hactl_agents.host.mounts import hiding, lies_on, parse
from hactl_agents.ocf import Status
from hactl_agents.testing import STUCK, FakeHost, act, done, reason

DEVICE, DIRECTORY, TABLE, NUMBER = "/dev/vg0/shared", "/srv/shared", "demo:shared", "253:3"
PARAMS = {"device": DEVICE, "directory": DIRECTORY}
ROOT = "1 0 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
OTHERS = "22 1 0:20 / /sys rw - sysfs sysfs rw\n23 1 8:5 / /srv/sharedx rw - gfs2 /dev/sdb rw\n"
SYS = f"/sys/fs/gfs2/{TABLE}"
CLUSTER = "/sys/kernel/config/dlm/cluster/cluster_name"
FOLDER = 0o040755


# a node with a GFS2 on a device


class Node(FakeHost):
    """A node whose mount(8) and umount(8) do what the kernel would."""

    def __init__(self, budget: float = 108.0) -> None:
        super().__init__(budget=budget)
        self.mounted = ""
        self.busy = 0  # how many times umount is refused
        self.files[CLUSTER] = "demo\n"
        self.modes[DIRECTORY] = FOLDER
        self.files[DIRECTORY] = ""  # a folder, by its mode
        self.store.numbers[DEVICE] = NUMBER
        self.store.blocks[DEVICE] = medium()
        self.replies |= {"mount": self.mount, "umount": self.umount, "tee": self.tee}
        self.sockets[b"\0dlmc_query_sock"] = lambda _: b"member_count=3 quorate=1 fence_pid=0 \0"
        self.files[f"/sys/dev/block/{NUMBER}/uevent"] = "MAJOR=253\nDEVNAME=dm-3\n"
        self.show()

    def show(self, *lines: str) -> None:
        """Lay out /proc/self/mountinfo: ours, and more lines."""
        self.files["/proc/self/mountinfo"] = ROOT + OTHERS + self.mounted + "".join(lines)

    def mount(self, *argv: str) -> Done:
        given = argv[argv.index("-o") + 1].split(",") if "-o" in argv else []
        plain = [each for each in given if "=" not in each and each not in ("remount", "rw")]
        of_it = [each for each in given if "=" in each and each not in options.DEFAULTS]
        self.put_up(",".join(["rw", *plain]), ",".join(["rw", *of_it]))
        return done(*argv)

    def put_up(self, plain: str = "rw,relatime", of_it: str = "rw") -> None:
        self.mounted = f"90 1 {NUMBER} / {DIRECTORY} {plain} - gfs2 {DEVICE} {of_it}\n"
        self.activate()
        self.show()

    def activate(self) -> None:
        for name, text in (("id", NUMBER), ("withdraw", "0"), ("freeze", "0"), ("status", "")):
            self.files[f"{SYS}/{name}"] = text + "\n"
        self.files[f"{SYS}/lock_module/block"] = "0\n"

    def umount(self, *argv: str) -> Done:
        if self.busy:
            self.busy -= 1
            return done(*argv, stderr=f"umount: {argv[-1]}: target is busy.", code=32)
        self.mounted = ""
        for path in [path for path in self.files if path.startswith(SYS)]:
            del self.files[path]
        self.show()
        return done(*argv)

    def tee(self, *argv: str) -> Done:
        self.files[argv[1]] = "0\n"
        return done(*argv)

    def uses(self, pid: int, name: str, link: str = "cwd", mount: int = 90) -> None:
        """Let a process use the file system."""
        self.processes[pid] = 1000 + pid
        folder = f"/proc/{pid}"
        self.files |= {
            f"{folder}/comm": f"{name}\n", f"{folder}/stat": f"{pid} ({name}) S 1 0",
            f"{folder}/maps": "", f"{folder}/mountinfo": self.files["/proc/self/mountinfo"],
        }  # fmt: skip
        self.links[f"{folder}/ns/mnt"] = "mnt:[1]"
        self.links["/proc/self/ns/mnt"] = "mnt:[1]"
        self.store.mounts[f"{folder}/{link}"] = mount

    def kill(self, pid: int, signal: int, started: "int | None" = None) -> bool:
        sent = super().kill(pid, signal, started)
        if sent and pid not in self.processes:
            for path in [path for path in self.files if path.startswith(f"/proc/{pid}/")]:
                del self.files[path]
        return sent

    def ran(self, tool: str) -> "list[tuple[str, ...]]":
        return [call for call in self.calls if call[0] == tool]


def medium(
    table: str = TABLE, protocol: str = "lock_dlm", journals: int = 3, size: int = 4096
) -> "dict[int, bytes]":
    """The blocks of a device with a GFS2, as mkfs.gfs2 would lay them out."""
    start = header(superblock.SUPERBLOCK) + b"".join(
        number.to_bytes(4, "big") for number in (1801, 1900, 0, size, 12, 0)
    )
    start += (7).to_bytes(8, "big") + (21).to_bytes(8, "big") + bytes(32)
    start += protocol.encode().ljust(64, b"\0") + table.encode().ljust(64, b"\0") + bytes(48)
    names = {"jindex": 22, "rindex": 23}
    return {
        65536: start,
        21 * size: directory(4, names),
        22 * size: directory(journals + 2, {}),
    }


def header(kind: int) -> bytes:
    return superblock.MAGIC.to_bytes(4, "big") + kind.to_bytes(4, "big") + bytes(16)


def directory(entries: int, names: "dict[str, int]") -> bytes:
    block = header(superblock.DINODE).ljust(148, b"\0") + entries.to_bytes(4, "big")
    block = block.ljust(superblock.DIRECTORY, b"\0")
    for name, address in names.items():
        entry = (5).to_bytes(8, "big") + address.to_bytes(8, "big") + bytes(4)
        entry += (48).to_bytes(2, "big") + len(name).to_bytes(2, "big")
        block += (entry.ljust(superblock.ENTRY, b"\0") + name.encode()).ljust(48, b"\0")
    return block


def call(host: FakeHost, action: str, **more: Any) -> int:
    meta, level = more.pop("meta", None), more.pop("level", 0)
    return act(Gfs2Mount, host, action, meta=meta, level=level, **(PARAMS | more))


def complaint(host: FakeHost, action: str = "start", **more: Any) -> str:
    meta = more.pop("meta", None)
    return reason(Gfs2Mount, host, action, meta=meta, **(PARAMS | more))


def deep(host: FakeHost, level: int = 10) -> int:
    return call(host, "monitor", level=level)


# mounting and unmounting


def test_it_is_mounted_and_unmounted() -> None:
    host = Node()
    assert call(host, "monitor") == Status.STOPPED
    assert call(host, "start", options="noatime,discard", quota="on") == 0
    assert host.calls == [
        ("mount", "-c", "-t", "gfs2", "-o", "noatime,discard,quota=on",
         "--source", DEVICE, "--target", DIRECTORY)
    ]  # fmt: skip
    assert call(host, "monitor", options="noatime", quota="on") == Status.RUNNING
    assert call(host, "stop") == 0
    assert host.ran("umount") == [("umount", "-c", DIRECTORY)]
    assert call(host, "monitor") == Status.STOPPED
    assert host.saved == {}


def test_a_monitor_runs_nothing_and_asks_neither_device_nor_file_system() -> None:
    host = Node()
    host.put_up()
    host.hangs |= {f"asking {DIRECTORY}", f"reading the superblock of {DEVICE}"}
    host.replies.clear()
    assert call(host, "monitor") == Status.RUNNING
    assert host.calls == []


def test_the_kernel_decides_what_was_mounted() -> None:
    host = Node()
    host.replies["mount"] = lambda *argv: host.put_up() or done(*argv)
    text = complaint(host, options="noatime,noexec")
    assert text == "the kernel has mounted it without noatime,noexec"
    assert host.mounted == "", "what is not as it should be is taken down again"


def test_a_mount_that_fails_is_explained_by_the_kernel_and_by_dlm() -> None:
    host = Node()
    said = "mount: wrong fs type, bad option, bad superblock on /dev/dm-3"
    host.replies["mount"] = done("mount", stderr=said, code=32)
    host.store.said = ["usb 1-1: new device", "gfs2: fsid=demo:shared.s: can't mount journal #3"]
    host.sockets[b"\0dlmc_query_sock"] = lambda message: space(message, waits=3)
    text = complaint(host)
    assert "the kernel: gfs2: fsid=demo:shared.s: can't mount journal #3" in text
    assert "the lock space waits for a dead node to be fenced" in text


def space(message: bytes, waits: int) -> bytes:
    """What dlm_controld says: its own state, or a lock space's."""
    if message[8] == 13:
        return b"quorate=1 \0"
    change = (waits).to_bytes(4, "little").rjust(20, b"\0").ljust(32, b"\0")
    return (
        message[:16] + (236).to_bytes(4, "little") + message[20:96] + bytes(32) + change + bytes(76)
    )


def test_a_start_that_was_cut_short_is_looked_for_in_the_kernel() -> None:
    host = Node()
    host.saved["test.run"] = f"number={NUMBER}\n"
    host.activate()
    host.store.numbers.clear()
    assert "still active on this node" in complaint(host, "monitor")
    host.files["/proc/77/comm"] = "mount\n"
    host.files["/proc/77/cmdline"] = f"mount\0-c\0--target\0{DIRECTORY}\0"
    assert "has not come back" in complaint(host, "stop")
    del host.files["/proc/77/comm"]
    host.put_up()
    assert call(host, "stop") == 0
    assert host.mounted == ""


def test_nothing_is_said_where_the_kernel_cannot_be_asked() -> None:
    host = Node()
    host.files["/proc/self/mountinfo"] = Failed("/proc/self/mountinfo: cannot be read")
    assert call(host, "monitor") == call(host, "stop") == 1
    host.show()
    host.files["/proc/filesystems"] = "nodev\tsysfs\n\tgfs2\n"
    assert "is not there to tell which" in complaint(host, "monitor")


# whose file system it is


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"90 1 253:9 / {DIRECTORY} rw - gfs2 /dev/other rw\n", Status.STOPPED),
        (f"90 1 8:7 / {DIRECTORY} rw - ext4 /dev/sdc rw\n", Status.STOPPED),
        (f"90 1 {NUMBER} / /srv/elsewhere rw - gfs2 {DEVICE} rw\n", Status.STOPPED),
        (f"90 1 {NUMBER} /sub {DIRECTORY} rw - gfs2 {DEVICE} rw\n", 1),
    ],
)
def test_a_foreign_mount_is_not_ours_and_is_left_alone(line: str, expected: int) -> None:
    host = Node()
    host.activate()
    host.files[f"{SYS}/id"] = line.split()[2]
    host.show(line)
    assert call(host, "monitor") == expected
    assert call(host, "start") in (1, 2)
    if expected == Status.STOPPED:
        assert call(host, "stop") == 0
    assert host.ran("umount") == []


def test_its_number_tells_it_also_when_its_device_has_gone() -> None:
    host = Node()
    assert call(host, "start") == 0
    host.store.numbers.clear()
    assert call(host, "monitor") == Status.RUNNING
    host.saved.clear()
    assert call(host, "monitor") == Status.RUNNING, "by the name it was mounted from"
    host.mounted = host.mounted.replace(DEVICE, "/dev/dm-3")
    host.show()
    assert "to tell whether that is the same device" in complaint(host, "monitor")
    assert call(host, "stop") == 1


def test_a_number_that_another_device_has_now_is_not_taken_for_it() -> None:
    host = Node()
    host.store.numbers[DEVICE] = "253:8"
    host.put_up()
    assert call(host, "monitor") == Status.STOPPED
    assert call(host, "stop") == 0
    assert host.mounted != ""


def test_a_mount_that_was_moved_away_is_neither_running_nor_stopped() -> None:
    host = Node()
    assert call(host, "start") == 0
    host.mounted = host.mounted.replace(f"/ {DIRECTORY}", "/ /srv/moved")
    host.show()
    assert complaint(host, "monitor") == (
        f"{TABLE} is mounted on /srv/moved, not on {DIRECTORY}: unmount it there"
    )
    assert "a mount of it on /srv/moved" in complaint(host, "stop")


def test_a_mount_over_it_hides_it() -> None:
    host = Node()
    host.put_up()
    host.show(f"91 90 8:7 / {DIRECTORY} rw - ext4 /dev/sdc rw\n")
    assert "is hidden by /dev/sdc (ext4)" in complaint(host, "monitor")
    host.show("92 1 8:7 / /srv rw - ext4 /dev/sdc rw\n")
    assert "is hidden by /dev/sdc (ext4)" in complaint(host, "monitor")


def test_a_device_cannot_be_mounted_a_second_time() -> None:
    host = Node()
    host.show(f"90 1 {NUMBER} / /mnt rw - gfs2 {DEVICE} rw\n")
    assert call(host, "start") == 2
    assert (
        complaint(host) == f"device: {DEVICE} (gfs2) on /mnt is mounted already: unmount it there"
    )


# withdrawn, frozen, hanging


def test_one_that_has_withdrawn_asks_for_fencing_and_is_not_unmounted() -> None:
    host = Node()
    host.put_up()
    host.files[f"{SYS}/withdraw"] = "1\n"
    sentence = f"{TABLE} has withdrawn on this node: this node has to be fenced (on-fail=fence)"
    assert complaint(host, "monitor") == complaint(host, "start") == sentence
    assert "has to be fenced" in complaint(host, "stop")
    assert call(host, "stop", force=True) == 1
    assert host.ran("umount") == []
    host.mounted = ""
    host.show()
    assert complaint(host, "monitor") == sentence, "unmounted is not gone"


def test_a_frozen_one_is_degraded_and_thawed_before_it_is_unmounted() -> None:
    host = Node()
    host.put_up()
    host.files[f"{SYS}/freeze"] = "1\n"
    assert call(host, "monitor") == Status.DEGRADED
    assert call(host, "stop") == 0
    assert [words[0] for words in host.calls] == ["tee", "umount"]


def test_one_that_fsfreeze_froze_is_thawed_by_fsfreeze() -> None:
    host = Node()
    host.put_up()
    host.files |= {f"{SYS}/freeze": "1\n", f"{SYS}/status": "Spectator:  0\nFS Frozen:    1\n"}
    host.replies["fsfreeze"] = done("fsfreeze")
    assert call(host, "stop") == 0
    assert host.calls[0] == ("fsfreeze", "--unfreeze", DIRECTORY)


def test_what_was_unmounted_while_it_was_frozen_is_not_stopped() -> None:
    host = Node()
    host.activate()
    host.files |= {f"{SYS}/freeze": "1\n", f"{SYS}/status": "FS Frozen:    1\n"}
    assert "unmounted while it was frozen" in complaint(host, "monitor")
    assert "has to be fenced" in complaint(host, "stop")
    assert host.calls == [], "a thaw would make this kernel withdraw"


def test_what_may_be_frozen_is_not_unmounted() -> None:
    host = Node()
    host.put_up()
    for path in [path for path in host.files if path.startswith(SYS)]:
        del host.files[path]
    assert "not there to tell whether it is frozen" in complaint(host, "stop")
    assert host.ran("umount") == []


def test_a_deep_monitor_notices_that_it_hangs_and_leaves_one_process_behind() -> None:
    host = Node()
    host.put_up()
    assert deep(host) == Status.RUNNING
    host.hangs.add(f"asking {DIRECTORY}")
    host.processes[STUCK] = 5
    began = host.now()
    assert deep(host) == 1
    assert host.now() - began == pytest.approx(10.0)
    began = host.now()
    assert deep(host) == 1
    assert host.now() == began, "it still hangs: nobody else needs to try"
    del host.processes[STUCK]
    host.hangs.clear()
    assert deep(host) == Status.RUNNING


def test_while_locks_are_recovered_a_hang_is_nobody_s_fault() -> None:
    host = Node()
    host.put_up()
    host.hangs.add(f"asking {DIRECTORY}")
    host.files[f"{SYS}/lock_module/block"] = "1\n"
    assert deep(host) == Status.DEGRADED


def test_a_deep_monitor_says_what_does_not_work() -> None:
    host = Node()
    host.put_up()
    host.store.trouble = "Input/output error"
    assert deep(host) == 1
    host.store.trouble = ""
    host.store.blocks["/dev/dm-3"] = Failed("/dev/dm-3: cannot be read: Input/output error")
    assert deep(host) == 1
    del host.files[f"/sys/dev/block/{NUMBER}/uevent"]
    assert deep(host) == 1


def test_a_file_is_written_only_where_that_is_asked_for() -> None:
    host = Node()
    host.put_up()
    meta = {"on_node": "node1"}
    assert call(host, "monitor", level=10, meta=meta) == Status.RUNNING
    assert host.store.written == []
    assert call(host, "monitor", level=20, meta=meta) == Status.RUNNING
    assert host.store.written == [".hactl-node1"]


def test_a_umount_that_hangs_is_not_tried_again() -> None:
    host = Node()
    host.put_up()
    host.files["/proc/77/comm"] = "umount\n"
    host.files["/proc/77/cmdline"] = f"umount\0-c\0{DIRECTORY}\0"
    text = complaint(host, "stop")
    assert text.startswith(f"an earlier umount of {DIRECTORY} has not come back")
    assert host.ran("umount") == []


# who uses it


def test_stop_waits_for_users_that_go() -> None:
    host = Node()
    host.put_up()
    host.busy = 60
    host.uses(50, "bash")
    assert call(host, "stop") == 0, "there is time, and the node is dearer than a minute"
    assert host.signals == []


def test_stop_says_who_it_waits_for_while_somebody_can_still_act() -> None:
    host = Node()
    host.put_up()
    host.busy = 1000
    host.uses(50, "bash")
    assert call(host, "stop") == 1
    assert host.logged[0] == (
        f"{DIRECTORY} is still mounted: in use by process 50 (bash, cwd): stop that first, or set "
        "force=true; in 106 s stop fails"
    )
    assert host.left() == pytest.approx(2.0, abs=1.5)


def test_stop_waits_no_longer_than_it_is_told_to() -> None:
    host = Node()
    host.put_up()
    host.busy = 1000
    host.uses(50, "bash")
    assert call(host, "stop", patience="5s") == 1
    assert host.left() == pytest.approx(103.0, abs=1.5)


def test_stop_names_who_uses_it_and_ends_nobody() -> None:
    host = Node()
    host.put_up()
    host.busy = 1000
    host.uses(50, "bash")
    host.uses(51, "less", link="exe")
    text = complaint(host, "stop")
    assert text == (
        f"{DIRECTORY} is still mounted: in use by process 50 (bash, cwd), process 51 (less, exe): "
        "stop that first, or set force=true"
    )
    assert host.signals == []
    assert len(host.ran("umount")) <= 110, "not in a loop"


def test_with_force_users_are_told_first_and_then_killed() -> None:
    host = Node()
    host.put_up()
    host.uses(50, "bash")
    host.replies["umount"] = lambda *argv: (
        done(*argv, stderr="target is busy", code=32)
        if 50 in host.processes
        else host.umount(*argv)
    )
    assert call(host, "stop", force=True, patience="5s") == 0
    assert host.signals == [(50, 15), (50, 9)]
    assert f"terminates process 50 (bash, cwd), which uses {DIRECTORY}" in host.logged


@pytest.mark.parametrize(
    ("pid", "name", "reason"),
    [
        (1, "init", "it is process 1"),
        (60, "corosync", "the cluster stands on it"),
        (61, "pacemaker-execd", "the cluster stands on it"),
        (62, "dlm_controld", "the cluster stands on it"),
        (999, "python3", "we were started by it"),
        (998, "sudo", "we were started by it"),
    ],
)
def test_what_must_not_be_ended_is_spared(pid: int, name: str, reason: str) -> None:
    host = Node()
    host.put_up()
    host.busy = 1000
    host.uses(pid, name)
    host.files["/proc/999/stat"] = "999 (a) b) S 998 1"
    host.files["/proc/998/stat"] = "998 (sudo) S 1 1"
    assert call(host, "stop", force=True) == 1
    assert host.signals == []
    assert any(line.endswith(reason) for line in host.logged)


def test_a_process_that_got_the_pid_of_a_user_is_not_killed() -> None:
    host = Node()
    host.put_up()
    host.busy = 1000
    host.uses(50, "bash")

    send = host.kill

    def reborn(pid: int, signal: int, started: "int | None" = None) -> bool:
        host.processes[50] = 2000  # somebody else by now
        return send(pid, signal, started)

    host.kill = reborn  # type: ignore[method-assign]
    assert call(host, "stop", force=True) == 1
    assert (50, 15) not in host.signals


def test_processes_of_other_file_systems_are_none_of_its_users() -> None:
    host = Node()
    host.put_up()
    host.busy = 1000
    host.uses(50, "bash", mount=23)
    assert call(host, "stop", force=True) == 1
    assert host.signals == []


@pytest.mark.parametrize(
    "lay_out",
    [
        lambda host: host.files.update({"/proc/50/maps": "7f0-7f1 r--s 0 fd:03 12 /x/lib.so\n"}),
        lambda host: (
            host.links.update({"/proc/50/fd/4": "/x (deleted)"}),
            host.files.update({"/proc/50/fdinfo/4": "pos:\t0\nmnt_id:\t90\n"}),
        ),
        lambda host: (  # of a mount that was detached, and stands in no list any more
            host.links.update({"/proc/50/fd/4": "/x"}),
            host.files.update({"/proc/50/fdinfo/4": "pos:\t0\nmnt_id:\t4711\n"}),
            host.store.files.update({"/proc/50/fd/4": NUMBER}),
        ),
        lambda host: (
            host.links.update({"/proc/50/fd/4": "socket:[77]", "/proc/50/ns/net": "net:[2]"}),
            host.links.update({"/proc/self/ns/net": "net:[1]"}),
            host.store.sockets.update({(NUMBER, "/proc/50/ns/net"): {"socket:[77]"}}),
        ),
    ],
    ids=["mapped", "open", "detached", "socket"],
)
def test_a_user_is_found_by_the_number_of_the_device(lay_out: Callable[[Node], object]) -> None:
    host = Node()
    host.put_up()
    host.busy = 1000
    host.uses(50, "qemu-system-x86", mount=23)
    lay_out(host)
    assert "process 50 (qemu-system-x86," in complaint(host, "stop")


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({"/sys/block/loop0/loop/backing_file": f"{DIRECTORY}/disk\n"}, "/dev/loop0 in"),
        ({"/proc/swaps": f"Filename\tType\n{DIRECTORY}/swap\\040file file\n"}, "swap"),
        ({"/proc/net/rpc/nfsd.export/content": f"{DIRECTORY}\t*(rw)\n"}, "NFS export"),
        ({"/sys/kernel/config/nvmet/subsystems/nqn/namespaces/1/device_path":
          f"{DIRECTORY}/disk\n"}, "NVMe namespace in"),
        ({"/sys/kernel/config/target/core/fileio_0/d/udev_path": f"{DIRECTORY}/d\n"},
         "iSCSI backstore in"),
    ],
)  # fmt: skip
def test_what_is_no_process_is_found_as_well(files: "dict[str, str]", named: str) -> None:
    host = Node()
    host.put_up()
    host.files |= files
    host.busy = 1000
    assert named in complaint(host, "stop")


def test_mounts_that_lie_on_it_are_named_and_left() -> None:
    host = Node()
    host.put_up()
    host.busy = 1000
    host.show(f"95 90 7:0 / {DIRECTORY}/ct rw - ext4 /dev/loop0 rw\n",
              f"96 1 {NUMBER} /sub /var/lib/x rw - gfs2 {DEVICE} rw\n")  # fmt: skip
    text = complaint(host, "stop", force=True)
    assert f"/dev/loop0 (ext4) on {DIRECTORY}/ct" in text
    assert "a mount of it on /var/lib/x" in text


def test_a_copy_in_another_namespace_is_undone_with_force_and_its_process_lives() -> None:
    host = Node()
    host.put_up()
    host.uses(50, "container", mount=23)
    host.links["/proc/50/ns/mnt"] = "mnt:[2]"
    host.files["/proc/50/mountinfo"] = f"190 1 {NUMBER} / {DIRECTORY} rw - gfs2 {DEVICE} rw\n"
    files = {path: text for path, text in host.files.items() if path.startswith(SYS)}

    def umount(*argv: str) -> Done:
        host.umount(*argv)
        if not host.store.detached:
            host.files.update(files)
        return done(*argv)

    host.replies["umount"] = umount
    text = complaint(host, "stop")
    assert "process 50 (container, a copy of the mount in its namespace)" in text
    host.put_up()

    def detach(pid: int, point: str) -> "tuple[()]":
        host.store.detached.append((pid, point))
        host.umount("umount")
        return ()

    host.store.detach = detach  # type: ignore[method-assign]
    assert call(host, "stop", force=True) == 0
    assert (host.store.detached, host.signals) == ([(50, DIRECTORY)], [])


# what is refused


def refused(host: Node, **more: Any) -> str:
    """Refused with code 2, nothing mounted."""
    code = call(host, "start", **more)
    text = complaint(host, **more)
    assert (code, host.ran("mount")) == (2, []), text
    return text


def test_too_few_journals_are_refused_with_the_command_that_mends_it() -> None:
    host = Node()
    text = refused(host, meta={"clone_max": "4"})
    assert text == (
        f"{DEVICE} has 3 journals for 4 nodes: run gfs2_jadd -j 1 {DIRECTORY} where it is "
        "mounted, or set nodes=3"
    )
    assert call(host, "start", nodes=3, meta={"clone_max": "4"}) == 0


def test_a_lock_table_of_another_cluster_is_refused() -> None:
    host = Node()
    host.store.blocks[DEVICE] = medium(table="prod:shared")
    assert "tunegfs2 -o locktable=demo:shared" in refused(host)
    assert "of another cluster than other" in refused(host, cluster_name="other")
    host.store.blocks[DEVICE] = medium(table="shared")
    assert "is not CLUSTER:NAME" in refused(host)


def test_lock_nolock_is_refused_unless_it_is_asked_for_and_never_cloned() -> None:
    host = Node()
    host.store.blocks[DEVICE] = medium(table="", protocol="lock_nolock")
    assert "for one node only" in refused(host)
    cloned = {"clone_max": "2"}
    assert call(host, "start", lock_protocol="lock_nolock", meta=cloned) == 6
    host.sockets.clear()
    assert call(host, "start", lock_protocol="lock_nolock") == 0, "DLM is not needed"
    other = Node()
    assert "made with lock_dlm" in refused(other, lock_protocol="lock_nolock")


def test_what_is_no_gfs2_is_refused() -> None:
    host = Node()
    host.store.blocks[DEVICE] = {}
    assert refused(host) == f"device: {DEVICE}: there is no GFS2 superblock"
    damaged = medium()
    damaged[22 * 4096] = bytes(4096)
    host.store.blocks[DEVICE] = damaged
    assert "there is no directory at block 22" in refused(host)
    host.store.blocks[DEVICE] = Failed(f"{DEVICE}: cannot be read: Input/output error")
    assert refused(host) == f"{DEVICE}: cannot be read: Input/output error"


def test_a_device_that_hangs_does_not_hang_start() -> None:
    host = Node()
    host.hangs.add(f"reading the superblock of {DEVICE}")
    assert call(host, "start") == 1
    assert host.now() <= 1108


def test_a_device_that_is_missing_or_none_is_refused() -> None:
    host = Node()
    host.store.numbers[DEVICE] = ""
    assert refused(host) == f"device: {DEVICE} is not a block device"
    host.store.numbers.clear()
    assert refused(host) == f"device: this node has no {DEVICE}"


def test_a_directory_that_cannot_be_used_is_refused() -> None:
    host = Node()
    host.modes[DIRECTORY] = 0o100644
    assert refused(host) == f"directory: {DIRECTORY} is not a folder"
    del host.files[DIRECTORY]
    assert "make it on every node" in refused(host)
    host.links["/srv"] = "/data"
    assert "/srv is a symbolic link" in refused(host)
    other = Node()
    other.show(f"70 1 8:7 / {DIRECTORY} rw - ext4 /dev/sdc rw\n")
    assert (
        refused(other) == f"directory: /dev/sdc (ext4) on {DIRECTORY} is there already: unmount it"
    )


def test_a_copy_of_a_mounted_file_system_is_refused() -> None:
    host = Node()
    host.activate()
    host.files[f"{SYS}/id"] = "253:7\n"
    assert "is in use by the device 253:7" in refused(host)


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"directory": "srv"}, "directory: give the whole path"),
        ({"directory": "/"}, "directory: give the whole path"),
        ({"directory": "/srv/shared/"}, "directory: write"),
        ({"directory": "/srv/../etc"}, "directory: write"),
        ({"device": "LABEL=x"}, "device: give the whole path"),
        ({"options": "noatime,lockproto=lock_nolock"}, "options: lockproto=lock_nolock"),
        ({"options": "locktable=a:b"}, "options: locktable=a:b"),
        ({"options": "bind"}, "options: bind"),
        ({"options": "X-mount.subdir=inner"}, "options: X-mount.subdir=inner"),
        ({"options": "noatime discard"}, "options: 'noatime discard' contains ' '"),
        ({"quota": "some"}, "quota: 'some' is none of"),
        ({"cluster_name": "a:b"}, "cluster_name:"),
        ({"cluster_name": "c" * 33}, "cluster_name: a lock table has room for"),
        ({"nodes": "0"}, "nodes: '0' is less than 1"),
    ],
)
def test_wrong_parameters_are_refused_everywhere(params: "dict[str, str]", named: str) -> None:
    host = Node()
    assert call(host, "start", **params) == 6
    assert complaint(host, **params).startswith(named)
    assert host.calls == []


# DLM


def test_start_waits_for_dlm() -> None:
    host = Node()
    sockets, host.sockets = host.sockets, {}
    sleep = host.sleep

    def nap(seconds: float) -> None:
        sleep(seconds)
        if host.now() > 1020:
            host.sockets = sockets

    host.sleep = nap  # type: ignore[method-assign]
    assert call(host, "start") == 0
    assert host.now() > 1020


@pytest.mark.parametrize(
    ("lay_out", "named"),
    [
        (lambda host: host.sockets.clear(), "dlm_controld does not run"),
        (lambda host: host.files.pop(CLUSTER), "dlm_controld has not set up DLM"),
        (lambda host: host.sockets.update({b"\0dlmc_query_sock": lambda _: b"quorate=0 "}),
         "the cluster has no quorum"),
        (lambda host: host.sockets.update({b"\0dlmc_query_sock": Failed("it hung up")}),
         "it hung up"),
    ],
)  # fmt: skip
def test_start_says_what_dlm_lacks_before_its_time_is_over(
    lay_out: Callable[[Node], object], named: str
) -> None:
    host = Node(budget=55.0)
    lay_out(host)
    assert f"DLM is not ready: {named}" in complaint(host)
    assert host.now() <= 1055
    assert host.ran("mount") == []


def test_a_mount_that_waits_for_ever_is_ended_in_time_and_not_forgotten() -> None:
    host = Node(budget=55.0)

    def hang(*_: str) -> Done:
        host.activate()
        host.clock += 52
        raise Failed("mount -c -t: no answer within 52.0 s")

    host.replies["mount"] = hang
    host.sockets[b"\0dlmc_query_sock"] = lambda message: space(message, waits=2)
    assert call(host, "start") == 1
    assert host.saved != {}, "it may still come"
    assert call(host, "monitor") == 1


# options


def test_a_file_system_that_turned_read_only_is_a_failure() -> None:
    host = Node()
    host.put_up("ro,relatime")
    assert complaint(host, "monitor") == f"{DIRECTORY} is mounted read-only"
    assert call(host, "monitor", options="ro") == Status.RUNNING


def test_an_option_that_was_lost_is_a_degraded_mount() -> None:
    host = Node()
    host.put_up("rw,relatime")
    assert call(host, "monitor", options="noatime") == Status.DEGRADED


def test_a_reload_that_is_about_stopping_leaves_the_mount_alone() -> None:
    host = Node()
    assert call(host, "start", options="noatime") == 0
    host.calls.clear()
    more = {"force": "true", "patience": "30s", "nodes": 2}
    assert call(host, "reload-agent", options="noatime", **more) == 0
    assert host.calls == []
    assert "param.force=true" in host.saved["test.run"]


def test_a_reload_sets_options_anew_without_unmounting() -> None:
    host = Node()
    assert call(host, "start") == 0
    assert call(host, "reload-agent", options="noatime", quota="account") == 0
    (words,) = [words for words in host.ran("mount") if any("remount" in word for word in words)]
    assert "remount,quota=off,commit=30,nodiscard,barrier,noacl,noatime,quota=account" in words
    assert call(host, "reload-agent", options="noatime", quota="off") == 0
    assert host.ran("umount") == []
    assert call(Node(), "reload-agent") == 1


@pytest.mark.parametrize(
    ("wanted", "found", "missing"),
    [
        ("noatime,nodiratime", "rw,noatime,nodiratime", ""),
        ("rw,exec,dev,suid", "rw,relatime", ""),
        ("nosuid,noexec", "rw,nosuid", "noexec"),
        ("quota", "rw,quota=on", ""),
        ("quota=on,quota=off", "rw", ""),
        ("quota=off", "rw,quota=on", "quota=off"),
        ("data=ordered,errors=withdraw,commit=30", "rw", ""),
        ("errors=panic,commit=5", "rw,errors=panic", "commit=5"),
        ("_netdev,x-systemd.requires=x,defaults", "rw", ""),
        ("nodiscard,barrier", "rw,discard", "nodiscard"),
        ("strictatime", "rw,relatime", "strictatime"),
    ],
)
def test_options_are_compared_as_mountinfo_shows_them(
    wanted: str, found: str, missing: str
) -> None:
    assert ",".join(options.missing(options.split(wanted), found.split(","))) == missing


# reading tables


def test_mountinfo_is_read_with_its_escapes() -> None:
    text = "36 1 8:3 / /mnt/a\\040b\\134c rw shared:1 master:2 - gfs2 /dev/x\\011y rw,quota=on\n"
    (mount,) = parse(text)
    assert (mount.point, mount.source, mount.type) == ("/mnt/a b\\c", "/dev/x\ty", "gfs2")
    assert mount.options == ["rw", "rw", "quota=on"]


def test_a_path_lies_on_the_deepest_mount_that_was_made_last() -> None:
    mounts = parse(ROOT + "2 1 8:2 / /srv rw - ext4 a rw\n3 2 8:3 / /srv rw - ext4 b rw\n")
    found = lies_on(mounts, "/srv/x")
    assert found is not None and found.id == 3
    assert lies_on(mounts, "/srvx") is mounts[0]


def test_what_was_mounted_below_before_hides_nothing() -> None:
    ours = "5 2 8:9 / /srv/a rw - gfs2 c rw\n"
    mounts = parse(
        ROOT + "4 1 8:8 / /srv/a rw - ext4 old rw\n2 1 8:2 / /srv rw - ext4 a rw\n" + ours
    )
    assert hiding(mounts, mounts[-1]) is None


def test_mapped_files_are_told_by_their_device() -> None:
    text = "7f00-7f01 r-xp 00000000 fd:0a 131 /lib/x y\n7f02-7f03 rw-p 00000000 00:00 0\n"
    assert mapped(text) == {"253:10"}


def test_journals_are_counted_also_with_small_blocks() -> None:
    image = bytearray(100 * 4096)
    for at, data in medium(size=1024).items():
        image[at : at + len(data)] = data
    found = superblock.look(lambda offset, size: bytes(image[offset : offset + size]))
    assert (found.journals, found.cluster, found.name) == (3, "demo", "shared")
