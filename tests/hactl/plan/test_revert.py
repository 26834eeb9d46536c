"""A commit is taken back when that heals, and left when it would hurt."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml.etree import _Element

from hactl.cib.canonical import canonical
from hactl.cib.merge import merge
from hactl.plan.diff import changes
from hactl.plan.revert import NotReverted, reverted
from tests.hactl.cibs import cib, clone, configuration, dummy, dummy_text, section, text, wanted
from tests.hactl.scheduler import needs_scheduler, runner, settled

pytestmark = needs_scheduler


def test_the_configuration_comes_back(tmp_path: Path) -> None:
    before = settled(cib(text(dummy("web1", memory="1"))), tmp_path)
    after = merge(before, wanted(dummy("web1", memory="2"), dummy("web2")))
    back = reverted(after, changes(before, after), runner(tmp_path))
    assert canonical(configuration(back)) == canonical(configuration(before))


def test_what_others_did_since_is_kept(tmp_path: Path) -> None:
    before = settled(cib(text(dummy("web1", memory="1"))), tmp_path)
    after = merge(before, wanted(dummy("web1", memory="2")))
    made = changes(before, after)
    section(after, "resources").append(dummy("shop"))
    back = reverted(after, made, runner(tmp_path))
    assert back.find(".//primitive[@id='shop']") is not None
    assert back.find(".//nvpair[@value='1']") is not None


def test_what_others_changed_since_is_not_overwritten(tmp_path: Path) -> None:
    before = settled(cib(text(dummy("web1", memory="1"))), tmp_path)
    after = merge(before, wanted(dummy("web1", memory="2")))
    made = changes(before, after)
    section(after, "resources")[0][0][0].set("value", "3")
    with pytest.raises(NotReverted, match="web1 has been changed by somebody else since"):
        reverted(after, made, runner(tmp_path))


def test_what_others_removed_or_recreated_since_is_left(tmp_path: Path) -> None:
    before = settled(cib(text(dummy("web1"))), tmp_path)
    with_new = merge(before, wanted(dummy("web1"), dummy("web2")))
    made = changes(before, with_new)
    with pytest.raises(NotReverted, match="web2"):
        reverted(before, made, runner(tmp_path))
    without = merge(before, wanted())
    with pytest.raises(NotReverted, match="web1"):
        reverted(before, changes(before, without), runner(tmp_path))


def test_a_guest_the_commit_did_not_touch_is_not_restarted_by_taking_it_back(
    tmp_path: Path,
) -> None:
    order = '<rsc_order id="theirs" first="lan" then="shop"/>'
    old = cib(text(bridge("1500")) + dummy_text("shop"), order)
    new = merge(old, wanted(bridge("9000")))
    with pytest.raises(NotReverted, match="shop would restart on"):
        reverted(settled(new, tmp_path), changes(old, new), runner(tmp_path))


def bridge(mtu: str) -> _Element:
    return clone("lan", dummy("lan-i", mtu=mtu))
