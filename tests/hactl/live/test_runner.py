"""Commands run in a clean environment, come to an end, and leave nothing running."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from hactl.live.runner import CommandMissing, Runner, SaysTooMuch, TimedOut
from hactl.live.scratch import scratch


def test_output_and_exit_code_come_back() -> None:
    done = Runner().run(["/bin/sh", "-c", "cat; echo no >&2; exit 3"], stdin=b"hello")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"hello", b"no\n")


def test_the_environment_is_clean() -> None:
    done = Runner().with_env(CIB_file="/x").run(["env"])
    names = {line.partition("=")[0] for line in done.stdout.decode().splitlines()}
    assert names <= {"HOME", "PATH", "LC_ALL", "CIB_file", "PCMK_schema_directory"}
    assert b"LC_ALL=C\n" in done.stdout


def test_a_missing_command_is_named() -> None:
    with pytest.raises(CommandMissing, match="no-such-tool: command not found; install"):
        Runner().run(["no-such-tool"])


def test_a_command_that_hangs_is_killed_with_all_it_started(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {pid_file}; wait"
    with pytest.raises(TimedOut, match=r"/bin/sh gave no answer within 0.5 s"):
        Runner().run(["/bin/sh", "-c", script], timeout=0.5)
    child = int(pid_file.read_text())
    for _ in range(100):
        if not Path(f"/proc/{child}").exists() or zombie(child):
            return
        time.sleep(0.02)
    raise AssertionError(f"{child} still runs")


def zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_scratch_directory_is_private_and_goes() -> None:
    with scratch() as directory:
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        (directory / "shadow.1").write_text("a whole CIB")
    assert not directory.exists()


def test_a_scratch_directory_goes_when_we_are_terminated() -> None:
    made = []
    with pytest.raises(SystemExit), scratch() as directory:
        made.append(directory)
        os.kill(os.getpid(), 15)
        time.sleep(1)
    assert not made[0].exists()


def test_a_command_that_does_not_stop_talking_is_killed() -> None:
    with pytest.raises(SaysTooMuch, match="yes said more than 1 MiB"):
        Runner(most=1 << 20).run(["yes"], timeout=30)
    with pytest.raises(SaysTooMuch):
        Runner(most=1 << 20).run(["/bin/sh", "-c", "exec yes >&2"], timeout=30)


@pytest.mark.parametrize("length", [0, 1, 100_000, 3_000_000])
def test_what_is_said_both_ways_arrives_whole(length: int) -> None:
    told = b"x" * length
    done = Runner().run(["/bin/sh", "-c", "tee /dev/stderr"], stdin=told)
    assert (done.stdout, done.stderr) == (told, told)


def test_a_command_that_does_not_listen_is_no_fault() -> None:
    done = Runner().run(["/bin/sh", "-c", "exec <&-; echo said"], stdin=b"x" * 3_000_000)
    assert (done.returncode, done.stdout) == (0, b"said\n")
