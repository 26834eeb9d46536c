"""A box whose machines do nothing: they are on, halt at once, and cost no time."""

from __future__ import annotations

import struct

from hactl_vmlab import box, build, places
from hactl_vmlab.box import Box

SECTOR = 512
SETUP = 0x200  # where a boot loader enters a kernel, and where its header is
HALT = b"\xfa\xf4\xeb\xfd"  # cli; hlt; jmp to the hlt
SUITE = "bookworm"


def put_in_place() -> Box:
    """The box of HACTL_VM_HOME, as if it had been built."""
    folder = places.box(SUITE)
    folder.mkdir(parents=True)
    made_from = box.recipe(SUITE, build.project_requirements())
    found = Box(folder, SUITE, "none", made_from)
    found.image.write_bytes(bytes(1 << 20))
    found.kernel.write_bytes(kernel())
    found.initrd.write_bytes(bytes(SECTOR))
    (folder / box.DESCRIPTION).write_text(found.describe())
    return found


def kernel() -> bytes:
    """An image of x86 Linux's boot protocol 2.6, of which QEMU runs the first instruction."""
    image = bytearray(4 * SECTOR)
    image[0x1F1] = 1  # sectors of set-up code after the first
    image[0x1FE:SETUP] = b"\x55\xaa"
    code = 0x268
    image[SETUP : SETUP + 2] = bytes((0xEB, code - SETUP - 2))  # jmp over the header
    image[0x202:0x206] = b"HdrS"
    image[0x206:0x208] = struct.pack("<H", 0x206)
    image[0x211] = 1  # the rest is loaded above 1 MiB
    image[0x22C:0x230] = struct.pack("<I", 0x37FFFFFF)  # highest address of the ramdisk
    image[0x238:0x23C] = struct.pack("<I", 2047)  # longest command line
    image[code : code + len(HALT)] = HALT
    return bytes(image)
