"""A private node with a libvirtd of its own, and two of them on one cable, for tests."""

import shutil
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.private_node import PrivateNode, lacking, wait_until

TOOLS = ("libvirtd", "qemu-system-x86_64", "virsh")

# libvirt's folders of the machine are hidden behind our own; a node has a name and its own hosts.
MOUNTS = """\
hostname "$1"
mkdir -p /run/libvirt
mount --bind "$2/run" /run/libvirt
mount --bind "$2/etc" /etc/libvirt
mount --bind "$2/hosts" /etc/hosts
mount --bind "$2/lib" /var/lib/libvirt
mount --bind "$2/log" /var/log/libvirt
mount --bind "$3" /var/cache/libvirt
"""

LIBVIRTD_CONF = """\
listen_tls = 0
listen_tcp = 1
listen_addr = "0.0.0.0"
auth_tcp = "none"
auth_unix_rw = "none"
host_uuid = "{uuid}"
log_outputs = "3:file:{log}/libvirtd.log"
keepalive_interval = 1
keepalive_count = 3
"""

QEMU_CONF = """\
security_driver = "none"
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
keepalive_interval = 1
keepalive_count = 3
"""

# libvirt runs this at each step of a guest's life, and waits for it
HOOK = """\
#!/bin/sh
[ "$2" = prepare ] && [ -e /run/hold-"$1" ] || exit 0
echo $$ $PPID > /run/held-"$1"
while [ -e /run/hold-"$1" ]; do sleep 0.1; done
rm -f /run/held-"$1"
"""


def lacking_libvirt() -> list[str]:
    """What this machine lacks for a node with libvirt, as reasons to skip."""
    return lacking(*TOOLS)


