"""The membership protocol's settings: what corosync.conf says beside the nodes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QuorumDevice:
    """One vote from corosync-qnetd on ``host``; corosync-qdevice(8). ``sync_timeout`` in ms."""

    host: str
    algorithm: str
    tls: str
    sync_timeout: int


@dataclass(frozen=True, slots=True)
class Totem:
    """Times in milliseconds.

    ``consensus`` is at least 1.2 × ``token``; ``coefficient`` is added to the token for every
    node above two.
    """

    token: int
    consensus: int
    coefficient: int = 0
    cipher: str = "aes256"
    hash: str = "sha256"
    wait_for_all: bool = False
    two_node: bool = False
    qdevice: QuorumDevice | None = None
