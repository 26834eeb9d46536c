"""A file system that looks like configfs with the kernel's iSCSI target in it, for fast tests.

python3 lio_fuse.py MOUNTPOINT CONTROL: the rules are those of lio_model.py, which a test compares
with the kernel; the rest is in file_system.py.
"""

import stat
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from file_system import Configfs, serve  # type: ignore[import-not-found]
from lio_model import Lio  # type: ignore[import-not-found]


class Target(Configfs):  # type: ignore[misc]
    def symlink(self, path: str, to: str) -> None:
        """What is linked to lies in the same file system, wherever that is mounted."""
        self.changed("symlink", path, f"/target/{to.partition('/target/')[2]}")


def backing(path: str) -> str:
    """What is at a path of this node."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return ""
    return "device" if stat.S_ISBLK(mode) else "file"


if __name__ == "__main__":
    mountpoint, control = sys.argv[1:]
    serve(Target(Lio(backing), Path(control)), mountpoint)