class LibvirtHost(PrivateNode):
    """One node. What libvirt learns about QEMU is kept in ``cache``, which nodes may share."""

    def __init__(self, directory: Path, name: str = "host1", cache: Path | None = None) -> None:
        super().__init__(directory)
        self.name = name
        self.cache = cache or directory / "cache"

    def up(self) -> None:
        super().up()
        self.lay_out()
        self.run("sh", "-ec", MOUNTS, "mounts", self.name, str(self.dir), str(self.cache))
        self.start_libvirtd()

    def lay_out(self) -> None:
        for folder in (*(self.dir / name for name in ("etc", "lib", "log", "run")), self.cache):
            folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree("/etc/libvirt", self.dir / "etc", dirs_exist_ok=True)
        shutil.rmtree(self.dir / "etc/qemu/networks/autostart", ignore_errors=True)
        conf = LIBVIRTD_CONF.format(uuid=uuid.uuid4(), log=self.dir / "log")
        (self.dir / "etc/libvirtd.conf").write_text(conf)
        (self.dir / "etc/qemu.conf").write_text(QEMU_CONF)
        (self.dir / "hosts").write_text("127.0.0.1 localhost\n")

    # libvirtd

    def start_libvirtd(self) -> None:
        self.run("libvirtd", "-d", "--listen", "-p", "/run/libvirtd.pid")
        question = ("virsh", "-c", "qemu:///system", "uri")
        wait_until(
            lambda: self.run(*question, check=False).returncode == 0, "libvirtd is silent", 20
        )

    def signal_libvirtd(self, number: signal.Signals) -> None:
        """Send libvirtd a signal; one that kills has done so on return."""
        pid = self.sh("cat /run/libvirtd.pid")
        self.sh(f"kill -{number.value} {pid}")
        if number == signal.SIGKILL:
            wait_until(lambda: not self.alive(int(pid)), "libvirtd does not die", 5)

    def heal(self) -> None:
        """Thaw or start libvirtd, whatever was done to it; a zombie is thawed without effect."""
        self.sh("kill -CONT $(cat /run/libvirtd.pid) || :")
        if not self.alive(self.libvirtd()):
            self.start_libvirtd()

    def libvirtd(self) -> int:
        return int(self.sh("cat /run/libvirtd.pid"))

    def restart_libvirtd(self) -> None:
        """Kill it if it lives, and start another."""
        if self.alive(self.libvirtd()):
            self.signal_libvirtd(signal.SIGKILL)
        self.start_libvirtd()

    def kill_libvirtd_at_rename(self, number: int, meanwhile: "Callable[[], object]") -> None:
        """Kill libvirtd as it renames its ``number``-th file: that is how it writes one."""
        pid = str(self.libvirtd())
        inject = f"inject=rename,renameat,renameat2:signal=SIGKILL:when={number}"
        words = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=rename,renameat,renameat2")
        tracer = subprocess.Popen(
            [*self.enter, *words, "-e", inject, "-p", pid],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda: self.traced(pid), "strace does not attach", 10)
            meanwhile()
        finally:
            tracer.terminate()
            tracer.wait()

    def traced(self, pid: str) -> bool:
        status = Path(f"/proc/{self.pid}/root/proc/{pid}/status").read_text()
        return "TracerPid:\t0\n" not in status

    def half_made(self, guest: str) -> bool:
        """Whether libvirtd calls a guest active that is in the making and will never be made."""
        return self.virsh("domstate", guest, "--reason", check=False) == "paused (starting up)"

    # starts that take long

    def hold_starts(self) -> None:
        """Let libvirt ask a hook whether it may go on with a start: libvirtd starts anew for it."""
        hooks = self.dir / "etc/hooks"
        hooks.mkdir(exist_ok=True)
        (hooks / "qemu").write_text(HOOK)
        (hooks / "qemu").chmod(0o755)
        self.restart_libvirtd()

    def hold(self, guest: str) -> None:
        self.sh(f"touch /run/hold-{guest}")

    def release(self) -> None:
        self.sh("rm -f /run/hold-*")

    def holding(self, guest: str) -> bool:
        """Whether libvirtd is in the middle of a start of that guest, and waits."""
        hook = self.sh(f"cat /run/held-{guest} 2>/dev/null || :").split()
        if not hook or not self.alive(int(hook[0])):
            return False
        return self.alive(int(hook[1])) and int(hook[1]) == self.libvirtd()

    def virsh(self, *words: str, check: bool = True) -> str:
        return self.run("virsh", "-q", "-c", "qemu:///system", *words, check=check).stdout.strip()

    # what is true, whatever libvirt says

    def alive(self, pid: int) -> bool:
        """Whether a process of this node exists and is not a zombie."""
        try:
            stat = Path(f"/proc/{self.pid}/root/proc/{pid}/stat").read_text()
        except OSError:
            return False
        return stat.rpartition(")")[2].split()[0] not in "ZX"

    def guest_pid(self, guest: str) -> int:
        """The pid of a guest's QEMU by its command line, 0 if there is none; asks no libvirt."""
        wanted = f"guest={guest},".encode()
        for entry in Path(f"/proc/{self.pid}/root/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"-name" in words and any(word.startswith(wanted) for word in words):
                return int(entry.name) if self.alive(int(entry.name)) else 0
        return 0


@contextmanager
def libvirt_host(
    directory: Path, name: str = "host1", cache: Path | None = None
) -> Iterator[LibvirtHost]:
    """A running node for the length of a ``with`` block."""
    host = LibvirtHost(directory, name, cache)
    try:
        host.up()
        yield host
    finally:
        host.down()


@contextmanager
def two_libvirt_hosts(directory: Path) -> Iterator[tuple[LibvirtHost, LibvirtHost]]:
    """Nodes ``host1`` and ``host2`` on one cable; each has a second name that ends in ``-mig``."""
    cache = directory / "cache"
    with (
        libvirt_host(directory / "host1", "host1", cache) as first,
        libvirt_host(directory / "host2", "host2", cache) as second,
    ):
        names = "127.0.0.1 localhost\n10.9.8.1 host1 host1-mig\n10.9.8.2 host2 host2-mig\n"
        # Run in the first node's network only: nothing is ever made in the machine's own.
        enter = ("nsenter", "-t", str(first.pid), "-n", "--", "ip", "link", "add", "eth0")
        ends = ("type", "veth", "peer", "name", "eth0", "netns", str(second.pid))
        subprocess.run([*enter, *ends], check=True)
        for number, host in enumerate((first, second), 1):
            (host.dir / "hosts").write_text(names)
            host.sh(f"ip addr add 10.9.8.{number}/24 dev eth0; ip link set eth0 up")
        yield first, second
