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


if __name__ == "__main__":
    mountpoint, control = sys.argv[1:]
    serve(Configfs(Nvmet(backing, auth=True), Path(control)), mountpoint)
