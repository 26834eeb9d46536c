"""How pacemaker-fenced calls an installed fence agent, for tests with real devices."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.private_node import PrivateNode


@dataclass(frozen=True)
class Answer:
    """What a call left behind; ``seconds`` is how long it took."""

    code: int
    output: str
    complaint: str
    seconds: float


def fence(node: PrivateNode, program: str, wrapper: tuple[str, ...] = (), **options: str) -> Answer:
    """One call in ``node``, with what Pacemaker always says beside the options."""
    said = {"nodename": options.get("plug", ""), "crm_feature_set": "3.16.2", **options}
    lines = "".join(f"{key}={value}\n" for key, value in said.items())
    path = str(node.dir / "usr/sbin" / program)
    started = time.monotonic()
    done = node.run(
        *wrapper, "sh", "-c", 'printf %s "$1" | "$2"', "fence", lines, path, check=False
    )
    return Answer(done.returncode, done.stdout, done.stderr, time.monotonic() - started)


def instructions(
    node: PrivateNode, program: str, *words: str, wrapper: tuple[str, ...] = ()
) -> int:
    """What a call costs, in instructions of the processor, by callgrind."""
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    path: Path = node.dir / "usr/sbin" / program
    with_callgrind = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
    done: subprocess.CompletedProcess[str] = node.run(
        *wrapper, *with_callgrind, "/usr/bin/python3", "-IS", str(path), *words,
        check=False, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    collected = re.search(r"Collected : (\d+)", done.stderr)
    assert collected is not None, done.stderr
    return int(collected[1])
