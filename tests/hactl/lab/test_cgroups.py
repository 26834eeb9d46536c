"""Where a lab may make control groups: version 1, version 2, and both at once."""

from __future__ import annotations

from pathlib import Path

from hactl.lab.cgroups import Groups, Hierarchy, hierarchies, mount_options

HYBRID = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""
HYBRID_MEMBERSHIP = "4:memory:/user/me\n3:cpu,cpuacct:/\n1:name=systemd:/\n0::/user.slice\n"
PURE = "26 25 0:22 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
IN_A_CONTAINER = "32 31 0:29 /docker/ab /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
ROOT = Path("/sys/fs/cgroup")


def test_on_version_1_groups_are_made_below_our_own_so_that_its_limits_hold() -> None:
    found = {tree.options: tree for tree in hierarchies(HYBRID, HYBRID_MEMBERSHIP)}
    assert found["memory"] == Hierarchy(ROOT / "memory", 1, "memory", ROOT / "memory/user/me")
    assert found["cpu,cpuacct"].home == ROOT / "cpu,cpuacct"
    assert found["name=systemd"].home == ROOT / "systemd"
    assert found[""].home == ROOT / "unified/user.slice"
    assert len(found) == 4


def test_on_version_2_alone_they_are_made_at_the_root() -> None:
    """A group with processes, such as a login session's, cannot have groups with controllers."""
    (tree,) = hierarchies(PURE, "0::/user.slice/user-0.slice/session-1.scope\n")
    assert tree == Hierarchy(ROOT, 2, "", ROOT)
    assert tree.unified_alone


def test_a_mount_that_shows_only_a_part_is_seen_from_that_part() -> None:
    (tree,) = hierarchies(IN_A_CONTAINER, "4:memory:/docker/ab/inner\n")
    assert tree.home == ROOT / "memory/inner"


def test_named_hierarchies_are_mounted_without_controllers() -> None:
    assert mount_options(Hierarchy(ROOT, 1, "name=systemd", ROOT)) == "none,name=systemd"
    assert mount_options(Hierarchy(ROOT, 1, "cpu,cpuacct", ROOT)) == "cpu,cpuacct"


def test_each_node_has_a_sub_tree_of_its_own(tmp_path: Path) -> None:
    trees = (Hierarchy(tmp_path, 1, "freezer", tmp_path),)
    groups = Groups(trees, "hactl-lab-x-1")
    groups.make("node1")
    groups.make("node2")
    (tmp_path / "hactl-lab-x-1/node1/lxc.payload.c1/init.scope").mkdir(parents=True)
    groups.make("node1")
    assert groups.entrances("node1") == [tmp_path / "hactl-lab-x-1/node1"]
    assert not (tmp_path / "hactl-lab-x-1/node1/lxc.payload.c1").exists()
    assert (tmp_path / "hactl-lab-x-1/node2").exists()
    groups.remove()
    assert list(tmp_path.iterdir()) == []


def test_on_version_2_processes_of_a_node_live_in_a_leaf(tmp_path: Path) -> None:
    """Its root must have none, or the groups below could have no controllers."""
    groups = Groups((Hierarchy(tmp_path, 2, "", tmp_path),), "lab")
    for folder in (tmp_path / "lab", tmp_path / "lab/node1"):
        folder.mkdir()
        (folder / "cgroup.controllers").write_text("cpu memory\n")
    groups.join("node1")
    groups.settle("node1")
    assert groups.entrances("node1") == [tmp_path / "lab/node1/init.scope"]
    assert (tmp_path / "lab/node1/init.scope/cgroup.procs").read_text() == "0"
    assert (tmp_path / "lab/node1/cgroup.subtree_control").read_text() == "+cpu +memory"
