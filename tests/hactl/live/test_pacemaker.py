"""What Pacemaker's tools refuse becomes a sentence, and files that are not CIB are told apart."""

from __future__ import annotations

import bz2
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from hactl.errors import ClusterError, ConcurrentEdit
from hactl.live import cibfile
from hactl.live.pacemaker import NotConnected, Pacemaker
from hactl.live.runner import Result, Runner, TimedOut
from tests.hactl.cibs import cib, text


@dataclass(frozen=True)
class Says(Runner):
    """Ends every command with one exit code and one line."""

    returncode: int = 0
    said: str = ""

    def run(self, argv: Sequence[str], stdin: bytes = b"", timeout: float = 30.0) -> Result:  # noqa: ARG002
        return Result(self.returncode, b"", self.said.encode())


@dataclass(frozen=True)
class Hangs(Runner):
    def run(self, argv: Sequence[str], stdin: bytes = b"", timeout: float = 30.0) -> Result:  # noqa: ARG002
        raise TimedOut(f"{argv[0]} gave no answer within {timeout:g} s")


@pytest.mark.parametrize(
    ("returncode", "error", "sentence"),
    [
        (102, NotConnected, "no Pacemaker answers on this machine .*run hactl on a node"),
        (105, NotConnected, "no Pacemaker answers"),
        (103, ConcurrentEdit, "somebody else changed the configuration"),
        (4, ClusterError, "permission denied .*run hactl as root"),
        (106, ClusterError, "no quorum"),
        (124, NotConnected, "no answer from Pacemaker in time"),
        (78, ClusterError, "cibadmin --query failed with 78: bad schema"),
    ],
)
def test_an_exit_code_becomes_a_sentence(
    returncode: int, error: type[ClusterError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        Pacemaker(Says(returncode=returncode, said="noise\nerror: bad schema")).cib()


NOTHING_READ = """<pacemaker-result><status code="0" message="OK"><errors>
<error>Could not connect to the CIB: Update does not conform</error></errors></status>
</pacemaker-result>"""


@dataclass(frozen=True)
class Answers(Runner):
    """Exits with 0, and says what it is given."""

    said: str = ""

    def run(self, argv: Sequence[str], stdin: bytes = b"", timeout: float = 30.0) -> Result:  # noqa: ARG002
        return Result(0, self.said.encode(), b"")


def test_an_answer_of_nothing_but_errors_is_an_error_whatever_the_exit_code() -> None:
    """crm_mon exits with 0 where it could not read a CIB."""
    with pytest.raises(ClusterError, match=r"crm_mon cannot read .*Update does not conform"):
        Pacemaker(Answers(said=NOTHING_READ)).monitor()
    beside = NOTHING_READ.replace("<status", "<summary/><status", 1)
    assert Pacemaker(Answers(said=beside)).monitor().find("summary") is not None


def test_a_hung_daemon_is_told_from_a_missing_one() -> None:
    with pytest.raises(
        NotConnected, match="no answer within 30 s: Pacemaker on this machine hangs"
    ):
        Pacemaker(Hangs()).cib()


def test_a_cib_is_read_from_a_file_and_from_a_compressed_one(tmp_path: Path) -> None:
    plain, packed = tmp_path / "cib.xml", tmp_path / "pe-input-1.bz2"
    plain.write_text(text(cib()))
    packed.write_bytes(bz2.compress(text(cib()).encode()))
    assert cibfile.read(plain).get("epoch") == cibfile.read(packed).get("epoch") == "10"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "no CIB: the file is empty"),
        (b"<cib>", ":1: no CIB"),
        (b"\x00\x01", "no CIB"),
        (b"<configuration/>", "begins with <configuration>; a CIB comes from"),
        (b"<cib><status/></cib>", "no CIB"),
    ],
)
def test_a_file_that_is_no_cib_is_refused(content: bytes, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "x.xml"
    file.write_bytes(content)
    with pytest.raises(ClusterError, match=sentence):
        cibfile.read(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="Nothing: no such file"):
        cibfile.read(tmp_path / "Nothing")


def test_entities_reach_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    file = tmp_path / "x.xml"
    file.write_text(
        f'<!DOCTYPE cib [<!ENTITY x SYSTEM "file://{secret}">]>'
        "<cib><configuration>&x;</configuration></cib>"
    )
    assert "hunter2" not in text(cibfile.read(file))
