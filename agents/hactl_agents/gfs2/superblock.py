"""GFS2 on the medium: lock protocol and table, and how many journals there are (gfs2_ondisk.h).

Pure: what is to be read is asked of the caller.
"""

from hactl_agents.failures import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Read = Callable[[int, int], bytes]

MAGIC = 0x01161970
SUPERBLOCK, DINODE = 1, 4  # what mh_type says
ADDRESS = 65536  # bytes from the start of the device
PAGE = 4096
DIRECTORY = 232  # bytes, the size of struct gfs2_dinode
ENTRY = 40  # bytes, of struct gfs2_dirent, before the name
BLOCK_SIZES = (512, 1024, 2048, 4096, 8192, 16384, 32768, 65536)


class NoSuperblock(Failed):
    """There is no GFS2 on the device."""


class Superblock:
    """What the start of a GFS2 says of it."""

    def __init__(self, protocol: str, table: str, uuid: str, journals: int) -> None:
        self.protocol = protocol
        self.table = table
        self.uuid = uuid
        self.journals = journals

    @property
    def cluster(self) -> str:
        """The cluster its lock table names."""
        return self.table.partition(":")[0]

    @property
    def name(self) -> str:
        """The name of its lock space."""
        return self.table.partition(":")[2]


def fields(read: "Read") -> "tuple[str, str, str, int]":
    """What makes a Superblock, in plain values. Raises NoSuperblock, and what ``read`` raises."""
    found = look(read)
    return found.protocol, found.table, found.uuid, found.journals


def look(read: "Read") -> Superblock:
    """Read superblock and journals; ``read`` is given offset and size, multiples of 4096 bytes."""
    data = read(ADDRESS, PAGE)
    if kind(data) != SUPERBLOCK:
        raise NoSuperblock("there is no GFS2 superblock")
    size = number(data, 36, 4)
    if size not in BLOCK_SIZES:
        raise NoSuperblock(f"the GFS2 superblock is damaged: a block size of {size} bytes")
    return Superblock(
        text(data[96:160]),
        text(data[160:224]),
        data[256:272].hex(),
        journals(read, size, number(data, 56, 8)),
    )


def journals(read: "Read", size: int, master: int) -> int:
    """The number of files in the directory jindex, which the master directory names."""
    address = dict(entries(block(read, size, master))).get("jindex")
    if address is None:
        raise NoSuperblock("the GFS2 is damaged: its master directory has no jindex")
    return number(block(read, size, address), 148, 4) - 2  # without . and ..


def block(read: "Read", size: int, address: int) -> bytes:
    """A directory's block."""
    offset = address * size
    start = offset - offset % PAGE
    length = -(-(offset + size - start) // PAGE) * PAGE
    data = read(start, length)[offset - start :][:size]
    if len(data) < size or kind(data) != DINODE:
        raise NoSuperblock(f"the GFS2 is damaged: there is no directory at block {address}")
    return data


def entries(directory: bytes) -> "Iterable[tuple[str, int]]":
    """Name and address of each entry of a directory that fits into its block."""
    at = DIRECTORY
    while at + ENTRY <= len(directory):
        length, name = number(directory, at + 20, 2), number(directory, at + 22, 2)
        if length < ENTRY:
            return
        if number(directory, at, 8):  # not a free place
            yield text(directory[at + ENTRY : at + ENTRY + name]), number(directory, at + 8, 8)
        at += length


def kind(data: bytes) -> int:
    """What sort of block this is, 0 if it is none of GFS2's."""
    return number(data, 4, 4) if number(data, 0, 4) == MAGIC else 0


def number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")


def text(data: bytes) -> str:
    """A field that ends at the first NUL; on one line whatever is in it."""
    return " ".join(data.partition(b"\0")[0].decode(errors="replace").split())
