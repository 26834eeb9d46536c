#!/usr/bin/python3 -IS
"""Called in valgrind's place by monitors.py: counts a monitor's instructions, and then times it.

``settings`` beside it is JSON: how many runs, where valgrind is, and the file to write to.
"""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

CONFIGFS, NEWNS = "/sys/kernel/config", 0x20000  # CLONE_NEWNS
COPY = (
    "mount --make-rprivate / && mkdir -p /run/copy && mount -t tmpfs none /run/copy && "
    f"(cp -a {CONFIGFS}/. /run/copy/ 2>/dev/null || :; mount --bind /run/copy {CONFIGFS})"
)


def main() -> None:
    settings = json.loads(Path(sys.argv[0]).with_name("settings").read_text())
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    if not is_monitor(words):
        os.execv(settings["valgrind"], ["valgrind", *sys.argv[1:]])
    status, said = counted(settings["valgrind"])
    parts = said.decode(errors="replace").split("Collected : ")[1:]
    given = {name: value for name, value in os.environ.items() if name.startswith("OCF_")}
    count = sum(int(part.split()[0]) for part in parts)
    if not status:
        told = {"given": given, "instructions": count, "ms": spent(words, settings["runs"])}
        with Path(settings["results"]).open("a") as file:
            file.write(json.dumps(told) + "\n")
    os.write(2, said)
    sys.exit(status)


def is_monitor(words: "list[str]") -> bool:
    return words[-1] == "monitor" or any("driver" in word for word in words)


def counted(valgrind: str) -> "tuple[int, bytes]":
    """Its exit code and all that it says."""
    out, inner = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, inner, 2)]
    pid = os.posix_spawn(valgrind, ["valgrind", *sys.argv[1:]], os.environ, file_actions=actions)
    os.close(inner)
    said = b""
    while piece := os.read(out, 65536):
        said += piece
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said


def spent(words: "list[str]", runs: int) -> "list[float]":
    """Milliseconds of CPU, user and system, of each run."""
    without_fuse()
    nowhere = [(os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_RDWR, 0) for number in (1, 2)]
    times = []
    for _ in range(runs + 3):
        pid = os.posix_spawn(words[0], words, os.environ, file_actions=nowhere)
        _, status, usage = os.wait4(pid, 0)
        if os.waitstatus_to_exitcode(status) not in (0, 8):
            sys.exit(f"{words}: does not run")
        times.append((usage.ru_utime + usage.ru_stime) * 1000)
    return times[3:]


def without_fuse() -> None:
    """Have a look-alike of configfs as plain files, in a mount namespace of our own."""
    if f" {CONFIGFS} " not in Path("/proc/self/mountinfo").read_text():
        return
    ctypes.CDLL(None).unshare(NEWNS)
    subprocess.run(["sh", "-ec", COPY], check=True)


main()
