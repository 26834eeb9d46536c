"""Hosts with libvirt, made of dictionaries: what ``libvirtmod`` would answer."""

# ruff: noqa: N802  the binding's own names
from __future__ import annotations

from dataclasses import dataclass, field

from hactl_agents.testing import FakeHost
from hactl_fencing.fence.device import FenceDevice
from hactl_fencing.fence.main import run

NOSTATE, RUNNING, BLOCKED, PAUSED, SHUTDOWN, SHUTOFF, CRASHED, PMSUSPENDED = range(8)
ACTIVE = (RUNNING, BLOCKED, PAUSED, SHUTDOWN, CRASHED, PMSUSPENDED)
DESTROYED, MIGRATED = 2, 4  # reasons for SHUTOFF
NO_CONNECT, INTERNAL, NO_DOMAIN, OPERATION_INVALID = 38, 1, 42, 55


@dataclass
class Guest:
    """A guest on one host. ``spring`` looks after a destroy it runs again by itself."""

    name: str
    state: int = RUNNING
    reason: int = 1
    persistent: bool = True
    spring: int = 0

    @property
    def uuid(self) -> str:
        return f"00000000-0000-0000-0000-{sum(self.name.encode()):012d}"


@dataclass
class Hypervisor:
    """One host.

    ``mood``: well, gone (refuses), deaf (never answers), broken (every call fails), liar (says it
    destroyed, and did not), stubborn (cannot kill).
    """

    guests: dict[str, Guest] = field(default_factory=dict)
    mood: str = "well"

    def add(self, name: str, state: int = RUNNING, **more: int) -> Guest:
        self.guests[name] = Guest(name, state, **more)  # type: ignore[arg-type]
        return self.guests[name]

    def runs(self, name: str) -> bool:
        return name in self.guests and self.guests[name].state in ACTIVE


class FakeLibvirt:
    """The C binding: raises nothing, answers None or -1 and keeps the last error, as it does."""

    def __init__(self, hosts: dict[str, Hypervisor]) -> None:
        self.hosts = hosts
        self.error: tuple[object, ...] | None = None
        self.changes: list[str] = []
        self.uris: list[str] = []

    def virRegisterErrorHandler(self, *_: object) -> int:
        return 0

    def virGetLastError(self) -> tuple[object, ...] | None:
        return self.error

    def fail(self, number: int, text: str) -> None:
        self.error = (number, 10, text, 2, text, None, None, -1, -1)  # virError

    def virConnectOpen(self, uri: str) -> Hypervisor | None:
        self.uris.append(uri)
        host = self.hosts.get(uri.partition("?")[0])
        if host is None or host.mood == "gone":
            return self.fail(NO_CONNECT, "unable to connect to server: Connection refused")
        return host

    def virConnectListAllDomains(
        self, host: Hypervisor, _flags: int
    ) -> list[tuple[Hypervisor, str]] | None:
        if host.mood in ("broken", "gone"):
            return self.fail(INTERNAL, "client socket is closed")
        return [(host, name) for name in host.guests]

    def virDomainLookupByName(self, host: Hypervisor, name: str) -> tuple[Hypervisor, str] | None:
        if host.mood in ("broken", "gone"):
            return self.fail(INTERNAL, "client socket is closed")
        if name not in host.guests:
            return self.fail(NO_DOMAIN, "Domain not found")
        return host, name

    def virDomainLookupByUUIDString(
        self, host: Hypervisor, uuid: str
    ) -> tuple[Hypervisor, str] | None:
        names = [guest.name for guest in host.guests.values() if guest.uuid == uuid]
        return self.virDomainLookupByName(host, names[0] if names else "")

    def virDomainGetName(self, domain: tuple[Hypervisor, str]) -> str:
        return domain[1]

    def virDomainGetUUIDString(self, domain: tuple[Hypervisor, str]) -> str:
        return domain[0].guests[domain[1]].uuid

    def virDomainGetState(self, domain: tuple[Hypervisor, str], _flags: int) -> list[int] | None:
        host, name = domain
        if name not in host.guests:
            return self.fail(NO_DOMAIN, "Domain not found")
        guest = host.guests[name]
        seen = [guest.state, guest.reason]
        if guest.spring and guest.state == SHUTOFF:
            guest.spring -= 1
            guest.state = RUNNING if guest.spring == 0 else SHUTOFF
        return seen

    def virDomainDestroy(self, domain: tuple[Hypervisor, str]) -> int:
        host, name = domain
        if host.mood == "stubborn":
            self.fail(38, "Failed to terminate process 4711 with SIGKILL: Device or resource busy")
            return -1
        if not host.runs(name):
            self.fail(OPERATION_INVALID, "domain is not running")
            return -1
        self.changes.append(f"destroy {name}")
        if host.mood == "liar":
            return 0
        guest = host.guests[name]
        guest.state, guest.reason = SHUTOFF, DESTROYED
        if not guest.persistent:
            del host.guests[name]
        return 0

    def virDomainCreateWithFlags(self, domain: tuple[Hypervisor, str], flags: int) -> int:
        host, name = domain
        if host.runs(name):
            self.fail(OPERATION_INVALID, "domain is already running")
            return -1
        self.changes.append(f"create {name} {flags}")
        host.guests[name].state = RUNNING
        return 0


class World:
    """Hosts ``qemu+tls://a/system``, ``.../b/system``, and calls of the agent against them."""

    def __init__(self, *names: str, agent: type[FenceDevice]) -> None:
        self.agent = agent
        self.hosts = {f"qemu+tls://{name}/system": Hypervisor() for name in names}
        self.libvirt = FakeLibvirt(self.hosts)
        self.host = FakeHost()
        self.output = ""

    def __getitem__(self, name: str) -> Hypervisor:
        return self.hosts[f"qemu+tls://{name}/system"]

    def runs(self, name: str) -> bool:
        return any(host.runs(name) for host in self.hosts.values())

    def call(self, action: str, plug: str = "vm1", **options: str) -> int:
        given = {"uri": " ".join(self.hosts), "action": action, "plug": plug} | options
        stdin = "".join(f"{key}={value}\n" for key, value in given.items() if value)
        self.host = Patient(self.hosts)
        self.host.bindings["libvirtmod"] = self.libvirt
        written: list[str] = []
        code = run(self.agent, (), stdin, self.host, written.append)
        self.output = "".join(written)
        return code

    def used(self) -> float:
        """Seconds the last call took."""
        return self.host.clock - 1000.0


class Patient(FakeHost):
    """A host on which a call to a deaf hypervisor never comes back."""

    def __init__(self, hosts: dict[str, Hypervisor]) -> None:
        super().__init__()
        self.hypervisors = hosts

    def begin(self, step, function, *args):  # type: ignore[no-untyped-def]
        self.hangs.discard(step)
        if self.deaf(args):
            self.hangs.add(step)
        return super().begin(step, function, *args)

    def deaf(self, args: tuple[object, ...]) -> bool:
        for arg in args:
            thing = arg[0] if isinstance(arg, tuple) else arg
            known = self.hypervisors.get(thing) if isinstance(thing, str) else thing
            if isinstance(known, Hypervisor) and known.mood == "deaf":
                return True
        return False
