"""Times that do not go together."""

from __future__ import annotations

from collections.abc import Iterator

from hactl.derive.fencing import fence_device, used_devices
from hactl.derive.stop_time import shortest_stop, time_to_shut_down
from hactl.errors import Problem
from hactl.lint.subject import Subject
from hactl.model.pacemaker_time import longest, pacemaker_time
from hactl.model.resource import primitives
from hactl.model.timing import duration, rounded
from hactl.topology import units
from hactl.topology.load import Topology
from hactl.topology.schema.containers import Container
from hactl.topology.schema.guests import Guest
from hactl.topology.schema.raw import RawGroup, RawMember, RawPrimitive, raw_members

SHUT_DOWN = frozenset({"ocf:hactl:KvmGuest", "ocf:hactl:LxcContainer"})
SHORTEST_TOKEN, LONGEST_TOKEN = 300, 300_000
SHORTEST_SHUTDOWN = 10_000


def membership(subject: Subject) -> Iterator[Problem]:
    """token < consensus < dc-deadtime."""
    topology, totem = subject.topology, subject.cluster.totem
    cluster = topology.document.cluster
    if not SHORTEST_TOKEN <= totem.token <= LONGEST_TOKEN:
        yield topology.problem(
            ("cluster", "token"),
            f"{duration(totem.token)} is out of range",
            f"write a time from {SHORTEST_TOKEN}ms to {LONGEST_TOKEN // 60_000}min; 1s to 10s work",
        )
    elif totem.token < 1000:
        yield topology.warning(
            ("cluster", "token"),
            f"{duration(totem.token)} makes every pause of a node a reason to fence it",
            "write at least 1s",
        )
    if totem.consensus * 10 < totem.token * 12:
        yield topology.problem(
            ("cluster", "consensus"),
            f"{duration(totem.consensus)} is less than 1.2 × token ({duration(totem.token)})",
            f"write at least {duration(-(-totem.token * 12 // 10))}, or leave it out",
        )
    if cluster.dc_deadtime is not None and cluster.dc_deadtime < totem.token:
        yield topology.warning(
            ("cluster", "dc_deadtime"),
            f"{duration(cluster.dc_deadtime)} is over before a lost controller is noticed",
            f"write at least {duration(totem.token)} (token)",
        )


def fencing_time(subject: Subject) -> Iterator[Problem]:
    """A fencing action, with its delay, fits into stonith-timeout."""
    topology = subject.topology
    if not topology.document.cluster.fencing:
        return
    limit = pacemaker_time(subject.cluster.properties.get("stonith-timeout", "60s"))
    for node, device in used_devices(topology.document):
        params = fence_device(topology.document, node, device).params
        delay = longest(params, "pcmk_delay_base", "pcmk_delay_max")
        own = longest(params, "pcmk_reboot_timeout", "pcmk_off_timeout")
        if limit and delay + own >= limit:
            yield topology.problem(
                ("nodes", node, "fencing", device),
                f"fencing may take {duration(delay + own)} with its delay, "
                f"stonith_timeout is {duration(limit)}",
                f"set cluster.stonith_timeout to more than {duration(delay + own)}",
            )


def stopping(subject: Subject) -> Iterator[Problem]:
    """The time to stop is longer than the time a guest has to shut down."""
    document = subject.topology.document
    for name, guest in document.guests.items():
        yield from stop_fits(subject.topology, ("guests", name), guest)
    for name, container in document.containers.items():
        yield from stop_fits(subject.topology, ("containers", name), container)


def stop_fits(
    topology: Topology, path: tuple[str, str], entry: Guest | Container
) -> Iterator[Problem]:
    if entry.timeouts.stop is not None:
        where = (*path, "timeouts", "stop")
        yield from too_short(topology, where, entry.timeouts.stop, entry.shutdown_timeout)


