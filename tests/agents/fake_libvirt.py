"""libvirtmod made of dictionaries: nodes with domains, whose processes live on a FakeHost."""

from collections.abc import Callable
from typing import Any

from hactl_agents.host.host import Failed
from hactl_agents.libvirt import identity_xml as document
from hactl_agents.testing import FakeHost

RUN = "/run/libvirt/qemu"
RUNNING, PAUSED, SHUTOFF = (1, 1), (3, 1), (5, 0)
WORDS = {1: "running", 3: "paused", 4: "shutdown", 6: "crashed", 7: "pmsuspended"}


class Domain:
    def __init__(self, node: "Node", xml: str, pid: int = 0) -> None:
        found = document.read(xml)
        self.node = node
        self.xml = xml
        self.name = found.name
        self.uuid = found.uuid or "11111111-2222-3333-4444-555555555555"
        self.pid = pid
        self.state = RUNNING if pid else SHUTOFF
        self.saved = False
        self.persistent = not pid


class Node:
    """What one libvirtd knows. Only the local one has a host with processes."""

    def __init__(self, host: FakeHost | None = None) -> None:
        self.host = host
        self.domains: dict[str, Domain] = {}
        self.active = {"net1": False, "pool1": False}

    def run(self, xml: str, state: tuple[int, int] = RUNNING) -> Domain:
        """A domain with a process; its files are as libvirt writes them."""
        domain = self.domains[document.read(xml).name] = Domain(self, xml, 1)
        return self.begin(domain, state)

    def begin(self, domain: Domain, state: tuple[int, int]) -> Domain:
        pid = domain.pid = 999 + len(self.domains)
        if self.host:
            self.host.processes[pid] = pid * 7
            self.host.files[f"/proc/{pid}/cmdline"] = command_line(domain.name, domain.uuid)
        self.set(domain, state)
        return domain

    def set(self, domain: Domain, state: tuple[int, int], reason: str = "user") -> None:
        domain.state = state
        if self.host and domain.pid:
            self.host.files[f"{RUN}/{domain.name}.xml"] = status(domain, reason)

    def end(self, domain: Domain) -> None:
        if self.host:
            self.host.processes.pop(domain.pid, None)
            self.host.files.pop(f"/proc/{domain.pid}/cmdline", None)
            self.host.files.pop(f"{RUN}/{domain.name}.xml", None)
        domain.pid, domain.state = 0, SHUTOFF
        if not domain.persistent:
            self.domains.pop(domain.name, None)


