"""What a lab may be asked to be."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_interface

import pytest

from hactl.errors import UsageError
from hactl.lab import corosync_conf, services
from hactl.lab.lab_spec import LAN, MAX_NODES, PORTS, LabSpec, address, hosts_file, port_name


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"nodes": 0}, "1 to 16 nodes, not 0"),
        ({"nodes": 17}, "1 to 16 nodes, not 17"),
        ({"token": 5}, "100ms to 10m"),
        ({"name": "My Lab"}, "is not a name"),
        ({"name": ""}, "is not a name"),
        ({"name": "-x"}, "is not a name"),
        ({"name": "a" * 32}, "is not a name"),
        ({"services": ("docker",)}, "'docker' is none of libvirt, lxc, ovs"),
    ],
)
def test_a_wrong_lab_is_refused_in_a_sentence(wrong: dict[str, object], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        replace(LabSpec(), **wrong)


def test_a_spec_survives_the_way_to_another_process() -> None:
    spec = LabSpec("x", 5, 800, True, ("libvirt", "ovs"), False)
    assert LabSpec.from_json(spec.to_json()) == spec


def test_no_two_ports_of_the_largest_lab_share_an_address_or_a_name() -> None:
    nodes = LabSpec(nodes=MAX_NODES).node_names
    assert len({port_name(node, port) for node in nodes for port in range(PORTS)}) == 48
    assert max(len(port_name(node, port)) for node in nodes for port in range(PORTS)) < 16
    addresses = {address(port, host) for port in range(PORTS) for host in range(1, 17)}
    assert len(addresses) == 48
    networks = {ip_interface(f"{address(port, 1)}/24").network for port in range(PORTS)}
    assert len(networks) == PORTS
    assert address(LAN, 53) == "10.77.10.53"


def test_hosts_names_every_node_on_both_links() -> None:
    text = hosts_file(LabSpec(nodes=2))
    assert "10.77.1.2 node2 node2-link0\n" in text
    assert "10.77.2.2 node2-link1\n" in text


def test_the_token_does_not_grow_with_the_nodes() -> None:
    text = corosync_conf.render(LabSpec(nodes=8, token=1500))
    assert "token: 1500\n" in text
    assert "token_coefficient: 0\n" in text
    assert text.count("nodeid:") == 8
    assert text.count("ring1_addr:") == 8


def test_only_two_nodes_are_told_that_they_are_two() -> None:
    assert "two_node: 1" in corosync_conf.render(LabSpec(nodes=2))
    assert "two_node" not in corosync_conf.render(LabSpec(nodes=3))


def test_every_node_is_another_host_to_libvirt() -> None:
    found = {services.files(f"node{n}")["etc/libvirt/libvirtd.conf"] for n in (1, 2, 3)}
    assert len(found) == 3
