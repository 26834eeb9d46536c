"""Drills of levels that cut a node off from storage: it goes on running, and has to come back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hactl.lab.lab import Lab
from tests.cluster.drilled import TARGET, drill, forget_proofs, furnish, modify, proofs
from tests.cluster.labs import repair
from tests.cluster.lying_devices import spread

pytestmark = [pytest.mark.cluster, pytest.mark.extended]

CUT = "/lab/cut-off"
# Like a blocklist: a node is off when it is on the list, and runs on.
FABRIC = f"""
import os

class Fabric(LabPower):
    \"\"\"Cuts off.

    And nothing else.
    \"\"\"

    name = "fence_fabric"
    reboots = False

    def power(self):
        return "off" if os.path.exists({CUT!r}) else "on"

    def switch_off(self):
        open({CUT!r}, "w").close()

    def switch_on(self):
        os.path.exists({CUT!r}) and os.unlink({CUT!r})


main(Fabric)
"""
BESIDE = (
    "<configuration><fencing-topology><fencing-level id='bmc-level' target='node3' index='1' "
    "devices='{}'/></fencing-topology></configuration>"
)


@pytest.fixture
def storage(lab: Lab) -> Iterator[Lab]:
    forget_proofs(lab)
    spread(lab, "fence_fabric", FABRIC)
    yield lab
    lab.exec("node1", "rm", "-f", CUT)
    lab.power(TARGET, "reboot")
    for node in lab.nodes:
        lab.exec(node, "rm", "-f", "/usr/sbin/fence_fabric")
    repair(lab)


def test_a_node_that_is_only_cut_off_is_brought_back_by_its_other_levels(storage: Lab) -> None:
    furnish(storage, bmc="fence_fabric")
    code, made, said = drill(storage, "--level", "1", "--timeout", "90s")
    assert (code, made.get("proven")) == (0, True), said
    (level,) = made["levels"]
    assert level["notes"] == [
        "node3 is cut off from its storage: node3 was fenced by its other levels"
    ]
    assert [moved["resource"] for moved in level["moved"]] == ["web"]
    assert level["seconds"]["back"] is not None
    assert proofs(storage)[1] == "proven"


def test_a_level_of_power_and_storage_is_off_and_turned_on_again(storage: Lab) -> None:
    furnish(storage, bmc="fence_fabric")
    modify(storage, BESIDE.format("pdu,bmc"))
    code, made, said = drill(storage, "--level", "1", "--timeout", "90s")
    assert (code, made.get("proven")) == (0, True), said
    (level,) = made["levels"]
    assert level["devices"] == ["pdu", "bmc"]
    assert level["seconds"]["back"] is not None, level
