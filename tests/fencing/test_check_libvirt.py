"""`hactl fence check` finds what is planted in devices that ask a real libvirtd about guests."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from hactl.fencing.configuration import fencing
from hactl.live.fencing.check import Reach, check
from hactl.live.runner import Runner
from tests.fencing.libvirt_guests import SixToo, boot
from tests.support.libvirt_host import LibvirtHost, lacking_libvirt

pytestmark = [
    pytest.mark.backend,
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking_libvirt()),
]

HERE = "qemu:///system"
NODES = ("node1", "node2")
# Calls in the node; its agents lie in its own folder.
WAY = """\
#!/bin/sh
case $1 in /usr/sbin/*) program={dir}$1;; *) program=$1;; esac
shift
exec nsenter -t {pid} -n -m -p -i -u -- "$program" "$@"
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LibvirtHost]:
    """A host on which the nodes vm-node1 and vm-node2 run, and another guest is off."""
    made = SixToo(tmp_path_factory.mktemp("host"), "host1")
    try:
        made.up()
        boot(made, "vm-node1")
        boot(made, "vm-node2")
        boot(made, "spare")
        made.virsh("destroy", "spare")
        yield made
    finally:
        made.down()


def found(
    host: LibvirtHost,
    folder: Path,
    planted: dict[str, str] | None = None,
    uri: str = HERE,
    plugs: tuple[str, str] = ("", ""),
) -> list[str]:
    """What is found of two nodes that are guests; what is ``planted`` is node2's alone."""
    way = folder / "way"
    way.write_text(WAY.format(dir=shlex.quote(str(host.dir)), pid=host.pid))
    way.chmod(0o755)
    devices = ""
    for node, plug in zip(NODES, plugs, strict=True):
        given = {"uri": uri, "plug": plug or f"vm-{node}", "pcmk_host_list": node}
        given |= {"power_timeout": "10", "pcmk_off_timeout": "10s", "pcmk_reboot_timeout": "10s"}
        given |= (planted or {}) if node == "node2" else {}
        pairs = "".join(
            f'<nvpair id="{node}-{n}" name="{name}" value="{value}"/>'
            for n, (name, value) in enumerate(given.items())
        )
        devices += (
            f'<primitive id="vm-{node}" class="stonith" type="fence_libvirt">'
            f'<instance_attributes id="{node}-i">{pairs}</instance_attributes></primitive>'
        )
    nodes = "".join(f'<node id="{n}" uname="{node}"/>' for n, node in enumerate(NODES, 1))
    states = "".join(f'<node_state uname="{n}" in_ccm="true" crmd="online"/>' for n in NODES)
    cib = etree.fromstring(
        f"<cib><configuration><nodes>{nodes}</nodes><resources>{devices}</resources>"
        f"</configuration><status>{states}</status></cib>"
    )
    reach = Reach(Runner(), "outside", (str(way),))
    return [str(finding) for finding in check(fencing(cib), reach, NODES)]


@pytest.mark.parametrize("uri", [HERE, "qemu+tcp://[::1]/system"])
def test_what_is_in_order_is_not_accused(host: LibvirtHost, tmp_path: Path, uri: str) -> None:
    assert found(host, tmp_path, uri=uri) == []


PLANTED = {
    "a guest that is not there": ({"plug": "vm-node3"}, "no plug 'vm-node3'"),
    "a guest that is off": ({"plug": "spare"}, "it says node2 is off, which is a member"),
    "a guest that is another node": ({"plug": "vm-node1"}, "fencing node2 would hit node1"),
    "a UUID that is nobody's": (
        {"plug": "11111111-2222-3333-4444-555555555555"},
        "no plug '11111111-2222-3333-4444-555555555555'",
    ),
    "a port where nobody listens": (
        {"uri": "qemu+tcp://127.0.0.1:16510/system"},
        "Connection refused",
    ),
    "an address of IPv6 that leads nowhere": (
        {"uri": "qemu+tcp://[fd00:dead::1]/system"},
        "Network is unreachable",
    ),
    "a host that has no address": (
        {"uri": "qemu+tcp://no-such-host.invalid/system"},
        "no-such-host.invalid",
    ),
    "a socket that is not there": (
        {"uri": "qemu+unix:///system?socket=/nonexistent"},
        "Failed to connect socket to '/nonexistent'",
    ),
    "one host of two that does not answer": (
        {"uri": f"{HERE} qemu+tcp://127.0.0.1:16510/system"},
        "Connection refused",
    ),
    "a key that is not there": (
        {"uri": "qemu+ssh://fencer@127.0.0.1/system?keyfile=/nonexistent/key"},
        "device vm-node2 (from node1): /nonexistent/key is missing; copy it to node1",
    ),
    "no address of a hypervisor": ({"uri": "host1"}, "'host1' is not a libvirt URI"),
    "a password in the address": (
        {"uri": "qemu+tcp://u:secret@127.0.0.1/system"},
        "a password does not belong here",
    ),
    "an agent that is killed before it gives up": (
        {"pcmk_off_timeout": "5s"},
        "the agent gives itself 10 s (power_timeout), Pacemaker gives it 5 s",
    ),
    "a parameter that is misspelt": ({"urii": "x"}, "urii is not a parameter of fence_libvirt"),
}


@pytest.mark.parametrize(("planted", "says"), PLANTED.values(), ids=PLANTED)
def test_what_is_planted_is_found(
    host: LibvirtHost, tmp_path: Path, planted: dict[str, str], says: str
) -> None:
    said = found(host, tmp_path, planted)
    mine = [line for line in said if says in line]
    assert mine, said
    assert all("vm-node2" in line and ";" in line for line in mine)
    assert not [line for line in said if "device vm-node1" in line], "what is in order is accused"


def test_two_guests_exchanged_look_like_it(host: LibvirtHost, tmp_path: Path) -> None:
    said = found(host, tmp_path, plugs=("vm-node2", "vm-node1"))
    assert [
        line for line in said if "the plug 'vm-node2' of node1 looks like that of node2" in line
    ]
