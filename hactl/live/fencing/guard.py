"""A process that outlives a drill that is killed, and puts back what that had set aside.

It holds the reading end of a pipe. Word from the drill lets it go; an end without a word means
that the drill is dead, whatever killed it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hactl.errors import HactlError
from hactl.fencing.drill.marks import mended
from hactl.live.patch import edit
from hactl.live.session import World, opened

DONE = b"done"
FOR = 120.0  # seconds of trying: the cluster may be without a DC just now
EVERY = 1.0


@contextmanager
def guarded(world: World, here: str) -> Iterator[None]:
    """Run the body, called on node ``here``; our drill leaves no trace, even if we are killed."""
    argv = [sys.executable, "-m", __name__, here, str(os.getpid()), str(world.scratch)]
    process = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=world.runner.environment(),
        start_new_session=True,
    )
    assert process.stdin is not None
    try:
        yield
        mend(world, here, os.getpid())
    except BaseException:
        process.stdin.close()  # it has more patience than somebody who pressed Ctrl-C
        process.wait()
        raise
    process.stdin.write(DONE)
    process.stdin.close()
    process.wait()


def mend(world: World, by: str, pid: int) -> None:
    """Put back what a drill has set aside, as soon as the cluster takes it. Raises ClusterError."""
    until = time.monotonic() + FOR
    while True:
        try:
            edit(world, lambda cib: mended(cib, by, pid))
        except HactlError:
            if time.monotonic() > until:
                raise
            time.sleep(EVERY)
        else:
            return


def main(here: str, pid: str, scratch: str) -> None:
    if sys.stdin.buffer.read() == DONE:
        return
    try:
        with opened(None) as world:
            mend(world, here, int(pid))
    finally:
        shutil.rmtree(Path(scratch), ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
