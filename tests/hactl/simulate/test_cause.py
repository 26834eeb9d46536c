"""Why something runs nowhere is proven: each cause is told from the others, nothing is guessed."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.simulate.cause import Cause, Kind, cause
from hactl.simulate.scheduler import simulate
from tests.hactl.cibs import cib, clone, dummy_text, fail, text
from tests.hactl.scheduler import needs_scheduler, runner, settled

pytestmark = needs_scheduler

BAN = '<rsc_location id="{0}-{1}" rsc="web1" node="{1}" score="-INFINITY"/>'
EVERYWHERE = ("node1", "node2", "node3")
SIZE = '<utilization id="web1-u"><nvpair id="web1-u-m" name="memory" value="{}"/></utilization>'


def why(made: _Element, folder: Path, unit: str = "web1") -> Cause:
    return cause(made, unit, simulate(made, runner(folder)), runner(folder))


def sized(amount: int) -> str:
    return dummy_text("web1").replace("</primitive>", f"{SIZE.format(amount)}</primitive>")


def room(made: _Element) -> _Element:
    options = made.find("configuration/crm_config/cluster_property_set")
    assert options is not None
    etree.SubElement(options, "nvpair", id="ps", name="placement-strategy", value="balanced")
    for node in made.iterfind("configuration/nodes/node"):
        name = node.get("uname")
        offer = etree.SubElement(node, "utilization", id=f"{name}-u")
        etree.SubElement(offer, "nvpair", id=f"{name}-m", name="memory", value="100")
    return made


def test_too_big_says_what_is_asked_and_what_is_left(tmp_path: Path) -> None:
    found = why(room(cib(sized(200))), tmp_path)
    assert (found.kind, found.text) == (
        Kind.TOO_BIG,
        "needs 200MiB memory: node1 has 100MiB memory left, node2 has 100MiB memory left, "
        "node3 has 100MiB memory left",
    )


def test_a_ban_left_by_a_move_is_told_from_one_that_is_configured(tmp_path: Path) -> None:
    moved = "".join(BAN.format("cli-ban-web1-on", node) for node in EVERYWHERE)
    found = why(cib(dummy_text("web1"), moved), tmp_path)
    assert (found.kind, found.hint) == (Kind.MOVED, "pcs resource clear web1")
    ours = "".join(BAN.format("never", node) for node in EVERYWHERE)
    found = why(cib(dummy_text("web1"), ours), tmp_path)
    assert (found.kind, found.text) == (
        Kind.BANNED,
        "no node that is there may run it (never-node1, never-node2, never-node3)",
    )


def test_failures_are_counted_and_their_reason_is_quoted(tmp_path: Path) -> None:
    made = settled(cib(dummy_text("web1")), tmp_path)
    for state in made.iterfind("status/node_state"):
        fail(state)
    found = why(made, tmp_path)
    assert found.kind is Kind.FAILED
    assert found.text == (
        "it has failed for good on node1 and for good on node2 and for good on node3 "
        '("no such disk")'
    )
    assert found.hint == "pcs resource cleanup web1"


def test_what_stays_apart_names_who_is_where(tmp_path: Path) -> None:
    others = "".join(dummy_text(f"db{n}") for n in (1, 2, 3))
    at = "".join(
        f'<rsc_location id="at{n}" rsc="db{n}" node="node{n}" score="INFINITY"/>'
        f'<rsc_colocation id="apart{n}" rsc="web1" with-rsc="db{n}" score="-INFINITY"/>'
        for n in (1, 2, 3)
    )
    found = why(settled(cib(others + dummy_text("web1"), at), tmp_path), tmp_path)
    assert (found.kind, found.text) == (
        Kind.APART,
        "it stays apart from db1 (node1), db2 (node2), db3 (node3)",
    )


def test_what_it_stands_on_is_named(tmp_path: Path) -> None:
    lan = text(clone("lan", etree.fromstring(dummy_text("lan-i", "target-role=Stopped"))))
    needs = '<rsc_colocation id="on" rsc="web1" with-rsc="lan" score="INFINITY"/>'
    found = why(cib(lan + dummy_text("web1"), needs), tmp_path)
    assert (found.kind, found.text) == (Kind.NEEDS, "needs lan, which is not where it could run")


@pytest.mark.parametrize(
    ("meta", "kind"),
    [("target-role=Stopped", Kind.SWITCHED_OFF), ("is-managed=false", Kind.UNMANAGED)],
)
def test_what_somebody_has_switched_off_is_said_to_be(
    tmp_path: Path, meta: str, kind: Kind
) -> None:
    assert why(cib(dummy_text("web1", meta)), tmp_path).kind is kind


def test_a_default_that_switches_everything_off_is_told_from_a_switch(tmp_path: Path) -> None:
    default = (
        '<rsc_defaults><meta_attributes id="rd"><nvpair id="rd-t" name="target-role" '
        'value="Stopped"/></meta_attributes></rsc_defaults>'
    )
    found = why(cib(dummy_text("web1"), more=default), tmp_path)
    assert (found.kind, found.hint) == (
        Kind.SWITCHED_OFF,
        "the default for all resources says so",
    )


def test_maintenance_of_the_cluster_is_a_cause(tmp_path: Path) -> None:
    mode = '<nvpair id="mm" name="maintenance-mode" value="true"/>'
    assert why(cib(dummy_text("web1"), properties=mode), tmp_path).kind is Kind.UNMANAGED


def test_fencing_without_a_device_starts_nothing(tmp_path: Path) -> None:
    made = cib(
        dummy_text("web1"), properties='<nvpair id="s" name="stonith-enabled" value="true"/>'
    )
    assert why(made, tmp_path).kind is Kind.FENCING


def test_two_things_that_keep_it_together_are_both_said(tmp_path: Path) -> None:
    """Neither alone would let it run: one node is banned, and on the others it is too big."""
    made = room(cib(sized(200), "".join(BAN.format("never", node) for node in EVERYWHERE)))
    found = why(made, tmp_path)
    assert found.kind is Kind.SEVERAL
    assert "needs 200MiB memory" in found.text
    assert "no node that is there may run it" in found.text
