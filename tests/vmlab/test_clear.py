"""The files of a VM lab that has ended are removed, whoever is still at them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hactl.errors import ClusterError
from hactl_vmlab import lab

MAKE_FILES = """
import itertools, pathlib, sys
for number in itertools.count():
    try:
        pathlib.Path(sys.argv[1], f"disk{number}").touch()
    except FileNotFoundError:
        break
    if not number:
        print("begun", flush=True)
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


@pytest.fixture
def maker(run: Path) -> Iterator[subprocess.Popen[str]]:
    """Something that keeps making files in the folder until that is gone."""
    argv = [sys.executable, "-c", MAKE_FILES, str(run)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_whoever_still_makes_files_there_does_not_keep_the_folder(
    run: Path, maker: subprocess.Popen[str]
) -> None:
    lab.clear(run)
    assert maker.wait(10) == 0
    assert list(run.parent.iterdir()) == []


def test_what_an_interrupted_removal_left_goes_with_the_next(run: Path) -> None:
    going = run.with_name("run.going")
    going.mkdir()
    (going / "disk").touch()
    lab.clear(run)
    assert list(run.parent.iterdir()) == []


def test_where_there_is_nothing_nothing_happens(run: Path) -> None:
    run.rmdir()
    lab.clear(run)


def test_what_cannot_be_removed_is_named(run: Path) -> None:
    run.with_name("run.going").write_text("not a folder\n")
    with pytest.raises(ClusterError, match=r"cannot remove .*run\.going"):
        lab.clear(run)
