"""A CIB in a file: what is none, or only pretends to be, is refused in bounded time and memory."""

from __future__ import annotations

import bz2
import os
from pathlib import Path

import pytest

from hactl.errors import ClusterError
from hactl.live import cibfile
from tests.hactl.cibs import cib, text

BEGIN, END = b"<cib><configuration>", b"</configuration></cib>"


def test_a_cib_is_read_from_a_file_and_from_a_compressed_one(tmp_path: Path) -> None:
    for name, data in (("a.xml", text(cib()).encode()), ("b", bz2.compress(text(cib()).encode()))):
        (tmp_path / name).write_bytes(data)
        assert cibfile.read(tmp_path / name).get("epoch") == "10"


@pytest.mark.timeout(20)
def test_what_is_not_a_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", Path("/dev/zero"), tmp_path):
        with pytest.raises(ClusterError, match=r"is not a regular file|is a directory"):
            cibfile.read(path)


@pytest.mark.parametrize(
    "inside",
    [b" " * (200 << 20), b"<a/>" * (3 << 20), b"<a" + b' b=""' * (7 << 20) + b"/>"],
    ids=["blanks", "tags", "attributes"],
)
def test_a_small_file_that_becomes_a_huge_one_is_refused(inside: bytes, tmp_path: Path) -> None:
    file = tmp_path / "cib.bz2"
    file.write_bytes(bz2.compress(BEGIN + inside + END))
    assert file.stat().st_size < 100_000
    with pytest.raises(ClusterError, match="larger than any CIB"):
        cibfile.read(file)


def test_half_a_compressed_file_is_no_cib(tmp_path: Path) -> None:
    file = tmp_path / "cib.bz2"
    file.write_bytes(bz2.compress(os.urandom(2_000_000))[:900_000])
    with pytest.raises(ClusterError):
        cibfile.read(file)
