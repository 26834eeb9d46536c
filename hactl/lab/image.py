"""What every node has on top of the host's files: configuration, our agents, and stand-ins.

Built once when the lab starts; lies under each node's own changes.
"""

from __future__ import annotations

import contextlib
import importlib.resources
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from hactl.lab import corosync_conf, disk, places, services
from hactl.lab.lab_spec import LabSpec, hosts_file

TOOLS = "usr/lib/hactl-lab"
STAND_INS = {
    "init": (f"{TOOLS}/init",),
    "service": (f"{TOOLS}/service",),
    "systemctl": ("usr/bin/systemctl",),
    "reboot": ("usr/sbin/reboot", "usr/sbin/poweroff", "usr/sbin/halt"),
}
PACKAGES = ("hactl", "hactl_agents", "hactl_fencing")
# 20 s by default, and it would be most of the time a lab needs to start
DC_DEADTIME = (
    '<cluster_property_set id="cib-bootstrap-options">'
    '<nvpair id="cib-bootstrap-options-dc-deadtime" name="dc-deadtime" value="1s"/>'
    "</cluster_property_set>"
)
EMPTY_CIB = (
    '<cib validate-with="pacemaker-3.5" epoch="1" num_updates="0" admin_epoch="0">'
    "<configuration><crm_config/><nodes/><resources/><constraints/></configuration><status/></cib>"
)


def build(spec: LabSpec) -> None:
    """Fill the image of a new lab."""
    for path in disk.roots():
        # a rootless node could not make these in folders that belong to the host's root
        (places.IMAGE / path.lstrip("/")).mkdir(parents=True, exist_ok=True)
    for source, targets in STAND_INS.items():
        text = importlib.resources.files("hactl.lab").joinpath("files", source).read_text()
        for target in targets:
            write(target, text, 0o755)
    write("etc/hosts", hosts_file(spec))
    write("usr/local/bin/hactl", hactl_launcher(), 0o755)
    install_agents()


def hactl_launcher() -> str:
    return f"""#!{sys.executable}
import sys

sys.path[:0] = {source_roots()!r}
from hactl.cli import main

main()
"""


def source_roots() -> list[str]:
    """The folders that hold our packages, so that a node runs exactly this hactl."""
    roots = []
    for package in PACKAGES:
        found = importlib.util.find_spec(package)
        if found is not None and found.submodule_search_locations:
            folder = str(Path(found.submodule_search_locations[0]).resolve().parent)
            if folder not in roots:
                roots.append(folder)
    return roots


def install_agents() -> None:
    """Our resource and fence agents, as `hactl agents install` would put them on a real node."""
    with contextlib.suppress(ImportError):
        from hactl.install.agents import install

        install(root=places.IMAGE, libdir="/usr/lib/hactl")


def write(path: str, text: str, mode: int = 0o644) -> None:
    target = places.IMAGE / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    target.chmod(mode)


def write_node_files(spec: LabSpec, node: str, keys: dict[str, bytes]) -> None:
    """Give a node that boots for the first time the files that are its own."""
    top = places.disk(node)
    own(top / "etc/corosync/corosync.conf", corosync_conf.render(spec).encode(), 0o644)
    own(top / "etc/corosync/authkey", keys["corosync"], 0o400)
    own(top / "etc/pacemaker/authkey", keys["pacemaker"], 0o640, "root:haclient")
    own(top / "var/lib/pacemaker/cib/cib.xml", first_cib(), 0o600, disk.CLUSTER)
    for path, text in services.files(node).items():
        own(top / path, text.encode(), 0o644)


def own(path: Path, data: bytes, mode: int, owner: str = "") -> None:
    path.touch(mode)
    path.write_bytes(data)
    path.chmod(mode)
    disk.give(path, owner)


def new_keys() -> dict[str, bytes]:
    return {"corosync": os.urandom(256), "pacemaker": os.urandom(256)}


def first_cib() -> bytes:
    """An empty configuration in the newest schema the installed Pacemaker has."""
    done = subprocess.run(["cibadmin", "--empty"], capture_output=True, text=True, check=False)
    empty = done.stdout if "<crm_config/>" in done.stdout else EMPTY_CIB
    return empty.replace("<crm_config/>", f"<crm_config>{DC_DEADTIME}</crm_config>").encode()
