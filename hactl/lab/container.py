"""A tiny system container to try things with: busybox, a page on port 80, the node's own network.

It starts in a tenth of a second and stops when it is told to; what is in the folder is all of it.
"""

from __future__ import annotations

import importlib.resources
from pathlib import Path

from hactl.errors import HactlError
from hactl.lab.guest import busybox

FOLDERS = ("bin", "dev", "etc", "mnt", "proc", "root", "run", "sbin", "sys", "tmp", "var", "www")
APPLETS = (
    "cat", "chmod", "echo", "grep", "hostname", "httpd", "id", "ip", "kill", "ls", "mkdir",
    "mount", "nproc", "ps", "rm", "sh", "sleep", "test", "touch", "true", "wget",
)  # fmt: skip

# The page is served on the node's addresses: the cluster moves one of them with the container.
CONFIG = """\
lxc.uts.name = {name}
lxc.rootfs.path = dir:{path}/rootfs
lxc.net.0.type = none
lxc.init.cmd = /sbin/init
lxc.environment = PORT={port}
lxc.mount.auto = proc:mixed
lxc.signal.halt = SIGPWR
lxc.tty.max = 0
lxc.pty.max = 16
lxc.apparmor.profile = unconfined
{more}"""


def make(
    folder: Path, *, at: str | None = None, name: str = "", port: int = 80, more: str = ""
) -> Path:
    """Put ``config`` and ``rootfs`` into ``folder``; the path of the config.

    ``at`` is where the folder will lie on the nodes, if elsewhere; ``name`` is the container's
    own idea of its name (default: the folder's), ``more`` goes into the config. Raises HactlError.
    """
    name = name or folder.name
    if not name.isprintable() or "/" in name or name.startswith("-"):
        raise HactlError(f"{name!r} is not a name for a container", "use letters and digits")
    make_rootfs(folder / "rootfs")
    path = at or str(folder.absolute())
    config = folder / "config"
    config.write_text(CONFIG.format(name=name, path=path, port=port, more=more))
    return config


def make_rootfs(root: Path) -> None:
    for name in FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)
    program = root / "bin/busybox"
    program.write_bytes(busybox())
    program.chmod(0o755)
    for name in APPLETS:
        link = root / "bin" / name
        link.unlink(missing_ok=True)
        link.symlink_to("busybox")
    init = importlib.resources.files("hactl.lab").joinpath("files", "container-init")
    (root / "sbin/init").write_bytes(init.read_bytes())
    (root / "sbin/init").chmod(0o755)
