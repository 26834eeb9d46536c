"""Stands in for a mapper: holds an image by librbd with its exclusive lock, and writes to it.

Run with the distribution's python3, with the arguments that main() takes apart.
It does what rbd-nbd does, less the block device. Every write is noted, and the first refusal.
"""

import os
import signal
import sys
import time
from pathlib import Path

import rados
import rbd


def main() -> None:
    conf, client, keyring, pool, namespace, image, state, letter = sys.argv[1:]
    cluster = rados.Rados(conffile=conf, rados_id=client, conf={"keyring": keyring})
    cluster.connect(timeout=10)
    context = cluster.open_ioctx(pool)
    context.set_namespace(namespace)
    opened = rbd.Image(context, image)
    opened.lock_acquire(rbd.RBD_LOCK_MODE_EXCLUSIVE)
    note(state, f"{os.getpid()} {cluster.get_addrs()} {opened.size()} 0")
    done = []
    signal.signal(signal.SIGTERM, lambda *_: done.append(True))
    written = 0
    while not done:
        try:
            opened.write(letter.encode() * 4096, 0)
            opened.flush()
        except rbd.Error as exc:
            note(state + ".refused", f"{written} {getattr(exc, 'errno', '?')}")
            os._exit(3)
        written += 1
        note(state + ".written", str(written))
        time.sleep(0.02)
    opened.lock_release()
    opened.close()
    Path(state).unlink()


def note(path: str, text: str) -> None:
    draft = Path(path + ".new")
    draft.write_text(text)
    draft.rename(path)


main()
