"""A lab of an ordinary user: it forms a cluster, is fenced, and belongs to that user alone."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hactl.errors import HactlError
from hactl.lab import names
from hactl.lab.lab import Lab, wait_until
from tests.cluster.labs import FENCED_BY_LAB, lab_name, skip_without_a_cluster_stack

pytestmark = pytest.mark.cluster

RANGE = "{user}:100000:65536\n"
# In a mount namespace of its own the user has a range; the machine's /etc/subuid is not touched.
AS_USER = """
mount --bind "$1" /etc/subuid && mount --bind "$1" /etc/subgid && shift && cd / &&
exec setpriv --reuid "$1" --regid "$2" --clear-groups --inh-caps=-all env HOME=/tmp "$@"
"""


class User:
    """Somebody who is not root, and may have user namespaces."""

    def __init__(self, entry: pwd.struct_passwd, ranges: Path) -> None:
        self.uid, self.gid, self.ranges = entry.pw_uid, entry.pw_gid, ranges

    def hactl(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        script = AS_USER.replace('"$@"\n', 'sh -c \'shift 2; exec "$@"\' sh "$@"\n')
        command = [sys.executable, "-c", "from hactl.cli import main; main()", "lab", *words]
        return subprocess.run(
            [
                *("unshare", "--mount", "sh", "-c", script, "sh", str(self.ranges)),
                *(str(self.uid), str(self.gid), *command),
            ],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def user(tmp_path: Path) -> User:
    skip_without_a_cluster_stack()
    if shutil.which("newuidmap") is None:
        pytest.skip("uidmap is not installed")
    entry = next((each for each in pwd.getpwall() if 1000 <= each.pw_uid < 60000), None)
    if entry is None:
        pytest.skip("there is no ordinary user on this machine")
    ranges = tmp_path / "subuid"
    ranges.write_text(RANGE.format(user=entry.pw_name))
    return User(entry, ranges)


@pytest.fixture
def name() -> Iterator[str]:
    chosen = lab_name("rootless")
    yield chosen
    if chosen in names.here():
        names.kill_holder(chosen)


def test_an_ordinary_user_has_a_cluster_that_fences(user: User, name: str) -> None:
    started = user.hactl("up", "--rootless", "--name", name, "--nodes", "2")
    if "Operation not permitted" in started.stderr:
        pytest.skip(f"this kernel gives users no namespaces: {started.stderr}")
    assert started.returncode == 0, started.stderr

    def inside(node: str, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return user.hactl("exec", "--name", name, node, "--", *argv, stdin=stdin)

    assert inside("node1", "id", "-u").stdout.strip() == "0"
    assert "fence_lab" in inside("node1", "ls", "/usr/sbin").stdout
    modify = ["cibadmin", "--modify", "--allow-create", "-p"]
    assert inside("node1", *modify, stdin=FENCED_BY_LAB).returncode == 0
    reboot = ["stonith_admin", "--reboot", "node2", "--timeout", "20"]
    assert wait_until(lambda: inside("node1", *reboot).returncode == 0, 30, 0.5)
    history = user.hactl("power", "--name", name, "--history").stdout
    assert "node2 off: off" in history
    assert "by node1" in history
    another_user_stays_out(name)
    assert user.hactl("down", "--name", name).returncode == 0
    assert name not in names.here()


def another_user_stays_out(name: str) -> None:
    """Not even root: whoever made a lab could hand out any namespace to run commands in."""
    assert os.getuid() == 0
    with pytest.raises(HactlError, match="belongs to user"):
        Lab(name).exec("node1", "true")
    with pytest.raises(HactlError, match="belongs to user"):
        Lab(name).kill("node1")


def test_without_a_range_of_users_the_refusal_says_how_to_get_one(user: User, name: str) -> None:
    user.ranges.write_text("")
    refused = user.hactl("up", "--rootless", "--name", name)
    assert refused.returncode == 1
    assert "usermod --add-subuids" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_who_is_not_root_and_does_not_say_rootless_is_told(user: User, name: str) -> None:
    refused = user.hactl("up", "--name", name)
    assert refused.returncode == 1
    assert (
        refused.stderr == "hactl: a lab needs root; sudo hactl lab up, or hactl lab up --rootless\n"
    )
