"""A virtual machine with a distribution's kernel for what no namespace has: block drivers, modules.

Its root file system is an initial ramdisk of this machine's own programs, with the libraries they
need. Talks to the test over a serial line; goes with it. Slow where QEMU has to emulate.
"""

import os
import re
import select
import shutil
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from hactl.errors import HactlError
from hactl.lab import cpio
from hactl.lab import kernel as kernels

CACHE = Path.home() / ".cache" / "hactl" / "kernel"
PYTHON = "/usr/bin/python3"
BUSYBOX = ("/bin/busybox", "/usr/bin/busybox")
STDLIB = Path(f"/usr/lib/python3.{os.sys.version_info.minor}")  # type: ignore[attr-defined]
STDLIB_FOLDERS = ("encodings", "collections", "importlib", "json", "re", "lib-dynload", "ctypes")
BINDINGS = Path("/usr/lib/python3/dist-packages")
LIBRARY = re.compile(r"(/\S+) \(0x")
MEMORY = 768  # MiB
MARK = "<<done:"

INIT = """\
#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /run /tmp /etc /root /var /sbin /usr/sbin
/bin/busybox ln -s /run /var/run
/bin/busybox --install -s
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
mount -t debugfs debugfs /sys/kernel/debug; mount -t tmpfs run /run
for module in $(cat /modules/order); do insmod /modules/$module.ko; done
ip link set lo up; ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0; ip route add default via 10.0.2.2
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# not an interactive shell: that one would edit lines
sh /shell </dev/ttyS0 >/dev/ttyS0 2>&1 &
while :; do wait; sleep 1; done
"""

# Not an interactive one, that would edit lines; and not process 1: orphans that end there would
# interrupt it in the middle of a line.
SHELL = """\
stty raw -echo
echo '<<done:0>>'
while read -r line; do eval "$line"; done
"""


def lacking() -> list[str]:
    """What this machine lacks for such a guest, as reasons to skip."""
    lacks = [f"{tool} is not installed" for tool in ("qemu-system-x86_64",)
             if shutil.which(tool) is None]  # fmt: skip
    if not any(Path(path).exists() for path in BUSYBOX):
        lacks.append("busybox is not installed")
    return lacks


class KernelGuest:
    """One guest. ``enter`` are the words that begin a command in the namespaces it is to run in;
    it reaches what they reach, behind QEMU's own address translation.
    """

    def __init__(self, directory: Path, enter: Sequence[str]) -> None:
        self.dir = directory
        self.enter = tuple(enter)
        self.process: subprocess.Popen[bytes] | None = None

    def up(
        self,
        programs: Iterable[str],
        modules: list[str],
        files: "dict[str, bytes]",
        qemu: Sequence[str] = (),
    ) -> None:
        """Boot with programs of this machine, kernel modules, and files by path.

        ``qemu`` are more words for its command line, such as those of a disk. The kernel is the
        distribution's, or the one whose image $HACTL_TEST_KERNEL names.
        """
        self.dir.mkdir(parents=True, exist_ok=True)
        given = os.environ.get("HACTL_TEST_KERNEL")
        kernel = kernels.find(Path(given) if given else None, CACHE, lambda _: None, modules)
        ramdisk = self.dir / "ramdisk"
        ramdisk.write_bytes(cpio.archive(contents(kernel, programs, modules, files)))
        words = ["qemu-system-x86_64", "-m", str(MEMORY), "-nographic", "-no-reboot", "-nodefaults"]
        words += ["-kernel", str(kernel.image), "-initrd", str(ramdisk)]
        # on a busy host the emulated timer is late for the kernel's test of it: a panic
        arguments = "console=ttyS1 loglevel=7 panic=-1 random.trust_cpu=on no_timer_check"
        words += ["-append", arguments]
        words += ["-serial", "stdio", "-serial", f"file:{self.dir}/console"]
        words += ["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="]
        words += ["-device", "virtio-rng-pci", "-accel", "tcg", "-cpu", "qemu64", *qemu]
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *self.enter, *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.read_until_mark(time.monotonic() + 240)  # the shell is there

    def down(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for stream in (self.process.stdin, self.process.stdout):
                if stream:
                    stream.close()

    def run(self, script: str, timeout: float = 120) -> tuple[int, str]:
        """The exit code and output of a line of shell script in the guest."""
        assert self.process is not None and self.process.stdin is not None
        line = f"({script}) </dev/null 2>&1; echo '{MARK}'$?'>>'\n"
        assert "\n" not in script and len(line) < 4000, "one line, please"
        self.process.stdin.write(line.encode())
        self.process.stdin.flush()
        text = self.read_until_mark(time.monotonic() + timeout)
        before, _, after = text.rpartition(MARK)
        return int(after.partition(">>")[0]), before.replace("\r", "")

    def read_until_mark(self, deadline: float) -> str:
        assert self.process is not None and self.process.stdout is not None
        text = b""
        while not re.search(MARK.encode() + rb"\d+>>\s", text):
            left = deadline - time.monotonic()
            ready = select.select([self.process.stdout], [], [], max(0.0, left))[0]
            piece = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert piece, f"the guest is silent: {text.decode(errors='replace')[-500:]}"
            text += piece
        return text.decode(errors="replace")


def contents(
    kernel: kernels.Kernel, programs: Iterable[str], modules: list[str], files: "dict[str, bytes]"
) -> "list[cpio.Entry]":
    """Everything in the ramdisk, each folder before what lies in it."""
    found = kernel.with_dependencies(["virtio_pci", "virtio_net", "virtio-rng", *modules])
    tree: dict[str, bytes] = {f"/modules/{name}.ko": data for name, data in found.items()}
    tree["/modules/order"] = "\n".join(found).encode()
    tree["/init"], tree["/shell"] = INIT.encode(), SHELL.encode()
    tree["/bin/busybox"] = Path(next(path for path in BUSYBOX if Path(path).exists())).read_bytes()
    for program in programs:
        for path in (program, *libraries(program)):
            tree[path] = Path(path).read_bytes()
    tree |= files
    entries: list[cpio.Entry] = [cpio.character_device("dev/console", 5, 1)]
    folders = {parent for path in tree for parent in Path(path).parents if str(parent) != "/"}
    folders |= {Path("/dev")}
    named = sorted(str(path)[1:] for path in folders)
    body = [cpio.program(path[1:], data) for path, data in sorted(tree.items())]
    return [*(cpio.folder(path) for path in named), *entries, *body]


def libraries(path: str) -> list[str]:
    """The shared libraries a program or library needs, by ldd(1)."""
    done = subprocess.run(["ldd", path], capture_output=True, text=True, check=False)
    return LIBRARY.findall(done.stdout)


def python_files(*bindings: str) -> "dict[str, bytes]":
    """The distribution's Python with C extensions such as ``rados``, for ``files``."""
    found = {PYTHON: Path(PYTHON).read_bytes()}
    paths = [*STDLIB.glob("*.py")]
    for folder in STDLIB_FOLDERS:
        paths += [*(STDLIB / folder).rglob("*.py"), *(STDLIB / folder).rglob("*.so")]
    for name in bindings:
        paths += BINDINGS.glob(f"{name}*.so")
    for path in [Path(PYTHON), *paths]:
        found[str(path)] = path.read_bytes()
        if path.suffix == ".so" or str(path) == PYTHON:
            found |= {name: Path(name).read_bytes() for name in libraries(str(path))}
    return found


__all__ = ["HactlError", "KernelGuest", "lacking", "python_files"]
