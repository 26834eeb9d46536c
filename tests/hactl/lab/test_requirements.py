"""What is missing for a lab is said in one sentence, with the package that has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hactl.errors import HactlError, UsageError
from hactl.lab import usermap
from hactl.lab.lab_spec import LabSpec
from hactl.lab.requirements import check


def everything(_program: str) -> bool:
    return True


def test_with_everything_there_root_may_start_one() -> None:
    check(LabSpec(services=("libvirt", "lxc", "ovs")), 0, everything)
    check(LabSpec(rootless=True), 1000, everything)


def test_the_missing_package_is_named() -> None:
    with pytest.raises(HactlError, match="needs corosync, not installed here; apt install coro"):
        check(LabSpec(), 0, lambda program: program != "corosync")
    with pytest.raises(HactlError, match="apt install uidmap"):
        check(LabSpec(rootless=True), 1000, lambda program: "idmap" not in program)


def test_a_service_that_is_not_wanted_is_not_missed() -> None:
    def installed(program: str) -> bool:
        return program != "ovs-vswitchd"

    check(LabSpec(services=("lxc",)), 0, installed)
    with pytest.raises(HactlError, match="openvswitch-switch"):
        check(LabSpec(services=("ovs",)), 0, installed)


def test_who_is_not_root_is_told_both_ways() -> None:
    with pytest.raises(HactlError, match="sudo hactl lab up, or hactl lab up --rootless"):
        check(LabSpec(), 1000, everything)
    with pytest.raises(UsageError, match="ordinary users"):
        check(LabSpec(rootless=True), 0, everything)


def test_containers_are_refused_where_there_are_no_control_groups() -> None:
    with pytest.raises(UsageError, match="control groups"):
        check(LabSpec(rootless=True, services=("lxc",)), 1000, everything)


def test_the_largest_range_of_a_user_counts() -> None:
    text = "other:1:999999\nme:100000:10\n# me:5:5\n1000:200000:65536\nme:broken\n"
    assert usermap.subordinate(text, "me", 1000) == (200000, 65536)
    assert usermap.subordinate(text, "nobody", 1) is None


def test_without_a_range_the_mend_is_a_command(tmp_path: Path) -> None:
    with pytest.raises(HactlError, match=r"no range of at least 1000.*usermod --add-subuids"):
        usermap.find(tmp_path / "subuid", 12345)
