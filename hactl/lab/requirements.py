"""Whether this machine and this user can have a lab: asked before anything is started."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from hactl.errors import HactlError, UsageError
from hactl.lab.lab_spec import LabSpec
from hactl.lab.node import PATH

# program -> Debian and Ubuntu package
ALWAYS = {
    "corosync": "corosync",
    "pacemakerd": "pacemaker",
    "crm_mon": "pacemaker-cli-utils",
    "cibadmin": "pacemaker-cli-utils",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
}
ROOTLESS = {"newuidmap": "uidmap", "newgidmap": "uidmap"}
SERVICES = {
    "libvirt": {
        "libvirtd": "libvirt-daemon",
        "virtlogd": "libvirt-daemon",
        "virsh": "libvirt-clients",
        "qemu-system-x86_64": "qemu-system-x86",
    },
    "lxc": {"lxc-start": "lxc"},
    "ovs": {"ovs-vswitchd": "openvswitch-switch", "ovsdb-server": "openvswitch-switch"},
}


def which(program: str) -> bool:
    return shutil.which(program, path=PATH) is not None


def check(spec: LabSpec, uid: int, installed: Callable[[str], bool] = which) -> None:
    """Raise UsageError or HactlError with one sentence on what is missing, and how to get it."""
    if uid != 0 and not spec.rootless:
        raise HactlError("a lab needs root", "sudo hactl lab up, or hactl lab up --rootless")
    if uid == 0 and spec.rootless:
        raise UsageError("--rootless is for ordinary users", "leave it out")
    if spec.rootless and "lxc" in spec.services:
        raise UsageError("containers need control groups, which a rootless lab does not have")
    missing = [program for program in needed(spec) if not installed(program)]
    if missing:
        packages = sorted({needed(spec)[program] for program in missing})
        raise HactlError(
            f"a lab needs {', '.join(missing)}, not installed here",
            f"apt install {' '.join(packages)}",
        )


def needed(spec: LabSpec) -> dict[str, str]:
    """Program -> package that has it."""
    programs = dict(ALWAYS)
    if spec.rootless:
        programs |= ROOTLESS
    for service in spec.services:
        programs |= SERVICES[service]
    return programs
