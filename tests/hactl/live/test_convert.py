"""What runs is handed to another agent: on a cluster that Pacemaker's scheduler plays.

It is killed before every call of a tool. Whatever is left is named, is not touched by the cluster
by itself, and the same command brings it to its end.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from lxml import etree
from lxml.etree import _Element

from hactl.cib.conversion import agent, begun, converting, primitive, running_on
from hactl.cib.document import configuration
from hactl.existing.corosync_conf import Membership
from hactl.existing.imported import imported
from hactl.intent import reads
from hactl.live.apply import apply
from hactl.live.convert import Conversion, Handed, NotConverted
from hactl.live.operator import Options
from hactl.plan.gate import Forbidden
from hactl.plan.plan import planned
from hactl.status.notices import notices
from tests.hactl.cibs import cib, dummy_text
from tests.hactl.live.cluster_on_file import Cluster, Hook, nothing, world
from tests.hactl.live.somebody import Somebody
from tests.hactl.scheduler import needs_scheduler, runner
from tests.support.topology_file import dumped

pytestmark = needs_scheduler

SHOP = """<primitive id="shop" class="ocf" provider="heartbeat" type="VirtualDomain"
 description="the shop"><instance_attributes id="shop-instance_attributes">
<nvpair id="shop-config" name="config" value="/srv/shop.xml"/></instance_attributes><operations>
<op id="shop-monitor-interval-10s" name="monitor" interval="10s" timeout="30s"/></operations>
</primitive>"""
BAN = '<rsc_location id="ban" rsc="shop" node="node1" score="-INFINITY"/>'
XML = b"<domain><name>shop</name><memory>1048576</memory></domain>"
THEIRS, OURS = "ocf:heartbeat:VirtualDomain", "ocf:hactl:KvmGuest"
MOST_CALLS = 400
# Every call with HACTL_EXHAUSTIVE=1 (scripts/imports), some of them every day.
STEP = 1 if os.environ.get("HACTL_EXHAUSTIVE") else 23


class Killed(BaseException):
    """The end of hactl, which nothing catches."""


def start(directory: Path, resources: str = SHOP, more: str = "") -> tuple[Cluster, dict[str, Any]]:
    """A cluster of others, taken over to the letter, and its topology."""
    here = Cluster.of(cib(resources + dummy_text("db1"), BAN + more), directory / "cluster")
    topology: dict[str, Any] = yaml.safe_load(imported(here.cib(), Membership()).text)
    outcome = apply(world(here), wanted(topology), options(here), Somebody())
    assert outcome.committed
    return here, topology


def options(here: Cluster) -> Options:
    return Options(here.directory / "records")


def wanted(topology: dict[str, Any]) -> _Element:
    cluster, _ = reads(dumped(topology), "t.yaml", lambda _: XML)
    return configuration(cluster)


def as_guest(topology: dict[str, Any]) -> dict[str, Any]:
    raw = [item for item in topology["raw"] if 'id="shop"' not in item["xml"]]
    return {**topology, "raw": raw, "guests": {"shop": {"definition": "/srv/shop.xml"}}}


def convert(
    here: Cluster, topology: dict[str, Any], hook: Hook = nothing, names: Sequence[str] = ("shop",)
) -> tuple[Handed, ...]:
    made = Conversion(world(here, hook), wanted(topology), names, options(here), Somebody())
    return made.carry_out()


def agent_now(here: Cluster) -> str:
    element = primitive(here.cib(), "shop")
    assert element is not None
    return agent(element)


def untouched(here: Cluster, node: str) -> bool:
    now = here.cib()
    return running_on(now, "shop") == (node,) and not {"stop"} & {w for w, _ in begun(now, "shop")}


def test_a_guest_goes_to_another_agent_and_back_and_is_not_touched(tmp_path: Path) -> None:
    here, theirs = start(tmp_path)
    (node,) = running_on(here.cib(), "shop")
    (handed,) = convert(here, as_guest(theirs))
    assert (handed.node, handed.agent) == (node, OURS)
    assert (agent_now(here), begun(here.cib(), "shop")) == (OURS, ())
    assert untouched(here, node)
    assert not planned(here.cib(), wanted(as_guest(theirs)), runner(tmp_path)).plan.changes
    assert convert(here, theirs)[0].agent == THEIRS
    assert untouched(here, node)
    assert not planned(here.cib(), wanted(theirs), runner(tmp_path)).plan.changes


def test_an_apply_would_have_restarted_it(tmp_path: Path) -> None:
    here, theirs = start(tmp_path)
    with pytest.raises(Forbidden, match="shop would restart"):
        apply(world(here), wanted(as_guest(theirs)), options(here), Somebody())


@pytest.mark.timeout(3000)
def test_killed_before_any_call_it_is_named_not_touched_and_goes_on(tmp_path: Path) -> None:
    ended = 0
    for number in range(3, MOST_CALLS, STEP):
        here, theirs = start(tmp_path / str(number))
        (node,) = running_on(here.cib(), "shop")

        def kill(call: int, argv: Sequence[str], last: int = number) -> None:  # noqa: ARG001
            if call == last:
                raise Killed

        try:
            convert(here, as_guest(theirs), kill)
        except Killed:
            pass
        else:
            ended += 1
        assert untouched(here, node), number
        left = converting(here.cib())
        named = [said for said in notices(here.cib()) if "being handed" in said]
        assert bool(left) == bool(named), number
        if agent_now(here) == THEIRS or left:
            convert(here, as_guest(theirs))
        assert agent_now(here) == OURS
        assert untouched(here, node), number
        assert not converting(here.cib())
        if ended:
            return
    raise AssertionError("it never came to its end")


def test_where_the_new_agent_does_not_find_it_the_old_definition_comes_back(tmp_path: Path) -> None:
    here, theirs = start(tmp_path)
    here.blind = ("KvmGuest",)
    (node,) = running_on(here.cib(), "shop")
    with pytest.raises(NotConverted, match=r"found on no node.*taken back, and managed as before"):
        convert(here, as_guest(theirs))
    assert (agent_now(here), converting(here.cib())) == (THEIRS, ())
    assert untouched(here, node)


def switched(here: Cluster, name: str, value: str) -> None:
    now = here.cib()
    element = primitive(now, "shop")
    assert element is not None
    pairs = f'<nvpair id="theirs" name="{name}" value="{value}"/>'
    element.insert(0, etree.fromstring(f'<meta_attributes id="s">{pairs}</meta_attributes>'))
    here.write(now)
    # what is held is left where it is; only a role is acted upon
    here.settled_at = "" if name == "target-role" else now.get("epoch", "")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("is-managed", "false", "shop is unmanaged"),
        ("maintenance", "true", "shop is in maintenance"),
        ("target-role", "Stopped", "shop does not run"),
    ],
)
def test_what_an_operator_holds_is_left_to_them(
    tmp_path: Path, name: str, value: str, says: str
) -> None:
    here, theirs = start(tmp_path)
    switched(here, name, value)
    with pytest.raises(NotConverted, match=says):
        convert(here, as_guest(theirs))
    assert agent_now(here) == THEIRS


def test_what_runs_twice_is_refused(tmp_path: Path) -> None:
    here, theirs = start(tmp_path)
    now = here.cib()
    for found in now.iterfind("status//lrm_resource[@id='shop']/lrm_rsc_op"):
        found.set("rc-code", "0")
    twice = running_on(now, "shop")
    assert len(twice) > 1
    here.write(now)
    here.settled_at = now.get("epoch", "")
    with pytest.raises(NotConverted, match="at once"):
        convert(here, as_guest(theirs))


def test_a_clone_and_a_stranger_are_refused_and_a_topology_that_changes_more(
    tmp_path: Path,
) -> None:
    here, theirs = start(tmp_path, SHOP + f"<clone id='all'>{dummy_text('each')}</clone>")
    for name, says in (("each", "part of a clone"), ("nobody", "has no primitive")):
        with pytest.raises(NotConverted, match=says):
            convert(here, as_guest(theirs), names=[name])
    more = as_guest(theirs)
    more["raw"] = [item for item in more["raw"] if 'id="ban"' not in item["xml"]]
    with pytest.raises(NotConverted, match="also changes ban"):
        convert(here, more)
