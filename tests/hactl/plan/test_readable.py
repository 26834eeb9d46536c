"""What differs is said in the fewest words that say it, and no secret is among them."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from hactl.plan.attributes import differences
from hactl.plan.change import Detail
from hactl.plan.plan import planned
from hactl.plan.readable import statements, words
from hactl.report.plan import text
from hactl.report.plan_json import document
from tests.hactl.cibs import cib, dummy, wanted
from tests.hactl.cibs import text as xml
from tests.hactl.scheduler import needs_scheduler, runner, settled

DOMAIN = (
    '<domain type="kvm"><name>w</name><memory unit="KiB">{memory}</memory>'
    '<os><type arch="x86_64">hvm</type>{os}</os><features><acpi/></features>'
    '<devices><disk type="file"><source file="/a"/><target dev="vda"/></disk>{more}'
    '<graphics type="vnc" passwd="{secret}"/></devices></domain>'
)
DISK = '<disk type="file"><source file="/b"/><target dev="vdb" bus="virtio"/></disk>'
KERNEL = "<kernel>/k</kernel>"
BOOT = '<boot dev="hd"/>'


def domain(memory: int = 1024, os: str = BOOT, more: str = "", secret: str = "tell-nobody") -> str:
    return DOMAIN.format(memory=memory, os=os, more=more, secret=secret)


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (domain(memory=2048), ["domain: memory 1024 KiB -> 2048 KiB"]),
        (
            domain(os="<kernel>/k</kernel>"),
            ["domain: os kernel /k", "domain: os boot hd -> (none)"],
        ),
        (domain(more=DISK), ["domain: disk vdb type file, source file /b, target vdb bus virtio"]),
        (domain() + "\n", ["domain: the same in other words"]),
    ],
)
def test_xml_is_told_by_what_changed_in_it(new: str, said: list[str]) -> None:
    assert list(words(Detail("w", "domain", domain(), new))) == said


def test_xml_that_comes_goes_or_cannot_be_read_is_short() -> None:
    assert words(Detail("w", "domain", None, domain())) == ("domain <domain> ...",)
    (gone,) = words(Detail("w", "domain", domain(), None))
    assert gone.endswith("... -> (none)")
    assert len(gone) < 100
    assert words(Detail("w", "x", "<a", "<b"))[0] == "x <a -> <b"


def test_long_values_show_where_they_differ() -> None:
    (said,) = words(Detail("w", "x", "a" * 90 + "b", "a" * 90 + "c"))
    assert said == f"x ...{'a' * 12}b -> ...{'a' * 12}c"


def test_a_secret_inside_a_value_is_seen_nowhere_and_its_change_is() -> None:
    before, after = dummy("w"), dummy("w")
    for each, value in ((before, domain()), (after, domain(secret="other-secret"))):
        pairs = etree.SubElement(each, "instance_attributes", id="w-instance_attributes")
        etree.SubElement(pairs, "nvpair", id="w-d", name="domain", value=value)
    (new,) = (each for each in differences(None, before) if each.name == "domain")
    (changed,) = differences(before, after)
    assert words(changed) == ("domain: a secret in it",)
    for detail in (new, changed):
        said = json.dumps([detail.old, detail.new, str(detail), words(detail)])
        assert "tell-nobody" not in said
        assert "other-secret" not in said


@given(st.integers(1, 9), st.sampled_from(["", DISK]), st.sampled_from([BOOT, "<loader/>"]))
def test_what_differs_is_said_and_what_does_not_is_not(memory: int, more: str, os: str) -> None:
    old, new = domain(), domain(memory=memory, more=more, os=os)
    same = dict(statements(etree.fromstring(old), ())) == dict(
        statements(etree.fromstring(new), ())
    )
    assert (words(Detail("w", "d", old, new)) == ("d: the same in other words",)) is same


@needs_scheduler
def test_fifty_changed_guests_are_all_named_in_few_lines(tmp_path: Path) -> None:
    names = [f"guest{number:02}" for number in range(50)]
    live = settled(cib("".join(xml(dummy(name, domain=escaped(1))) for name in names)), tmp_path)
    want = wanted(*(dummy(name, domain=escaped(2)) for name in names))
    plan = planned(live, want, runner(tmp_path)).plan
    said = click.unstyle(text(plan))
    changes, effects = said.split("Guests\n", 1)
    assert all(name in changes and name in effects for name in names)
    assert "~ 50 guests  domain: memory 1 KiB -> 2 KiB" in said
    assert len(said.splitlines()) < 40
    assert " more" not in said
    assert {each["name"] for each in document(plan)["guests"]} == set(names)


def escaped(memory: int) -> str:
    return domain(memory=memory).replace("<", "&lt;").replace('"', "&quot;")
