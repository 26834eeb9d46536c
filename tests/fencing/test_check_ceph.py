"""`hactl fence check` finds what is planted in a device that asks the monitors of a real Ceph."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lxml import etree

from hactl.fencing.configuration import fencing
from hactl.live.fencing.check import Reach, check
from hactl.live.runner import Runner
from tests.support.ceph_cluster import ADDRESS, CephCluster, ceph_cluster, lacking_ceph
from tests.support.private_node import private_node

pytestmark = [
    pytest.mark.backend,
    pytest.mark.extended,
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking_ceph()),
]

NODES = {"node1": "10.80.0.11", "node2": "10.80.0.12", "node3": "10.80.0.13"}
EVERYBODY = " ".join(f"{node}={address}" for node, address in NODES.items())
# Calls from the address of a node; the agents lie in the folder of the machine they share.
WAY = """\
#!/bin/sh
case $1 in {cases} esac
case $2 in /usr/sbin/*) program={dir}$2;; *) program=$2;; esac
shift 2
exec nsenter -t {pid} -n -m -p -i -u -- $entrance "$program" "$@"
"""
Plant = Callable[[CephCluster], dict[str, str]]


@pytest.fixture(scope="module")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CephCluster]:
    directory = tmp_path_factory.mktemp("node")
    with private_node(directory) as node, ceph_cluster(node, directory / "ceph") as cluster:
        cluster.user("fencing", mon='allow r, allow command "osd blocklist"')
        cluster.user("powerless", mon="allow r")
        yield cluster


@pytest.fixture(autouse=True)
def nobody_is_cut_off(ceph: CephCluster) -> Iterator[None]:
    yield
    ceph.ceph("osd", "blocklist", "clear")


def found(
    ceph: CephCluster, folder: Path, planted: dict[str, str], constraints: str = ""
) -> list[str]:
    way = folder / "way"
    cases = " ".join(
        f"{node}) entrance={shlex.quote(shlex.join(ceph.client(address)))};;"
        for node, address in NODES.items()
    )
    way.write_text(WAY.format(cases=cases, dir=shlex.quote(str(ceph.node.dir)), pid=ceph.node.pid))
    way.chmod(0o755)
    given = {
        "addresses": EVERYBODY,
        "conf": str(ceph.conf),
        "keyring": str(ceph.dir / "fencing.keyring"),
        "pcmk_host_list": " ".join(NODES),
    }
    pairs = "".join(
        f'<nvpair id="p{n}" name="{name}" value="{value}"/>'
        for n, (name, value) in enumerate((given | planted).items())
    )
    nodes = "".join(f'<node id="{n}" uname="{node}"/>' for n, node in enumerate(NODES, 1))
    cib = etree.fromstring(
        f'<cib><configuration><nodes>{nodes}</nodes><resources><primitive id="ceph" '
        'class="stonith" type="fence_ceph_blocklist"><instance_attributes id="i">'
        f'{pairs}</instance_attributes><meta_attributes id="m"><nvpair id="mp" '
        'name="provides" value="unfencing"/></meta_attributes></primitive></resources>'
        f"<constraints>{constraints}</constraints></configuration></cib>"
    )
    reach = Reach(Runner(), "outside", (str(way), "{node}"))
    return [str(finding) for finding in check(fencing(cib), reach, ["node1", "node2"])]


def test_what_is_in_order_is_not_accused(ceph: CephCluster, tmp_path: Path) -> None:
    assert found(ceph, tmp_path, {}) == []


def key(name: str, mode: int, text: str | None = None) -> Plant:
    """A keyring of its own: with another text, or for everybody to read."""

    def plant(ceph: CephCluster) -> dict[str, str]:
        path = ceph.dir / f"{name}.planted"
        path.write_text((ceph.dir / "fencing.keyring").read_text() if text is None else text)
        path.chmod(mode)
        return {"keyring": str(path)}

    return plant


def no_caps(ceph: CephCluster) -> dict[str, str]:
    return {"client": "powerless", "keyring": str(ceph.dir / "powerless.keyring")}


def link_to_nothing(ceph: CephCluster) -> dict[str, str]:
    path = ceph.dir / "link.planted"
    path.unlink(missing_ok=True)
    path.symlink_to("/nonexistent")
    return {"keyring": str(path)}


def lost_monitors(ceph: CephCluster) -> dict[str, str]:
    path = ceph.dir / "lost.conf"
    path.write_text(ceph.conf.read_text().replace(ADDRESS, "10.80.0.99"))
    return {"conf": str(path)}


def about_to_end(ceph: CephCluster) -> dict[str, str]:
    ceph.ceph("osd", "blocklist", "range", "add", f"{NODES['node2']}/32", "3600")
    return {}


def with_addresses(text: str) -> Plant:
    return lambda _: {"addresses": text}


def given(**more: str) -> Plant:
    return lambda _: more


PLANTED: dict[str, tuple[Plant, str]] = {
    "a user who may not": (no_caps, "client.powerless may not use 'osd blocklist': it needs the"),
    "no such user": (given(client="nobody"), "its monitor fails"),
    "a key that is missing": (given(keyring="/nonexistent"), "/nonexistent is missing; copy it"),
    "a key that is a link to nothing": (link_to_nothing, "link.planted is missing; copy it"),
    "a key that is empty": (key("empty", 0o600, ""), "empty.planted is empty; copy it"),
    "a key for everybody": (key("open", 0o644), "others may read"),
    "a key that is another": (
        key("other", 0o600, "[client.fencing]\n\tkey = AQBAAAAAAAAAABAAs1Ya2hGTkqX9mLw9Xj4H3w==\n"),
        "its monitor fails",
    ),
    "no configuration": (given(conf="/none.conf"), "/none.conf: there is no such file"),
    "monitors that are not there": (lost_monitors, "connecting"),
    "a node without addresses": (
        with_addresses(EVERYBODY.partition(" ")[2]),
        "there is no node 'node1' in it",
    ),
    "an address of two": (
        with_addresses(EVERYBODY.replace(NODES["node3"], NODES["node2"])),
        "gives 10.80.0.12/32 to 'node2' and 'node3'",
    ),
    "an address of a monitor": (
        with_addresses(EVERYBODY.replace(NODES["node3"], ADDRESS)),
        "cutting it off would hurt Ceph itself",
    ),
    "a network of everybody": (
        with_addresses("node1=10.0.0.0/8"),
        "which is not a single machine's network",
    ),
    "what is not an address": (with_addresses("node1=storage1"), "is not an IP address such as"),
    "an entry that is about to end": (about_to_end, "is to end"),
    "a life that is too short": (given(expire="1h"), "expire: must be at least 86400 s, a day"),
    "an entry that could not be believed": (
        given(expire="48h", minimum_life="48h"),
        "minimum_life: must be at most half of expire",
    ),
}


@pytest.mark.parametrize(("plant", "says"), PLANTED.values(), ids=PLANTED)
def test_what_is_planted_is_found(
    ceph: CephCluster, tmp_path: Path, plant: Plant, says: str
) -> None:
    said = found(ceph, tmp_path, plant(ceph))
    mine = [line for line in said if says in line]
    assert mine, said
    assert all(";" in line and "device ceph (from node" in line for line in mine)


def test_a_node_that_may_not_let_itself_in_is_found(ceph: CephCluster, tmp_path: Path) -> None:
    ban = '<rsc_location id="l" rsc="ceph" node="node2" score="-INFINITY"/>'
    assert [
        line
        for line in found(ceph, tmp_path, {}, ban)
        if "it lets node2 in to its storage again, on node2 itself, and may not run there" in line
    ]
