"""The story scripts/demo tells: a topology file becomes a cluster, and the cluster loses a node.

It drives a lab by the same commands an operator would type, and asks the services from outside.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hactl.errors import ClusterError
from hactl.lab import container, guest, timeline
from hactl.lab.lab import Lab, Result, wait_until
from hactl.lab.lab_spec import CLIENT, LabSpec
from hactl.lab.prober import Sample
from hactl.lab.start import up

HERE = Path(__file__).resolve().parent
# a wheel carries it beside this module, a checkout among the examples
PLACES = (HERE / "demo.yaml", HERE.parents[1] / "examples" / "demo.yaml")
TOPOLOGY = next((place for place in PLACES if place.exists()), PLACES[0])
GUEST, CONTAINER, ADDRESS = "web1", "www1", "www1-address"
GUEST_IP, CONTAINER_IP = "10.77.10.51", "10.77.10.80"
BOOTS_WITHIN = 90.0  # seconds; the guest is emulated
SETTLE = 2.0  # seconds of samples before and after an event
PACEMAKER_LOG = "/var/log/pacemaker/pacemaker.log"
Say = Callable[[str], None]


@dataclass
class Probe:
    """Asks one address from the lab's client, in the background."""

    address: str
    process: subprocess.Popen[str]
    samples: list[Sample] = field(default_factory=list)

    def follow(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.samples.append(Sample(**json.loads(line)))

    def answers_since(self, when: float) -> list[Sample]:
        return [sample for sample in list(self.samples) if sample.ok and sample.time >= when]

    def wait_for_answer(self, since: float, within: float) -> Sample:
        """The first answer after ``since``. Raises ClusterError."""
        if not wait_until(lambda: bool(self.answers_since(since)), within):
            raise ClusterError(f"{self.address} has not answered within {within:.0f} s")
        return self.answers_since(since)[0]


def run(say: Say, topology: Path = TOPOLOGY, name: str = "demo") -> None:
    """Tell the whole story; nothing is left afterwards, however it ends. Raises HactlError."""
    began = time.monotonic()
    lab = up(LabSpec(name, services=("libvirt", "lxc")), lambda text: say(f"  {text}"))
    try:
        say(f"three nodes are up and quorate after {time.monotonic() - began:.1f} s")
        make_guests(lab, say)
        apply(lab, topology, say)
        with probing(lab, GUEST_IP) as web, probing(lab, CONTAINER_IP) as www:
            await_services(web, www, say)
            migrate(lab, web, say)
            lose_a_node(lab, web, www, say)
        say("")
        say(outside(lab, "node1", "hactl", "status", check=False))
    finally:
        say("taking the lab down")
        lab.down()
    say(f"done in {time.monotonic() - began:.0f} s, nothing is left behind")


def make_guests(lab: Lab, say: Say) -> None:
    """Put the guest's kernel and the container's files into the nodes' shared storage."""
    say("making a tiny guest and a tiny container")
    # the nodes see the host's files below their own, but not what lies on a tmpfs
    with tempfile.TemporaryDirectory(prefix="hactl-demo-", dir="/var/tmp") as folder:
        guest.make(Path(folder) / "tiny", progress=lambda text: say(f"  {text}"))
        container.make(Path(folder) / CONTAINER, at=f"/srv/vms/{CONTAINER}")
        archive = subprocess.run(
            ["tar", "-C", folder, "-cf", "-", "."], capture_output=True, check=True
        ).stdout
    unpack(lab, archive)


def unpack(lab: Lab, archive: bytes) -> None:
    with lab.entrance("node1") as entrance:
        subprocess.run(
            entrance.command(["tar", "-C", "/srv/vms", "-xf", "-"]),
            input=archive,
            pass_fds=entrance.descriptors,
            check=True,
        )


def apply(lab: Lab, topology: Path, say: Say) -> None:
    """Check, plan and apply the file on a node, as an operator would."""
    for verb in ("check", "plan", "apply"):
        say(f"\n$ hactl {verb} {topology.name}")
        began = time.monotonic()
        say(outside(lab, "node1", "hactl", verb, str(topology)))
        say(f"  ({time.monotonic() - began:.1f} s)")


def await_services(web: Probe, www: Probe, say: Say) -> None:
    began = time.time()
    www.wait_for_answer(began, 30.0)
    say(f"\n{CONTAINER} answers at {CONTAINER_IP}")
    answer = web.wait_for_answer(began, BOOTS_WITHIN)
    say(f"{GUEST} has booted and answers at {GUEST_IP} after {answer.time - began:.1f} s")


def migrate(lab: Lab, web: Probe, say: Say) -> None:
    """Move the guest, live, to the node that holds the container, and watch it from outside."""
    here, there = node_of(lab, GUEST), node_of(lab, CONTAINER)
    if here == there:
        there = next(node for node in lab.nodes if node != here)
    before = boot_id(web.wait_for_answer(time.time(), 10.0))
    began = time.time()
    say(f"\n$ crm_resource --move --resource {GUEST} --node {there}")
    outside(lab, "node1", "crm_resource", "--move", "--resource", GUEST, "--node", there)
    if not wait_until(lambda: node_of(lab, GUEST) == there and settled(lab), 60.0, 0.3):
        raise ClusterError(f"{GUEST} has not arrived on {there} within 60 s")
    ended = time.time()
    time.sleep(SETTLE)
    outside(lab, "node1", "crm_resource", "--clear", "--resource", GUEST)
    after = boot_id(web.wait_for_answer(ended, 10.0))
    if before != after:
        raise ClusterError(f"{GUEST} was restarted instead of migrated (boot id {before}, {after})")
    gap = timeline.longest_outage(web.samples, began, ended)
    say(
        f"{GUEST} moved live from {here} to {there} in {ended - began:.1f} s; it is the same boot, "
        f"and was silent for {gap.seconds:.2f} s at most"
    )


def lose_a_node(lab: Lab, web: Probe, www: Probe, say: Say) -> None:
    """Pull the plug of the node that holds most, and time the recovery."""
    victim, held = fullest(lab)
    survivor = next(node for node in lab.nodes if node != victim)
    offset = int(outside(lab, survivor, "stat", "-c", "%s", PACEMAKER_LOG))
    say(f"\n{victim} holds most ({', '.join(held)}): pulling its plug")
    lost_at = time.time()
    lab.kill(victim)
    probes = {GUEST: web, CONTAINER: www}
    back = {name: probes[name].wait_for_answer(lost_at + 0.5, BOOTS_WITHIN) for name in held}
    if not wait_until(lambda: settled(lab), 60.0, 0.3):
        raise ClusterError("the cluster has not settled within 60 s")
    lines = [
        line
        for node in lab.nodes
        if node != victim
        for line in recent_log(lab, node, offset if node == survivor else None)
    ]
    rows = recovery(lab, lines, victim, held, lost_at)
    rows += [
        timeline.Moment(sample.time - lost_at, f"answering  {name} answers again")
        for name, sample in back.items()
    ]
    say("")
    for moment in sorted(rows, key=lambda moment: moment.after):
        say(f"  {moment.after:6.2f} s  {moment.what}")
    lab.wait_formed()
    say(f"  {time.time() - lost_at:6.2f} s  rejoined   {victim} is back in the cluster")


def recovery(
    lab: Lab, lines: list[str], victim: str, held: list[str], lost_at: float
) -> list[timeline.Moment]:
    """What the logs and the power switch say happened. Raises ClusterError for a missing phase."""
    phases = {
        f"detected   the others notice that {victim} is gone": timeline.detected(
            lines, victim, lost_at
        ),
        f"fenced     {victim} has been power-cycled": timeline.fenced(
            lab.history(), victim, lost_at
        ),
    }
    moments = [timeline.Moment(0.0, f"lost       {victim} has no power")]
    for what, after in phases.items():
        if after is None:
            raise ClusterError(f"no trace of: {what}")
        moments.append(timeline.Moment(after, what))
    for name, after in timeline.started(lines, held, lost_at).items():
        moments.append(timeline.Moment(after, f"started    {name} runs on {node_of(lab, name)}"))
    return moments


def recent_log(lab: Lab, node: str, offset: int | None) -> list[str]:
    start = f"+{offset + 1}" if offset is not None else "+1"
    return outside(lab, node, "tail", "-c", start, PACEMAKER_LOG).splitlines()


def fullest(lab: Lab) -> tuple[str, list[str]]:
    """(node, guests and containers on it) for the node that has most of them."""
    held: dict[str, list[str]] = {node: [] for node in lab.nodes}
    for name in (GUEST, CONTAINER):
        held[node_of(lab, name)].append(name)
    return max(held.items(), key=lambda item: len(item[1]))


def node_of(lab: Lab, resource: str) -> str:
    """The node a resource runs on, '' while that cannot be said."""
    found = [row for row in status(lab)["resources"] if row["id"] == resource]
    return str(found[0]["node"] or "") if found else ""


def settled(lab: Lab) -> bool:
    """Whether the DC has nothing left to do."""
    dc = lab.formation().dc
    if not dc:
        return False
    done = lab.exec(dc, "crmadmin", "-S", dc)
    return "S_IDLE" in done.stdout


def status(lab: Lab) -> dict[str, Any]:
    """``hactl status --format json`` from the first node that can tell."""
    for entry in lab.status()["nodes"]:
        if entry["power"] == "on":
            done = lab.exec(entry["name"], "hactl", "status", "--format", "json")
            with contextlib.suppress(json.JSONDecodeError):
                found: dict[str, Any] = json.loads(done.stdout)
                return found
    raise ClusterError("no node can tell the cluster's status")


def boot_id(sample: Sample) -> str:
    """The boot id in the guest's page; it changes when the guest is started anew."""
    for line in sample.body.splitlines():
        if line.startswith("boot_id "):
            return line.removeprefix("boot_id ")
    raise ClusterError(f"the guest's page has no boot id: {sample.body!r}")


def outside(lab: Lab, node: str, *argv: str, check: bool = True) -> str:
    """Run a command in a node; what it printed. Raises ClusterError."""
    done: Result = lab.exec(node, *argv, timeout=180.0)
    if check and done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise ClusterError(f"{node}: {' '.join(argv)} exited {done.returncode}: {said}")
    return done.stdout.rstrip()


@contextlib.contextmanager
def probing(lab: Lab, address: str) -> Iterator[Probe]:
    """Ask an address from the lab's client until the block ends."""
    with lab.entrance(CLIENT) as entrance:
        process = subprocess.Popen(
            entrance.command([sys.executable, "-m", "hactl.lab.prober", address]),
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=entrance.descriptors,
        )
    probe = Probe(address, process)
    follower = threading.Thread(target=probe.follow, daemon=True)
    follower.start()
    try:
        yield probe
    finally:
        process.kill()
        process.wait()
        follower.join(5.0)
        if process.stdout is not None:
            process.stdout.close()
