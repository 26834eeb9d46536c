"""The example of Pacemaker Explained: three fit on two nodes, and one of them finds no room."""

from __future__ import annotations

from pathlib import Path

from hactl.cib import document
from hactl.simulate.places import places
from hactl.simulate.settled import settled
from tests.hactl.cli import hactl
from tests.hactl.scheduler import needs_scheduler, runner
from tests.hactl.topologies import cluster_of

pytestmark = needs_scheduler
THREE = """\
cluster: {name: pe}
nodes:
  node1: {cpus: 2, memory: 3GiB, fencing: {bmc: {plug: n1}}}
  node2: {cpus: 4, memory: 5GiB, fencing: {bmc: {plug: n2}}}
fencing: {devices: {bmc: {agent: fence_lab}}}
storage: {vms: {kind: directory, path: /srv/vms}}
guests:
  small: {cpus: 1, memory: 1GiB, disks: [vms]}
  medium: {cpus: 2, memory: 2GiB, disks: [vms]}
  large: {cpus: 3, memory: 3GiB, disks: [vms]}
"""
HINTED = THREE.replace("{name: pe}", "{name: pe, packing: hints}")


def placed(text: str, folder: Path) -> set[str]:
    scene = settled(document.cib(cluster_of(text)), runner(folder))
    active = places(scene.transition).active
    return {name for name in ("small", "medium", "large") if active.get(name)}


def test_without_hints_one_is_left_out_and_with_them_none(tmp_path: Path) -> None:
    assert placed(THREE, tmp_path) == {"small", "medium"}
    assert placed(HINTED, tmp_path) == {"small", "medium", "large"}


def test_check_proposes_the_smallest_that_is_proven(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(THREE)
    said = hactl("check", str(path)).stdout
    (line,) = (each for each in said.splitlines() if "as simulated: " in each)
    assert "warning: cluster: large would have room: all guests fit" in line
    hinted = line.partition("as simulated: ")[2].partition(";")[0].split(", ")
    by_hand = THREE
    for each in hinted:
        name, _, node = each.partition(" on ")
        by_hand = by_hand.replace(f"  {name}: {{", f"  {name}: {{prefer: {{{node}: 1}}, ")
    assert placed(by_hand, tmp_path) == {"small", "medium", "large"}
    path.write_text(HINTED)
    assert "would have room" not in hactl("check", str(path)).stdout
