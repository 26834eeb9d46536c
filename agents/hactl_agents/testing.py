"""A node made of dictionaries, for testing agents without one.

host = FakeHost(files={"/sys/class/net/br0/bridge/stp_state": "0\\n"})
host.replies["lxc-start"] = Done(("lxc-start",), 0, "", "")
assert act(LinuxBridge, host, "monitor", bridge="br0") == Status.RUNNING
assert host.calls == []
"""

import math
from collections.abc import Callable, Iterable, Mapping
from copy import copy, deepcopy
from typing import Any

from hactl_agents.apart import Abandoned
from hactl_agents.command import Done
from hactl_agents.gate import CLOSED, DRAINING, gate_state
from hactl_agents.gate.nftables import Table, Tables
from hactl_agents.host import Failed, Host, NotInstalled, Task, TimedOut
from hactl_agents.netlink import Link, Links
from hactl_agents.ocf.agent import PREFIX, Agent
from hactl_agents.ocf.main import answer, perform, told
from hactl_agents.storage import KernelLog, Storage

Reply = Done | Failed | Callable[..., Done]
STUCK = 4242  # the pid of a process that is left behind


class FakeHost(Host):
    """Files, processes, replies and time as the test lays them out.

    ``files`` maps paths to text, or to a Failed that reading raises; a folder exists if anything
    lies below it. ``processes`` maps pids to start times. ``replies`` maps a program to what it
    does; ``calls`` lists what was run, ``signals`` what was sent. Time passes only by ``sleep``,
    and by calls under ``bounded`` or ``begin``: ``delays`` says how long a step takes, ``hangs``
    which never end; ``frozen`` are the pids stopped by a signal. ``sockets`` maps the address of
    a unix socket to what answers there; ``modes`` are the modes of files that are not 0600.
    """

    def __init__(
        self,
        files: Mapping[str, str | Failed] | None = None,
        *,
        budget: float | None = 20.0,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.clock = 1000.0
        super().__init__(budget, dict(environ or {}))
        self.files: dict[str, str | Failed] = dict(files or {})
        self.links: dict[str, str] = {}
        self.processes: dict[int, int] = {}
        self.replies: dict[str, Reply] = {}
        self.hangs: set[str] = set()
        self.delays: dict[str, float] = {}
        self.frozen: set[int] = set()
        self.calls: list[tuple[str, ...]] = []
        self.signals: list[tuple[int, int]] = []
        self.immortal: set[int] = set()
        self.saved: dict[str, str] = {}
        self.locked: list[str] = []
        self.taken: set[str] = set()  # locks that others hold
        self.logged: list[str] = []
        self.bindings: dict[str, Any] = {}
        self.modes: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        self.refused: set[tuple[str, int]] = set()  # files and how opening them fails, an errno
        self.devices = FakeLinks()
        self.tables = FakeTables()
        self.store = FakeStorage()
        self.ours: set[str] = set()  # IP addresses
        self.epoch = 1_700_000_000.0  # seconds from 1970 to the start of the clock
        self.sockets: dict[bytes, Callable[[bytes], bytes] | Failed] = {}

    def ask(
        self,
        step: str,
        address: bytes,
        message: bytes,
        complete: Callable[[bytes], bool],
        within: float | None = None,  # noqa: ARG002
    ) -> bytes | None:
        self.step = step
        listener = self.sockets.get(address)
        if isinstance(listener, Failed):
            raise listener
        answer = listener(message) if listener else None
        assert answer is None or complete(answer)
        return answer

    def network(self) -> "FakeLinks":
        return self.devices

    def firewall(self) -> "FakeTables":
        return self.tables

    def keeps_out(self, gate: str) -> bool:
        return gate_state(self, gate) in (CLOSED, DRAINING)

    def storage(self) -> "FakeStorage":
        return self.store

    def pid(self) -> int:
        return 999

    def apart(
        self,
        step: str,
        function: Callable[..., Iterable[bytes]],
        *args: Any,
        within: float | None = None,
    ) -> bytes:
        task = self.begin(step, lambda: b"".join(function(*args)))
        limit = self.left(within)
        if not task.finished(limit):
            raise Abandoned(f"{step}: no answer within {limit:.1f} s", STUCK, b"")
        said: bytes = task.result()
        return said

    def now(self) -> float:
        return self.clock

    def wall_clock(self) -> float:
        return self.epoch + self.clock

    def has_address(self, address: str) -> bool:
        return address in self.ours

    def sleep(self, seconds: float) -> None:
        self.clock += seconds

    def begin(self, step: str, function: Callable[..., Any], *args: Any) -> Task:
        self.step = step
        duration = math.inf if step in self.hangs else self.delays.get(step, 0.0)
        return FakeTask(self, duration, function, args)

    def at(self, step: str) -> None:
        super().at(step)
        if step in self.hangs:
            raise TimedOut(f"{step}: no answer within the operation's time")

    def delegate(self, work: Callable[[], None]) -> None:
        work()

    def read(self, path: str) -> str | None:
        found = self.files.get(path)
        if isinstance(found, Failed):
            raise found
        return found

    def exists(self, path: str) -> bool:
        return path in self.files or path in self.links or bool(self.listdir(path))

    def mode(self, path: str) -> int | None:
        return self.modes.get(path, 0o100600) if self.exists(path) else None

    def identity(self, path: str) -> str:
        path = self.links.get(path, path)
        if not self.exists(path):
            return ""
        kind = self.modes.get(path, 0o100600)
        return f"7:{sorted(self.modes).index(path)}" if kind & 0o060000 == 0o060000 else path

    def fails_to_open(self, path: str, flags: int, how: int) -> bool:  # noqa: ARG002
        return (path, how) in self.refused

    def size(self, path: str) -> int:
        return self.sizes.get(path, 1 << 20) if self.exists(path) else 0

    def listdir(self, path: str) -> list[str]:
        start = path.rstrip("/") + "/"
        below = (
            name[len(start) :] for name in (*self.files, *self.links) if name.startswith(start)
        )
        return sorted({name.partition("/")[0] for name in below})

    def readlink(self, path: str) -> str | None:
        return self.links.get(path)

    def read_secret(self, path: str) -> str:
        found = self.read(path)
        if found is None:
            raise Failed(f"{path}: cannot be read: No such file or directory")
        if self.modes.get(path, 0o100600) & 0o077:
            raise Failed(f"{path}: others may read it: run chown root and chmod 0600 on it")
        return found

    def write(self, path: str, text: str, secret: bool = False) -> None:
        if path not in self.files:
            what = "the secret" if secret else repr(text)
            raise Failed(f"{path}: cannot write {what}: No such file or directory")
        self.files[path] = text

    def link(self, path: str, to: str) -> bool:
        if self.exists(path):
            return False
        self.links[path] = to
        return True

    def rename(self, path: str, to: str) -> None:
        self.files[to] = self.files.pop(path)

    def remove(self, path: str) -> None:
        self.files.pop(path, None)

    def remove_folder(self, path: str) -> bool:
        below = [name for name in self.files if name.startswith(path + "/")]
        if any("/" in name[len(path) + 1 :] for name in below):
            return False
        for name in below:  # a control group's files go with it
            del self.files[name]
        return True

    def process(self, pid: int) -> tuple[str, int] | None:
        if pid not in self.processes:
            return None
        return "T" if pid in self.frozen else "S", self.processes[pid]

    def kill(self, pid: int, signal: int, started: int | None = None) -> bool:
        if pid not in self.processes or started not in (None, self.processes[pid]):
            return False
        self.signals.append((pid, signal))
        if signal == 9 and pid not in self.immortal:
            del self.processes[pid]
        return True

    def which(self, tool: str) -> str | None:
        return tool if tool in self.replies else None

    def run(
        self,
        *argv: str,
        check: bool = True,
        within: float | None = None,  # noqa: ARG002
        stdin: str = "",  # noqa: ARG002
    ) -> Done:
        self.step = " ".join(argv[:3])
        self.calls.append(argv)
        reply = self.replies.get(argv[0])
        if reply is None:
            raise NotInstalled(f"{argv[0]}: command not found")
        if isinstance(reply, Failed):
            raise reply
        done = reply if isinstance(reply, Done) else reply(*argv)
        if check and done.returncode:
            raise Failed(done.complaint())
        return done

    def binding(self, name: str) -> Any:
        if name not in self.bindings:
            raise NotInstalled(f"Python module {name} is not installed")
        return self.bindings[name]

    def load(self, name: str) -> str | None:
        return self.saved.get(name)

    def save(self, name: str, text: str) -> None:
        self.saved[name] = text

    def drop(self, name: str) -> None:
        self.saved.pop(name, None)

    def lock(self, name: str) -> None:
        self.locked.append(name)

    def busy(self, name: str) -> bool:
        return name in self.taken and name not in self.locked

    def log(self, text: str) -> None:
        self.logged.append(text)


class FakeTask(Task):
    """A call that takes ``duration`` seconds of the host's time, and happens at their end."""

    def __init__(
        self,
        host: FakeHost,
        duration: float,
        function: Callable[..., Any],
        args: tuple[Any, ...],
    ) -> None:
        self.host = host
        self.ends = host.clock + duration
        self.outcome: list[Any] = []
        self.function, self.args = function, args

    def finished(self, within: float | None) -> bool:
        if self.outcome:
            return True
        wait = max(0.0, self.ends - self.host.clock)
        if within is not None and wait > within:
            self.host.clock += within
            return False
        self.host.clock += wait
        try:
            self.outcome = [True, self.function(*self.args)]
        except Exception as exc:
            self.outcome = [False, exc]
        return True


class FakeStorage(Storage):
    """Block devices and mounts as the test lays them out.

    ``numbers`` maps devices to their numbers ('' for what is no block device), ``blocks`` to their
    content by offset, or a Failed; ``mounts`` maps paths to the mounts they are on. ``said`` is
    what the kernel logs; ``trouble`` why a file system does not work; ``detached`` what was
    unmounted in other namespaces; ``sockets`` those bound on a device, by network namespace.
    """

    def __init__(self) -> None:
        self.numbers: dict[str, str] = {}
        self.blocks: dict[str, dict[int, bytes] | Failed] = {}
        self.mounts: dict[str, int] = {}
        self.files: dict[str, str] = {}
        self.said: list[str] = []
        self.trouble = ""
        self.written: list[str] = []
        self.detached: list[tuple[int, str]] = []
        self.sockets: dict[tuple[str, str], set[str]] = {}

    def number(self, path: str) -> str | None:
        return self.numbers.get(path)

    def read(self, path: str, offset: int, size: int) -> bytes:
        found = self.blocks.get(path, {})
        if isinstance(found, Failed):
            raise found
        return found.get(offset, b"")[:size].ljust(size, b"\0")

    def mount_of(self, path: str) -> int | None:
        return self.mounts.get(path)

    def device_of(self, path: str) -> str:
        return self.files.get(path, "")

    def exercise(self, directory: str, note: str = "") -> Iterable[bytes]:
        if self.trouble:
            raise Failed(f"{directory} does not work: {self.trouble}")
        self.written += [note] if note else []
        return ()

    def detach(self, pid: int, point: str) -> Iterable[bytes]:
        self.detached.append((pid, point))
        return ()

    def sockets_on(self, number: str, namespace: str) -> set[str]:
        return self.sockets.get((number, namespace), set())

    def kernel_log(self) -> KernelLog:
        return FakeLog(self.said)


class FakeLog(KernelLog):
    def __init__(self, said: list[str]) -> None:
        self.said = said

    def lines(self) -> list[str]:
        return self.said


class FakeLinks(Links):
    """Network devices as the test lays them out; ``changes`` lists what was done to them.

    ``refusals`` maps a device to the reason why the kernel refuses to change it, ``ips`` to its
    addresses.
    """

    def __init__(self) -> None:
        super().__init__()
        self.devices: dict[str, Link] = {}
        self.ips: dict[str, list[str]] = {}
        self.refusals: dict[str, str] = {}
        self.unchangeable: set[str] = set()  # settings the kernel takes and ignores
        self.changes: list[tuple[str, ...]] = []
        self.born = 0

    def put(self, name: str, kind: str = "", **said: Any) -> Link:
        """Lay out a device. It is up and has carrier unless it is said otherwise."""
        self.born += 1
        device = Link(name, self.born, kind)
        device.up = device.carrier = True
        device.mtu, device.address = 1500, f"52:54:00:00:00:{self.born:02x}"
        if kind == "bridge":
            device.settings = {"stp": 0, "forward_delay": 15, "vlan_filtering": 0, "ageing": 300}
        for key, value in said.items():
            setattr(device, key, value)
        self.devices[name] = device
        return device

    def get(self, name: str) -> Link | None:
        return copy(self.devices.get(name))

    def ports(self, bridge: int) -> list[Link]:
        return [copy(device) for device in self.devices.values() if device.master == bridge]

    def addresses(self, index: int) -> list[str]:
        return next(self.ips.get(d.name, []) for d in self.devices.values() if d.index == index)

    def own_addresses(self) -> list[str]:
        return sorted(ip.partition("/")[0] for ips in self.ips.values() for ip in ips)

    def add_bridge(self, name: str, group: int) -> None:
        self.changed("add", name)
        self.put(name, "bridge", up=False, group=group)

    def delete(self, device: Link) -> None:
        self.changed("delete", device.name)
        del self.devices[device.name]
        for port in self.ports(device.index):
            self.devices[port.name].master = 0

    def set(self, device: Link, **values: Any) -> None:
        given = {key: value for key, value in values.items() if value is not None}
        if given:
            self.changed("set", device.name, *(f"{key}={given[key]}" for key in given))
        for key, value in given.items():
            setattr(self.devices[device.name], key, value)

    def set_bridge(self, device: Link, settings: Mapping[str, int]) -> None:
        self.changed("set", device.name, *(f"{key}={settings[key]}" for key in settings))
        for key in settings.keys() - self.unchangeable:
            self.devices[device.name].settings[key] = settings[key]

    def changed(self, *what: str) -> None:
        if what[1] in self.refusals:
            raise Failed(f"changing {what[1]}: {self.refusals[what[1]]}")
        self.changes.append(what)


class FakeTables(Tables):
    """Tables of the packet filter; ``changes`` lists what was done, ``refusal`` is the kernel's."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, Table] = {}
        self.changes: list[tuple[str, str]] = []
        self.refusal = ""
        self.unchangeable = False  # the kernel takes other rules and ignores them

    def get(self, name: str, chains: Iterable[str]) -> Table | None:
        found = deepcopy(self.tables.get(name))
        if found is not None:
            found.chains = {chain: found.chains[chain] for chain in chains if chain in found.chains}
        return found

    def make(self, name: str, table: Table) -> None:
        self.changed("make", name)
        assert name not in self.tables
        self.tables[name] = deepcopy(table)

    def replace(self, name: str, table: Table) -> None:
        self.changed("replace", name)
        assert name not in self.tables or self.tables[name].comment == table.comment
        self.tables[name] = deepcopy(table)

    def put_rules(self, name: str, rules: Mapping[str, Iterable[bytes]]) -> None:
        self.changed("put_rules", name)
        for chain, all_of_it in () if self.unchangeable else rules.items():
            self.tables[name].chains[chain].rules = list(all_of_it)

    def delete(self, name: str, comment: str) -> None:
        self.changed("delete", name)
        assert name not in self.tables or self.tables.pop(name).comment == comment

    def changed(self, *what: str) -> None:
        if self.refusal:
            raise Failed(self.refusal)
        self.changes.append((what[0], what[1]))


def done(*argv: str, stdout: str = "", stderr: str = "", code: int = 0) -> Done:
    """What a command that was run left behind."""
    return Done(argv or ("command",), code, stdout, stderr)


def environ(params: Mapping[str, object], **meta: str) -> dict[str, str]:
    """The environment Pacemaker would set: parameters, and meta attributes by name."""
    given = {f"{PREFIX}{name}": str(value) for name, value in params.items()}
    given |= {f"{PREFIX}CRM_meta_{name}": value for name, value in meta.items()}
    return {"OCF_RESOURCE_INSTANCE": "test", **given}


def act(
    agent: type[Agent],
    host: Host,
    action: str,
    /,
    *,
    meta: Mapping[str, str] | None = None,
    level: int = 0,
    **params: object,
) -> int:
    """The exit code of one action on ``host``, by the same way Pacemaker's call takes."""
    env = environ(params, **(meta or {})) | {"OCF_CHECK_LEVEL": str(level)}
    try:
        return told(perform(agent(host, env), action), action, env)
    except Failed as exc:
        return answer(host, action, exc, env)


def reason(
    agent: type[Agent],
    host: Host,
    action: str,
    /,
    *,
    meta: Mapping[str, str] | None = None,
    **params: object,
) -> str:
    """The exit reason of an action that fails; '' if it does not."""
    try:
        perform(agent(host, environ(params, **(meta or {}))), action)
    except Failed as exc:
        return str(exc)
    return ""
