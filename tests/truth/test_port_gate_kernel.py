"""PortGate on a distribution's kernel, in a small virtual machine: with nf_tables, and without."""

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from hactl.install.agents import install
from tests.support.kernel_guest import HactlError, KernelGuest, lacking, python_files

pytestmark = [
    pytest.mark.backend,
    pytest.mark.extended,
    pytest.mark.xdist_group("port-gate-kernel"),
    pytest.mark.timeout(600),
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking()),
]
RUNNING, FAILED, STOPPED, NOT_INSTALLED = 0, 1, 7, 5
AGENT = "/usr/lib/ocf/resource.d/hactl/PortGate"
PORTALS = "127.0.0.1:3260 [::1]:3260"
TURN = (
    "import sys; sys.path.insert(0, '/usr/lib/hactl'); "
    "from hactl_agents.gate import turn; from hactl_agents.host.host import Host; "
    "getattr(turn, sys.argv[1])(Host(20), 'san'); print(turn.gate_state(Host(20), 'san'))"
)
CALL = (
    "import socket; server = socket.create_server(('127.0.0.1', 3260)); "
    "caller = socket.socket(); caller.settimeout(2); "
    "print(caller.connect_ex(('127.0.0.1', 3260)))"
)


class Machine(KernelGuest):
    def code(self, action: str, portals: str = PORTALS) -> int:
        env = f"OCF_RESOURCE_INSTANCE=san-gate OCF_RESKEY_gate=san OCF_RESKEY_portals='{portals}'"
        code, self.said = self.run(f"{env} {AGENT} {action}")
        return code

    def turn(self, call: str) -> str:
        return self.run(f'/usr/bin/python3 -IS -c "{TURN}" {call}')[1].split()[-1]

    def answers(self) -> bool:
        """Whether a server at the portal is reached; raises where there is no silence either."""
        said = self.run(f'/usr/bin/python3 -c "{CALL}"')[1].split()[-1]
        return {"0": True, str(errno.EAGAIN): False}[said]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    install(folder / "root")
    files = python_files() | below(folder / "root")
    machine = Machine(folder / "vm", ())
    try:
        machine.up([], ["nf_tables"], files)
        yield machine
    except HactlError as exc:
        pytest.skip(f"no kernel for the guest: {exc}")
    finally:
        machine.down()


def below(root: Path) -> dict[str, bytes]:
    """The files under a folder, by the path they are to have."""
    found = (path for path in root.rglob("*") if path.is_file())
    return {f"/{path.relative_to(root)}": path.read_bytes() for path in found}


def test_this_kernel_gives_the_rules_back_as_they_were_made(machine: Machine) -> None:
    assert machine.code("monitor") == STOPPED
    assert machine.code("start") == 0, machine.said
    assert machine.code("monitor") == RUNNING, machine.said
    assert not machine.answers()
    assert machine.turn("open_gate") == "open"
    assert machine.code("monitor") == RUNNING, machine.said
    assert machine.answers()
    assert machine.code("reload-agent", "127.0.0.1:860") == 0, machine.said
    assert machine.turn("close_gate") == "closed", "it was drained, and that was read back"
    assert machine.answers(), "this port is guarded no more"
    assert machine.code("stop") == 0
    assert machine.code("monitor") == STOPPED


def test_a_kernel_without_nf_tables_has_no_gate(machine: Machine) -> None:
    assert machine.run("rmmod nf_tables")[0] == 0
    assert machine.code("monitor") == STOPPED
    assert machine.code("stop") == 0
    assert machine.code("start") == NOT_INSTALLED
    assert "this kernel has no nf_tables" in machine.said
