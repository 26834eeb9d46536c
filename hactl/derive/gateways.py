"""Gateways -> a group of gate, address and target; with several paths, a promotable clone."""

from __future__ import annotations

from collections.abc import Iterator

from hactl.derive.addresses import address, address_id
from hactl.derive.exports import exports_text
from hactl.derive.needs import Survey
from hactl.derive.networks import interface
from hactl.derive.operations import Usual, steps, written
from hactl.derive.parts import Parts
from hactl.derive.rbd_attachment import several_paths
from hactl.derive.storage import stands_on
from hactl.derive.unfencing import opens_images
from hactl.derive.workload import meta, placement
from hactl.model.constraint import INFINITY, Constraint, Promotion
from hactl.model.dependency import lives_beside
from hactl.model.resource import Agent, Clone, Group, Operation, Primitive
from hactl.topology.schema.document import Document
from hactl.topology.schema.gateways import Gateway, Iscsi, Nvmeof

PORT_GATE = Agent("ocf", "hactl", "PortGate")

USUAL = Usual(start=90_000, stop=90_000, monitor=20_000, interval=10_000)
PROMOTING = 60_000
GATE_OPERATIONS = (
    Operation("start", 20_000),
    Operation("stop", 20_000),
    Operation("monitor", 20_000, interval=10_000),
)


def gateway_parts(document: Document, name: str, survey: Survey) -> Parts:
    gateway = document.gateways[name]
    needed = survey.needs[name]
    made = (clone if several_paths(gateway) else group)(document, name, gateway, survey)
    parts = [each.id for each in made.members] if isinstance(made, Group) else []
    below = stands_on(document, survey, name, needed.storage, parts)
    beside = (each for network in needed.networks for each in lives_beside(name, network))
    return Parts((made,), (*below, *beside, *placed(document, name, gateway, survey)))


def group(document: Document, name: str, gateway: Gateway, survey: Survey) -> Group:
    """Return gate, addresses and target: closed before it has an address, opened at the end."""
    gate = PortGate(name, gateway)
    nic = own_interface(document, gateway)
    addresses = (
        address(address_id(name, place), written, nic)
        for place, written in enumerate(gateway.address)
    )
    target = target_of(document, name, gateway, survey)
    members = (*([gate.primitive()] if gate.wanted else []), *addresses, target)
    return Group(name, "gateway", members, meta(document, gateway))


def clone(document: Document, name: str, gateway: Gateway, survey: Survey) -> Clone:
    """Return a path on every node, of which one is the optimized one."""
    most = {"clone-max": str(gateway.gateways)} if gateway.gateways else {}
    return Clone(
        name,
        "gateway",
        target_of(document, name, gateway, survey),
        {"interleave": "true", "promotable": "true"} | most | meta(document, gateway),
    )


def target_of(document: Document, name: str, gateway: Gateway, survey: Survey) -> Primitive:
    iscsi = isinstance(gateway, Iscsi)
    gate = PortGate(name, gateway)
    params = iscsi_params(gateway) if isinstance(gateway, Iscsi) else nvmeof_params(gateway)
    params["luns" if iscsi else "namespaces"] = exports_text(document, survey, gateway)
    if gate.wanted:
        params["gate"] = name
    return Primitive(
        id=f"{name}-target",
        agent=gateway.run_by,
        kind="gateway",
        params=params | gateway.params,
        meta=opens_images(document, survey, survey.needs[name].storage),
        operations=tuple(operations(gateway)),
    )


def iscsi_params(gateway: Iscsi) -> dict[str, str]:
    found = {"iqn": gateway.iqn, "portals": portals(gateway), "backend": gateway.backend}
    found |= written(gateway, "initiators")
    return found | ({"auth_file": gateway.chap.file} if gateway.chap else {})


def nvmeof_params(gateway: Gateway) -> dict[str, str]:
    assert isinstance(gateway, Nvmeof)
    where = gateway.address[0]
    found = {"nqn": gateway.nqn, "address": where if several_paths(gateway) else bare(where)}
    found |= written(gateway, "port", "transport", "hosts", "unpromoted")
    return found | ({"auth_file": gateway.auth.file} if gateway.auth else {})


def operations(gateway: Gateway) -> Iterator[Operation]:
    own = gateway.timeouts
    if not several_paths(gateway):
        yield from steps(own, gateway.monitor, USUAL)
        return
    interval, timeout = gateway.monitor or USUAL.interval, own.monitor or USUAL.monitor
    yield Operation("start", own.start or USUAL.start)
    yield Operation("stop", own.stop or USUAL.stop)
    yield Operation("promote", own.promote or PROMOTING)
    yield Operation("demote", own.demote or PROMOTING)
    yield Operation("monitor", timeout, interval, {"role": "Promoted"})
    # Pacemaker tells checks apart by their interval.
    yield Operation("monitor", timeout, interval + 1000, {"role": "Unpromoted"})


def placed(document: Document, name: str, gateway: Gateway, survey: Survey) -> Iterator[Constraint]:
    """Yield where a gateway runs; of several paths, where the optimized one is."""
    if not several_paths(gateway):
        yield from placement(document, name, gateway, survey)
        return
    alike = gateway.model_copy(update={"prefer": {}})
    yield from placement(document, name, alike, survey)
    wishes = {node: gateway.prefer.get(node, 0) for node in document.nodes}
    least = min([0, *(score for score in wishes.values() if score > -INFINITY)])
    for node, score in wishes.items():
        # Above 0 on every node but the forbidden: what nobody prefers anywhere is promoted nowhere.
        yield Promotion(name, node, score if score == -INFINITY else score - least + 1)


def own_interface(document: Document, gateway: Gateway) -> str | None:
    if gateway.network not in document.networks:
        return None
    return interface(document.networks[gateway.network], gateway.vlan)


class PortGate:
    """The gate before a gateway that moves: it keeps clients waiting while nobody answers them."""

    def __init__(self, name: str, gateway: Gateway) -> None:
        self.name = name
        self.gateway = gateway

    @property
    def wanted(self) -> bool:
        # RDMA passes the packet filter by.
        rdma = isinstance(self.gateway, Nvmeof) and self.gateway.transport == "rdma"
        return self.gateway.gate and not rdma and not several_paths(self.gateway)

    def primitive(self) -> Primitive:
        params = {"gate": self.name, "portals": portals(self.gateway)}
        id_ = f"{self.name}-gate"
        return Primitive(id_, PORT_GATE, "gateway", params, operations=GATE_OPERATIONS)


def portals(gateway: Gateway) -> str:
    """Return where it listens: its addresses, or the network in which every node has its own."""
    port = getattr(gateway, "port", 0)
    several = several_paths(gateway)
    places = (each if several else bare(each) for each in gateway.address)
    return " ".join(f"{bracketed(place)}:{port}" for place in places)


def bare(written: str) -> str:
    return written.split("/")[0]


def bracketed(place: str) -> str:
    return f"[{place}]" if ":" in place else place
