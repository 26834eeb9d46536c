"""A distribution's kernel for the tiny guest: the one installed, or one from its package.

Nothing is installed; a package is downloaded and unpacked into a folder of the user's cache.
"""

from __future__ import annotations

import lzma
import platform
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hactl.errors import HactlError

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# the smallest first
META_PACKAGES = ("linux-image-cloud-{arch}", "linux-image-{arch}", "linux-image-virtual")
FULL_PACKAGES = ("linux-image-{arch}", "linux-image-generic")  # with every module
REAL = re.compile(r"Depends: (linux-(?:image|modules|binary|base)-\d\S+)")
DEPENDS = re.compile(rb"\0?depends=([^\0]*)\0")


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel image and the folder with its modules."""

    image: Path
    modules: Path

    def module(self, name: str) -> bytes | None:
        """The module ``name``, unpacked; None where it is not a module of its own."""
        for spelled in {name, name.replace("_", "-")}:
            for path in self.modules.rglob(f"{spelled}.ko*"):
                return unpacked(path)
        return None

    def has(self, names: Iterable[str]) -> bool:
        """Whether each of these is a module of it, or built in."""
        listed = self.modules / "modules.builtin"
        text = listed.read_text() if listed.exists() else ""
        built_in = {Path(line).stem.replace("-", "_") for line in text.split()}
        return all(
            name.replace("-", "_") in built_in or self.module(name) is not None for name in names
        )

    def with_dependencies(self, names: list[str]) -> dict[str, bytes]:
        """Module -> content, in an order in which they can be loaded."""
        found: dict[str, bytes] = {}
        for name in names:
            if name not in found and (content := self.module(name)) is not None:
                found |= self.with_dependencies(dependencies(content))
                found[name] = content
        return found


def dependencies(module: bytes) -> list[str]:
    """The modules a module needs, from its .modinfo section."""
    match = DEPENDS.search(module)
    return [name for name in match[1].decode().split(",") if name] if match else []


def unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(data)
    if path.suffix == ".zst":
        return run(["zstd", "-dc", str(path)])
    return data


def find(
    image: Path | None, cache: Path, progress: Callable[[str], None], needs: Iterable[str] = ()
) -> Kernel:
    """The kernel at ``image``, an installed one, or one from a package. Raises HactlError.

    ``needs`` are modules that a small kernel may lack: then it is a full one.
    """
    if image is not None:
        return beside(image)
    needs = tuple(needs)
    for installed in reversed(images(Path("/"))):
        if modules_of(installed).is_dir() and beside(installed).has(needs):
            return beside(installed)
    small = cached(cache) or downloaded(cache, progress, META_PACKAGES)
    if small.has(needs):
        return small
    full = cache / "full"
    return cached(full) or downloaded(full, progress, FULL_PACKAGES)


def images(root: Path) -> list[Path]:
    """The kernels in a tree: in /boot, or (Linux 7 of Debian) beside their modules."""
    return sorted([*root.glob("boot/vmlinuz-*"), *root.glob("usr/lib/modules/*/vmlinuz")])


def beside(image: Path) -> Kernel:
    """A kernel with its modules, which are in the same tree."""
    modules = modules_of(image)
    if not modules.is_dir():
        raise HactlError(f"{image}: its modules are not in {modules}")
    return Kernel(image, modules)


def modules_of(image: Path) -> Path:
    if image.name == "vmlinuz":
        return image.parent
    root, version = image.parent.parent, image.name.removeprefix("vmlinuz-")
    places = [root / prefix / "modules" / version for prefix in ("lib", "usr/lib")]
    return next((place for place in places if place.is_dir()), places[0])


def cached(cache: Path) -> Kernel | None:
    found = images(cache / "root")
    return beside(found[-1]) if found else None


def downloaded(
    cache: Path, progress: Callable[[str], None], metas: Sequence[str] = META_PACKAGES
) -> Kernel:
    packages = kernel_packages(metas)
    cache.mkdir(parents=True, exist_ok=True)
    progress(f"downloading {', '.join(packages)}")
    # apt would rather download as its own user, which cannot write here
    options = ["-o", "APT::Sandbox::User=root"]
    run(["apt-get", *options, "download", *packages], cwd=cache)
    for package in sorted(cache.glob("linux-*.deb")):
        run(["dpkg-deb", "-x", str(package), str(cache / "root")])
        package.unlink()
    found = cached(cache)
    if found is None:
        raise HactlError(f"there is no kernel in {', '.join(packages)}")
    return found


def kernel_packages(metas: Sequence[str] = META_PACKAGES) -> list[str]:
    """The packages with the distribution's current kernel. Raises HactlError."""
    arch = ARCHITECTURES.get(platform.machine(), platform.machine())
    for meta in metas:
        try:
            listed = run(["apt-cache", "depends", meta.format(arch=arch)]).decode()
        except HactlError:
            continue
        found = list(packages_in(listed))
        # an image may be no more than what it depends on
        parts = [run(["apt-cache", "depends", package]).decode() for package in found]
        if found:
            return list(dict.fromkeys([*found, *(each for p in parts for each in packages_in(p))]))
    raise HactlError("no kernel package is known to apt", "apt update, or give --kernel")


def packages_in(apt_cache_depends: str) -> Iterator[str]:
    """The real packages a kernel meta package stands for, modules of Ubuntu's included."""
    for name in REAL.findall(apt_cache_depends):
        yield name
        if name.endswith("-generic"):
            yield name.replace("linux-image-", "linux-modules-")


def run(argv: list[str], cwd: Path | None = None) -> bytes:
    try:
        done = subprocess.run(argv, capture_output=True, cwd=cwd, check=False)
    except FileNotFoundError:
        raise HactlError(f"{argv[0]} is not installed here") from None
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split())
        raise HactlError(f"{argv[0]} {argv[-1]}: {said[-300:]}")
    return done.stdout
