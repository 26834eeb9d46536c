"""`hactl import` as it is called, on CIB files."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from hactl.errors import ClusterError
from hactl.existing.corosync_conf import membership
from tests.hactl.cibs import cib, dummy_text, text
from tests.hactl.commands.place import Place
from tests.hactl.existing.drawn import cib as drawn
from tests.hactl.scheduler import needs_scheduler

pytestmark = needs_scheduler
ROOT = Path(__file__).parents[3]
HEAD = "cluster: {name: demo, settings: written, fencing: false}\n"
HEAD += "nodes: {node1: {}, node2: {}, node3: {}}\n"

CONF = """\
totem {
    version: 2
    cluster_name: demo
    transport: knet
    token: 5000
    key: c2VjcmV0
    link_mode: passive
}
nodelist {
    node {
        ring0_addr: 10.0.0.1
        ring1_addr: 10.0.1.1
        name: node1
        nodeid: 1
    }
}
quorum {
    provider: corosync_votequorum
    wait_for_all: 1
}
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_cluster_is_imported_taken_over_and_then_there_is_nothing_left_to_do(
    place: Place,
) -> None:
    place.write("cib.xml", etree.tostring(drawn(5), encoding="unicode"))
    done = place.hactl("import", "--cib", "cib.xml", "-o", "t.yaml")
    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith("changes nothing but marks of ownership.\n")
    planned = place.hactl("plan", "t.yaml", "--cib", "cib.xml")
    assert "+ marks of ownership beside" in planned.stdout
    assert "Plan: 1 to add. Guests: none." in planned.stdout
    applied = place.hactl("apply", "t.yaml", "--cib", "cib.xml")
    assert applied.returncode == 0, applied.stderr
    again = place.hactl("plan", "t.yaml", "--cib", "cib.xml", "--detailed-exitcode")
    assert again.returncode == 0, again.stdout


def test_what_corosync_says_is_taken_and_what_no_topology_says_is_told(place: Place) -> None:
    place.write("cib.xml", text(cib(dummy_text("d1"), nodes='<node id="1" uname="node1"/>')))
    place.write("c.conf", CONF)
    done = place.hactl("import", "--cib", "cib.xml", "--corosync", "c.conf")
    assert "token: 5s" in done.stdout
    assert 'node1: {id: 1, links: ["10.0.0.1", "10.0.1.1"]}' in done.stdout
    assert "corosync.conf: totem.link_mode: passive" in done.stderr
    assert "c2VjcmV0" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("<cib", "no CIB"),
        (text(cib(nodes="")), "the CIB has no node"),
        (text(cib(nodes='<node id="1" uname="a b"/>')), "the name of the node 'a b'"),
        (text(cib("<primitive/>")), "not valid by its own schema pacemaker-3.7"),
        (text(cib()).replace("pacemaker-3.7", "pacemaker-9.9"), "CIB schema newer than the tools"),
    ],
)
def test_what_cannot_be_imported_is_refused_in_one_line(place: Place, name: str, says: str) -> None:
    place.write("cib.xml", name)
    done = place.hactl("import", "--cib", "cib.xml", "-o", "new.yaml")
    assert done.returncode == 1
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (place.directory / "new.yaml").exists()


@pytest.mark.parametrize("conf", ["", "totem {\n", "totem {\n}\nx\n", "a {\n" * 99])
def test_what_is_not_a_corosync_conf_is_refused(conf: str) -> None:
    with pytest.raises(ClusterError, match=r"^c.conf.*corosync\.conf"):
        membership(conf, "c.conf")


def test_how_a_guest_could_be_handed_over_is_said_above_it(place: Place) -> None:
    guest = (
        '<primitive id="shop" class="ocf" provider="heartbeat" type="VirtualDomain">'
        '<instance_attributes id="i"><nvpair id="c" name="config" value="/srv/shop.xml"/>'
        '<nvpair id="t" name="migration_transport" value="tcp"/></instance_attributes></primitive>'
    )
    place.write("cib.xml", text(cib(guest)))
    done = place.hactl("import", "--cib", "cib.xml")
    assert "#   shop: {definition: /srv/shop.xml, migration: {transport: tcp}}" in done.stdout
    assert "# and call `hactl adopt FILE --convert shop`." in done.stdout


def test_what_others_made_is_taken_over_only_by_adopt(place: Place) -> None:
    place.write("cib.xml", text(cib(dummy_text("d1"))))
    place.write("t.yaml", HEAD + "raw: [{kind: primitive, id: d1, agent: 'ocf:pacemaker:Dummy'}]\n")
    refused = place.hactl("apply", "t.yaml", "--cib", "cib.xml")
    assert "hactl did not make" in refused.stderr
    done = place.hactl("adopt", "t.yaml", "--cib", "cib.xml")
    assert done.returncode == 0, done.stderr
    again = place.hactl("plan", "t.yaml", "--cib", "cib.xml", "--detailed-exitcode")
    assert again.returncode == 0, again.stdout
    live = place.hactl("adopt", "t.yaml", "--cib", "cib.xml", "--convert", "d1")
    assert (live.returncode, len(live.stderr.splitlines())) == (2, 2), live.stderr


def test_the_tutorial_comes_out_as_it_says(place: Place) -> None:
    place.write("cib.xml", (ROOT / "examples/made-with-pcs.xml").read_text())
    page = (ROOT / "docs/tutorial/from-pcs.md").read_text()
    done = place.hactl("import", "--cib", "cib.xml", "-o", "cluster.yaml")
    assert done.stderr in page
    assert "not-for-files" not in (place.directory / "cluster.yaml").read_text()
    planned = place.hactl("plan", "cluster.yaml", "--cib", "cib.xml")
    assert planned.stdout.split("\n\n")[0] in page
    assert "Plan: 1 to add. Guests: none." in planned.stdout
    assert place.hactl("apply", "cluster.yaml", "--cib", "cib.xml").returncode == 0
    again = place.hactl("plan", "cluster.yaml", "--cib", "cib.xml", "--detailed-exitcode")
    assert again.returncode == 0
    said = (place.directory / "cib.xml").read_text()
    assert "not-for-files" in said
    place.write("cib.xml", said.replace('score="50"', 'score="5"'))
    drift = place.hactl("drift", "cluster.yaml", "--cib", "cib.xml", "--detailed-exitcode")
    assert drift.returncode == 2
    assert drift.stdout.splitlines()[1].split(" (")[0] in page
