"""What guests, containers and gateways need, from the topology and the files it points to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from hactl.derive.definition import Definition, Illegible, container_config, guest_definition
from hactl.derive.rbd_attachment import attachments, exported, exports
from hactl.derive.storage_paths import holder
from hactl.topology.schema.containers import Container
from hactl.topology.schema.document import Document
from hactl.topology.schema.gateways import Gateway
from hactl.topology.schema.guests import Guest

DEFAULT_LXC_PATH = "/var/lib/lxc"

Reader = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Needs:
    """What one guest, container or gateway needs of its node.

    ``memory`` in bytes and ``cpus`` in thousandths of a core are None where nobody said.
    ``storage`` and ``networks`` are names of sections; ``stray_disks`` and ``stray_bridges`` are
    what its definition names and no section does. ``vlans`` are the bridges that its config plugs
    it into, each with the VLAN, 0 for none.
    """

    storage: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    memory: int | None = None
    cpus: int | None = None
    macs: tuple[str, ...] = ()
    libvirt_name: str = ""
    uuid: str = ""
    stray_disks: tuple[str, ...] = ()
    stray_bridges: tuple[str, ...] = ()
    vlans: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Survey:
    """The needs of everything, and the files that could not be read, each with the reason.

    ``attached`` is how each Ceph image reaches its users, ``chains`` what of the storage has
    to meet in one place. ``users`` are the guests, containers and gateways on each storage that is
    on one node at a time, or on what lies on it.
    """

    needs: Mapping[str, Needs]
    attached: Mapping[str, str] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    illegible: Mapping[str, str] = field(default_factory=dict)
    chains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    users: Mapping[str, frozenset[str]] = field(default_factory=dict)


def survey(document: Document, read: Reader) -> Survey:
    """Read what the topology points to, and put together what everything needs."""
    definitions: dict[str, Definition] = {}
    unread: dict[str, str] = {}
    illegible: dict[str, str] = {}
    for name, path, parse in pointed_to(document):
        try:
            definitions[name] = parse(read(path))
        except OSError as exc:
            unread[name] = (exc.strerror or str(exc)).lower()
        except Illegible as exc:
            illegible[name] = str(exc)
    return Survey(
        all_needs(document, definitions), attached(document, definitions), unread, illegible
    )


def nothing_read(document: Document) -> Survey:
    """Return what is known without opening a file."""
    return Survey(all_needs(document, {}), attached(document, {}))


def attached(document: Document, definitions: Mapping[str, Definition]) -> dict[str, str]:
    return attachments(document, {name: found.disks for name, found in definitions.items()})


def pointed_to(
    document: Document,
) -> Iterable[tuple[str, str, Callable[[bytes], Definition]]]:
    for name, guest in document.guests.items():
        if guest.definition:
            yield name, guest.definition, guest_definition
    for name, container in document.containers.items():
        if config := config_path(container):
            yield name, config, container_config


def config_path(container: Container) -> str | None:
    """Return where a container's config is, as far as the topology says."""
    if container.config:
        return container.config
    return f"{container.path}/config" if container.path else None


def all_needs(document: Document, definitions: Mapping[str, Definition]) -> dict[str, Needs]:
    needs = {
        name: guest_needs(document, guest, definitions.get(name, Definition()))
        for name, guest in document.guests.items()
    }
    for name, container in document.containers.items():
        found = definitions.get(name, Definition())
        needs.setdefault(name, container_needs(document, container, found))
    for name, gateway in document.gateways.items():
        needs.setdefault(name, gateway_needs(document, gateway))
    return needs


def guest_needs(document: Document, guest: Guest, found: Definition) -> Needs:
    disks = [disk.path for disk in guest.disks if disk.path]
    disks += [path for path in (guest.kernel, guest.initrd) if path]
    paths = [*disks, guest.definition] if guest.definition else disks
    named = [disk.storage for disk in guest.disks if disk.storage] + guest.storage
    networks = [nic.network for nic in guest.nics] + guest.networks
    vcpus = guest.cpus or found.vcpus
    return Needs(
        storage=storage_of(document, named, [*paths, *found.disks]),
        networks=networks_of(document, networks, found.bridges),
        memory=guest.memory or found.memory,
        cpus=vcpus * 1000 if vcpus else None,
        macs=found.macs,
        libvirt_name=found.name,
        uuid=found.uuid,
        stray_disks=stray_disks(document, [*disks, *found.disks]),
        stray_bridges=stray_bridges(document, found.bridges),
    )


def container_needs(document: Document, container: Container, found: Definition) -> Needs:
    paths = [path for path in (container.path, container.config) if path]
    homes = [] if container.storage else [container.path or DEFAULT_LXC_PATH]
    return Needs(
        storage=storage_of(document, container.storage, [*paths, *found.disks]),
        networks=networks_of(
            document, [plug.network for plug in container.networks], found.bridges
        ),
        memory=container.memory,
        cpus=container.cpus,
        macs=found.macs,
        stray_disks=stray_disks(document, [*homes, *found.disks]),
        stray_bridges=stray_bridges(document, found.bridges),
        vlans=found.vlans,
    )


def gateway_needs(document: Document, gateway: Gateway) -> Needs:
    used = [name for export in exports(gateway) if (name := exported(document, export))]
    paths = [path for export in exports(gateway) if (path := export.path)]
    return Needs(
        storage=storage_of(document, used, ()),
        networks=networks_of(document, [gateway.network] if gateway.network else [], ()),
        stray_disks=stray_disks(document, paths),
    )


def storage_of(document: Document, named: Iterable[str], paths: Iterable[str]) -> tuple[str, ...]:
    """Return the storage that is named or that a path is in."""
    by_path = (holder(document, path) for path in paths)
    found = dict.fromkeys([*named, *(name for name in by_path if name)])
    return tuple(name for name in found if name in document.storage)


def networks_of(
    document: Document, named: Iterable[str], bridges: Iterable[str]
) -> tuple[str, ...]:
    by_bridge = {network.bridge: name for name, network in document.networks.items()}
    found = [*named, *(by_bridge[bridge] for bridge in bridges if bridge in by_bridge)]
    return tuple(name for name in dict.fromkeys(found) if name in document.networks)


def stray_disks(document: Document, paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(path for path in dict.fromkeys(paths) if not holder(document, path))


def stray_bridges(document: Document, bridges: Iterable[str]) -> tuple[str, ...]:
    known = {network.bridge for network in document.networks.values()}
    return tuple(bridge for bridge in dict.fromkeys(bridges) if bridge not in known)
