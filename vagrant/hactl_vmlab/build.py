"""Builds a box from distribution packages, without virtualisation and without loop devices."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hactl.errors import HactlError, UsageError
from hactl_vmlab import box, places
from hactl_vmlab.box import Box
from hactl_vmlab.command import run

TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "mkfs.ext4": "e2fsprogs",
    "qemu-img": "qemu-utils",
    "ssh-keygen": "openssh-client",
}
SPACE = 8 << 30  # bytes: the root file system, its image, the packages
DISK = "6G"  # of a node; the file is as large as what is in it
INITRD_MODULES = "virtio_pci virtio_blk virtio_net ext4"
# Interrupted at any point, neither a process nor a mount is left in the root file system.
ALONE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
PATIENCE = 1800.0  # seconds for one step; a slow mirror is no reason to give up
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is asked for. ``offline`` takes everything from the cache."""

    suite: str = "bookworm"
    mirror: str = ""
    offline: bool = False
    vagrant: bool = True


def build(recipe: Recipe, say: Say) -> Box:
    """Make a box and put it in its place, whole or not at all. Raises HactlError."""
    began = time.monotonic()
    check(recipe)
    make_key()
    cache = places.cache(recipe.suite)
    work = places.home() / f"building-{recipe.suite}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        fetch_wheels(recipe, cache, timed(say))
        make_root(recipe, cache, work / "root", timed(say))
        made = assemble(recipe, work, timed(say))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    say(f"box {made.folder} ({made.kernel_release}) in {time.monotonic() - began:.0f} s")
    return made


def check(recipe: Recipe) -> None:
    """Raise HactlError with what is missing on this machine, and how to get it."""
    if recipe.suite not in box.SUITES:
        known = ", ".join(box.SUITES)
        raise UsageError(f"suite {recipe.suite!r} is not known", f"use one of {known}")
    if os.geteuid() != 0:
        raise HactlError("building a box needs root", "sudo vagrant/box/build")
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        wanted = " ".join(sorted({TOOLS[tool] for tool in missing}))
        raise HactlError(f"{', '.join(missing)}: not installed", f"apt install {wanted}")
    places.home().mkdir(parents=True, exist_ok=True, mode=0o700)
    free = shutil.disk_usage(places.home()).free
    if free < SPACE:
        raise HactlError(
            f"{places.home()} has {free >> 20} MiB free, a box needs {SPACE >> 20}",
            "make room, or set HACTL_VM_HOME to a folder on a larger disk",
        )


def make_key() -> None:
    if not places.key().exists():
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "hactl", "-f", str(places.key())])


def timed(say: Say) -> Callable[[str, list[str]], None]:
    """Run a step and say how long it took."""

    def step(what: str, argv: list[str]) -> None:
        began = time.monotonic()
        try:
            run(argv, timeout=PATIENCE, env={"LC_ALL": "C.UTF-8"})
        except HactlError as exc:
            raise HactlError(f"{what}: {exc.message}", hint_for(exc.message)) from None
        say(f"{what}: {time.monotonic() - began:.0f} s")

    return step


def hint_for(said: str) -> str:
    if "Could not resolve" in said or "Failed to fetch" in said or "Connection" in said:
        return "check the network and --mirror, or use --offline with a filled cache"
    return "set HACTL_VM_HOME to a folder on a larger disk" if "No space" in said else ""


def fetch_wheels(recipe: Recipe, cache: Path, step: Callable[[str, list[str]], None]) -> None:
    """hactl's requirements as wheels for the Python of the suite, once."""
    folder = cache / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = "\n".join(project_requirements()) + "\n"
    stamp = folder / "requirements.txt"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if recipe.offline:
        raise HactlError(f"{folder} lacks wheels for {' '.join(wanted.split())}", "go online once")
    argv = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check"]
    argv += ["--only-binary=:all:", "--python-version", box.SUITES[recipe.suite]]
    step("fetching wheels", [*argv, "-d", str(folder), *wanted.split()])
    stamp.write_text(wanted)


def project_requirements() -> list[str]:
    return box.requirements((places.PROJECT / "pyproject.toml").read_text())


def make_root(
    recipe: Recipe, cache: Path, root: Path, step: Callable[[str, list[str]], None]
) -> None:
    """The root file system as a folder."""
    names = box.packages(places.PACKAGES.read_text(), recipe.suite)
    argv = [*ALONE, "mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"]
    argv += [f"--include={','.join(names)}", '--aptopt=APT::Install-Recommends "false"']
    argv += ['--aptopt=Acquire::Retries "5"', "--dpkgopt=force-unsafe-io"]
    argv += [f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in ("man", "doc", "locale")]
    skipped = ["essential/unlink", "download/empty", "cleanup/apt", "check/empty"]
    if recipe.offline:
        skipped.append("update")
    argv += [f"--skip={','.join(skipped)}", *hooks(cache, offline=recipe.offline)]
    step(f"installing {len(names)} packages and what they need", [
        *argv, recipe.suite, str(root), *([recipe.mirror] if recipe.mirror else [])
    ])  # fmt: skip


