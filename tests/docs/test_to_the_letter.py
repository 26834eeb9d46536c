"""README, tutorial and how-tos do what they say: each command shown is run as it stands.

For a machine that has nothing yet: `scripts/roots bookworm docs`. The tests stand in the order in
which a newcomer reads.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docs.page import ROOT, Said, Shell, commands, files

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.extended,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not os.environ.get("HACTL_DOCS"), reason="installs into this machine: scripts/docs"
    ),
]
TUTORIAL = "docs/tutorial/first-cluster.md"
# this checkout stands for a fresh clone
CLONE = "git clone ... hactl && cd hactl"
HERE = f"cd {ROOT}"
# `hactl status` exits 1 where something is wrong, as just after a plug was pulled
MAY_BE_WRONG = "hactl status"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    opened = Shell(tmp_path)
    yield opened
    opened.type("hactl lab down 2>/dev/null || .venv/bin/hactl lab down")
    opened.close()


def fits(line: str, said: Said) -> bool:
    """Whether a command did what it is shown for."""
    good = (0, 1) if MAY_BE_WRONG in line else (0,)
    return said.code in good and "Traceback" not in said.output


def until(true: Callable[[], bool], within: float = 120.0) -> bool:
    end = time.monotonic() + within
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(2)
    return True


def healthy(shell: Shell) -> bool:
    said = shell.type("hactl lab exec node1 -- hactl status")
    return said.code == 0 and "Traceback" not in said.output


def follow(shell: Shell, lines: Iterator[str]) -> None:
    for line in lines:
        said = shell.type(HERE if line == CLONE else line)
        assert fits(line, said), f"{line}: exit {said.code}\n{said.output}"


def test_the_tutorial_from_nothing_to_nothing(shell: Shell) -> None:
    lines = list(commands(TUTORIAL))
    assert lines[0] == CLONE
    for name, text in files(TUTORIAL).items():
        (ROOT / name).write_text(text)
    try:
        plug = lines.index("hactl lab kill node1")
        follow(shell, iter(lines[:plug]))
        follow(shell, iter(lines[plug : plug + 3]))
        assert until(lambda: healthy(shell)), "node1 does not come back"
        follow(shell, iter(lines[plug + 3 : -1]))
        assert until(lambda: healthy(shell)), "the cluster is not whole at the end of step 5"
        follow(shell, iter(lines[-1:]))
        assert shell.type("hactl lab status").output.count("node") == 0
    finally:
        for name in files(TUTORIAL):
            (ROOT / name).unlink()


def test_fencing_is_checked_from_outside_a_lab_by_the_hactl_of_a_venv(shell: Shell) -> None:
    (name,) = files(TUTORIAL)
    hactl = ROOT / ".venv/bin/hactl"  # by its path, and nothing of it on PATH
    shell.type(f"cat >{name} <<'END'\n{files(TUTORIAL)[name]}END")
    shell.type(f'hactl() {{ {hactl} "$@"; }}')
    for line in ("hactl lab up", f"hactl lab exec node1 -- {hactl} apply - <{name}"):
        said = shell.type(line)
        assert said.code == 0, said.output
    shown = [line for line in commands("docs/how-to/fence-check.md") if "cib.xml" in line]
    assert len(shown) == 2
    said = [shell.type(line) for line in shown][-1]
    assert said.code == 0, said.output
    assert "fencing would work: 3 devices, asked from 3 nodes" in said.output


def test_the_how_to_on_the_lab(shell: Shell) -> None:
    shell.type(f". {ROOT}/.venv/bin/activate")
    for name, text in files(TUTORIAL).items():
        shell.type(f"cat >cluster.yaml <<'END'\n{text}END")
        assert name
    unlike = {
        # there is nobody to press Ctrl-C, nor a page before there is a guest, nor a kernel to fetch
        "hactl lab logs node2 -f": "timeout 3 {}; true",
        "hactl lab exec client -- curl": "{}; true",
        "hactl lab guest": "true || {}",
        "apt install": "apt-get install -y -q corosync >/dev/null || {}",
        # the node goes down under the command
        "hactl lab exec node1 -- reboot": "{}; true",
        # the page's examples stand each for itself: what the one before has killed is on again
        "hactl lab freeze": "hactl lab power node2 on; {}",
        # it runs already, or was fenced and is on again
        "hactl lab thaw": "{}; true",
        "hactl lab power node2 on": "{}; true",
    }
    for line in commands("docs/how-to/lab.md"):
        form = next((form for begin, form in unlike.items() if line.startswith(begin)), "{}")
        typed = form.replace("{}", line.partition("   #")[0])
        said = shell.type(typed)
        assert said.code == 0, f"{typed}: exit {said.code}\n{said.output}"
        assert "Traceback" not in said.output


def test_the_readme_installs_for_every_user_of_the_machine(shell: Shell) -> None:
    shell.type(HERE)
    lines = [line for line in commands("README.md") if not line.startswith("scripts/")]
    assert any("pip install ." in line for line in lines)
    for line in lines:
        said = shell.type(line.replace("apt install", "apt-get install -y -q"))
        assert said.code == 0, f"{line}: exit {said.code}\n{said.output}"
    said = shell.type("cd / && env -i PATH=/usr/local/bin:/usr/bin:/bin hactl agents list")
    assert "ocf:hactl:KvmGuest" in said.output, said.output
    said = shell.type("/usr/lib/ocf/resource.d/hactl/LinuxBridge meta-data | grep resource-agent")
    assert 'name="LinuxBridge"' in said.output, said.output
