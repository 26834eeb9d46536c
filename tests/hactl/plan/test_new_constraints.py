"""A cluster with the constraints that were written before gets those of today, and nobody notices.

`before/` holds the golden topologies as hactl rendered them when the stop orders were Mandatory.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
from lxml import etree

from hactl.cib import document
from hactl.plan.gate import disruption
from hactl.plan.plan import planned
from hactl.simulate.effect import What
from tests.hactl.blast.settled import Settled, Source
from tests.hactl.cibs import configuration
from tests.hactl.scheduler import needs_scheduler, runner

GOLDEN = Path(__file__).parents[1] / "golden"
BEFORE = sorted((Path(__file__).parents[1] / "blast/before").glob("*.xml"))


@needs_scheduler
@pytest.mark.parametrize("before", BEFORE, ids=lambda path: path.stem)
def test_nothing_restarts(before: Path, tmp_path: Path) -> None:
    source = Source.of_file(GOLDEN / before.stem / "topology.yaml")
    live = rested(Settled(source, tmp_path), before)
    wanted = document.configuration(source.cluster)
    for pair in wanted.xpath("//meta_attributes/nvpair[@value='unfencing']"):
        pair.getparent().remove(pair)
    plan = planned(live, wanted, runner(tmp_path)).plan
    old = [each for each in live.iterfind(".//rsc_order") if each.get("first-action") == "stop"]
    # fence devices say since then what rack they are in, and whom they feed
    assert any(each.kind != "fencing" for each in plan.changes) == bool(old)
    assert disruption(plan) == ""
    assert {effect.what for effect in plan.effects.all} <= {What.STAYS}
    assert plan.edited == ()


def rested(run: Settled, before: Path) -> etree._Element:
    """Return the old cluster at rest, as it comes from a CIB rendered then."""

    def as_then(cib: etree._Element) -> None:
        now, then = configuration(cib), configuration(etree.parse(str(before)).getroot())
        for section in ("resources", "constraints"):
            now.replace(now.find(section), deepcopy(then.find(section)))
        for pair in cib.xpath("//meta_attributes/nvpair[@value='unfencing']"):
            pair.getparent().remove(pair)

    run.change = as_then
    return run.whole
