"""A private host for tests: namespaces with their own libvirtd, which die with the test.

Knows namespaces, libvirtd and how Pacemaker would call an agent; knows nothing of any agent.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hactl_agents.install import PROVIDER, install

TOOLS = ("libvirtd", "qemu-system-x86_64", "unshare", "nsenter", "setpriv", "ip", "virsh")
LIBDIR = "/run/hactl-agents"  # inside the host, on its own tmpfs
RUN = "/run/libvirt/qemu"

INIT = """\
set -e
name=$1 dir=$2
hostname "$name"
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/libvirt /run/lock {libdir}
mount --bind "$dir/etc" /etc/libvirt
mount --bind "$dir/hosts" /etc/hosts
mount --bind "$dir/lib" /var/lib/libvirt
mount --bind "$dir/log" /var/log/libvirt
mount --bind "$dir/cache" /var/cache/libvirt
mount --bind "$dir/agents{libdir}" {libdir}
mount -t tmpfs tmpfs /dev/shm
ip link set lo up
touch "$dir/ready"
while :; do sleep 3600 & wait "$!" || :; done
"""

LIBVIRTD_CONF = """\
listen_tls = 0
listen_tcp = 1
listen_addr = "0.0.0.0"
auth_tcp = "none"
auth_unix_rw = "none"
host_uuid = "{uuid}"
log_outputs = "3:file:{dir}/log/libvirtd.log"
keepalive_interval = 2
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
keepalive_interval = 2
keepalive_count = 3
"""


def missing_tools() -> list[str]:
    """What this machine lacks for a private host, as reasons to skip."""
    lacks = [f"{tool} is not installed" for tool in TOOLS if shutil.which(tool) is None]
    return lacks if os.geteuid() == 0 else [*lacks, "not root"]


class LibvirtHost:
    """One host. Paths below ``dir`` are the same inside and outside of it."""

    def __init__(self, directory: Path, name: str) -> None:
        self.dir = directory
        self.name = name
        self.holder: subprocess.Popen[bytes] | None = None
        self.pid = 0

    # life

    def up(self) -> None:
        """Make the namespaces and start libvirtd in them. Everything dies with this process."""
        self.lay_out()
        script = INIT.format(libdir=LIBDIR)
        # Both links of the chain test -> unshare -> init are cut loose by a death signal.
        leash = ["setpriv", "--pdeathsig", "KILL"]
        spaces = ["unshare", "--net", "--mount", "--ipc", "--uts", "--pid", "--mount-proc"]
        self.holder = subprocess.Popen(
            [*leash, *spaces, "--fork", "--kill-child=KILL"]
            + ["bash", "-c", script, "init", self.name, str(self.dir)],
            stdin=subprocess.DEVNULL,
            stdout=(self.dir / "init.out").open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        wait_until(lambda: (self.dir / "ready").exists(), f"{self.name}: no namespaces", 10)
        children = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children")
        self.pid = int(children.read_text().split()[0])
        self.start_libvirtd()

    def down(self) -> None:
        """Kill everything in the host; returns when it is gone."""
        if self.holder is None:
            return
        if self.pid:
            kill(self.pid, signal.SIGKILL)
        self.holder.kill()
        self.holder.wait()
        self.holder = None

    def lay_out(self) -> None:
        for folder in ("etc", "lib", "log", "cache", "agents"):
            (self.dir / folder).mkdir(parents=True)
        shutil.copytree("/etc/libvirt", self.dir / "etc", dirs_exist_ok=True)
        shutil.rmtree(self.dir / "etc/qemu/networks/autostart", ignore_errors=True)
        conf = LIBVIRTD_CONF.format(uuid=uuid.uuid4(), dir=self.dir)
        (self.dir / "etc/libvirtd.conf").write_text(conf)
        (self.dir / "etc/qemu.conf").write_text(QEMU_CONF)
        (self.dir / "hosts").write_text("127.0.0.1 localhost\n")
        install(self.dir / "agents", libdir=LIBDIR)

    # libvirtd

    def start_libvirtd(self) -> None:
        self.run("libvirtd", "-d", "--listen", "-p", "/run/libvirtd.pid")
        answers = ("virsh", "-c", "qemu:///system", "uri")
        wait_until(
            lambda: not self.run(*answers, check=False).returncode, "libvirtd does not answer", 20
        )

    def libvirtd(self) -> int:
        """The pid of libvirtd inside the host."""
        return int(self.run("cat", "/run/libvirtd.pid").stdout)

    def signal_libvirtd(self, number: int) -> None:
        pid = self.libvirtd()
        self.run("kill", f"-{number}", str(pid))
        if number == signal.SIGKILL:
            wait_until(lambda: not self.alive(pid), "libvirtd does not die", 5)
            self.run("rm", "-f", "/run/libvirtd.pid")

    # doing things in the host

    def command(self, *argv: str) -> list[str]:
        return ["nsenter", "-t", str(self.pid), "-n", "-m", "-p", "-i", "-u", "--", *argv]

    def run(
        self,
        *argv: str,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the host to its end."""
        done = subprocess.run(
            self.command(*argv),
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        if check and done.returncode:
            raise AssertionError(f"{self.name}: {argv}: {done.stderr or done.stdout}")
        return done

    def virsh(self, *words: str, check: bool = True) -> str:
        return self.run("virsh", "-q", "-c", "qemu:///system", *words, check=check).stdout.strip()

    def alive(self, pid: int) -> bool:
        """Whether a process of this host exists and is no zombie."""
        stat = self.run("cat", f"/proc/{pid}/stat", check=False).stdout
        return bool(stat) and stat.rpartition(")")[2].split()[0] not in "ZX"

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

    def launcher(self, agent: str) -> str:
        return str(self.dir / "agents" / PROVIDER / agent)

    def call(
        self,
        agent: str,
        action: str,
        *,
        resource: str = "guest",
        timeout: float = 20,
        level: int = 0,
        meta: Mapping[str, str] | None = None,
        **params: object,
    ) -> subprocess.CompletedProcess[str]:
        """Run an installed agent the way Pacemaker does; ``timeout`` is the operation's."""
        env = pacemaker_environment(resource, agent, timeout, level, meta or {}, params)
        return self.run(self.launcher(agent), action, check=False, env=env, timeout=timeout + 5)


def pacemaker_environment(
    resource: str,
    agent: str,
    timeout: float,
    level: int,
    meta: Mapping[str, str],
    params: Mapping[str, object],
) -> dict[str, str]:
    """What pacemaker-execd puts into an agent's environment."""
    env = {
        "OCF_RA_VERSION_MAJOR": "1",
        "OCF_RA_VERSION_MINOR": "1",
        "OCF_ROOT": "/usr/lib/ocf",
        "OCF_EXIT_REASON_PREFIX": "ocf-exit-reason:",
        "OCF_RESOURCE_INSTANCE": resource,
        "OCF_RESOURCE_TYPE": agent,
        "OCF_RESOURCE_PROVIDER": "hactl",
        "OCF_RESKEY_CRM_meta_timeout": str(int(timeout * 1000)),
        "OCF_CHECK_LEVEL": str(level),
    }
    env |= {f"OCF_RESKEY_CRM_meta_{name}": value for name, value in meta.items()}
    return env | {f"OCF_RESKEY_{name}": str(value) for name, value in params.items()}


@contextmanager
def libvirt_host(directory: Path, name: str = "host1") -> Iterator[LibvirtHost]:
    """A running host for the length of a ``with`` block."""
    host = LibvirtHost(directory, name)
    try:
        host.up()
        yield host
    finally:
        host.down()


@contextmanager
def two_libvirt_hosts(directory: Path) -> Iterator[tuple[LibvirtHost, LibvirtHost]]:
    """Two hosts, ``host1`` and ``host2``, on one cable; a second name ends in ``-mig``."""
    with (
        libvirt_host(directory / "host1", "host1") as first,
        libvirt_host(directory / "host2", "host2") as second,
    ):
        names = "127.0.0.1 localhost\n10.9.8.1 host1 host1-mig\n10.9.8.2 host2 host2-mig\n"
        cable = ["link", "add", "eth0", "type", "veth", "peer", "name", "eth0"]
        # Run in the first host's network only: nothing is ever made in the machine's own.
        enter = ["nsenter", "-t", str(first.pid), "-n", "--"]
        subprocess.run([*enter, "ip", *cable, "netns", str(second.pid)], check=True)
        for number, host in enumerate((first, second), 1):
            (host.dir / "hosts").write_text(names)
            host.run("ip", "addr", "add", f"10.9.8.{number}/24", "dev", "eth0")
            host.run("ip", "link", "set", "eth0", "up")
        yield first, second


def wait_until(condition: object, complaint: str, within: float) -> None:
    assert callable(condition)
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > within:
            raise AssertionError(complaint)
        time.sleep(0.02)


def kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        print(f"process {pid} was gone already", file=sys.stderr)
