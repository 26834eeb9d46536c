"""Topologies for the tests, and what hactl says to them; no file is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hactl.errors import Problem, TopologyError
from hactl.intent import reads
from hactl.model.cluster import Cluster

FILE = "t.yaml"

# Eight lines without a problem; what a test adds begins on line 9.
BASE = """\
cluster: {name: demo}
nodes:
  node1: {links: [10.0.0.1, 10.0.1.1], fencing: {bmc: {plug: node1}}}
  node2: {links: [10.0.0.2, 10.0.1.2], fencing: {bmc: {plug: node2}}}
  node3: {links: [10.0.0.3, 10.0.1.3], fencing: {bmc: {plug: node3}}}
fencing: {devices: {bmc: {agent: fence_lab}}}
networks: {lan: {kind: bridge, bridge: br-lan}}
storage: {vms: {kind: directory, path: /srv/vms}}
"""
# Three nodes with 10 GiB each; a guest is a line with its name.
ROOM = """\
cluster: {name: room}
nodes:
  n1: {cpus: 16, memory: 10GiB, fencing: {bmc: {plug: n1}}}
  n2: {cpus: 16, memory: 10GiB, fencing: {bmc: {plug: n2}}}
  n3: {cpus: 16, memory: 10GiB, fencing: {bmc: {plug: n3}}}
fencing: {devices: {bmc: {agent: fence_lab}}}
storage: {vms: {kind: directory, path: /srv/vms}}
guests:
"""


def guests(*lines: str) -> str:
    """Return BASE with guests: each line is a name and what it has beside one core and a disk."""
    section = "guests:\n"
    for line in lines:
        name, _, rest = line.partition(": ")
        more = f", {rest}" if rest else ""
        section += f"  {name}: {{cpus: 1, memory: 1GiB, disks: [vms]{more}}}\n"
    return BASE + section


def files(found: Mapping[str, str]) -> Callable[[str], bytes]:
    """Return a reader of files that are only in memory."""

    def read(path: str) -> bytes:
        if path not in found:
            raise FileNotFoundError(2, "No such file or directory", path)
        return found[path].encode()

    return read


def problems_of(text: str, found: Mapping[str, str] | None = None) -> list[Problem]:
    """Return all errors and warnings of a topology."""
    try:
        _, warnings = reads(text, FILE, files(found or {}))
    except TopologyError as exc:
        return list(exc.problems)
    return warnings


def said(text: str, found: Mapping[str, str] | None = None) -> list[str]:
    """Return all errors and warnings as the operator reads them."""
    return [str(problem) for problem in problems_of(text, found)]


def cluster_of(text: str, found: Mapping[str, str] | None = None) -> Cluster:
    """Return the cluster of a topology without errors."""
    return reads(text, FILE, files(found or {}))[0]
