"""A device that lies must not make a service run twice; and if it is believed, that is seen.

The service writes down every tenth of a second where it runs. The node it runs on is cut off and
keeps what it has, as `no-quorum-policy=freeze` wants it: now everything rests on fencing.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from hactl.lab.lab import Lab
from tests.cluster.labs import Eventually, repair
from tests.cluster.lying_devices import BLIND, LIAR, TARGET, configure, known, spread

pytestmark = [pytest.mark.cluster, pytest.mark.extended]

LOG = "/lab/witness.log"
SCRIPT = f"""#!/bin/sh
while :; do echo "$(date +%s.%N) $(hostname)" >>{LOG}; sleep 0.1; done
"""
WITNESS = f"""\
<configuration><crm_config><cluster_property_set id="cib-bootstrap-options">
<nvpair id="test-quorum" name="no-quorum-policy" value="freeze"/>
</cluster_property_set></crm_config>
<resources><primitive id="witness" class="ocf" provider="heartbeat" type="anything">
<instance_attributes id="witness-i"><nvpair id="witness-b" name="binfile" value="/lab/witness"/>
</instance_attributes></primitive></resources>
<constraints><rsc_location id="witness-l" rsc="witness" node="{TARGET}" score="100"/></constraints>
</configuration>"""


@pytest.fixture
def witnessed(fenced_lab: Lab) -> Iterator[Lab]:
    lab = fenced_lab
    lab.write("node1", "/lab/witness", SCRIPT.encode(), 0o755)
    lab.exec("node1", "rm", "-f", LOG)
    yield lab
    lab.heal(TARGET)
    lab.power(TARGET, "reboot")  # it may have been told that it is fenced, and live
    for node in lab.nodes:
        lab.exec(node, "rm", "-f", "/usr/sbin/fence_liar", "/usr/sbin/fence_blind")
    repair(lab)


def test_a_liar_before_a_true_device_never_lets_a_service_run_twice(
    witnessed: Lab, eventually: Eventually
) -> None:
    spread(witnessed, "fence_liar", LIAR)
    configure(witnessed, "liar", "fence", liar=("fence_liar", {}))
    lose_the_target(witnessed, "liar", eventually)
    assert overlaps(witnessed) == []


def test_a_liar_that_is_believed_lets_it_run_twice_and_that_is_seen(
    witnessed: Lab, eventually: Eventually
) -> None:
    """Shows that the test above can fail."""
    spread(witnessed, "fence_blind", BLIND)
    configure(witnessed, "blind", "fence", blind=("fence_blind", {}))
    lose_the_target(witnessed, "blind", eventually)
    eventually(lambda: overlaps(witnessed), "two of them are seen")


def lose_the_target(lab: Lab, device: str, eventually: Eventually) -> None:
    """Cut off the node that runs the service; return when it runs elsewhere."""
    eventually(lambda: known(lab, device), "the device is registered")
    done = lab.exec("node1", "cibadmin", "--modify", "--allow-create", "-p", stdin=WITNESS)
    assert done.returncode == 0, done.stderr
    eventually(lambda: TARGET in nodes_seen(lab), "the service runs on the target")
    lab.cut(TARGET)
    eventually(lambda: nodes_seen(lab) - {TARGET}, "it runs elsewhere", 90)
    eventually(lambda: len(written(lab)[-1:]) == 1, "it goes on")


def written(lab: Lab) -> list[tuple[float, str]]:
    lines = (line.split() for line in lab.exec("node1", "cat", LOG).stdout.splitlines())
    return sorted((float(words[0]), words[1]) for words in lines if len(words) == 2)


def nodes_seen(lab: Lab) -> set[str]:
    return {node for _, node in written(lab)}


def overlaps(lab: Lab) -> list[tuple[float, str]]:
    """Where a node wrote again after another one had begun."""
    found, gone = [], set()
    for (_, before), (when, node) in pairwise(written(lab)):
        if node != before:
            gone.add(before)
        if node in gone:
            found.append((when, node))
    return found
