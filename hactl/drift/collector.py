"""Runs on a node by `python3 -` and prints what it is, as JSON: reads only, imports Python's own.

Sent as text, so it needs nothing of hactl there; no older Python than 3.6. An alarm ends it where
something hangs: what has been found by then is printed, and `unfinished` says where it hung.
"""

import contextlib
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SOURCES = {
    "qemu": ["qemu-system-x86_64", "--version"],
    "libvirt": ["libvirtd", "--version"],
    "pacemaker": ["pacemakerd", "--version"],
}
AGENTS = ("/usr/lib/hactl/hactl_agents", "/usr/lib/hactl/hactl_fencing")
MOST = 16 << 20
FIRMWARE = re.compile(r"<(?:loader|nvram)\b[^>]*>([^<]+)<")


def digest(path: str) -> str:
    """Twelve hex digits of a file, 'missing', or why it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.sha256(file.read(MOST)).hexdigest()[:12]
    except FileNotFoundError:
        return "missing"
    except OSError as problem:
        return (problem.strerror or "unreadable").lower()


def tree(paths: "tuple[str, ...]") -> str:
    """One digest for all Python files below, by name and content; 'missing' without any."""
    whole = hashlib.sha256()
    files = sorted(str(file) for top in paths for file in Path(top).rglob("*.py"))
    for file in files:
        whole.update((file + digest(file)).encode())
    return whole.hexdigest()[:12] if files else "missing"


def firmware(path: str) -> "dict[str, str]":
    """The firmware files that a domain names, each with its digest."""
    try:
        with Path(path).open(errors="replace") as file:
            return {name: digest(name) for name in FIRMWARE.findall(file.read(MOST))}
    except OSError:
        return {}


def version(argv: "list[str]") -> str:
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=5)
        lines = done.stdout.decode(errors="replace").splitlines()
        return lines[0].strip() if lines else ""
    except (OSError, subprocess.SubprocessError):
        return "missing"


def cpu() -> "dict[str, str]":
    """Model of the first processor, and a digest of its features."""
    found: dict[str, str] = {}
    with Path("/proc/cpuinfo").open() as file:
        for line in file:
            key, _, value = line.partition(":")
            found.setdefault(key.strip(), value.strip())
    flags = " ".join(sorted(found.get("flags", "").split()))
    return {
        "model": found.get("model name", ""),
        "features": hashlib.sha256(flags.encode()).hexdigest()[:12],
    }


def memory() -> "dict[str, int]":
    """Memory in MiB, whole and available."""
    with Path("/proc/meminfo").open() as file:
        found = {line.split(":")[0]: int(line.split()[1]) // 1024 for line in file if "kB" in line}
    return {"total": found.get("MemTotal", 0), "available": found.get("MemAvailable", 0)}


def bridge(name: str) -> "list[str] | None":
    """The ports of a bridge; None where there is no such bridge."""
    folder = Path("/sys/class/net") / name / "brif"
    return sorted(port.name for port in folder.iterdir()) if folder.is_dir() else None


def mounts(paths: "list[str]") -> "dict[str, bool]":
    with Path("/proc/self/mounts").open() as file:
        there = {line.split()[1].replace("\\040", " ") for line in file}
    return {path: path in there for path in paths}


def collect(wanted: "dict[str, Any]", found: "dict[str, Any]") -> None:
    found["versions"] = {"kernel": os.uname().release}
    found["clock"] = time.time()
    found["cpu"] = cpu()
    found["memory"] = memory()
    found["bridges"] = {name: bridge(name) for name in wanted["bridges"]}
    found["mounts"] = mounts(wanted["mounts"])
    found["versions"].update({name: version(argv) for name, argv in SOURCES.items()})
    found["agents"] = tree(AGENTS)
    for name in ("corosync.conf", "authkey"):
        found["files"]["/etc/corosync/" + name] = digest("/etc/corosync/" + name)
    found["files"]["/etc/pacemaker/authkey"] = digest("/etc/pacemaker/authkey")
    for path in wanted["files"]:
        found["unfinished"] = path
        found["files"][path] = digest(path)
        found["files"].update(firmware(path))
    found["unfinished"] = ""


def ring(*_: object) -> None:
    raise TimeoutError()


def main(text: str) -> None:
    wanted = json.loads(text)
    found: dict[str, Any] = {"files": {}, "unfinished": "the node itself"}
    signal.signal(signal.SIGALRM, ring)
    signal.alarm(int(wanted["seconds"]))
    with contextlib.suppress(TimeoutError):
        collect(wanted, found)
    signal.alarm(0)
    json.dump(found, sys.stdout)
