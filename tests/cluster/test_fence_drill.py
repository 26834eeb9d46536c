"""`hactl fence drill` on a real cluster: every level proven by its own device, or refused."""

from __future__ import annotations

import time

import pytest

from hactl.lab.lab import Lab
from tests.cluster.drilled import (
    TARGET,
    dc,
    drill,
    fenced_with,
    forget_proofs,
    furnish,
    modify,
    proofs,
    topology,
)
from tests.cluster.labs import Eventually
from tests.hactl.contracts import violations

pytestmark = pytest.mark.cluster


def test_every_level_is_proven_by_its_own_device_and_timed(
    lab: Lab, eventually: Eventually
) -> None:
    furnish(lab)
    forget_proofs(lab)
    assert proofs(lab) == {1: "never", 2: "never"}
    before, used = topology(lab), [fenced_with(lab, name) for name in ("bmc", "pdu")]

    code, made, said = drill(lab)

    assert (code, made["proven"]) == (0, True), said
    assert violations(made, "drill.schema.json") == []
    for level in made["levels"]:
        print(level["devices"], level["seconds"])
        seconds = level["seconds"]
        assert None not in seconds.values()
        assert max(seconds["fenced"], seconds["lost"]) < min(seconds["back"], seconds["recovered"])
        assert [moved["resource"] for moved in level["moved"]] == ["web"]
    assert [fenced_with(lab, name) for name in ("bmc", "pdu")] == [used[0] + 1, used[1] + 1]
    assert topology(lab) == before
    eventually(lambda: proofs(lab) == {1: "proven", 2: "proven"}, "the proofs are seen")

    # the cluster remembers without us, and sees that a device is no longer what was proven
    setting = '<nvpair id="pdu-delay" name="pcmk_delay_base" value="1s"/>'
    modify(lab, '<configuration><resources><primitive id="pdu"><instance_attributes id="pdu-i">'
           f"{setting}</instance_attributes></primitive></resources></configuration>")  # fmt: skip
    eventually(lambda: proofs(lab) == {1: "proven", 2: "changed"}, "the change is seen")
    dry = lab.exec("node1", "hactl", "fence", "check", "--here")
    assert "level 2 of node3 (pdu) was proven 0 days ago, and has been configured" in dry.stdout


@pytest.mark.extended
def test_what_would_do_harm_is_refused(lab: Lab, eventually: Eventually) -> None:
    furnish(lab, pinned=True)
    began = time.time()

    code, _, said = drill(lab)
    assert code == 1
    assert "web runs on node3 and would run nowhere" in said

    itself = lab.exec(TARGET, "hactl", "fence", "drill", TARGET, "--yes")
    assert itself.returncode == 1
    assert "this is node3: call it from another node" in itself.stderr

    _, _, said = drill(lab, "--level", "3")
    assert "node3 has no level 3, only 1, 2" in said

    nobody = lab.exec("node1", "hactl", "fence", "drill", TARGET)
    assert (nobody.returncode, nobody.stderr.count("\n")) == (2, 1)
    assert "say --yes" in nobody.stderr

    lab.exec("node1", "crm_attribute", "-n", "maintenance-mode", "-v", "true")
    eventually(lambda: "maintenance mode" in drill(lab)[2], "maintenance is a reason")
    lab.exec("node1", "crm_attribute", "-n", "maintenance-mode", "-D")

    lab.power("node2", "off")
    eventually(lambda: "node2" not in lab.formation("node1").online, "node2 is seen to be gone")
    said = drill(lab)[2]
    assert "node2 is" in said
    assert "without node3 there is no quorum: 2 votes are there, 2 are needed" in said
    lab.power("node2", "on")

    eventually(lambda: dc(lab), "there is a DC")
    uses = [u for u in lab.history() if u["time"] > began and u["node"] == TARGET]
    assert not [use for use in uses if use["action"] in ("off", "reboot")]
