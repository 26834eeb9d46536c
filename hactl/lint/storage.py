"""Storage that its users cannot use as it is, or that could be written by two at once."""

from __future__ import annotations

from collections.abc import Iterator

from hactl.derive.guests import left_behind
from hactl.derive.locks import locks
from hactl.derive.rbd_attachment import NATIVE, several_paths, uses
from hactl.derive.storage import foundations, is_alone
from hactl.derive.unfencing import CEPH_BLOCKLIST
from hactl.errors import Problem
from hactl.lint.subject import Subject
from hactl.model.fencing import LET_THEMSELVES_IN
from hactl.topology.load import Topology
from hactl.topology.schema.storage import Gfs2, Lvm, Rbd


def storage(subject: Subject) -> Iterator[Problem]:
    """Storage is attached as its users need it."""
    topology = subject.topology
    for name, entry in topology.document.storage.items():
        match entry:
            case Rbd():
                yield from image(subject, name, entry)
            case Lvm():
                yield from volume_group(topology, name, entry)
            case Gfs2():
                yield from cluster_file_system(topology, name, entry)
        yield from on_one_node(subject, name)
    yield from gateways_on_one_node(subject)
    yield from containers_without_device(subject)
    yield from stays_behind(subject)


def image(subject: Subject, name: str, entry: Rbd) -> Iterator[Problem]:
    topology, how = subject.topology, subject.survey.attached[name]
    path = ("storage", name)
    if how == NATIVE and entry.client not in (None, "admin") and not entry.secret:
        yield topology.problem(
            (*path, "client"),
            "libvirt knows the key of a user only by a secret",
            "add secret: UUID (virsh secret-define, secret-set-value), or attach: mapped",
        )
    if how != NATIVE and entry.mapper == "nbd":
        yield topology.problem(
            (*path, "mapper"),
            "the devices of rbd-nbd have no lasting names to refer to",
            "write krbd, or attach: native",
        )


def unused(subject: Subject) -> Iterator[Problem]:
    """Warn of images that are there for nobody, and so are not even mapped."""
    document = subject.topology.document
    used = {name for name, _ in uses(document, {})}
    used |= {name for needed in subject.survey.needs.values() for name in needed.storage}
    for name, entry in document.storage.items():
        if isinstance(entry, Rbd) and entry.attach is None and name not in used:
            yield subject.topology.warning(
                ("storage", name),
                "nothing uses it, so it is not mapped",
                "remove it, or write attach: mapped",
            )


def volume_group(topology: Topology, name: str, entry: Lvm) -> Iterator[Problem]:
    if entry.is_shared and not entry.lock_managers:
        yield topology.problem(
            ("storage", name, "access"),
            f"{entry.access} lets one node at a time have a volume group",
            "write lvmlockd, or mode: exclusive",
        )


def cluster_file_system(topology: Topology, name: str, entry: Gfs2) -> Iterator[Problem]:
    nodes = len(topology.document.nodes)
    if entry.journals is None:
        yield topology.warning(
            ("storage", name),
            "how many journals it has is not said, so nobody checks that every node gets one",
            f"add journals: (as in mkfs.gfs2 -j {nodes})",
        )
    elif entry.journals < nodes:
        yield topology.problem(
            ("storage", name, "journals"),
            f"has {entry.journals} journals for {nodes} nodes: the last could not mount it",
            f"gfs2_jadd -j {nodes - entry.journals} {entry.path}, then journals: {nodes}",
        )
    below = topology.document.storage.get(entry.device)
    if below and below.holds_files:
        yield topology.problem(
            ("storage", name, "device"),
            f"{entry.device} is a directory and no device",
            "name a storage of kind rbd or lvm, or a path like /dev/vg1/shared",
        )
    elif below and below.has_volumes:
        yield topology.problem(
            ("storage", name, "device"),
            f"{entry.device} is a volume group and no device",
            f"write the logical volume: {below.root}/NAME",
        )


def on_one_node(subject: Subject, name: str) -> Iterator[Problem]:
    """Report shared storage that lies on what only one node can have."""
    document = subject.topology.document
    shared = document.storage[name].is_shared
    for below in foundations(document, name):
        attached = subject.survey.attached.get(below)
        if attached == NATIVE:
            yield subject.topology.problem(
                ("storage", below, "attach"),
                f"native leaves no device that {name} could lie on",
                "write everywhere" if shared else "write mapped",
            )
        elif shared and is_alone(document, subject.survey, below):
            yield only_one(subject, below, name)


