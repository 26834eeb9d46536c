"""Topologies that lose something in tests of whatif."""

from __future__ import annotations

HEAD = """\
cluster: {name: room}
nodes:
  node1: {cpus: 32, memory: 32GiB, fencing: {bmc: {plug: n1}}}
  node2: {cpus: 32, memory: 32GiB, fencing: {bmc: {plug: n2}}}
  node3: {cpus: 32, memory: 32GiB, fencing: {bmc: {plug: n3}}}
fencing: {devices: {bmc: {agent: fence_lab}}}
storage: {vms: {kind: directory, path: /srv/vms}}
guests:
"""


def room(**memory: int) -> str:
    """Return three nodes of 32 GiB (31 are for guests) and guests of so many GiB."""
    guest = "  {}: {{cpus: 1, memory: {}GiB, disks: [vms]}}\n"
    return HEAD + "".join(guest.format(name, size) for name, size in memory.items())


# 70 GiB in all, none larger than 12: two nodes of 31 GiB cannot hold them
SEVENTY = room(db1=12, db2=12, db3=12, a1=8, a2=8, a3=8, b1=5, b2=5)
APART = HEAD + (
    "  web1: {cpus: 1, memory: 1GiB, disks: [vms]}\n"
    "  web2: {cpus: 1, memory: 1GiB, disks: [vms], apart: [web1]}\n"
    "  web3: {cpus: 1, memory: 1GiB, disks: [vms], apart: [web1, web2]}\n"
)
POWER = """\
cluster: {name: power}
nodes:
  node1: {rack: a, fencing: {host: {plug: n1}}}
  node2: {rack: b, fencing: {bmc: {plug: n2}}}
  node3: {rack: c, fencing: {bmc: {plug: n3}}}
fencing:
  devices:
    bmc: {agent: fence_lab}
    host: {agent: fence_virsh, ip: 10.0.0.9, rack: a}
    pdu1: {agent: fence_apc, ip: 10.0.0.8, feeds: [node1, host]}
storage: {vms: {kind: directory, path: /srv/vms}}
guests:
  web1: {cpus: 1, memory: 1GiB, disks: [vms], prefer: {node1: 5000}}
  web2: {cpus: 1, memory: 1GiB, disks: [vms], prefer: {node2: 5000}}
"""
