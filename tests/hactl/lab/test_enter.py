"""The words put before a command that runs in a node."""

from __future__ import annotations

import subprocess
from pathlib import Path

from hactl.lab.enter import JOIN, Entrance
from hactl.lab.lab_spec import CLIENT


def test_a_command_is_the_last_thing_and_stays_as_it_is() -> None:
    entrance = Entrance("node1", {"mnt": 7, "pid": 8}, ("/cg/a",))
    command = entrance.command(["echo", "a b", "$HOME"])
    assert command[-3:] == ["echo", "a b", "$HOME"]
    assert "--mount=/proc/self/fd/7" in command
    assert "--pid=/proc/self/fd/8" in command


def test_a_node_is_entered_with_a_clean_environment_and_without_the_hosts_powers() -> None:
    command = Entrance("node1", {}, ()).command(["x"])
    assert "-i" in command[command.index("env") :]
    assert "-sys_time" in command[command.index("--bounding-set") + 1]


def test_the_switch_is_entered_as_it_is() -> None:
    assert "--bounding-set" not in Entrance(CLIENT, {}, ()).command(["x"])


def test_the_command_is_put_into_every_group_first(tmp_path: Path) -> None:
    groups = [tmp_path / "a", tmp_path / "b c"]
    for group in groups:
        group.mkdir()
    argv = ["/bin/sh", "-c", JOIN, "enter", *map(str, groups), "--", "echo", "-n", "a  b"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout == "a  b"
    assert [(group / "cgroup.procs").read_text() for group in groups] == ["0\n", "0\n"]
