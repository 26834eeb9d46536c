"""A private node whose configfs is a look-alike of what the kernel has (file_system.py).

It keeps the kernel's rules and moves no data.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.private_node import PrivateNode, fresh_node, wait_until
from tests.support.private_node import lacking as node_lacks

MOUNT = "/sys/kernel/config"
BINDINGS = ("fusepy.py", "fuse.py")
SERVERS = {"nvmet": "nvmet_fuse.py", "target": "lio_fuse.py"}


def lacking() -> list[str]:
    """What this machine lacks for that, as reasons to skip."""
    lacks = node_lacks()
    if not Path("/dev/fuse").exists():
        lacks.append("there is no /dev/fuse")
    if not any(Path("/usr/lib/python3/dist-packages", name).exists() for name in BINDINGS):
        lacks.append("python3-fusepy is not installed")
    return lacks


class LookAlike:
    """``tree`` is the kernel's folder as seen from outside, ``control`` steers the look-alike."""

    def __init__(self, node: PrivateNode, folder: str) -> None:
        self.node = node
        self.server = Path(__file__).with_name(SERVERS[folder])
        self.control = node.dir / "control"
        self.control.mkdir()
        self.tree = Path(f"/proc/{node.pid}/root{MOUNT}/{folder}")

    def up(self) -> None:
        self.node.sh(f"mount -t tmpfs tmpfs /sys/kernel; mkdir {MOUNT}")
        words = f"/usr/bin/python3 {self.server} {MOUNT} {self.control}"
        self.node.sh(f"setsid {words} >{self.control}/output 2>&1 & :")
        wait_until(self.tree.is_dir, "the look-alike is not mounted", 20)

    def changes(self) -> list[str]:
        """What was written to attributes so far, a line each."""
        lines = (self.control / "log").read_text().splitlines()
        return [line for line in lines if line.startswith("write ")]

    def hold_back(self, after: int) -> None:
        """Let ``after`` attributes be written, and the next write hang."""
        (self.control / "after.new").write_text(str(after))
        (self.control / "after.new").rename(self.control / "after")

    def let_go(self) -> None:
        (self.control / "after").unlink(missing_ok=True)

    def stick(self, *ends: str) -> None:
        """Let what is written below a path that ends so hang; nothing any more if none is given."""
        stuck = self.control / "stuck"
        stuck.write_text("\n".join(ends)) if ends else stuck.unlink(missing_ok=True)


@contextmanager
def look_alike(folder: str) -> Iterator[LookAlike]:
    """A node where that folder of configfs, a key of SERVERS, looks like the kernel's."""
    with fresh_node() as node:
        found = LookAlike(node, folder)
        found.up()
        yield found


__all__ = ["MOUNT", "LookAlike", "lacking", "look_alike"]
