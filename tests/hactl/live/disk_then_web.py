"""A cluster that runs a disk, a guest on it, and a guest that has nothing to do with them."""

from __future__ import annotations

from pathlib import Path

from lxml import etree
from lxml.etree import _Element

from tests.hactl.cibs import cib, dummy, text
from tests.hactl.live.cluster_on_file import Cluster

POWER = etree.fromstring('<primitive id="power" class="stonith" type="fence_lab"/>')
DISK_THEN_WEB = """
  <rsc_order id="hactl-order" first="disk" then="web1" kind="Mandatory"/>
  <rsc_colocation id="hactl-with" rsc="web1" with-rsc="disk" score="INFINITY"/>"""


def old() -> list[_Element]:
    return [dummy("disk", "storage"), dummy("web1"), dummy("stays", memory="1")]


def start(directory: Path, failing: list[str] | None = None) -> Cluster:
    resources = "".join(text(resource) for resource in old()) + text(POWER)
    live = cib(resources, DISK_THEN_WEB)
    pair = live.find(".//nvpair[@name='stonith-enabled']")
    assert pair is not None
    pair.set("value", "true")
    here = Cluster.of(live, directory / "cluster", failing or ())
    here.cib()
    return here
