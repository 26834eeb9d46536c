"""What a guest's libvirt XML or a container's config says about its needs; opens no file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml import etree
from lxml.etree import _Element

UNITS = {
    "b": 1, "bytes": 1, "KB": 1000, "k": 1024, "KiB": 1024, "MB": 10**6, "M": 1 << 20,
    "MiB": 1 << 20, "GB": 10**9, "G": 1 << 30, "GiB": 1 << 30, "TB": 10**12, "T": 1 << 40,
    "TiB": 1 << 40,
}  # fmt: skip
MAX_BYTES = 1 << 20
IMAGES = "devices/disk/source[@protocol='rbd']"


class Illegible(ValueError):
    """The file was read but makes no sense; the message is the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Definition:
    """``memory`` is in bytes, ``bridges`` are names of interfaces.

    ``disks`` are paths, and ``rbd:POOL/IMAGE`` for what QEMU opens by librbd. ``vlans`` are the
    VLANs of a container's interfaces, each with the bridge; 0 for none.
    """

    name: str = ""
    uuid: str = ""
    memory: int | None = None
    vcpus: int | None = None
    bridges: tuple[str, ...] = ()
    disks: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    vlans: tuple[tuple[str, int], ...] = ()


def guest_definition(data: bytes) -> Definition:
    """Read a libvirt domain.

    Raises Illegible for what is not a domain XML.
    """
    root = parsed(data)
    vcpu = root.find("vcpu")
    return Definition(
        name=(root.findtext("name") or "").strip(),
        uuid=plain_uuid(root.findtext("uuid") or ""),
        memory=memory(root.find("memory")),
        vcpus=None if vcpu is None else whole(vcpu.get("current") or vcpu.text),
        bridges=attributes(root, "devices/interface/source[@bridge]", "bridge"),
        disks=(
            *attributes(root, "devices/disk/source[@file]", "file"),
            *attributes(root, "devices/disk/source[@dev]", "dev"),
            *(f"rbd:{name}" for name in attributes(root, IMAGES, "name")),
        ),
        macs=tuple(mac.lower() for mac in attributes(root, "devices/interface/mac", "address")),
    )


def plain_uuid(text: str) -> str:
    """Return a UUID in one spelling: libvirt takes it with and without hyphens, in any case."""
    digits = "".join(text.split()).replace("-", "").lower()
    groups = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return "-".join(groups) if digits else ""


def parsed(data: bytes) -> _Element:
    if len(data) > MAX_BYTES:
        raise Illegible("is larger than 1 MiB")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise Illegible(f"is not XML: {exc}") from None
    if root.tag != "domain":
        raise Illegible(f"is not a libvirt domain but <{root.tag}>")
    return root


def attributes(root: _Element, path: str, name: str) -> tuple[str, ...]:
    found = (element.get(name) for element in root.iterfind(path))
    return tuple(dict.fromkeys(value for value in found if value))


def memory(element: _Element | None) -> int | None:
    if element is None:
        return None
    number = whole(element.text)
    return number * UNITS.get(element.get("unit", "KiB"), 1024) if number else None


def whole(text: str | None) -> int | None:
    digits = (text or "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else None


def container_config(data: bytes) -> Definition:
    """Read an LXC config: ``key = value`` lines.

    Raises Illegible for what is not text.
    """
    if len(data) > MAX_BYTES or b"\0" in data:
        raise Illegible("is not text, or larger than 1 MiB")
    pairs = [pair for line in data.decode(errors="replace").splitlines() if (pair := split(line))]
    return Definition(
        bridges=tuple(v for k, v in pairs if k.startswith("lxc.net.") and k.endswith(".link")),
        disks=tuple(rootfs(v) for k, v in pairs if k == "lxc.rootfs.path"),
        macs=tuple(v.lower() for k, v in pairs if k.endswith(".hwaddr")),
        vlans=tuple(interface_vlans(dict(pairs))),
    )


def interface_vlans(keys: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    for key, bridge in keys.items():
        if key.startswith("lxc.net.") and key.endswith(".link"):
            vlan = keys.get(f"{key.removesuffix('.link')}.veth.vlan.id", "0")
            yield bridge, whole(vlan) or 0


def split(line: str) -> tuple[str, str] | None:
    key, equals, value = line.partition("=")
    if not equals or line.lstrip().startswith("#"):
        return None
    return key.strip(), value.strip()


def rootfs(value: str) -> str:
    """Return the path in ``dir:/srv/x``, ``overlay:/lower:/upper`` or a plain path."""
    start = value.find("/")
    return value[start:].split(":")[0] if start >= 0 else value
