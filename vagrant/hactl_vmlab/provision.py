"""Makes a cluster of machines that answer by ssh. How they boot is not its business."""

from __future__ import annotations

import base64
import io
import os
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from hactl import corosync, intent
from hactl.errors import ClusterError
from hactl.lab import ready
from hactl_vmlab import places
from hactl_vmlab.command import run
from hactl_vmlab.definition import Definition, Node
from hactl_vmlab.network import hosts_file
from hactl_vmlab.reach import Site
from hactl_vmlab.shell import on_all, wait_until
from hactl_vmlab.topology import topology as topology_of

Say = Callable[[str], None]
# Ends a fencer that runs without the CIB, so that Pacemaker starts another.
FENCER_SEES = r"""
pid=$(pidof pacemaker-fenced) || exit 1
log=/var/log/pacemaker/pacemaker.log
if grep -aq "\[$pid\].*Could not connect to the CIB manager" $log; then kill -9 $pid; exit 1; fi
stonith_admin --list-registered >/dev/null 2>&1
"""
KEY_BYTES = 256
FOLDER = "/root/provision"
FILE = "/etc/hactl.yaml"  # the topology, in every node


def wait_for_ssh(site: Site, say: Say, still_on: Callable[[str], None] = lambda _: None) -> None:
    """``still_on`` is asked of each node as long as it does not answer, and may raise.

    Raises ClusterError naming the first node that does not answer.
    """
    within = site.timing.boots_within / 1000

    def wait(node: Node) -> None:
        def answers() -> bool:
            still_on(node.name)
            return site.shell.answers(node.name)

        took = wait_until(answers, within, f"{node.name} has booted")
        say(f"{node.name} answers after {took:.0f} s")

    on_all(site.lab.nodes, wait)


def provision(site: Site, say: Say, *, again: bool = False) -> None:
    """Install, form the cluster, apply the topology. Raises HactlError.

    ``again`` where it runs already: two keys in one cluster, if only for a while, and nodes that
    do not hear each other are fenced.
    """
    key = key_of(site) if again else os.urandom(KEY_BYTES)
    parcel = packed(parcel_for(site.lab, site.accelerator, key))

    def install(node: Node) -> None:
        unpack = f"rm -rf {FOLDER} && mkdir -p {FOLDER} && tar -C {FOLDER} -x --no-same-owner"
        within = site.timing.boots_within / 1000
        site.shell.check(node.name, unpack, stdin=parcel, timeout=within)
        site.shell.check(node.name, f"cd {FOLDER} && ./node && rm -rf {FOLDER}", timeout=within)
        say(f"{node.name} is installed")

    on_all(site.lab.nodes, install)
    took = wait_formed(site)
    say(f"quorum with all nodes {took:.0f} s later")
    apply(site, site.names[0])
    say("the topology is applied")
    start_ceph(site, say)


def key_of(site: Site) -> bytes:
    """Corosync's key in a running cluster; a new one where none was formed yet."""
    said = site.shell.check(site.names[0], "base64 -w0 /etc/corosync/authkey 2>/dev/null || :")
    return base64.b64decode(said) or os.urandom(KEY_BYTES)


def start_ceph(site: Site, say: Say) -> None:
    """Start the Ceph of the lab where it does not run, and let every node use it.

    Raises ClusterError.
    """
    home = site.lab.ceph
    if home is None:
        return
    began = time.monotonic()
    script = (places.VAGRANT / "provision" / "ceph").read_bytes()
    address = site.lab.address_for_storage(home)
    within = site.timing.forms_within / 1000
    site.shell.check(home.name, f"sh -s {address}", stdin=script, timeout=within)
    files = site.shell.check(home.name, "tar -C /etc/ceph -c . | base64").encode()
    unpack = "mkdir -p /etc/ceph && base64 -d | tar -C /etc/ceph -x"

    def install(node: Node) -> None:
        site.shell.check(node.name, unpack, stdin=files)

    on_all(site.lab.nodes, install)
    say(f"Ceph serves from {home.name} after {time.monotonic() - began:.0f} s")


