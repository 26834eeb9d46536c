"""fence_lab against power switches that are there, hang, lie, or are not there at all."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hactl.install.agents import install

INSTRUCTIONS = 25_000_000  # of a metadata or status call, interpreter included
Answer = Callable[[str], str]


class Switch:
    """A power switch on a real socket, that answers as the test wants."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.power = {"node1": "on", "node2": "off"}
        self.asked: list[str] = []
        self.answer: Answer = self.honest
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(8)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                question = connection.recv(4096).decode().strip()
                self.asked.append(question)
                connection.sendall(self.answer(question).encode())

    def honest(self, question: str) -> str:
        action, _, node = question.partition(" ")
        if action == "list":
            return "ok " + "\n".join(f"{name} {power}" for name, power in self.power.items())
        if node not in self.power:
            return f"error the lab has no node {node!r}"
        if action in ("on", "off"):
            self.power[node] = action
        return f"ok {self.power[node]}\n"

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)


@pytest.fixture
def switch(tmp_path: Path) -> Iterator[Switch]:
    made = Switch(tmp_path / "power.sock")
    yield made
    made.close()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """fence_lab as a node has it: its launcher and the compiled packages."""
    root = tmp_path_factory.mktemp("root")
    install(root=root, libdir="/usr/lib/hactl")
    launcher = root / "usr/sbin/fence_lab"
    text = launcher.read_text().replace('"/usr/lib/hactl"', repr(str(root / "usr/lib/hactl")))
    launcher.write_text(text)
    return launcher


def fence(
    program: Path, *words: str, stdin: str = "", **options: str
) -> subprocess.CompletedProcess[str]:
    lines = stdin or "".join(f"{key}={value}\n" for key, value in options.items())
    return subprocess.run(
        [str(program), *words], input=lines, capture_output=True, text=True, timeout=30, check=False
    )


def test_it_powers_a_node_off_and_on(installed: Path, switch: Switch) -> None:
    for action in ("off", "on", "reboot"):
        done = fence(installed, action=action, plug="node1", socket=str(switch.path))
        assert (done.returncode, done.stderr) == (0, "")
    assert switch.power["node1"] == "on"
    assert [line for line in switch.asked if not line.startswith("status")] == [
        "off node1",
        "on node1",
        "off node1",
        "on node1",
    ]


@pytest.mark.parametrize(("node", "code"), [("node1", 0), ("node2", 2), ("node3", 1)])
def test_status_is_0_on_2_off_1_doubt(
    installed: Path, switch: Switch, node: str, code: int
) -> None:
    done = fence(installed, action="status", plug=node, socket=str(switch.path))
    assert done.returncode == code


def test_list_and_monitor(installed: Path, switch: Switch) -> None:
    listed = fence(installed, "-o", "list", "--socket", str(switch.path))
    assert listed.stdout == "node1,\nnode2,\n"
    assert fence(installed, "-o", "monitor", "--socket", str(switch.path)).returncode == 0


def test_a_switch_that_says_ok_and_does_nothing_is_a_failure(
    installed: Path, switch: Switch
) -> None:
    switch.answer = lambda question: "ok on\n" if question.startswith("status") else "ok off\n"
    options = {"plug": "node1", "socket": str(switch.path), "power_timeout": "2"}
    done = fence(installed, action="off", **options)
    assert done.returncode == 1
    assert done.stderr == "fence_lab: node1: told to go off, but its power is on\n"


@pytest.mark.parametrize("garbage", ["", "yes", "ok", "ok maybe", "error", "\0\xff", "ok off on"])
def test_garbage_is_never_off(installed: Path, switch: Switch, garbage: str) -> None:
    switch.answer = lambda _question: garbage
    options = {"plug": "node1", "socket": str(switch.path), "power_timeout": "2"}
    assert fence(installed, action="status", **options).returncode == 1
    assert fence(installed, action="off", **options).returncode == 1


