"""Containers -> LxcContainer primitives, and the addresses that move with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

from hactl.derive.addresses import address, address_id
from hactl.derive.needs import Needs, Survey
from hactl.derive.networks import interface
from hactl.derive.parts import Parts, combined
from hactl.derive.stop_time import stop_timeout
from hactl.derive.storage import alone, placed_with
from hactl.derive.workload import dependencies, meta, monitors, placement, utilization
from hactl.model import timing
from hactl.model.dependency import lives_beside, lives_on_its_own
from hactl.model.resource import Operation, Primitive
from hactl.model.timing import MIB
from hactl.topology.schema.containers import Container
from hactl.topology.schema.document import Document

HEALTH_INTERVAL = 30_000


def container_parts(document: Document, name: str, survey: Survey) -> Parts:
    container = document.containers[name]
    needed = survey.needs[name]
    primitive = Primitive(
        id=name,
        agent=container.run_by,
        kind="container",
        params=params(name, container),
        meta=meta(document, container),
        operations=operations(container),
        utilization=utilization(document, needed),
    )
    below = beside_address(needed) if container.address else needed
    needs = dependencies(document, survey, name, below)
    constraints = (*needs, *placement(document, name, container, survey))
    address = address_parts(document, name, container, needed, survey)
    return combined([address, Parts((primitive,), constraints)])


def beside_address(needed: Needs) -> Needs:
    """Return what a container needs itself: the network of its address comes with the address."""
    return replace(needed, networks=needed.networks[1:])


def params(name: str, container: Container) -> dict[str, str]:
    found = {"container": container.container or name}
    if container.path:
        path = PurePosixPath(container.path)
        found["lxcpath"] = str(path.parent)
        if path.name != found["container"] and not container.config:
            # LXC would look for it below the container's name.
            found["config"] = f"{path}/config"
    if container.config:
        found["config"] = container.config
    if container.memory is not None:
        found["memory_limit"] = str(container.memory // MIB)
    if container.cpus is not None:
        found["cpus"] = f"{container.cpus / 1000:g}"
    if container.pids is not None:
        found["pids_limit"] = str(container.pids)
    if container.health:
        found["health"] = container.health
    if container.shutdown_timeout is not None:
        found["shutdown_timeout"] = f"{-(-container.shutdown_timeout // 1000)}"
    return found | container.params


def operations(container: Container) -> tuple[Operation, ...]:
    own = container.timeouts
    shutdown = container.shutdown_timeout or timing.CONTAINER_SHUTDOWN
    return (
        Operation("start", own.start or 120_000),
        Operation("stop", own.stop or stop_timeout(shutdown)),
        *monitors(container, HEALTH_INTERVAL if container.health else None),
    )


def address_parts(
    document: Document, name: str, container: Container, needed: Needs, survey: Survey
) -> Parts:
    """Return the address of a container: up before it, down after it.

    So the service finds its address when it starts, the neighbours have learned where it lives by
    the time it answers, and a restart of the container does not move the address.
    """
    if container.address is None:
        return Parts()
    id_ = address_id(name)
    network = needed.networks[0] if needed.networks else None
    moving = address(id_, container.address, nic(document, container, network))
    below = lives_beside(id_, network) if network else ()
    # Placed by itself, it might go another way than the images of its container.
    images = alone(document, survey, needed.storage)
    with_them = placed_with(survey, id_, images, name)
    return Parts((moving,), (*below, *with_them, *lives_on_its_own(name, id_)))


def nic(document: Document, container: Container, network: str | None) -> str | None:
    """Return the node's own interface that a container's address is on."""
    if network is None:
        return None
    plugged = (plug.vlan for plug in container.networks if plug.network == network)
    return interface(document.networks[network], next(plugged, None))