def gateways_on_one_node(subject: Subject) -> Iterator[Problem]:
    document = subject.topology.document
    for name, gateway in document.gateways.items():
        for below in subject.survey.needs[name].storage if several_paths(gateway) else ():
            if is_alone(document, subject.survey, below):
                yield only_one(subject, below, name)


def containers_without_device(subject: Subject) -> Iterator[Problem]:
    for name, container in subject.topology.document.containers.items():
        for index, below in enumerate(container.storage):
            if subject.survey.attached.get(below) == NATIVE:
                yield subject.topology.problem(
                    ("containers", name, "storage", index),
                    f"native leaves no device of {below} that a container could use",
                    f"write attach: mapped for {below}, or leave attach out",
                )


def only_one(subject: Subject, below: str, who: str) -> Problem:
    entry = subject.topology.document.storage[below]
    key, mend = entry.put_everywhere_by
    return subject.topology.problem(
        ("storage", below, key),
        f"is on one node at a time, {who} needs it on every node",
        f"write {key}: {mend}",
    )


def stays_behind(subject: Subject) -> Iterator[Problem]:
    """Warn of guests that look as if they could be migrated live, and cannot."""
    document = subject.topology.document
    for name, guest in document.guests.items():
        for below in left_behind(document, name, subject.survey) if guest.live_migration else ():
            key, value = document.storage[below].migrated_by
            yield subject.topology.warning(
                ("guests", name),
                f"cannot be migrated live: {below} is on one node at a time",
                f"write {key}: {value} for {below}, or live_migration: false here",
            )


def lock_manager(subject: Subject) -> Iterator[Problem]:
    """Where locks are shared there is fencing, and a partition without quorum freezes."""
    topology, document = subject.topology, subject.topology.document
    if not locks(document):
        return
    cluster = document.cluster
    if not cluster.fencing:
        yield topology.problem(
            ("cluster", "fencing"),
            "the lock manager waits for a lost node until it was fenced, so all others would hang",
            "configure fencing, or do without gfs2 and lvmlockd",
        )
    yield from one_link(topology)
    policy = cluster.properties.get("no-quorum-policy", cluster.no_quorum_policy)
    written = "no_quorum_policy" in cluster.model_fields_set
    if policy != "freeze" and (written or "no-quorum-policy" in cluster.properties):
        yield topology.problem(
            ("cluster", "no_quorum_policy"),
            f"{policy} cannot work without quorum: nothing could be unmounted without locks",
            "write freeze, or remove it",
        )


def one_link(topology: Topology) -> Iterator[Problem]:
    """Warn of links that the lock manager does not use (fs/dlm/lowcomms.c: the first alone)."""
    for name, node in topology.document.nodes.items():
        if len(node.links) > 1:
            yield topology.warning(
                ("nodes", name, "links"),
                f"DLM uses {node.links[0]} alone: when that link fails, shared file systems hang "
                "while the cluster lives on by the others",
                "make one link of them, a bond",
            )
            return


def image_fencing(subject: Subject) -> Iterator[Problem]:
    """Whoever shares Ceph images can be cut off from them, also when power fencing fails."""
    topology, document = subject.topology, subject.topology.document
    if not document.cluster.fencing or not subject.survey.attached:
        return
    devices = document.fencing.devices
    for name, node in document.nodes.items():
        only = next(iter(node.fencing), "")
        other = only in devices and devices[only].agent != CEPH_BLOCKLIST
        if len(node.fencing) == 1 and other:
            yield topology.warning(
                ("nodes", name, "fencing"),
                f"{only} alone fences it: while that is out of reach, what it has on Ceph "
                "stays where it is",
                "add a second device, such as fence_ceph_blocklist as the last level",
            )
            return


def lets_itself_in(subject: Subject) -> Iterator[Problem]:
    """A node that was cut off from its storage lets itself in, so its device may run on it."""
    document = subject.topology.document
    for name, device in document.fencing.devices.items():
        if device.agent in LET_THEMSELVES_IN and not device.runs_on_target:
            yield subject.topology.problem(
                ("fencing", "devices", name, "on_target"),
                "a node lets itself in to its storage when it joins, but may not use this device",
                "write true, or leave it out",
            )
