"""A file system that looks like configfs with the kernel's iSCSI target in it, for fast tests.

python3 lio_fuse.py MOUNTPOINT CONTROL: the rules are tests/lio_model.py's, which a test compares
with the kernel's; the rest is tests/nvmet_fuse.py's.
"""

import stat
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from lio_model import Lio  # type: ignore[import-not-found]
from nvmet_fuse import FUSE, Configfs  # type: ignore[import-not-found]


class Target(Configfs):  # type: ignore[misc]
    def __init__(self, control: Path) -> None:
        self.target = Lio(backing)
        self.control = control
        self.lock = threading.Lock()
        self.log = (control / "log").open("a", buffering=1)

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
    FUSE(
        Target(Path(sys.argv[2])), sys.argv[1], foreground=True, direct_io=True, attr_timeout=0,
        entry_timeout=0, allow_other=True,
    )  # fmt: skip
