"""One LUN as it is asked for: its number, what is behind it, and what initiators see of it."""

from hactl_agents.ceph.image import Spec
from hactl_agents.gateway.numbered_paths import flag, refuse_twice, split, take
from hactl_agents.iscsi.names import (
    COMPANY,
    ENOUGH,
    HEX,
    hexadecimal,
    naa_name,
    own_digits,
    serial_number,
)

FORM = "NUMBER=PATH[,KEY=VALUE...]"
RBD = "rbd:"
LAST = 255
SIZES = (512, 1024, 2048, 4096)
LONGEST_PATH = 500  # bytes; the kernel's target keeps 512 (SE_UDEV_PATH_LEN)
LONGEST_SERIAL = 36
SERIAL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


class Lun:
    """``write_cache`` None: as it is behind it; ``block_size`` 0: the same."""

    def __init__(self, number: int, path: str) -> None:
        self.number = number
        self.path = path
        self.write_cache: bool | None = None
        self.block_size = 0
        self.readonly = False
        self.serial = ""
        self.naa = ""
        self.vendor = ""
        self.product = ""
        self.conf = "/etc/ceph/ceph.conf"
        self.client = "admin"

    @property
    def image(self) -> "Spec | None":
        """The RBD image behind it, None if it is a device or a file."""
        if not self.path.startswith(RBD):
            return None
        pool, _, rest = self.path[len(RBD) :].partition("/")
        namespace, _, image = rest.rpartition("/")
        return Spec(pool, namespace, image)

    def serial_for(self, iqn: str) -> str:
        if self.serial:
            return self.serial
        return self.naa[7:] if self.naa else serial_number(iqn, self.number)

    def naa_for(self, iqn: str) -> str:
        """The NAA name, type 6: as given, or made of the serial number."""
        if self.naa:
            return self.naa
        serial = self.serial_for(iqn)
        if len(hexadecimal(serial)) < ENOUGH:
            serial = serial_number(iqn, self.number)
        return naa_name(serial)

    @property
    def company(self) -> str:
        return self.naa[1:7] if self.naa else COMPANY

    def kernel_complaint(self) -> str:
        """Why the kernel's target, which makes the NAA name of the serial, cannot do this."""
        if self.naa and self.serial and own_digits(self.serial) != self.naa[7:]:
            return (
                f"LUN {self.number}: the kernel makes the NAA name of the serial number, and these "
                "two do not fit: give only one of serial and naa"
            )
        if self.serial and len(hexadecimal(self.serial)) < ENOUGH:
            return (
                f"LUN {self.number}: the kernel makes the NAA name of the serial number's "
                f"hexadecimal digits; it needs {ENOUGH} of them: give a longer one, or naa"
            )
        return ""


def parse_luns(text: str) -> "tuple[Lun, ...]":
    if not text.isprintable():
        raise ValueError("contains a control character: remove it")
    found = tuple(parse_lun(word) for word in text.split())
    refuse_twice("LUN", [str(lun.number) for lun in found])
    refuse_twice("path", [lun.path for lun in found])
    refuse_twice("serial number", [lun.serial for lun in found])
    refuse_twice("NAA name", [lun.naa for lun in found])
    return found


def parse_lun(word: str) -> Lun:
    number, path, pairs = split(word, FORM, 0, LAST)
    lun = Lun(number, parse_path(number, path))
    take(pairs, KEYS, lun)
    return lun


def parse_path(number: int, path: str) -> str:
    if len(path.encode(errors="surrogateescape")) > LONGEST_PATH:
        raise ValueError(f"has a path of more than {LONGEST_PATH} bytes for LUN {number}")
    if path.startswith(RBD):
        parts = path[len(RBD) :].split("/")
        if len(parts) not in (2, 3) or not all(parts) or set("@;") & set(path):
            raise ValueError(f"has {path!r}, which is not rbd:POOL/[NAMESPACE/]IMAGE")
    elif path[:1] != "/" or path[-1:] == "/":
        raise ValueError(f"has no whole path, from /, for LUN {number}")
    return path


def take_write_cache(lun: Lun, value: str) -> None:
    lun.write_cache = flag("write_cache", value)


def take_readonly(lun: Lun, value: str) -> None:
    lun.readonly = flag("readonly", value)


def take_block_size(lun: Lun, value: str) -> None:
    if value not in [str(size) for size in SIZES]:
        raise ValueError(f"has block_size={value}, which is none of 512, 1024, 2048, 4096")
    lun.block_size = int(value)


def take_serial(lun: Lun, value: str) -> None:
    if not SERIAL.issuperset(value) or len(value) > LONGEST_SERIAL:
        raise ValueError(f"has serial={value}: use up to {LONGEST_SERIAL} of A-Z a-z 0-9 . _ -")
    lun.serial = value


def take_naa(lun: Lun, value: str) -> None:
    value = value.lower().removeprefix("naa.").removeprefix("0x")
    if len(value) != 32 or value[0] != "6" or not HEX.issuperset(value):
        raise ValueError(f"has naa={value}, which is not 6 and 31 more hexadecimal digits")
    lun.naa = value


def take_vendor(lun: Lun, value: str) -> None:
    lun.vendor = label("vendor", value, 8)


def take_product(lun: Lun, value: str) -> None:
    lun.product = label("product", value, 16)


def label(key: str, value: str, longest: int) -> str:
    if not SERIAL.issuperset(value) or len(value) > longest:
        raise ValueError(f"has {key}={value}: use up to {longest} of A-Z a-z 0-9 . _ -")
    return value


def take_conf(lun: Lun, value: str) -> None:
    if value[0] != "/" or ";" in value:
        raise ValueError(f"has conf={value}: give a whole path, from /, without ;")
    lun.conf = value


def take_client(lun: Lun, value: str) -> None:
    if not SERIAL.issuperset(value):
        raise ValueError(f"has client={value}: give the Ceph user, without 'client.'")
    lun.client = value


KEYS = {
    "write_cache": take_write_cache,
    "block_size": take_block_size,
    "readonly": take_readonly,
    "serial": take_serial,
    "naa": take_naa,
    "vendor": take_vendor,
    "product": take_product,
    "conf": take_conf,
    "client": take_client,
}
