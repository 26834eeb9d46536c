"""A file system that looks like configfs with the kernel's NVMe target in it, for fast tests.

python3 nvmet_fuse.py MOUNTPOINT CONTROL: the rules are those of nvmet_model.py, the rest is in
file_system.py.
"""

import os
import stat
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from file_system import Configfs, serve  # type: ignore[import-not-found]
from nvmet_model import Nvmet  # type: ignore[import-not-found]


def backing(path: str) -> str:
    """What is at a path of this node."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116
    except OSError:
        return ""
    if stat.S_ISBLK(mode):
        return "device"
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_DIRECT))
    except OSError:
        return "tmpfs"
    return "file"


class Opened:
    """What is at the paths of namespaces that are being enabled, found out before."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.target = Nvmet(self.at, auth=True)

    def at(self, path: str) -> str:
        return self.known[path] if path in self.known else backing(path)

    def opening(self, verb: str, path: str, *args: str) -> None:
        folder, _, name = path.rpartition("/")
        if (verb, name) == ("write", "enable") and args[0].strip() == "1":
            device = self.target.read(f"{folder}/device_path").strip()
            self.known[device] = backing(device)


if __name__ == "__main__":
    mountpoint, control = sys.argv[1:]
    opened = Opened()
    serve(Configfs(opened.target, Path(control), opened.opening), mountpoint)
