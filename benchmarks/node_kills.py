"""Take the power of the node that runs a resource, again and again, and time each recovery.

    python benchmarks/node_kills.py --kills 20

Starts a lab of its own. A recovery counts from the moment the power goes until a survivor has
started the resource; a kill that is not followed by fencing, recovery and the node's return is an
error. Prints one line for each kill and the median and worst at the end.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hactl.errors import ClusterError
from hactl.lab import timeline
from hactl.lab.lab import Lab, wait_until
from hactl.lab.lab_spec import LabSpec
from hactl.lab.start import up

TOPOLOGY = Path(__file__).with_name("node_kills.yaml")
RESOURCE = "witness"
LOG = "/var/log/pacemaker/pacemaker.log"


@dataclass(frozen=True, slots=True)
class Recovery:
    """One kill; times in seconds after the loss of power."""

    node: str
    detected: float
    fenced: float
    started: float
    rejoined: float

    def __str__(self) -> str:
        return (
            f"{self.node}: detected {self.detected:5.2f} s, fenced {self.fenced:5.2f} s, "
            f"started {self.started:5.2f} s, rejoined {self.rejoined:5.2f} s"
        )


def prepare(lab: Lab) -> None:
    """One resource, and a fence device for each node."""
    # hactl applies nothing to a cluster of another name
    named = TOPOLOGY.read_text().replace("{name: kills,", f"{{name: {lab.name},")
    lab.write("node1", "/run/node_kills.yaml", named.encode())
    done = lab.exec("node1", "hactl", "apply", "/run/node_kills.yaml", timeout=120.0)
    if done.returncode:
        raise ClusterError(f"cannot apply {TOPOLOGY.name}: {done.stderr or done.stdout}")


def kills(lab: Lab, count: int) -> Iterator[Recovery]:
    """Kill the node that runs the resource, ``count`` times. Raises ClusterError."""
    for _ in range(count):
        lab.wait_formed()
        if not wait_until(lambda: idle(lab), 30.0, 0.2):
            raise ClusterError("the cluster does not come to rest")
        yield kill(lab, where(lab))


def kill(lab: Lab, victim: str) -> Recovery:
    survivors = [node for node in lab.nodes if node != victim]
    offsets = {node: int(lab.exec(node, "stat", "-c", "%s", LOG).stdout) for node in survivors}
    lost_at = time.time()
    lab.kill(victim)
    # looking costs CPU that the recovery needs: the log has the exact time anyway
    time.sleep(2.0)
    if not wait_until(lambda: where(lab) not in ("", victim), 30.0, 0.25):
        raise ClusterError(f"{RESOURCE} has not been recovered within 30 s after {victim} was lost")
    lines = [
        line
        for node, offset in offsets.items()
        for line in lab.exec(node, "tail", "-c", f"+{offset + 1}", LOG).stdout.splitlines()
    ]
    detected = timeline.detected(lines, victim, lost_at)
    fenced = timeline.fenced(lab.history(), victim, lost_at)
    started = timeline.started(lines, [RESOURCE], lost_at).get(RESOURCE)
    lab.wait_formed()
    if detected is None or fenced is None or started is None:
        raise ClusterError(f"{victim}: detected {detected}, fenced {fenced}, started {started}")
    if started < fenced:
        raise ClusterError(f"{RESOURCE} was started {fenced - started:.2f} s before the fencing")
    return Recovery(victim, detected, fenced, started, time.time() - lost_at)


def where(lab: Lab) -> str:
    """The node that runs the resource as the cluster knows it, '' if none does."""
    for entry in lab.status()["nodes"]:
        if entry["power"] == "on":
            done = lab.exec(entry["name"], "crm_resource", "--locate", "--resource", RESOURCE, "-Q")
            return done.stdout.strip().split()[0] if done.stdout.strip() else ""
    return ""


def idle(lab: Lab) -> bool:
    dc = lab.formation().dc
    return bool(dc and where(lab) and "S_IDLE" in lab.exec(dc, "crmadmin", "-S", dc).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--token", type=int, default=1000, help="milliseconds")
    given = parser.parse_args()
    lab = up(LabSpec("kills", nodes=given.nodes, token=given.token))
    try:
        prepare(lab)
        found = []
        for number, recovery in enumerate(kills(lab, given.kills), 1):
            print(f"{number:3}  {recovery}", flush=True)
            found.append(recovery.started)
        print(
            f"{len(found)} kills, all fenced and recovered: median "
            f"{statistics.median(found):.2f} s, worst {max(found):.2f} s"
        )
    finally:
        lab.down()


if __name__ == "__main__":
    main()
