"""What is held to the letter: taken over unasked only where it is the same, and then watched."""

from __future__ import annotations

import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.cib.document import configuration
from hactl.cib.edits import edits
from hactl.cib.kept import ledger
from hactl.cib.merge import merge
from hactl.cib.refusals import Refused
from hactl.intent import reads
from tests.hactl.cibs import cib, dummy, text, wanted
from tests.hactl.cibs import configuration as configuration_of

THEIRS = (
    '<primitive id="web1" class="ocf" provider="heartbeat" type="VirtualDomain" '
    'description="the shop"><instance_attributes id="odd"><nvpair id="o1" name="config" '
    'value="/srv/web1.xml"/><nvpair id="o2" name="password" value="hush"/></instance_attributes>'
    "</primitive>"
)
HELD = THEIRS.replace("hush", "hactl:secret-stays-in-the-cib")
BAN = '<rsc_location id="theirs" rsc="web1" node="node1" score="-INFINITY"/>'
TAG = '<tag id="web"><obj_ref id="web1"/></tag>'
HEAD = """\
cluster: {name: demo, settings: written, fencing: false}
nodes: {node1: {}, node2: {}, node3: {}}
raw:
"""


def held(*elements: tuple[str, str]) -> _Element:
    items = "".join(f"- {{kind: xml, section: {s}, xml: '{xml}'}}\n" for s, xml in elements)
    cluster, _ = reads(HEAD + items if items else HEAD + "  []\n", "t.yaml", lambda _: b"")
    return configuration(cluster)


ALL = (("resources", HELD), ("constraints", BAN), ("tags", TAG))


def live() -> _Element:
    return cib(THEIRS, BAN, more=f"<tags>{TAG}</tags>")


def owned() -> _Element:
    return merge(live(), held(*ALL))


def test_the_ledger_names_what_is_held_and_everything_else_stays_to_the_letter() -> None:
    assert set(ledger(configuration_of(owned()))) == {"web1", "theirs", "web"}
    assert THEIRS in text(owned())
    assert BAN in text(owned())


def test_what_is_taken_out_of_the_file_is_taken_out_of_the_cluster() -> None:
    left = merge(owned(), held(ALL[0]))
    assert 'id="theirs"' not in text(left)
    assert left.find("configuration/tags") is None or not len(left.find("configuration/tags"))
    assert set(ledger(configuration_of(left))) == {"web1"}


def test_what_others_have_otherwise_is_not_overwritten_unasked() -> None:
    other = live()
    for found in other.iter("rsc_location"):
        found.set("node", "node2")
    with pytest.raises(Refused, match="theirs: the cluster has a rsc_location of this id"):
        merge(other, held(*ALL))
    merged = merge(other, held(*ALL), ["theirs"])
    assert BAN in text(merged)


def test_an_edit_by_hand_is_seen_and_a_change_of_the_file_is_not_one() -> None:
    by_hand = owned()
    next(by_hand.iter("rsc_location")).set("score", "5")
    assert edits(configuration_of(by_hand), held(*ALL)) == ("theirs",)
    in_file = (ALL[0], ("constraints", BAN.replace("-INFINITY", "7")), ALL[2])
    assert edits(configuration_of(owned()), held(*in_file)) == ()
    assert 'score="7"' in text(merge(owned(), held(*in_file)))


def test_a_switch_of_the_day_stays_and_is_no_edit() -> None:
    stopped = owned()
    primitive = next(stopped.iter("primitive"))
    primitive.append(
        etree.fromstring(
            '<meta_attributes id="web1-meta_attributes"><nvpair id="s" name="target-role" '
            'value="Stopped"/></meta_attributes>'
        )
    )
    assert edits(configuration_of(stopped), held(*ALL)) == ()
    changed = held(("resources", HELD.replace("the shop", "the new shop")), *ALL[1:])
    merged = text(merge(stopped, changed))
    assert "the new shop" in merged
    assert 'name="target-role" value="Stopped"' in merged


def test_a_secret_stays_where_it_is_and_is_refused_where_it_never_was() -> None:
    changed = held(("resources", HELD.replace("the shop", "the new shop")), *ALL[1:])
    assert 'value="hush"' in text(merge(owned(), changed))
    with pytest.raises(Refused, match="o2: the value of its password was left out"):
        merge(cib(), held(*ALL))


def test_what_was_held_may_become_a_guest_of_ours_under_its_id() -> None:
    ours = HEAD + "  []\nguests: {web1: {memory: 1GiB, cpus: 1, kernel: /srv/k}}\n"
    cluster, _ = reads(ours, "t.yaml", lambda _: b"")
    merged = merge(merge(cib(THEIRS), held(ALL[0])), configuration(cluster))
    found = next(merged.iter("primitive"))
    assert (found.get("provider"), found.get("id")) == ("hactl", "web1")
    assert ledger(configuration_of(merged)) == {}


def test_a_mark_that_somebody_wrote_over_is_healed_where_nothing_else_changed() -> None:
    ours = dummy("web1", memory="1")
    rule = '<rsc_location id="hactl-prefer-web1-on-node1-5" rsc="web1" node="node1" score="5"/>'
    there = cib(text(ours), rule)
    next(there.iter("primitive")).set("description", "the shop")
    merged = merge(there, wanted(ours, constraints=rule))
    assert next(merged.iter("primitive")).get("description") == ours.get("description")


def test_a_mark_that_somebody_wrote_over_is_named_where_it_would_be_set_back() -> None:
    rule = '<rsc_location id="hactl-prefer-web1-on-node1-5" rsc="web1" node="node1" score="5"/>'
    there = cib(text(dummy("web1", memory="1")), rule)
    next(there.iter("primitive")).set("description", "the shop")
    want = wanted(dummy("web1", memory="2"), constraints=rule)
    with pytest.raises(Refused, match="somebody changed its description"):
        merge(there, want)
    assert merge(there, want, ["web1"]) is not None
