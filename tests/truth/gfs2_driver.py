"""Runs Gfs2Mount's monitor on a node of which /sys and mountinfo are files in a folder.

This machine's kernel has no GFS2. Run with the distribution's python3:
gfs2_driver.py LIBDIR FOLDER, parameters in the environment as Pacemaker gives them. Everything
but where these files are is the agent as it is installed.
"""

import gc
import sys

gc.disable()  # as the launcher does
LIBDIR, FOLDER = sys.argv[1:]
sys.path.insert(0, LIBDIR)

try:  # as the launcher does
    import bundle_Gfs2Mount as bundle  # type: ignore[import-not-found]
except ImportError:
    bundle = None

from hactl_agents.gfs2_mount import Gfs2Mount  # noqa: E402
from hactl_agents.host import host  # noqa: E402
from hactl_agents.ocf import main  # noqa: E402


class Elsewhere(host.Host):
    """A node whose kernel's files are in a folder."""

    def read(self, path: str) -> "str | None":
        return super().read(moved(path))

    def load(self, name: str) -> "str | None":  # noqa: ARG002
        return super().read(FOLDER + "/record")

    def listdir(self, path: str) -> "list[str]":
        return super().listdir(moved(path))


def moved(path: str) -> str:
    return FOLDER + path if path.startswith(("/sys/", "/proc/self/mountinfo")) else path


main.Host = Elsewhere  # type: ignore[misc]
sys.argv = ["Gfs2Mount", "monitor"]
main.main(Gfs2Mount)
