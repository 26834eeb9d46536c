"""Whether a cluster has formed, from crm_mon's XML."""

from __future__ import annotations

import pytest

from hactl.lab.ready import Formation, formation

CRM_MON = """\
<pacemaker-result api-version="2.25">
  <summary><current_dc present="{present}" name="node2" with_quorum="{quorum}"/></summary>
  <nodes>
    <node name="node1" online="true" pending="false" type="member"/>
    <node name="node2" online="{online}" pending="{pending}" type="member"/>
  </nodes>
</pacemaker-result>"""
GOOD = {"present": "true", "quorum": "true", "online": "true", "pending": "false"}


def seen(**change: str) -> Formation:
    return formation(CRM_MON.format(**GOOD | change))


def test_a_formed_cluster_is_complete() -> None:
    assert seen() == Formation(frozenset({"node1", "node2"}), "node2", True)
    assert seen().complete(["node1", "node2"])


@pytest.mark.parametrize(
    "change", [{"present": "false"}, {"quorum": "false"}, {"online": "false"}, {"pending": "true"}]
)
def test_anything_missing_is_not_complete(change: dict[str, str]) -> None:
    assert not seen(**change).complete(["node1", "node2"])


@pytest.mark.parametrize("text", ["", "crm_mon: Error: cluster is not available", "<a/>"])
def test_no_answer_is_no_cluster(text: str) -> None:
    assert formation(text) == Formation()