def test_a_switch_that_hangs_is_given_up_in_time(installed: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "silent.sock"))
        silent.listen(8)
        options = {"plug": "node1", "socket": str(tmp_path / "silent.sock"), "power_timeout": "2"}
        done = fence(installed, action="off", **options)
    assert done.returncode == 1
    assert "no answer in time" in done.stderr


def test_no_switch_is_one_sentence(installed: Path, tmp_path: Path) -> None:
    done = fence(installed, action="monitor", socket=str(tmp_path / "none"))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "nobody listens" in done.stderr


@pytest.mark.parametrize("plug", ["node1 node2", "node1;reboot", "*", "node1,node2", "NODE1"])
def test_only_exactly_one_known_node_is_touched(installed: Path, switch: Switch, plug: str) -> None:
    before = dict(switch.power)
    done = fence(installed, action="off", plug=plug, socket=str(switch.path), power_timeout="2")
    assert done.returncode == 1
    assert switch.power == before


@pytest.mark.parametrize("words", [("-o", "metadata"), ("-o", "status", "-n", "node1")])
def test_starting_it_is_cheap(
    installed: Path, switch: Switch, tmp_path: Path, words: tuple[str, ...]
) -> None:
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    done = subprocess.run(
        [
            *("valgrind", "--tool=callgrind", f"--callgrind-out-file={tmp_path}/out"),
            *("/usr/bin/python3", "-IS", str(installed), *words, "--socket", str(switch.path)),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    collected = re.search(r"Collected : (\d+)", done.stderr)
    assert collected is not None, done.stderr
    assert int(collected[1]) <= INSTRUCTIONS


def test_it_is_called_by_pacemaker_with_more_than_it_knows(installed: Path, switch: Switch) -> None:
    lines = (
        "action=reboot\nCRM_meta_op_no_wait=true\ncrm_feature_set=3.16.1\n"
        f"nodename=node1\nplug=node1\nsocket={switch.path}\n"
    )
    assert fence(installed, stdin=lines).returncode == 0
    assert switch.power["node1"] == "on"


@pytest.mark.parametrize("stream", ["<&-", ">&-", "2>&-", ">&- 2>&-", "> /dev/full", "| :"])
def test_the_answer_does_not_depend_on_who_listens(
    installed: Path, switch: Switch, stream: str
) -> None:
    """A proven off is an off, and a failure a failure, whatever became of the words."""
    options = f"--socket {switch.path} --plug node1"
    for action, code in (("off", 0), ("status", 2), ("on", 0), ("status", 0), ("explode", 1)):
        script = f"set -o pipefail; {installed} {options} --action {action} {stream}"
        if stream == "<&-" and action == "explode":
            continue
        done = subprocess.run(["bash", "-c", script], capture_output=True, check=False)
        assert done.returncode == code, (action, done.stderr)


def test_input_that_is_too_long_is_refused_whole(installed: Path, switch: Switch) -> None:
    """Cut off at the limit, the last line would name another node."""
    lines = "action=off\nsocket=" + str(switch.path) + "\nfiller="
    lines += "x" * (65536 - len(lines) - len("\nplug=node1")) + "\nplug=node10\n"
    done = subprocess.run([installed], input=lines, capture_output=True, text=True, check=False)
    assert (done.returncode, switch.asked) == (1, [])
    assert "longer than 65536 bytes: nothing was done" in done.stderr


def test_an_answer_that_trickles_is_given_up_in_time(installed: Path, tmp_path: Path) -> None:
    """The deadline is for all of it, not for each byte."""

    def trickle(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    for letter in b"ok" + b" " * 600:
                        connection.sendall(bytes((letter,)))
                        time.sleep(0.05)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "slow.sock"))
        listener.listen(8)
        threading.Thread(target=trickle, args=(listener,), daemon=True).start()
        options = {"plug": "node1", "socket": str(tmp_path / "slow.sock"), "power_timeout": "2"}
        began = time.monotonic()
        done = fence(installed, action="off", **options)
        assert time.monotonic() - began < 15, "it would take 30 s"
    assert done.returncode == 1
    assert "no answer in time" in done.stderr
