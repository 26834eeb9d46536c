"""corosync.conf of a lab: two knet links, encryption, a token that does not grow with the nodes."""

from __future__ import annotations

from hactl.lab.lab_spec import LINKS, LabSpec, address, node_index


def render(spec: LabSpec) -> str:
    """The whole file."""
    links = "".join(f"  interface {{\n    linknumber: {link}\n  }}\n" for link in range(LINKS))
    nodes = "".join(node_section(node) for node in spec.node_names)
    # With two_node the survivor of a split keeps quorum, and fencing decides.
    two = "  two_node: 1\n" if spec.nodes == 2 else ""
    return f"""\
totem {{
  version: 2
  cluster_name: {spec.name}
  transport: knet
  crypto_cipher: aes256
  crypto_hash: sha256
  link_mode: passive
  token: {spec.token}
  token_coefficient: 0
{links}}}
system {{
  sched_rr: no
}}
logging {{
  to_stderr: no
  to_syslog: no
  to_logfile: yes
  logfile: /var/log/corosync/corosync.log
  timestamp: hires
}}
quorum {{
  provider: corosync_votequorum
{two}}}
nodelist {{
{nodes}}}
"""


def node_section(node: str) -> str:
    index = node_index(node)
    rings = "".join(f"    ring{link}_addr: {address(link, index)}\n" for link in range(LINKS))
    return f"  node {{\n    nodeid: {index}\n    name: {node}\n{rings}  }}\n"
