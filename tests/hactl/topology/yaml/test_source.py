"""What is read from the file system, and what is refused there."""

import os
import threading
from pathlib import Path

import pytest

from hactl.errors import Severity, TopologyError
from hactl.topology.yaml import source

WORLD_WRITABLE = os.stat_result((0o100666, 1, 1, 1, 0, 0, 10, 0, 0, 0))


def refusal(path: Path) -> str:
    with pytest.raises(TopologyError) as caught:
        source.read_text(str(path))
    return str(caught.value).replace(str(path), "FILE")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    said = refusal(tmp_path / "none.yaml")
    assert said == "FILE: cannot be read: no such file or directory; check the name"


def test_a_directory(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "FILE: is a directory; name the file in it"


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    assert refusal(fifo) == "FILE: is not a regular file; write the topology to a file, or use -"


def test_a_device_is_no_topology() -> None:
    assert refusal(Path("/dev/zero")) == (
        "FILE: is not a regular file; write the topology to a file, or use -"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.touch(mode=0o000)
    assert refusal(secret) == "FILE: cannot be read: permission denied; check the name"


def test_a_file_that_is_larger_than_any_topology(tmp_path: Path) -> None:
    huge = tmp_path / "huge.yaml"
    with huge.open("wb") as file:
        file.truncate(1 << 40)
    assert refusal(huge) == "FILE: is larger than 8 MiB; split the cluster"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("a: 1".encode("utf-16"), "FILE: is UTF-16 text; save it as UTF-8"),
        (b"\x7fELF\x02\x00", "FILE:1: is a binary file: it contains NUL; name a YAML file"),
        (b"a: 1\nb: \xff\n", "FILE:2: is not UTF-8 text (byte 0xff); save it as UTF-8"),
    ],
)
def test_what_is_not_utf_8_text(tmp_path: Path, data: bytes, message: str) -> None:
    file = tmp_path / "t.yaml"
    file.write_bytes(data)
    assert refusal(file) == message


def test_a_byte_order_mark_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert source.read_text(str(file)) == ("a: 1\n", [])


def test_root_refuses_a_file_that_everybody_may_write() -> None:
    with pytest.raises(TopologyError) as caught:
        source.distrust("t.yaml", WORLD_WRITABLE, euid=0)
    assert str(caught.value) == ("t.yaml: everybody on this machine may write it; chmod o-w t.yaml")


def test_others_are_warned_of_a_file_that_everybody_may_write() -> None:
    (warning,) = source.distrust("t.yaml", WORLD_WRITABLE, euid=1000)
    assert warning.severity is Severity.WARNING


def test_a_file_of_the_owner_alone_is_trusted(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.touch(mode=0o644)
    assert source.distrust("t.yaml", file.stat(), euid=0) == []


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("a: 1\n")
    (tmp_path / "t.yaml").symlink_to("real.yaml")
    assert source.read_text(str(tmp_path / "t.yaml")) == ("a: 1\n", [])


def test_a_file_that_changes_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text("a: 1\n")
    before = file.stat()
    file.write_text("a: 1\nb: 2\n")
    assert source.changed(before, file.stat())
    assert not source.changed(before, before)


def test_replacing_the_file_never_shows_half_of_it(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    texts = {f"{letter}: {letter * 200_000}\n" for letter in "ab"}
    stop = threading.Event()

    def replace() -> None:
        while not stop.is_set():
            for text in texts:
                (tmp_path / "new").write_text(text)
                (tmp_path / "new").replace(file)

    file.write_text(next(iter(texts)))
    writer = threading.Thread(target=replace)
    writer.start()
    try:
        assert all(source.read_text(str(file))[0] in texts for _ in range(200))
    finally:
        stop.set()
        writer.join()
