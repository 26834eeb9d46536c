"""Addresses and blocklist entries: what the monitors write is read back exactly."""

from __future__ import annotations

import calendar
import ipaddress
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hactl_agents.ceph.blocklist import entries, entry, instant
from hactl_agents.declare import BadValue
from hactl_agents.host.addresses import network
from hactl_fencing.node_map import node_map

ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


@given(ADDRESSES)
def test_an_address_is_the_network_of_itself(address: ipaddress.IPv4Address) -> None:
    assert network(str(address)) == network(f"[{address}]")
    assert network(str(address)).single()
    assert ipaddress.ip_network(str(network(str(address)))) == ipaddress.ip_network(address)


@given(ADDRESSES, st.integers(0, 128), ADDRESSES, st.integers(0, 128))
def test_networks_hold_what_the_standard_library_says_they_hold(
    first: ipaddress.IPv4Address, one: int, second: ipaddress.IPv4Address, other: int
) -> None:
    a = ipaddress.ip_network((first, min(one, first.max_prefixlen)), strict=False)
    b = ipaddress.ip_network((second, min(other, second.max_prefixlen)), strict=False)
    same = a.version == b.version
    assert network(str(a)).holds(network(str(b))) == (same and b.subnet_of(a))  # type: ignore[arg-type]
    assert network(str(a)).meets(network(str(b))) == (same and a.overlaps(b))


@pytest.mark.parametrize(
    "text", ["", "node2", "10.1.0", "10.1.0.256", "10.1.0.1/33", "10.1.0.1/24", "fd00::1/x", "1\0"]
)
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        network(text)


@given(st.integers(0, 4_293_000_000))  # until 2106, where the monitors end
def test_instants_are_read_as_the_standard_library_writes_them(when: int) -> None:
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(when))
    assert calendar.timegm(time.gmtime(when)) == when
    assert instant(f"{text}.000000+0000") == when
    assert instant(f"{text}.250000+00:00") == when + 0.25


def test_a_time_elsewhere_is_refused() -> None:
    with pytest.raises(ValueError, match="not in UTC"):
        instant("2031-11-21T08:05:27.168823+0100")


# as 16.2.15 wrote them
@pytest.mark.parametrize(
    ("name", "net", "whole"),
    [
        ("10.80.0.3:0/0", "10.80.0.3", True),
        ("10.80.0.3:0/777", "10.80.0.3", False),
        ("[fd00:80::3]:0/0", "fd00:80::3", True),
        ("v2:[fd00:80::3]:6800/1", "fd00:80::3", False),
        ("cidr:10.80.4.0:0/24", "10.80.4.0/24", True),
        ("cidr:[fd00:80::2]:0/128", "fd00:80::2", True),
    ],
)
def test_every_kind_of_entry_is_read(name: str, net: str, whole: bool) -> None:
    found = entry(name, "2031-11-21T08:05:27.168823+0000")
    assert (found.network, found.whole) == (network(net), whole)


def test_an_osdmap_without_a_blocklist_is_not_understood() -> None:
    with pytest.raises(ValueError, match="no blocklist"):
        entries({"epoch": 1})


def test_the_old_name_and_the_absence_of_ranges_are_understood() -> None:
    found = entries({"blacklist": {"10.1.0.1:0/0": "2031-11-21T08:05:27.168823+0000"}})
    assert [each.name for each in found] == ["10.1.0.1:0/0"]


def test_a_map_of_nodes() -> None:
    found = node_map("node1=10.1.0.1,fd00::1 node2=10.1.2.0/28")
    assert {node: [str(each) for each in its] for node, its in found.items()} == {
        "node1": ["10.1.0.1/32", "fd00::1/128"],
        "node2": ["10.1.2.0/28"],
    }


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("10.1.0.1", "not NODE=ADDRESS"),
        ("node1=", "not NODE=ADDRESS"),
        ("node1=10.1.0.1 node1=10.1.0.2", "twice"),
        ("node1=10.1.0.1 node2=10.1.0.1", "to 'node1' and 'node2'"),
        ("node1=10.1.0.0/24 node2=10.1.0.7", "to 'node1' and 'node2'"),
        ("node1=10.1.0.1,10.1.0.1", "'node1' twice"),
        ("node1=10.0.0.0/8", "not a single machine"),
        ("node1=0.0.0.0/0", "not a single machine"),
        ("node1=fd00::/48", "not a single machine"),
        ("node1=host.example", "not an IP address"),
    ],
)
def test_a_map_that_would_cut_off_the_wrong_ones_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        node_map(text)