class FakeLibvirt:
    """The module. ``calls`` lists what was asked; ``answers`` overrides single functions.

    An answer is a value, a Failed to be reported as libvirt's error, or a function.
    """

    def __init__(self, host: FakeHost) -> None:
        self.here, self.there = Node(host), Node()
        self.host = host
        self.answers: dict[str, Any] = {}
        self.calls: list[str] = []
        self.arguments: dict[str, tuple[Any, ...]] = {}
        self.error: tuple[Any, ...] | None = None
        host.bindings["libvirtmod"] = self

    def __getattr__(self, function: str) -> Callable[..., Any]:
        if not function.startswith("vir"):
            raise AttributeError(function)
        return lambda *args: self.call(function, *args)

    def call(self, function: str, *args: Any) -> Any:
        if function in ("virRegisterErrorHandler", "virGetLastError"):
            return self.error
        self.calls.append(function)
        self.arguments[function] = args
        answer = self.answers.get(function, getattr(self, f"do_{function}", 0))
        try:
            return answer(*args) if callable(answer) else self.given(answer)
        except Failed as exc:
            cause = getattr(exc, "cause", 0)
            self.error = (getattr(exc, "number", 1), 10, str(exc), 2, "", "", "", cause, 0)
            return None

    def given(self, answer: Any) -> Any:
        if isinstance(answer, Failed):
            raise answer
        return answer

    def asked(self, *functions: str) -> list[str]:
        """The calls of interest, in order and without their prefix."""
        return [name[3:] for name in self.calls if name[3:] in functions]

    # what libvirt does

    def do_virConnectOpen(self, uri: str) -> Node:  # noqa: N802
        return self.here if uri.startswith("qemu:///") else self.there

    do_virConnectOpenReadOnly = do_virConnectOpen  # noqa: N815

    def do_virDomainLookupByName(self, node: Node, name: str) -> Domain:  # noqa: N802
        return self.found(node.domains.get(name))

    def do_virDomainLookupByUUIDString(self, node: Node, uuid: str) -> Domain:  # noqa: N802
        return self.found(next((d for d in node.domains.values() if d.uuid == uuid), None))

    def found(self, domain: Domain | None) -> Domain:
        if domain is None:
            failure = Failed("Domain not found")
            failure.number = 42  # type: ignore[attr-defined]
            raise failure
        return domain

    def do_virDomainCreateXML(self, node: Node, xml: str, flags: int) -> Domain:  # noqa: N802
        return node.run(xml, PAUSED if flags & 1 else RUNNING)

    def do_virDomainDefineXMLFlags(self, node: Node, xml: str, _: int) -> Domain:  # noqa: N802
        found = node.domains.setdefault(document.read(xml).name, Domain(node, xml))
        found.xml, found.persistent = xml, True
        return found

    def do_virDomainUndefineFlags(self, domain: Domain, _: int) -> int:  # noqa: N802
        self.found(domain.node.domains.get(domain.name)).persistent = False
        if domain.state == SHUTOFF:
            del domain.node.domains[domain.name]
        return 0

    def do_virDomainIsPersistent(self, domain: Domain) -> int:  # noqa: N802
        return int(domain.persistent)

    def do_virDomainRestoreFlags(self, node: Node, path: str, *_: Any) -> int:  # noqa: N802
        node.run(str(self.host.files[path]), PAUSED)
        return 0

    def do_virDomainSaveImageGetXMLDesc(self, node: Node, path: str, _: int) -> str:  # noqa: N802, ARG002
        return str(self.host.files[path])

    def do_virDomainCreateWithFlags(self, domain: Domain, flags: int) -> int:  # noqa: N802, ARG002
        self.found(domain.node.domains.get(domain.name))
        domain.saved = False
        domain.node.begin(domain, PAUSED)
        return 0

    def do_virDomainHasManagedSaveImage(self, domain: Domain, _: int) -> int:  # noqa: N802
        return int(domain.saved)

    def do_virDomainManagedSaveRemove(self, domain: Domain, _: int) -> int:  # noqa: N802
        domain.saved = False
        return 0

    def do_virDomainSaveFlags(self, domain: Domain, path: str, *_: Any) -> int:  # noqa: N802
        self.host.files[path] = domain.xml
        domain.node.end(domain)
        return 0

    def do_virDomainResume(self, domain: Domain) -> int:  # noqa: N802
        domain.node.set(domain, RUNNING)
        return 0

    def do_virDomainDestroyFlags(self, domain: Domain, _: int) -> int:  # noqa: N802
        domain.node.end(domain)
        return 0

    def do_virDomainGetState(self, domain: Domain, _: int) -> list[int]:  # noqa: N802
        return list(domain.state)

    def do_virDomainIsActive(self, domain: Domain) -> int:  # noqa: N802
        return int(domain.state != SHUTOFF)

    def do_virDomainGetName(self, domain: Domain) -> str:  # noqa: N802
        return domain.name

    def do_virDomainGetUUIDString(self, domain: Domain) -> str:  # noqa: N802
        return domain.uuid

    def do_virDomainGetXMLDesc(self, domain: Domain, _: int) -> str:  # noqa: N802
        return domain.xml

    def do_virDomainMigrateToURI3(self, domain: Domain, *_: Any) -> int:  # noqa: N802
        self.there.run(domain.xml)
        self.there.domains[domain.name].uuid = domain.uuid
        domain.node.end(domain)
        return 0

    def do_virDomainGetJobStats(self, domain: Domain, _: int) -> dict[str, int]:  # noqa: N802, ARG002
        return {"memory_total": 64 << 20, "memory_remaining": 16 << 20, "memory_iteration": 1}

    def do_virNetworkLookupByName(self, node: Node, name: str) -> tuple[Node, str]:  # noqa: N802
        return node, name

    do_virStoragePoolLookupByName = do_virNetworkLookupByName  # noqa: N815

    def do_virNetworkIsActive(self, handle: tuple[Node, str]) -> int:  # noqa: N802
        return int(handle[0].active[handle[1]])

    do_virStoragePoolIsActive = do_virNetworkIsActive  # noqa: N815

    def do_virNetworkCreate(self, handle: tuple[Node, str], *_: Any) -> int:  # noqa: N802
        handle[0].active[handle[1]] = True
        return 0

    do_virStoragePoolCreate = do_virNetworkCreate  # noqa: N815


def status(domain: Domain, reason: str) -> str:
    """A status file as libvirt writes it, with what it writes before the domain."""
    word = WORDS[domain.state[0]]
    return (
        f"<!-- WARNING -->\n<domstatus state='{word}' reason='{reason}' pid='{domain.pid}'>\n"
        "<taint flag='x'/><qemuCaps><flag name='kvm'/></qemuCaps>"
        "<devices><device alias='a'/></devices>"
        f"{domain.xml}</domstatus>"
    )


def command_line(name: str, uuid: str) -> str:
    key = f'{{"file":"/var/lib/libvirt/qemu/domain-1-{name}/master-key.aes"}}'
    words = ["qemu", "-name", f"guest={name},debug-threads=on", "-object", key, "-uuid", uuid]
    return "\0".join(words) + "\0"