def parcel_for(lab: Definition, accelerator: str, key: bytes) -> dict[str, bytes]:
    """The files a node is made of, by name. ``key`` is Corosync's."""
    text = topology_of(lab, accelerator)
    switch = f"{lab.management.address(0)}:{lab.power_port}".encode()
    folder = places.VAGRANT / "provision"
    service = (folder / "lab-power.service").read_bytes().replace(b"@SWITCH@", switch)
    with tempfile.TemporaryDirectory() as scratch:
        wheel = make_wheel(Path(scratch))
        return {
            wheel.name: wheel.read_bytes(),
            "node": (folder / "node").read_bytes(),
            "lab-power.socket": (folder / "lab-power.socket").read_bytes(),
            "lab-power.service": service,
            "topology.yaml": text.encode(),
            "corosync.conf": corosync_conf(Path(scratch), text).encode(),
            "authkey": key,
            "hosts": hosts_file(lab).encode(),
        }


def write_parcel(lab: Definition, accelerator: str, folder: Path) -> None:
    """The parcel as files; a key that is there stays, since nodes may have it already."""
    key = folder / "authkey"
    held = key.read_bytes() if key.exists() else os.urandom(KEY_BYTES)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in folder.glob("hactl-*.whl"):
        old.unlink()
    for name, data in parcel_for(lab, accelerator, held).items():
        path = folder / name
        path.unlink(missing_ok=True)
        path.touch(mode_of(name))
        path.write_bytes(data)


def mode_of(name: str) -> int:
    """What runs is executable, and no more than root needs to see it."""
    return 0o700 if name == "node" else 0o600


def make_wheel(folder: Path) -> Path:
    """The project as a user would install it."""
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    run([*pip, "wheel", "--no-deps", "-w", str(folder), str(places.PROJECT)])
    return next(folder.glob("hactl-*.whl"))


def corosync_conf(scratch: Path, text: str) -> str:
    """What `hactl render --corosync` writes. Raises TopologyError."""
    path = scratch / "topology.yaml"
    path.write_text(text)
    cluster, _ = intent.read(str(path))
    return corosync.render(cluster)


def packed(files: Mapping[str, bytes]) -> bytes:
    """A tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            entry.mode = mode_of(name)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def formation(site: Site, node: str) -> ready.Formation:
    """The cluster as one node sees it; nothing where the node does not answer."""
    try:
        return ready.formation(site.shell.run(node, "crm_mon -1 --output-as=xml").stdout)
    except ClusterError:
        return ready.Formation()


def wait_formed(site: Site) -> float:
    """Wait until all nodes are online with quorum; the seconds it took. Raises ClusterError."""
    seen = ready.Formation()

    def formed() -> bool:
        nonlocal seen
        seen = formation(site, site.names[0])
        return seen.complete(site.names)

    def missing() -> str:
        return f"{site.names[0]} sees online {sorted(seen.online) or 'nobody'}, DC {seen.dc!r}"

    within = site.timing.forms_within / 1000
    took = wait_until(formed, within, "the cluster has formed", explain=missing)
    open_eyes(site)
    return took


def open_eyes(site: Site) -> None:
    """Wait until the fencers know their devices; start one anew that never will.

    It tries for ten seconds to reach the CIB as it starts, which under emulation may not be enough,
    and then goes on for good without it.
    """
    within = site.timing.recovers_within / 1000

    def wait(node: Node) -> None:
        def sees() -> bool:
            return site.shell.run(node.name, FENCER_SEES).returncode == 0

        wait_until(sees, within, f"the fencer of {node.name} knows its devices")

    on_all(site.lab.nodes, wait)


def apply(site: Site, node: str, file: str = FILE, *, disruptive: bool = False) -> str:
    """Apply a topology file that is in ``node``; what hactl said. Raises ClusterError."""
    allowed = " --allow-disruption" if disruptive else ""
    within = (site.timing.forms_within + site.timing.recovers_within) / 1000
    return site.shell.check(node, f"hactl apply --yes{allowed} {file}", timeout=within)
