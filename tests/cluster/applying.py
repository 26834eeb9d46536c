"""hactl apply as it is called in a lab, and two topologies for it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lxml import etree

from hactl.lab.lab import Lab, Result

BASE = """\
cluster: {name: apply, token: 1s, dc_deadtime: 2s}
nodes:
  node1: {links: [10.77.1.1, 10.77.2.1], fencing: {power: {plug: node1}}}
  node2: {links: [10.77.1.2, 10.77.2.2], fencing: {power: {plug: node2}}}
  node3: {links: [10.77.1.3, 10.77.2.3], fencing: {power: {plug: node3}}}
fencing: {devices: {power: {agent: fence_lab, socket: /lab/power.sock}}}
raw:
  - {kind: primitive, id: still, agent: "ocf:pacemaker:Dummy", params: {state: /run/still}}
  - {kind: primitive, id: mover, agent: "ocf:pacemaker:Dummy", meta: {allow-migrate: "true"}}
"""
# web stands on disk, and takes longer to stop; both take long enough to be watched
PAIR = """\
  - {kind: primitive, id: disk, agent: "ocf:pacemaker:Dummy",
     params: {state: /run/disk, op_sleep: "2"}}
  - {kind: primitive, id: web, agent: "ocf:pacemaker:Dummy",
     params: {state: /run/web, op_sleep: "4"}}
  - {kind: location, resource: disk, node: node1, score: INFINITY}
  - {kind: order, first: disk, then: web}
  - {kind: colocation, resource: web, with: disk, score: INFINITY}
"""
ENDS = ("id", "rsc", "with-rsc", "first", "then")  # attributes that name a resource
OURS = frozenset({"still", "mover", "shop", "power-node1", "power-node2", "power-node3"})


@dataclass(frozen=True)
class Here:
    """The lab, seen from an operator's shell on node1."""

    lab: Lab

    def plan(self, topology: str, *words: str) -> dict[str, Any]:
        self.lab.write("node1", "/run/t.yaml", self.named(topology))
        done = self.lab.exec("node1", "hactl", "plan", "/run/t.yaml", "--format", "json", *words)
        assert done.returncode == 0, done.stderr
        made: dict[str, Any] = json.loads(done.stdout)
        return made

    def apply(self, topology: str, *words: str, node: str = "node1", allow: bool = True) -> Result:
        self.lab.write(node, "/run/t.yaml", self.named(topology))
        allowed = ["--allow-disruption"] if allow else []
        return self.lab.exec(node, "hactl", "apply", "/run/t.yaml", *allowed, *words)

    def named(self, topology: str) -> bytes:
        """Return a topology for the cluster of this lab: it would not be carried out elsewhere."""
        return topology.replace("name: apply", f"name: {self.lab.name}").encode()

    def running(self) -> dict[str, str]:
        done = self.lab.exec("node1", "hactl", "status", "--format", "json")
        resources = json.loads(done.stdout)["resources"]
        return {r["id"]: r["node"] for r in resources if r["id"] in ("still", "mover")}

    def sh(self, command: str) -> str:
        done = self.lab.exec("node1", "/bin/sh", "-c", command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def first_to_vanish(self, *files: str) -> Iterator[list[str]]:
        """Which of two files that are there is gone before the other; known after the block."""
        both = " && ".join(f"[ -e {file} ]" for file in files)
        watch = f"while {both}; do sleep 0.02; done; ls {' '.join(files)}"
        found: list[str] = []

        def looks() -> None:
            left = self.lab.exec("node1", "/bin/sh", "-c", watch).stdout.split()
            found.extend(file for file in files if file not in left)

        self.sh(both)
        watcher = threading.Thread(target=looks)
        watcher.start()
        yield found
        watcher.join(30)

    def remove(self, *names: str) -> None:
        """Remove resources with their constraints at once, as an editor of the CIB would."""
        tree = etree.fromstring(self.configuration())
        for element in list(tree.iterfind("*/*")):
            if set(names) & {element.get(key) for key in ENDS}:
                element.getparent().remove(element)
        replace = ("cibadmin", "--replace", "--scope", "configuration", "-p")
        done = self.lab.exec("node1", *replace, stdin=etree.tostring(tree, encoding="unicode"))
        assert done.returncode == 0, done.stderr

    def configuration(self) -> str:
        return self.sh("cibadmin -Q -o configuration")
