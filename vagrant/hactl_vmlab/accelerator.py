"""KVM or emulation: decided by booting a kernel, since a /dev/kvm alone promises nothing."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hactl.errors import HactlError, UsageError

KVM, TCG = "kvm", "tcg"
CHOICES = ("auto", KVM, TCG)
DEVICE = Path("/dev/kvm")
SPEAKS_WITHIN = 15.0  # seconds until a kernel under a working KVM has said its name
NESTED = tuple(Path(f"/sys/module/kvm_{maker}/parameters/nested") for maker in ("intel", "amd"))


@dataclass(frozen=True, slots=True)
class Accelerator:
    """What runs the nodes, why, and whether guests in them are accelerated too."""

    name: str
    why: str
    nested: bool = False

    @property
    def arguments(self) -> list[str]:
        """For QEMU. qemu64 boots fastest under emulation, and has all that Debian needs."""
        if self.name == KVM:
            return ["-accel", "kvm", "-cpu", "host"]
        return ["-accel", "tcg,thread=multi,tb-size=256", "-cpu", "qemu64"]

    def describe(self) -> str:
        """For the one who starts a lab: said aloud, because it decides how long all takes."""
        if self.name == TCG:
            return f"QEMU's emulation (TCG), about ten times slower than KVM: {self.why}"
        guests = "too" if self.nested else "are emulated: no nested virtualisation here"
        return f"KVM; guests inside the nodes {guests}"


def choose(wanted: str, boots: Callable[[], str]) -> Accelerator:
    """``auto``, ``kvm`` or ``tcg``; ``boots`` says why KVM does not work, or nothing.

    Raises HactlError where KVM is wanted and does not work.
    """
    if wanted == TCG:
        return Accelerator(TCG, "it was asked for")
    if wanted not in CHOICES:
        raise UsageError(f"{wanted!r} is not an accelerator", "use auto, kvm or tcg")
    reason = absent(DEVICE) or boots()
    if not reason:
        return Accelerator(KVM, "a kernel boots under it", nested=any(map(enabled, NESTED)))
    if wanted == KVM:
        raise HactlError(f"KVM does not work: {reason}", "--accelerator tcg emulates")
    return Accelerator(TCG, reason)


def absent(device: Path) -> str:
    if not device.exists():
        return f"no {device}; load kvm_intel or kvm_amd, or allow nested virtualisation below"
    if not os.access(device, os.R_OK | os.W_OK):
        return f"{device} may not be opened by this user; join the group kvm"
    return ""


def enabled(parameter: Path) -> bool:
    with contextlib.suppress(OSError):
        return parameter.read_text().strip() in ("Y", "1")
    return False


def probe(kernel: Path, within: float = SPEAKS_WITHIN) -> str:
    """Boot ``kernel`` under KVM until it has said its name; why it did not, or nothing."""
    argv = [
        *("qemu-system-x86_64", "-M", "q35", "-m", "256", "-nodefaults", "-display", "none"),
        *Accelerator(KVM, "").arguments,
        *("-serial", "stdio", "-no-reboot", "-kernel", str(kernel)),
        *("-append", "console=ttyS0 panic=-1"),
    ]
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    alarm = threading.Timer(within, process.kill)
    alarm.start()
    last = ""
    try:
        for line in process.stdout:
            if b"Linux version" in line:
                return ""
            last = line.decode(errors="replace").strip() or last
        silent = process.wait() < 0 and not last
        if silent:
            return f"a kernel under {DEVICE} says nothing for {within:.0f} s"
        return f"QEMU says: {last[:200]}"
    finally:
        alarm.cancel()
        process.kill()
        process.wait()
