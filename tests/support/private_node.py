"""A private node for tests: namespaces with their own network, /sys, /run and processes.

Everything in it dies with the test. Knows how Pacemaker calls an agent, and how to kill one in the
middle of its work; knows nothing of any agent.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hactl.install.agents import PROVIDER, install
from tests.support.execd import pacemaker_environment, wait_until

TOOLS = ("unshare", "nsenter", "setpriv", "ip", "strace")
LIBDIR = "/run/hactl-agents"  # inside the node, on its own tmpfs

# Both links of the chain test -> unshare -> init are cut loose by a death signal.
HOLD = (
    "setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "--ipc", "--uts",
    "--pid", "--fork", "--kill-child=KILL", "--mount-proc",
)  # fmt: skip

# A new sysfs shows this network namespace's devices; the cgroup mounts must be carried over to it.
INIT = """\
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/lock /run/cgroup {libdir}
mount --rbind /sys/fs/cgroup /run/cgroup
umount -l /sys
mount -t sysfs sysfs /sys
mount --rbind /run/cgroup /sys/fs/cgroup
umount -l /run/cgroup
mount --bind "$1{libdir}" {libdir}
ip link set lo up
echo ready
while :; do sleep 3600 & wait "$!" || :; done
"""


def lacking(*tools: str) -> list[str]:
    """What this machine lacks for a private node, as reasons to skip."""
    lacks = [f"{tool} is not installed" for tool in (*TOOLS, *tools) if shutil.which(tool) is None]
    return lacks if os.geteuid() == 0 else [*lacks, "not root"]


class PrivateNode:
    """One node. ``directory`` has the same path inside and outside of it."""

    def __init__(self, directory: Path) -> None:
        self.dir = directory
        self.holder: subprocess.Popen[str] | None = None
        self.pid = 0

    def up(self) -> None:
        install(self.dir, libdir=LIBDIR)
        self.holder = subprocess.Popen(
            [*HOLD, "bash", "-c", INIT.format(libdir=LIBDIR), "init", str(self.dir)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        assert self.holder.stdout is not None
        assert self.holder.stdout.readline() == "ready\n", "the namespaces could not be made"
        children = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children")
        self.pid = int(children.read_text().split()[0])

    def down(self) -> None:
        """Kill everything in the node; returns when it is gone."""
        if self.holder is None:
            return
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
        else:
            self.holder.kill()
        self.holder.wait()
        if self.holder.stdout:
            self.holder.stdout.close()
        self.holder = None

    # doing things in the node

    @property
    def enter(self) -> list[str]:
        """The words before a command that is to run in the node."""
        return ["nsenter", "-t", str(self.pid), "-n", "-m", "-p", "-i", "-u", "--"]

    def run(
        self,
        *argv: str,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        timeout: float = 60,
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command in the node to its end."""
        done = subprocess.run(
            [*self.enter, *argv],
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", **(env or {})},
            capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{argv}: {done.stderr or done.stdout}"
        return done

    def sh(self, script: str, check: bool = True) -> str:
        """What a shell script in the node prints."""
        return self.run("sh", "-ec", script, check=check).stdout.strip()

    def launcher(self, agent: str) -> str:
        return str(self.dir / PROVIDER / agent)

    def call(
        self,
        agent: str,
        action: str,
        *,
        resource: str = "test",
        timeout: float = 20,
        level: int = 0,
        meta: Mapping[str, str] | None = None,
        wrapper: tuple[str, ...] = (),
        **params: object,
    ) -> "subprocess.CompletedProcess[str]":
        """Run an installed agent the way Pacemaker does; ``timeout`` is the operation's."""
        env = pacemaker_environment(resource, agent, timeout, level, meta or {}, params)
        program = (*wrapper, self.launcher(agent), action)
        return self.run(*program, check=False, env=env, timeout=timeout + 10)

    def call_killed(
        self, agent: str, action: str, calls: str, number: int, **params: object
    ) -> bool:
        """Run an agent that is killed as it makes the ``number``-th of some system calls.

        ``calls`` is what strace(1) takes. False if the agent came to its end before that.
        """
        inject = f"inject={calls}:signal=KILL:when={number}"
        strace = ("strace", "-o", "/dev/null", "-e", f"trace={calls}", "-e", inject)
        done = self.call(agent, action, wrapper=strace, **params)  # type: ignore[arg-type]
        assert done.returncode in (0, 137, -9), done.stderr
        return done.returncode != 0


@contextmanager
def public_folder() -> Iterator[Path]:
    """A folder of its own that every user may enter; pytest's own are closed by each session."""
    with tempfile.TemporaryDirectory(prefix="hactl-test-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def private_node(directory: Path) -> Iterator[PrivateNode]:
    """A running node for the length of a ``with`` block."""
    node = PrivateNode(directory)
    try:
        node.up()
        yield node
    finally:
        node.down()


@contextmanager
def fresh_node() -> Iterator[PrivateNode]:
    """A running node in a folder of its own, for the length of a ``with`` block."""
    with public_folder() as folder, private_node(folder) as node:
        yield node


def why(done: "subprocess.CompletedProcess[str]") -> str:
    """The exit reason an agent gave, '' if none."""
    last = done.stderr.rpartition("ocf-exit-reason:")
    return last[2].splitlines()[0] if last[1] else ""


__all__ = [
    "PrivateNode",
    "fresh_node",
    "lacking",
    "private_node",
    "public_folder",
    "wait_until",
    "why",
]
