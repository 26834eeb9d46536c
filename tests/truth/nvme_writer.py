"""Writes numbered blocks to a disk, one at a time past all caches, and checks them at the end.

nvme_writer.py DEVICE STATUS: writes until STATUS.stop exists, then reads everything back. STATUS
gets lines: ``acked N longest SECONDS`` now and then, at last ``ok N`` or ``error ...``.
Knows nothing of who serves the disk.
"""

import mmap
import os
import sys
import time

BLOCK, BLOCKS = 4096, 512
device, status = sys.argv[1], sys.argv[2]
disk = os.open(device, os.O_RDWR | os.O_DIRECT | os.O_DSYNC)
page = mmap.mmap(-1, BLOCK)


def pattern(number: int) -> bytes:
    return number.to_bytes(8, "little") * (BLOCK // 8)


def tell(text: str) -> None:
    with open(status + ".new", "w") as file:  # noqa: PTH123
        file.write(text + "\n")
    os.rename(status + ".new", status)  # noqa: PTH104


def write() -> tuple[int, float]:
    number, longest, told = 0, 0.0, 0.0
    last = time.monotonic()
    while not os.path.exists(status + ".stop"):  # noqa: PTH110
        page[:] = pattern(number + 1)
        written = os.pwrite(disk, page, number % BLOCKS * BLOCK)
        assert written == BLOCK, f"only {written} bytes were written"
        number += 1
        now = time.monotonic()
        longest, last = max(longest, now - last), now
        if now - told > 0.2:
            tell(f"acked {number} longest {longest:.2f}")
            told = now
    return number, longest


def check(number: int) -> None:
    """The last BLOCKS writes are what the disk holds."""
    for place in range(min(number, BLOCKS)):
        expected = number - (number - 1 - place) % BLOCKS
        os.preadv(disk, [page], place * BLOCK)
        found = int.from_bytes(page[:8], "little")
        assert page[:] == pattern(expected), f"block {place} holds {found}, not {expected}"


try:
    total, gap = write()
    check(total)
    tell(f"ok {total} longest {gap:.2f}")
except (OSError, AssertionError) as exc:
    tell(f"error {exc}")
