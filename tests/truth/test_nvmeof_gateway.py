"""NvmeofGateway as it is installed, on a look-alike of configfs: its cost, its deadline, its gate.

States and breaks are in the truth table; the kernel's own answers in test_nvmeof_gateway_kernel.py.
"""

import shutil
import time
from collections.abc import Iterator

import pytest

from tests.support.configfs.nvmet_node import Gateway, NvmetNode, lacking, nvmet_node
from tests.support.instructions import allowed
from tests.support.private_node import why

pytestmark = [
    pytest.mark.backend,
    pytest.mark.xdist_group("nvmeof-gateway"),
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking()),
]
RUNNING, FAILED, STOPPED, PROMOTED = 0, 1, 7, 8
MOST = 25_000_000  # instructions of a whole monitor
NAMESPACES = 8


@pytest.fixture(scope="module")
def target() -> Iterator[NvmetNode]:
    with nvmet_node() as node:
        yield node


@pytest.fixture
def gateway(target: NvmetNode) -> Iterator[Gateway]:
    gateway = Gateway(target)
    yield gateway
    gateway.clean_up()
    gateway.node.sh("rm -rf /run/hactl")


def with_disks(gateway: Gateway) -> None:
    """Eight namespaces, as large sites have."""
    words = []
    for number in range(1, NAMESPACES + 1):
        disk = gateway.disk.with_suffix(f".{number}")
        disk.write_bytes(bytes(4096))
        words.append(f"{number}={disk}")
    gateway.params["namespaces"] = " ".join(words)


def test_a_monitor_forks_nothing_and_costs_no_more_than_agreed(gateway: Gateway) -> None:
    with_disks(gateway)
    started = gateway.call("start")
    assert started.returncode == RUNNING, started.stderr
    trace = ("strace", "-f", "-qq", "-e", "trace=%process", "-e", "signal=none")
    done = gateway.call("monitor", wrapper=trace)
    seen = [line for line in done.stderr.splitlines() if "exit" not in line]
    assert [line.partition("(")[0] for line in seen] == ["execve"], done.stderr
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    grind = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
    done = gateway.call("monitor", wrapper=(*grind, "/usr/bin/python3", "-IS"), timeout=60)
    counted = done.stderr.partition("Collected : ")[2].split()[0]
    assert (done.returncode, int(counted) <= allowed(MOST)) == (RUNNING, True), counted
    assert gateway.code("stop") == 0


def test_it_needs_no_tool(gateway: Gateway) -> None:
    tools = ("env", "OCF_TESTER_FAIL_HAVE_BINARY=1", "PATH=/nowhere")
    for action in ("start", "monitor", "promote", "demote", "stop"):
        done = gateway.call(action, wrapper=tools)
        assert done.returncode == RUNNING, done.stderr


def test_roles_are_taken_and_told(gateway: Gateway) -> None:
    meta = {"promotable": "true", "clone_max": "2", "on_node": "n2", "on_node_uuid": "2"}
    given = {"meta": meta, "address": f"{gateway.address}/32"}
    refused = gateway.call("start", **given)
    assert "give the network" in why(refused)
    given["address"] = f"{gateway.address}/30"
    for action, code in (
        ("start", 0), ("monitor", RUNNING), ("promote", 0), ("monitor", PROMOTED), ("demote", 0),
        ("monitor", RUNNING), ("stop", 0), ("promote", STOPPED), ("demote", STOPPED),
    ):  # fmt: skip
        done = gateway.call(action, **given)
        assert done.returncode == code, (action, done.stderr)


def test_a_disk_that_hangs_hangs_no_action(gateway: Gateway) -> None:
    assert gateway.code("start") == RUNNING
    gateway.target.stick(f"{gateway.nqn}/namespaces/1/enable")
    began = time.monotonic()
    done = gateway.call("stop", timeout=4)
    assert (done.returncode, why(done)) == (
        FAILED,
        "disabling namespace 1: no answer within the operation's time",
    )
    assert time.monotonic() - began < 10
    assert gateway.code("monitor", timeout=4) == FAILED
    gateway.target.stick()  # what the kernel held was killed, and goes as soon as it can
    gateway.wait_for_workers()
    assert gateway.code("stop") == 0


def test_an_agent_that_is_killed_leaves_a_worker_that_ends(gateway: Gateway) -> None:
    """And whatever it had made is found and taken away."""
    for step in range(1, 12):
        if not gateway.abandon("start", step):
            break
        there = gateway.subsystem.is_dir()
        assert gateway.code("monitor") == STOPPED if not there else FAILED, step
        assert gateway.code("stop") == 0, step
        assert not gateway.subsystem.is_dir()
    else:
        assert gateway.code("start") == RUNNING


def test_two_starts_at_once_take_ports_of_their_own(target: NvmetNode) -> None:
    gateways = [Gateway(target) for _ in range(3)]
    words = [
        f"OCF_RESKEY_{key}='{value}'" for each in gateways for key, value in each.params.items()
    ]
    size = len(words) // len(gateways)
    script = ""
    for number, each in enumerate(gateways):
        given = " ".join(words[number * size : (number + 1) * size])
        program = each.node.launcher("NvmeofGateway")
        script += f"OCF_RESOURCE_INSTANCE={each.name} {given} {program} start & "
    target.node.sh(f"({script} wait)")
    assert [each.code("monitor") for each in gateways] == [RUNNING] * 3
    assert [each.code("stop") for each in gateways] == [0] * 3


def test_its_gate_is_open_only_while_it_serves(gateway: Gateway) -> None:
    if shutil.which("nft") is None:
        pytest.skip("nft is not installed")
    node, name = gateway.node, gateway.name
    gate = {"resource": f"{name}-gate", "gate": name, "portals": f"{gateway.address}:4420"}
    show = f"nft list table inet hactl-gate-{name}"
    gated = node.call("PortGate", "start", **gate)
    assert gated.returncode == RUNNING, gated.stderr
    closed = node.sh(show)
    started = gateway.call("start", gate=name)
    assert started.returncode == RUNNING, started.stderr
    assert node.sh(show) != closed
    assert gateway.code("monitor", gate=name, level=10) == RUNNING
    assert gateway.code("stop", gate=name) == 0
    assert node.sh(show) == closed
    assert node.call("PortGate", "stop", **gate).returncode == 0
    assert gateway.code("start", gate=name) == FAILED
    assert not gateway.subsystem.is_dir(), "served, and nobody could come"


def test_ocf_tester_is_content(gateway: Gateway) -> None:
    if shutil.which("ocf-tester") is None or shutil.which("xmllint") is None:
        pytest.skip("ocf-tester or xmllint is not installed")
    given = [word for name, value in gateway.params.items() for word in ("-o", f"{name}={value}")]
    program = gateway.node.launcher("NvmeofGateway")
    done = gateway.node.run("ocf-tester", "-n", gateway.name, *given, program, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed all tests" in done.stdout
    assert not gateway.subsystem.is_dir()
