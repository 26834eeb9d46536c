"""Certificates for tests, by openssl: an authority, and who it vouches for."""

from __future__ import annotations

import subprocess
from pathlib import Path


class Authority:
    """Signs; its own certificate is ``cacert.pem`` in every folder it fills."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.key, self.certificate = folder / "cakey.pem", folder / "cacert.pem"
        openssl(
            "req", "-x509", *KEY, "-keyout", self.key, "-out", self.certificate,
            "-subj", "/CN=authority", "-days", "3",
        )  # fmt: skip

    def vouch(self, folder: Path, who: str, names: str = "", days: int = 2) -> Path:
        """Fill ``folder`` as libvirt wants it: cacert.pem, WHOcert.pem, WHOkey.pem.

        ``names`` as in ``IP:127.0.0.1,DNS:host1``; ``days`` below zero: it has ended already.
        """
        folder.mkdir(parents=True, exist_ok=True)
        request, more = folder / "request.pem", folder / "extensions"
        key, certificate = folder / f"{who}key.pem", folder / f"{who}cert.pem"
        openssl("req", "-new", *KEY, "-keyout", key, "-out", request, "-subj", f"/CN={who}")
        usage = "serverAuth" if who == "server" else "clientAuth"
        alternative = f"subjectAltName={names}\n" if names else ""
        more.write_text(f"extendedKeyUsage={usage}\n{alternative}")
        openssl(
            "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
            "-CAcreateserial", "-extfile", more, "-days", str(days), "-out", certificate,
        )  # fmt: skip
        (folder / "cacert.pem").write_bytes(self.certificate.read_bytes())
        return folder


KEY = ("-newkey", "rsa:2048", "-nodes")


def openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
