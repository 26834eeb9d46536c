"""SBD and the third vote: times that must not cross, and votes that must not tie."""

from __future__ import annotations

from collections.abc import Iterator

from hactl.errors import Problem
from hactl.lint.subject import Subject
from hactl.model.pacemaker_time import pacemaker_time
from hactl.model.timing import duration
from hactl.topology.load import Topology

WATCHDOG = ("fencing", "watchdog")
QDEVICE = ("cluster", "qdevice")
VOTES = 3


def watchdog(subject: Subject) -> Iterator[Problem]:
    """A node that is given up has been reset by then: sbd(8)."""
    topology, dog = subject.topology, subject.topology.document.fencing.watchdog
    if dog is None:
        return
    if dog.timeout % 1000 or dog.timeout < 1000:
        yield topology.problem(
            (*WATCHDOG, "timeout"),
            f"{duration(dog.timeout)}: SBD counts in whole seconds",
            "write 5s or more",
        )
    elif dog.timeout < 5000:
        yield topology.warning(
            (*WATCHDOG, "timeout"),
            f"{duration(dog.timeout)} makes every pause of a node a reason to reset it",
            "write at least 5s",
        )
    yield from disks(topology) if dog.disks else diskless(subject)


def disks(topology: Topology) -> Iterator[Problem]:
    document = topology.document
    dog = document.fencing.watchdog
    assert dog is not None
    if len(dog.disks) == 2:
        yield topology.problem(
            (*WATCHDOG, "disks"),
            "with two disks the loss of one leaves no majority",
            "write one disk, or three",
        )
    limit, needed = document.cluster.stonith_timeout, 2 * dog.timeout * 12 // 10
    if limit is not None and limit < needed:
        yield topology.problem(
            ("cluster", "stonith_timeout"),
            f"{duration(limit)} is over before a node has read its message and been reset "
            f"(1.2 × msgwait, msgwait = 2 × {duration(dog.timeout)})",
            f"write at least {duration(needed)}, or leave it out",
        )


def diskless(subject: Subject) -> Iterator[Problem]:
    topology = subject.topology
    document, dog = topology.document, topology.document.fencing.watchdog
    assert dog is not None
    third = document.cluster.qdevice
    if len(document.nodes) < VOTES and third is None:
        yield topology.problem(
            WATCHDOG,
            f"with {len(document.nodes)} votes nobody knows who has lost, so no node would reset "
            "itself, or both would",
            "add cluster.qdevice, or disks: to fencing.watchdog",
        )
    if third is not None and dog.timeout <= third.sync_timeout:
        yield topology.problem(
            (*WATCHDOG, "timeout"),
            f"{duration(dog.timeout)} is over while the vote of the qdevice may still come "
            f"({duration(third.sync_timeout)}), so healthy nodes would be reset",
            f"write at least {duration(third.sync_timeout + 5000)}",
        )
    own = pacemaker_time(document.cluster.properties.get("stonith-watchdog-timeout"))
    if own and own < 2 * dog.timeout:
        yield topology.problem(
            ("cluster", "properties", "stonith-watchdog-timeout"),
            f"{duration(own)} gives a node up before its watchdog has surely reset it",
            f"write at least {duration(2 * dog.timeout)}, or leave it out",
        )


def third_vote(subject: Subject) -> Iterator[Problem]:
    """The qdevice is elsewhere, and breaks ties that there can be."""
    topology, third = subject.topology, subject.topology.document.cluster.qdevice
    if third is None:
        return
    nodes = topology.document.nodes
    homes = {name: {name, *node.links} for name, node in nodes.items()}
    for name, known_as in homes.items():
        if third.host in known_as:
            yield topology.problem(
                (*QDEVICE, "host"),
                f"is {name}, whose loss would take two votes",
                "run corosync-qnetd on a machine outside of the cluster",
            )
    if len(nodes) % 2 and third.algorithm == "ffsplit":
        yield topology.warning(
            (*QDEVICE, "algorithm"),
            f"{len(nodes)} nodes cannot split in halves, so ffsplit adds nothing but a tie",
            "write lms, or leave out the qdevice",
        )
