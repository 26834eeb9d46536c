"""The topology of a VM lab: nodes and timing from its definition, the rest as written there."""

from __future__ import annotations

from typing import Any

import yaml

from hactl.topology.units import as_time
from hactl_vmlab.definition import Definition, Node

HEAD = "# made from vagrant/lab.yaml\n"


def topology(lab: Definition, accelerator: str, name: str = "vmlab") -> str:
    """YAML that hactl reads. ``name`` is the cluster's."""
    timing = lab.timing(accelerator)
    written = dict(lab.file.topology)
    cluster = {
        "name": name,
        "token": as_time(timing.token),
        "dc_deadtime": as_time(timing.dc_deadtime),
        **written.pop("cluster", {}),
    }
    devices = list(written.get("fencing", {}).get("devices", {}))
    nodes = {node.name: node_entry(lab, node, devices) for node in lab.nodes}
    document = {"cluster": cluster, "nodes": nodes, **written}
    return HEAD + yaml.safe_dump(document, sort_keys=False)


def node_entry(lab: Definition, node: Node, devices: list[str]) -> dict[str, Any]:
    return {
        "id": node.number,
        "links": [link.address(node.number) for link in lab.links],
        "cpus": node.cpus,
        "memory": f"{node.memory}MiB",
        # a node of a lab is small: nothing is kept back for the host
        "reserve": {"memory": "256MiB"},
        "fencing": {device: {"plug": node.name} for device in devices},
    }