def too_short(
    topology: Topology, where: tuple[str | int, ...], stop: int, shutdown: int | None
) -> Iterator[Problem]:
    """Hold a stop against the time to shut down, or the shortest where nobody said."""
    needed = shortest_stop(shutdown or SHORTEST_SHUTDOWN)
    if stop >= needed:
        return
    asked = duration(time_to_shut_down(stop) // 1000 * 1000)
    what = (
        f"leaves {asked} of the {duration(shutdown)} that it may take to shut down "
        "(shutdown_timeout), and then it is destroyed"
        if shutdown
        else "leaves no time to shut down and then to be destroyed and looked after, so the node "
        "would be fenced instead"
    )
    yield topology.problem(
        where, f"{duration(stop)} {what}", f"write at least {duration(rounded(needed))}"
    )


def raw_stopping(subject: Subject) -> Iterator[Problem]:
    """Say the same of our agents in Pacemaker's own words, and of operations that never run."""
    for index, item in enumerate(subject.topology.document.raw):
        for place, member in raw_members(item):
            path = ("raw", index, *place)
            yield from raw_stop_fits(subject.topology, path, member)
            yield from repeated(subject.topology, path, member)


def raw_stop_fits(
    topology: Topology, path: tuple[str | int, ...], member: RawMember
) -> Iterator[Problem]:
    shutdown = pacemaker_time(member.params.get("shutdown_timeout"))
    stops = [(place, op) for place, op in enumerate(member.operations) if op.name == "stop"]
    for place, op in stops if member.agent in SHUT_DOWN else ():
        yield from too_short(
            topology, (*path, "operations", place, "timeout"), op.timeout, shutdown
        )


def repeated(
    topology: Topology, path: tuple[str | int, ...], member: RawMember
) -> Iterator[Problem]:
    """Only a monitor is repeated; Pacemaker runs no other action by an interval."""
    for place, op in enumerate(member.operations):
        if op.interval and op.name != "monitor":
            yield topology.problem(
                (*path, "operations", place, "interval"),
                f"{op.name} is not repeated, only a monitor is",
                "remove the interval",
            )


def checking(subject: Subject) -> Iterator[Problem]:
    """Operations of one name differ in their interval, by which Pacemaker tells them apart."""
    raw = {
        item.id: ("raw", index)
        for index, item in enumerate(subject.topology.document.raw)
        if isinstance(item, RawPrimitive | RawGroup)
    }
    for resource in subject.cluster.resources:
        section = "storage" if resource.kind == "storage" else f"{resource.kind}s"
        path = raw.get(resource.id, (section, resource.id))
        for primitive in primitives(resource):
            operations = [(op.name, op.interval) for op in primitive.operations]
            for name, interval in {op for op in operations if operations.count(op) > 1}:
                yield subject.topology.problem(
                    path,
                    f"has two operations {name} every {duration(interval)}",
                    "give them different intervals (monitor and deep_monitor of a guest)",
                )


def failures(subject: Subject) -> Iterator[Problem]:
    """Failures are remembered for long enough to be counted."""
    defaults = subject.topology.document.cluster.defaults
    # One failure takes a check to be seen and another to be seen again.
    needed = defaults.migration_threshold * 2 * 10_000
    if defaults.migration_threshold > 1 and 0 < defaults.failure_timeout < needed:
        yield subject.topology.warning(
            ("cluster", "defaults", "failure_timeout"),
            f"{duration(defaults.failure_timeout)} forgets failures before "
            f"{defaults.migration_threshold} of them can be counted",
            f"write at least {duration(needed)}",
        )


def migrating(subject: Subject) -> Iterator[Problem]:
    """A migration's timeout is longer than copying the memory once."""
    document = subject.topology.document
    for name, guest in document.guests.items():
        given, memory = guest.timeouts.migrate, subject.survey.needs[name].memory
        rate = guest.migration.bandwidth or document.cluster.migration.bandwidth
        if given is None or memory is None or rate is None:
            continue
        copying = 1000 * memory // rate
        if given <= copying:
            yield subject.topology.problem(
                ("guests", name, "timeouts", "migrate"),
                f"{duration(given)} is over before its memory is copied once "
                f"({duration(copying)} at {rate // units.SIZES['MiB']}MiB/s)",
                "write more, or raise the bandwidth",
            )