def hooks(cache: Path, *, offline: bool) -> list[str]:
    """Shell that mmdebstrap runs at its stages; $1 is the root file system."""
    debs, lists, wheels = (shlex.quote(str(cache / name)) for name in ("debs", "lists", "wheels"))
    for name in ("debs", "lists"):
        (cache / name).mkdir(parents=True, exist_ok=True)
    archives, known = '"$1"/var/cache/apt/archives', '"$1"/var/lib/apt/lists'
    setup = [
        f"mkdir -p {archives} {known}",
        f"find {debs} -name '*.deb' -exec ln -t {archives} {{}} +",
    ]
    if offline:
        setup.append(f"cp -a {lists}/. {known}/")
    modules = f'printf "%s\\n" {INITRD_MODULES}'
    essential = [
        'mkdir -p "$1"/etc/initramfs-tools/conf.d',
        'printf "MODULES=list\\nCOMPRESS=lz4\\nRESUME=none\\n" '
        '>"$1"/etc/initramfs-tools/conf.d/hactl.conf',
        f'{modules} >"$1"/etc/initramfs-tools/modules',
    ]
    keys = shlex.quote(str(places.key().with_suffix(".pub")))
    finish = [
        f"find {archives} -name '*.deb' -exec ln -f -t {debs} {{}} +",
        f"cp -a {known}/. {lists}/",
        f"rm -rf {archives}/*.deb {known}/*",
        f'mkdir "$1"/tmp/box && cp -r {wheels} {keys} "$1"/tmp/box/',
        f'cp {shlex.quote(str(places.CUSTOMIZE))} "$1"/tmp/box/customize',
        'chroot "$1" /tmp/box/customize /tmp/box/wheels /tmp/box/key.pub',
        'chroot "$1" update-initramfs -u -k all',
        'rm -rf "$1"/tmp/box',
    ]
    stages = {"setup": setup, "essential": essential, "customize": finish}
    return [f"--{stage}-hook={' && '.join(lines)}" for stage, lines in stages.items()]


def assemble(recipe: Recipe, work: Path, step: Callable[[str, list[str]], None]) -> Box:
    """Image, kernel and ramdisk from the root file system, moved to their place together."""
    root, new = work / "root", work / "box"
    new.mkdir()
    [kernel] = sorted((root / "boot").glob("vmlinuz-*"))[-1:]
    release = kernel.name.removeprefix("vmlinuz-")
    shutil.copy(kernel, new / "vmlinuz")
    shutil.copy(root / "boot" / f"initrd.img-{release}", new / "initrd.img")
    image = new / "box.img"
    with image.open("wb") as file:
        file.truncate(gibibytes(DISK))
    options = "lazy_itable_init=1,nodiscard"
    step("making the disk image", [
        "mkfs.ext4", "-q", "-F", "-L", "hactl", "-E", options, "-d", str(root), str(image)
    ])  # fmt: skip
    made_from = box.recipe(recipe.suite, project_requirements())
    made = Box(places.box(recipe.suite), recipe.suite, release, made_from)
    if recipe.vagrant:
        pack(new, step)
    (new / box.DESCRIPTION).write_text(made.describe())
    put_in_place(new, made.folder)
    return made


def gibibytes(size: str) -> int:
    return int(size.removesuffix("G")) << 30


def pack(new: Path, step: Callable[[str, list[str]], None]) -> None:
    """The same as a box of Vagrant's libvirt provider."""
    folder = new / "vagrant"
    folder.mkdir()
    size = gibibytes(DISK) >> 30
    metadata = f'{{"provider": "libvirt", "format": "qcow2", "virtual_size": {size}}}\n'
    (folder / "metadata.json").write_text(metadata)
    (folder / "Vagrantfile").write_text("# what a node needs is said in the lab's Vagrantfile\n")
    step("compressing it for Vagrant", [
        "qemu-img", "convert", "-c", "-O", "qcow2", "-m", "4", "-W",
        str(new / "box.img"), str(folder / "box.img"),
    ])  # fmt: skip
    names = ["metadata.json", "Vagrantfile", "box.img"]
    step("packing it", ["tar", "-C", str(folder), "-cf", str(new / "hactl.box"), *names])
    shutil.rmtree(folder)


def put_in_place(new: Path, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)
