"""The commands that make the lab's network."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from hactl.lab import switch


def test_every_node_has_a_cable_to_each_bridge() -> None:
    commands = switch.plug_in("node3", 4711, unplugged=[]).splitlines()
    assert "link add node3-0 type veth peer name eth0 netns 4711" in commands
    assert [line for line in commands if "master" in line] == [
        "link set node3-0 master link0",
        "link set node3-1 master link1",
        "link set node3-2 master lan",
    ]
    assert sum(line.endswith(" up") for line in commands) == 3


def test_a_cut_cable_is_not_powered() -> None:
    commands = switch.plug_in("node1", 1, unplugged=[0]).splitlines()
    assert "link set node1-0 up" not in commands
    assert "link set node1-1 up" in commands


def test_the_lan_port_of_a_node_has_no_address() -> None:
    commands = switch.node_addresses("node2").splitlines()
    assert "address add 10.77.1.2/24 dev eth0" in commands
    assert "address add 10.77.2.2/24 dev eth1" in commands
    assert not [line for line in commands if "address" in line and "eth2" in line]
    assert "link set eth2 up" in commands


def test_what_a_node_sends_comes_in_at_the_switch() -> None:
    rules = switch.one_way_rules([("node1", 0, "out"), ("node2", 1, "in")])
    assert 'hook ingress device "node1-0"' in rules
    assert 'hook egress device "node2-1"' in rules


def test_no_cuts_leave_no_rules() -> None:
    assert "chain" not in switch.one_way_rules([])


def test_nft_understands_the_rules() -> None:
    if shutil.which("nft") is None or shutil.which("unshare") is None:
        pytest.skip("nft is not installed")
    rules = switch.one_way_rules([("node1", 0, "out"), ("node1", 0, "in")])
    script = "ip link add node1-0 type veth peer name x && nft -f - && nft list ruleset"
    argv = ["unshare", "--map-root-user", "--net", "sh", "-c", script]
    done = subprocess.run(argv, input=rules, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr:
        pytest.skip(f"no network namespace here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("policy drop") == 2
