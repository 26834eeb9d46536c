"""fence_libvirt over TLS, against a real libvirtd: who cannot prove who they are gets no "off"."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fencing.calls import Answer, fence
from tests.fencing.certificates import Authority
from tests.fencing.libvirt_guests import boot
from tests.support.libvirt_host import LibvirtHost, lacking_libvirt
from tests.support.private_node import lacking

pytestmark = [
    pytest.mark.backend,
    pytest.mark.extended,
    *(pytest.mark.skipif(True, reason=why) for why in (*lacking_libvirt(), *lacking("openssl"))),
]

TLS = """
listen_tls = 1
listen_tcp = 0
tls_no_sanity_certificate = 1
ca_file = "{pki}/cacert.pem"
cert_file = "{pki}/servercert.pem"
key_file = "{pki}/serverkey.pem"
"""
NAMES = "IP:127.0.0.1,IP:::1,DNS:host1"


class TlsHost(LibvirtHost):
    """A host whose libvirtd is reached by TLS alone; ``pki`` holds what is needed for it."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.pki = directory / "pki"

    def lay_out(self) -> None:
        super().lay_out()
        ours, theirs = Authority(self.pki / "ours"), Authority(self.pki / "theirs")
        ours.vouch(self.pki / "server", "server", NAMES)
        ours.vouch(self.pki / "expired-server", "server", NAMES, days=-1)
        ours.vouch(self.pki / "good", "client")
        ours.vouch(self.pki / "expired", "client", days=-1)
        theirs.vouch(self.pki / "stranger", "client")
        shutil.copy(self.pki / "ours/cacert.pem", self.pki / "stranger/cacert.pem")
        theirs.vouch(self.pki / "other-authority", "client")
        (self.pki / "empty").mkdir()
        conf = self.dir / "etc/libvirtd.conf"
        kept = [line for line in conf.read_text().splitlines() if not line.startswith("listen_")]
        conf.write_text("\n".join(kept) + TLS.format(pki=self.pki / "server"))

    def present(self, folder: str) -> None:
        """Restart libvirtd with another certificate."""
        conf = self.dir / "etc/libvirtd.conf"
        head = conf.read_text().partition("listen_tls")[0]
        conf.write_text(head + TLS.format(pki=self.pki / folder))
        self.signal_libvirtd(signal.SIGKILL)
        self.start_libvirtd()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsHost]:
    host = TlsHost(tmp_path_factory.mktemp("tls"))
    try:
        host.up()
        yield host
    finally:
        host.down()


@pytest.fixture
def host(running: TlsHost) -> Iterator[TlsHost]:
    boot(running, "vm1")
    yield running
    running.virsh("destroy", "vm1", check=False)
    running.virsh("undefine", "vm1", check=False)


def ask(host: TlsHost, action: str, certificates: str = "good", where: str = "127.0.0.1") -> Answer:
    uri = f"qemu+tls://{where}/system?pkipath={host.pki / certificates}"
    return fence(host, "fence_libvirt", action=action, plug="vm1", uri=uri, power_timeout="20")


@pytest.mark.parametrize("where", ["127.0.0.1", "[::1]"])
def test_with_a_certificate_a_guest_is_turned_off_and_on(host: TlsHost, where: str) -> None:
    assert ask(host, "monitor", where=where).code == 0
    pid = host.guest_pid("vm1")
    done = ask(host, "off", where=where)
    assert done.code == 0, done.complaint
    assert not host.alive(pid)
    assert ask(host, "on", where=where).code == 0
    assert host.guest_pid("vm1")


@pytest.mark.parametrize(
    ("certificates", "where", "said"),
    [
        ("empty", "127.0.0.1", "cacert.pem"),
        ("nowhere", "127.0.0.1", "cacert.pem"),
        ("expired", "127.0.0.1", "expired"),
        ("stranger", "127.0.0.1", ""),
        ("other-authority", "127.0.0.1", ""),
        ("good", "localhost", "hostname"),
        ("good", "127.0.0.1:1", "refused"),
        ("good", "nowhere.invalid", "nowhere.invalid"),
    ],
)
def test_without_proof_of_who_is_who_there_is_one_sentence_and_no_off(
    host: TlsHost, certificates: str, where: str, said: str
) -> None:
    for action in ("off", "status", "monitor"):
        answer = ask(host, action, certificates, where)
        assert (answer.code, answer.complaint.count("\n")) == (1, 1), answer.complaint
        assert said in answer.complaint
        assert answer.seconds < 0.7 * 20
    assert host.guest_pid("vm1")


def test_a_host_whose_certificate_has_expired_is_not_believed(host: TlsHost) -> None:
    host.present("expired-server")
    try:
        answer = ask(host, "off")
        assert (answer.code, answer.complaint.count("\n")) == (1, 1)
        assert "expired" in answer.complaint
        assert host.guest_pid("vm1")
    finally:
        host.present("server")
    assert ask(host, "off").code == 0
