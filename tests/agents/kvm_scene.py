"""A fake node with the definition of a guest on it, and KvmGuest."""

from typing import Any

from hactl_agents.kvm_guest import KvmGuest
from hactl_agents.testing import FakeHost, act, reason

from .fake_libvirt import FakeLibvirt, Node

UUID = "6861c71a-6e2f-4b7e-8000-000000000001"
FILE = "/srv/vm1.xml"
XML = f"""<domain type='kvm'><name>vm1</name><uuid>{UUID}</uuid>
<memory unit='GiB'>1</memory><vcpu current='1'>4</vcpu>
<os><type>hvm</type></os><features><acpi/></features><devices/></domain>"""
NAMELESS = XML.replace(f"<uuid>{UUID}</uuid>", "")


class Scene:
    """A fake node with a definition, and the agent on it."""

    def __init__(self, xml: str = XML, budget: float = 100.0) -> None:
        self.host = FakeHost({FILE: xml}, budget=budget)
        self.lib = FakeLibvirt(self.host)
        self.params: dict[str, Any] = {"definition": FILE}

    @property
    def here(self) -> Node:
        return self.lib.here

    def act(self, action: str, level: int = 0, meta: Any = None, **more: Any) -> int:
        return act(KvmGuest, self.host, action, level=level, meta=meta, **(self.params | more))

    def why(self, action: str, meta: Any = None, **more: Any) -> str:
        return reason(KvmGuest, self.host, action, meta=meta, **(self.params | more))

    def started(self) -> "Scene":
        assert self.act("start") == 0
        self.lib.calls.clear()
        return self

    def processes(self) -> int:
        return len(self.host.processes)

    def after(self, seconds: float, what: Any) -> None:
        """Let something happen as time goes by."""
        due = self.host.clock + seconds
        sleep = self.host.sleep

        def sleeping(amount: float) -> None:
            nonlocal what
            sleep(amount)
            if what and self.host.clock >= due:
                what, done = None, what
                done()

        self.host.sleep = sleeping  # type: ignore[method-assign]
