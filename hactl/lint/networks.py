"""VLANs that go nowhere, and addresses that have no interface to be on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hactl.derive.networks import interface, served_by_cluster
from hactl.errors import Problem
from hactl.lint.subject import Subject
from hactl.topology.load import Topology
from hactl.topology.schema.guests import Nic
from hactl.topology.schema.networks import Network
from hactl.topology.types import vlan_numbers
from hactl.topology.yaml.positions import Step


def networks(subject: Subject) -> Iterator[Problem]:
    """Every VLAN is carried by its network, and every address has an interface."""
    topology = subject.topology
    yield from guest_vlans(topology)
    yield from container_vlans(subject)
    yield from address_vlans(topology)
    yield from services(topology)


def guest_vlans(topology: Topology) -> Iterator[Problem]:
    document = topology.document
    for name, guest in document.guests.items():
        for index, nic in enumerate(guest.nics):
            if (nic.vlan or nic.vlans) and nic.network in document.networks:
                path = ("guests", name, "nics", index)
                yield from nic_vlans(topology, path, nic, document.networks[nic.network])


def nic_vlans(
    topology: Topology, path: Sequence[Step], nic: Nic, network: Network
) -> Iterator[Problem]:
    key = "vlan" if nic.vlan else "vlans"
    if not network.tags_ports:
        yield topology.problem(
            (*path, key),
            "libvirt cannot put an interface of a Linux bridge in a VLAN",
            "make the network of kind ovs, or a bridge with a port like eth2.10",
        )
        return
    if nic.vlan and nic.vlans:
        yield topology.problem(
            (*path, "vlans"), "has a VLAN and gets VLANs with their tags", "write one of them"
        )
    wanted = [nic.vlan] if nic.vlan else vlan_numbers(nic.vlans)
    yield from not_carried(topology, (*path, key), wanted, nic.network, network)


def not_carried(
    topology: Topology, path: Sequence[Step], wanted: Sequence[int], name: str, network: Network
) -> Iterator[Problem]:
    carried = vlan_numbers(network.carried)
    lost = [vlan for vlan in wanted if vlan not in carried]
    if carried and lost:
        yield topology.warning(
            path,
            f"VLAN {', '.join(map(str, lost))} does not leave the node: the uplinks of {name} "
            f"carry {', '.join(network.carried)}",
            f"add it to networks.{name}.vlans",
        )


def container_vlans(subject: Subject) -> Iterator[Problem]:
    """The VLAN of a container is made by its config, so the two have to say the same."""
    document = subject.topology.document
    for name, container in document.containers.items():
        made = subject.survey.needs[name].vlans
        for index, plug in enumerate(container.networks):
            network = document.networks.get(plug.network)
            found = {vlan for bridge, vlan in made if network and bridge == network.bridge}
            told = plug.vlan is not None or (network is not None and network.tags_ports)
            if told and found and (plug.vlan or 0) not in found:
                said = ", ".join(f"VLAN {vlan}" if vlan else "no VLAN" for vlan in sorted(found))
                yield subject.topology.problem(
                    ("containers", name, "networks", index),
                    f"its config says {said} on {plug.network}",
                    f"write lxc.net.N.veth.vlan.id = {plug.vlan} there, or its VLAN here"
                    if plug.vlan
                    else "write {network: " + f"{plug.network}, vlan: {max(found)}}}",
                )


def address_vlans(topology: Topology) -> Iterator[Problem]:
    """An address in a VLAN needs an interface of the node's own in that VLAN."""
    document = topology.document
    for name, container in document.containers.items():
        first = container.networks[0] if container.networks else None
        if container.address and first and first.vlan:
            path = ("containers", name, "address")
            yield from no_interface(topology, path, first.network, first.vlan)
    for name, gateway in document.gateways.items():
        if gateway.vlan and gateway.network:
            path = ("gateways", name, "vlan")
            yield from no_interface(topology, path, gateway.network, gateway.vlan)
        elif gateway.vlan:
            yield topology.problem(
                ("gateways", name, "vlan"), "means nothing without a network", "add network:"
            )


def no_interface(
    topology: Topology, path: Sequence[Step], name: str, vlan: int
) -> Iterator[Problem]:
    network = topology.document.networks.get(name)
    if network is None or interface(network, vlan):
        return
    if network.tags_ports:
        hint = f"add internal: {{{name[:9]}{vlan}: {vlan}}} to {name}"
    else:
        hint = "make the network of kind ovs, or a bridge with a port like eth2.10"
    yield topology.problem(
        path, f"the nodes have no interface of their own in VLAN {vlan} of {name}", hint
    )


def services(topology: Topology) -> Iterator[Problem]:
    served = list(served_by_cluster(topology.document))
    for name, service in served[1:]:
        if service != served[0][1]:
            yield topology.problem(
                ("networks", name, "service"),
                f"{served[0][0]} says {served[0][1]}; there is one Open vSwitch on a node",
                "write the same for all",
            )
