"""Cluster -> corosync.conf: membership over knet, encrypted, with the quorum two nodes need."""

from __future__ import annotations

from collections.abc import Iterator

from hactl.errors import HactlError
from hactl.model.cluster import Cluster
from hactl.model.node import Node
from hactl.model.totem import QuorumDevice

Lines = Iterator[str]


def render(cluster: Cluster) -> str:
    """Return the text of corosync.conf, the same for every node.

    Raises HactlError if a node has no link.
    """
    missing = [node.name for node in cluster.nodes if not node.links]
    if missing:
        raise HactlError(
            f"{', '.join(missing)}: without links there is no corosync.conf",
            "give every node its addresses: links: [10.0.0.1, 10.0.1.1]",
        )
    parts = [totem(cluster), nodelist(cluster), quorum(cluster), logging()]
    return "\n".join("\n".join(part) + "\n" for part in parts)


def totem(cluster: Cluster) -> Lines:
    timing = cluster.totem
    yield "totem {"
    yield "    version: 2"
    yield f"    cluster_name: {cluster.name}"
    yield "    transport: knet"
    yield f"    crypto_cipher: {timing.cipher}"
    yield f"    crypto_hash: {timing.hash}"
    yield f"    token: {timing.token}"
    yield f"    token_coefficient: {timing.coefficient}"
    yield f"    consensus: {timing.consensus}"
    yield "}"


def nodelist(cluster: Cluster) -> Lines:
    yield "nodelist {"
    for node in cluster.nodes:
        yield from node_block(node)
    yield "}"


def node_block(node: Node) -> Lines:
    yield "    node {"
    yield f"        name: {node.name}"
    yield f"        nodeid: {node.id}"
    for number, address in enumerate(node.links):
        yield f"        ring{number}_addr: {address}"
    yield "    }"


def quorum(cluster: Cluster) -> Lines:
    yield "quorum {"
    yield "    provider: corosync_votequorum"
    if cluster.totem.two_node:
        yield "    two_node: 1"
    # two_node turns wait_for_all on by itself, so "off" has to be written.
    if cluster.totem.two_node or cluster.totem.wait_for_all:
        yield f"    wait_for_all: {int(cluster.totem.wait_for_all)}"
    if cluster.totem.qdevice:
        yield from third_vote(cluster.totem.qdevice)
    yield "}"


def third_vote(device: QuorumDevice) -> Lines:
    yield "    device {"
    yield "        model: net"
    # with lms it has as many votes as all nodes but one, and computes them itself
    if device.algorithm == "ffsplit":
        yield "        votes: 1"
    yield f"        sync_timeout: {device.sync_timeout}"
    yield "        net {"
    yield f"            host: {device.host}"
    yield f"            algorithm: {device.algorithm}"
    yield f"            tls: {device.tls}"
    yield "        }"
    yield "    }"


def logging() -> Lines:
    yield "logging {"
    yield "    to_logfile: yes"
    yield "    logfile: /var/log/corosync/corosync.log"
    yield "    to_syslog: yes"
    yield "    timestamp: hires"
    yield "}"
