"""Guests -> KvmGuest primitives with their timeouts, utilization and constraints."""

from __future__ import annotations

from hactl.derive.machine import machine
from hactl.derive.needs import Needs, Survey
from hactl.derive.operations import spelled
from hactl.derive.parts import Parts
from hactl.derive.stop_time import stop_timeout
from hactl.derive.storage import is_alone
from hactl.derive.unfencing import opens_images
from hactl.derive.workload import dependencies, meta, monitors, placement, utilization
from hactl.libvirt_xml import domain
from hactl.model import timing
from hactl.model.resource import Operation, Primitive
from hactl.model.timing import MIB
from hactl.topology.schema.cluster import Migration
from hactl.topology.schema.document import Document
from hactl.topology.schema.guests import Guest

# Key of the topology -> parameter of the agent.
MIGRATION = {
    "transport": "migration_transport",
    "network": "migration_network",
    "user": "migration_user",
    "socket": "migration_socket",
    "bandwidth": "migration_bandwidth",
    "max_downtime": "migration_max_downtime",
    "parallel": "migration_parallel",
    "tunnelled": "migration_tunnelled",
    "auto_converge": "auto_converge",
    "post_copy": "post_copy",
    "unsafe": "migration_unsafe",
}


def guest_parts(document: Document, name: str, survey: Survey) -> Parts:
    guest = document.guests[name]
    needed = survey.needs[name]
    live = migrates(document, name, survey)
    ceph = opens_images(document, survey, needed.storage)
    primitive = Primitive(
        id=name,
        agent=guest.run_by,
        kind="guest",
        params=params(document, name, survey, live),
        meta=({"allow-migrate": "true"} if live else {}) | ceph | meta(document, guest),
        operations=operations(document, guest, needed, live),
        utilization=utilization(document, needed),
    )
    below = dependencies(document, survey, name, needed, live=live)
    return Parts((primitive,), (*below, *placement(document, name, guest, survey)))


def migrates(document: Document, name: str, survey: Survey) -> bool:
    """Whether a guest can be migrated live, and may.

    What is on one node at a time cannot be on both, as a migration needs it to be.
    """
    return document.guests[name].live_migration and not left_behind(document, name, survey)


def left_behind(document: Document, name: str, survey: Survey) -> list[str]:
    """Return the storage that a guest cannot take along while it runs."""
    used = survey.needs[name].storage
    return [storage for storage in used if is_alone(document, survey, storage)]


def params(document: Document, name: str, survey: Survey, live: bool) -> dict[str, str]:
    guest = document.guests[name]
    if guest.definition:
        found = {"definition": guest.definition} | named(survey, name)
    else:
        found = {"domain": domain(machine(document, name, guest))}
    found |= resized(guest)
    found |= texts(guest, "uri", "stop_mode", "save_dir", "on_paused", "agent")
    if guest.shutdown_timeout is not None:
        found["shutdown_timeout"] = f"{-(-guest.shutdown_timeout // 1000)}"
    if live:
        found |= migration_params(document.cluster.migration, guest.migration)
    return found | guest.params


def resized(guest: Guest) -> dict[str, str]:
    """Return what overrides the XML, and so can change without a restart."""
    found = {}
    if guest.memory is not None and (guest.definition or guest.max_memory):
        found["memory"] = str(guest.memory // MIB)
    if guest.cpus is not None and (guest.definition or guest.max_cpus):
        found["vcpus"] = str(guest.cpus)
    return found


def migration_params(common: Migration, own: Migration) -> dict[str, str]:
    """Return the parameters for live migration: the guest's own word before the cluster's."""
    found = {}
    for key, param in MIGRATION.items():
        value = getattr(own, key)
        value = getattr(common, key) if value is None else value
        if value is not None:
            found[param] = str(value // MIB) if key == "bandwidth" else spelled(value)
    return found


def operations(
    document: Document, guest: Guest, needed: Needs, live: bool
) -> tuple[Operation, ...]:
    own = guest.timeouts
    rate = guest.migration.bandwidth or document.cluster.migration.bandwidth
    copying = timing.copying(needed.memory, rate)
    start = 120_000 if guest.stop_mode != "save" else max(120_000, copying)
    found = [
        Operation("start", own.start or start),
        Operation("stop", own.stop or stop_timeout(time_to_end(guest, copying))),
        *monitors(guest, None),
    ]
    if live:
        found.append(Operation("migrate_to", own.migrate or max(120_000, copying)))
        found.append(Operation("migrate_from", own.migrate or 120_000))
    return tuple(found)


def time_to_end(guest: Guest, copying: int) -> int:
    """Return the milliseconds that a guest has before it is destroyed."""
    if guest.stop_mode == "destroy":
        return 0
    return copying if guest.stop_mode == "save" else guest.shutdown_timeout or timing.SHUTDOWN


def named(survey: Survey, name: str) -> dict[str, str]:
    """Return the name in the definition: a node that cannot read it yet has to know it too."""
    found = survey.needs[name].libvirt_name
    return {"name": found} if found else {}


def texts(guest: Guest, *keys: str) -> dict[str, str]:
    return {key: spelled(value) for key in keys if (value := getattr(guest, key)) is not None}
