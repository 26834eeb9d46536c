"""Asking fences nobody, whatever stands in the CIB."""

from __future__ import annotations

from pathlib import Path

import pytest

from hactl.errors import ClusterError, UsageError
from hactl.fencing.question import question
from hactl.live.fencing import remote
from hactl.live.fencing.secrets import with_secrets


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"action": "off"}, "told action=off"),
        ({"action": "status", "option": "reboot"}, "told option=reboot"),
        ({"ip": "a\naction=off", "action": "status"}, "ip has a line break in it"),
        ({"ip": "a\u2028action=off", "action": "status"}, "ip has a line break in it"),
        ({"ip": "a\x85", "action": "status"}, "ip has a line break in it"),
        ({"ip=x\naction": "off", "action": "status"}, "is not the name of a parameter"),
    ],
)
def test_what_may_do_something_is_not_asked(given: dict[str, str], said: str) -> None:
    assert said in question("f", "fence_x", "status", given).refused


def test_what_changes_nothing_is_asked() -> None:
    asked = question("f", "fence_x", "status", {"ip": "10.0.0.9", "port": "", "action": "status"})
    assert (asked.refused, asked.lines) == ("", "ip=10.0.0.9\nport=\naction=status\n")


@pytest.mark.parametrize("name", ["-oProxyCommand=x", "a b", "$(x)", "a;b", "", "a/b", "é"])
def test_a_name_that_is_more_than_a_name_is_not_called(name: str) -> None:
    with pytest.raises(ClusterError, match="could be taken for an option, or by a shell"):
        remote.command(["ssh", "--", "{node}"], name, ["true"])


@pytest.mark.parametrize("word", ["a b", "$(x)", "`x`", "a;b", "a'b", "*", "", "~", "a\nb"])
def test_a_word_that_a_shell_would_take_otherwise_is_not_sent(word: str) -> None:
    with pytest.raises(ClusterError, match="could be taken otherwise by the shell on node2"):
        remote.command(["ssh", "--", "{node}"], "node2", ["cat", word])


def test_a_way_is_the_operators_and_only_the_node_is_put_in() -> None:
    assert remote.command(["ssh", "-o", "{x}={node}", "--", "{node}"], "n2", ["true"]) == [
        "ssh", "-o", "{x}=n2", "--", "n2", "true"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("via", "said"),
    [("ssh", "where the node's name goes"), ("ssh '{node}", "no closing quotation")],
)
def test_a_way_that_leads_nowhere_is_a_wrong_use(via: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        remote.way(via)


def test_hactl_is_found_beside_its_interpreter() -> None:
    found = remote.way("hactl lab exec {node} --", {"PATH": "/nowhere"})
    assert Path(found[0]).is_absolute()
    assert found[1:] == ["lab", "exec", "{node}", "--"]


@pytest.mark.parametrize("device", ["..", ".", "a/b", ""])
def test_a_secret_is_read_from_the_devices_own_folder(device: str, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret")
    asked = question(device, "fence_x", "status", {"password": "lrm://", "action": "status"})
    with pytest.raises(ClusterError, match="has no folder of secrets"):
        with_secrets(asked, tmp_path / "secrets")


def test_a_secret_is_one_line_of_a_regular_file(tmp_path: Path) -> None:
    asked = question("f", "fence_x", "status", {"password": "lrm://", "action": "status"})
    folder = tmp_path / "f"
    folder.mkdir()
    secret = folder / "password"
    secret.write_text("geheim\n")
    assert with_secrets(asked, tmp_path) == "password=geheim\naction=status\n"
    secret.write_text("geheim\naction=off\n")
    with pytest.raises(ClusterError, match="has a line break in it"):
        with_secrets(asked, tmp_path)
    secret.unlink()
    secret.symlink_to("/etc/hostname")
    with pytest.raises(ClusterError, match="cannot be read"):
        with_secrets(asked, tmp_path)
