"""Turn one call by pacemaker-fenced, or by a person, into one exit code.

0: it is certain. 1: it is not, and why is on stderr. ``status`` says 0 on, 2 off, 1 unknown.
"""

import _signal  # type: ignore[import-not-found]  # signal itself imports enum: 4 ms
import posix
import sys

from hactl_agents.declare import BadValue, parse_seconds
from hactl_agents.host.budget import milliseconds
from hactl_agents.host.host import SIGTERM, Failed, Host, Terminated
from hactl_agents.host.stdio import end, say, secure
from hactl_fencing.fence.device import OFF, ON, UNKNOWN, FenceDevice
from hactl_fencing.fence.options import LONGEST, from_lines, from_words, pairs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn

CERTAIN, FAILED, IS_OFF = 0, 1, 2
PART = 0.7  # of the time allowed; Pacemaker tries again only if that much is left
DEFAULT_TIMEOUT = 60
LOOK_EVERY = 0.2  # seconds
ROUNDING = 1e-6  # seconds
ON_PATIENCE = 10.0  # seconds for the second half of a reboot, which nobody waits for
DOCUMENTS = ("metadata", "meta-data", "manpage", "help", "version")


def main(device: "type[FenceDevice]") -> "NoReturn":
    """Run once and end the process, skipping the interpreter's own tidying up."""
    words = sys.argv[1:]
    secure()
    try:
        said = standard_input(words)
    except (BadValue, OSError) as exc:
        end(complain(device, str(exc)))
    end(run(device, words, said))


def standard_input(words: "Sequence[str]") -> str:
    """What pacemaker-fenced says, all of it; nobody is asked to type it. Raises BadValue."""
    if words:
        return ""
    if posix.isatty(0):
        return "action=help"
    said = b""
    while piece := posix.read(0, 4096):
        said += piece
        if len(said) > LONGEST:  # what is cut off could be half of a plug's name
            raise BadValue(f"standard input is longer than {LONGEST} bytes: nothing was done")
    return said.decode(errors="replace")


def run(
    device: "type[FenceDevice]",
    words: "Sequence[str]",
    stdin: str,
    host: "Host | None" = None,
    write: "Callable[[str], object]" = say,
) -> int:
    """The exit code of one call."""
    host = host or Host()
    try:
        options = device.options()
        texts = from_words(words, device) if words else from_lines(stdin, options)
        wanted = texts.get("action") or options["action"].default
        if wanted in DOCUMENTS:
            from hactl_fencing.fence import metadata

            write(metadata.text(device, wanted))
            return CERTAIN
        host.deadline = host.now() + budget(texts, stdin)
        _signal.signal(SIGTERM, lambda *_: terminated(host))
        return perform(device(host, texts), wanted, write)
    except (Failed, BadValue) as exc:
        return complain(device, str(exc))
    except Exception as exc:
        return complain(device, f"unexpected {type(exc).__name__} in {host.step or '?'}: {exc}")


def budget(texts: "Mapping[str, str]", stdin: str) -> float:
    """Seconds we give ourselves: 70 % of what Pacemaker allows.

    For its own monitor it says how long (CRM_meta_timeout, in ms); for fencing it does not.
    """
    for key, value in pairs(stdin):
        given = milliseconds(value) if key == "CRM_meta_timeout" else None
        if given is not None:
            return given * PART
    try:
        return (parse_seconds(texts.get("power_timeout") or str(DEFAULT_TIMEOUT))) * PART
    except ValueError:
        return DEFAULT_TIMEOUT * PART  # and the wrong value is refused before anything is done


def perform(device: FenceDevice, wanted: str, write: "Callable[[str], object]") -> int:
    """One action; raises Failed or BadValue."""
    refuse_bad_options(device)
    if wanted not in device.actions():
        raise BadValue(f"action {wanted!r}: this device offers {', '.join(device.actions())}")
    if wanted in TARGETED:
        if not device.plug:
            raise BadValue(f"{wanted}: which plug? None was given, and it will not be guessed")
        return TARGETED[wanted](device, write)
    if wanted in ("list", "list-status"):
        for plug, (alias, power) in device.plugs().items():
            write(f"{plug},{alias}{',' + power if wanted == 'list-status' else ''}\n")
    elif wanted == "monitor":
        device.watch()
    return CERTAIN


def refuse_bad_options(device: FenceDevice) -> None:
    if device.complaints:
        raise BadValue("; ".join(device.complaints))
    if device.power_timeout < 1:
        raise BadValue("power_timeout: must be at least 1 s")
    device.check()


def status(device: FenceDevice, write: "Callable[[str], object]") -> int:
    found = device.power()
    write(f"Status: {found.upper()}\n")
    return {ON: CERTAIN, OFF: IS_OFF}.get(found, FAILED)


def off(device: FenceDevice, write: "Callable[[str], object]") -> int:
    make_off(device)
    proof = f": {device.proof}" if device.proof else ""
    write(f"Success: {device.plug} is off{proof}\n")
    return CERTAIN


def on(device: FenceDevice, write: "Callable[[str], object]") -> int:
    if look(device) != ON:
        device.switch_on()
        watch = Watch(device, ON)
        if not device.host.wait_for(watch.step, watch.is_on, interval=LOOK_EVERY):
            raise watch.failure()
    device.now_on()
    write(f"Success: {device.plug} is on\n")
    return CERTAIN


def reboot(device: FenceDevice, write: "Callable[[str], object]") -> int:
    """Once off is certain the cluster may go on; a node that stays off is no danger to it."""
    make_off(device)
    device.host.deadline = device.host.now() + (device.host.left(ON_PATIENCE) or 0.0)
    try:
        device.switch_on()
    except (Failed, OSError) as exc:
        device.host.log(f"{device.plug} is off for certain, but cannot be powered on: {exc}")
    write(f"Success: {device.plug} was rebooted\n")
    return CERTAIN


TARGETED = {"off": off, "on": on, "reboot": reboot, "status": status}


def make_off(device: FenceDevice) -> None:
    """Return only once the device was told to go off, and was seen off for a while after that.

    That it is off already proves nothing: it may be in the middle of somebody else's restart. What
    was off and is seen on is told again. Raises Failed.
    """
    tell_off(device)
    watch = Watch(device)
    if not device.host.wait_for(watch.step, watch.stays_off, interval=LOOK_EVERY):
        raise watch.failure()


def tell_off(device: FenceDevice) -> None:
    """Raises Failed where the device refuses, unless what it refuses to switch off is off."""
    try:
        device.switch_off()
    except Terminated:
        raise
    except Failed:
        if look(device) != OFF:  # another fencer may have been faster
            raise


def look(device: FenceDevice) -> str:
    """The power as far as it can be told; a device that cannot tell may still be able to act."""
    device.host.step = f"reading the power of {device.plug}"
    try:
        device.doubt = ""
        return device.power()
    except Terminated:
        raise
    except Failed as exc:
        device.doubt = str(exc)
        return UNKNOWN


class Watch:
    """Looks at the power of a plug; ``wanted`` is what it was told to be."""

    def __init__(self, device: FenceDevice, wanted: str = OFF) -> None:
        self.device = device
        self.wanted = wanted
        self.step = f"waiting for {device.plug} to be {wanted}"
        self.seen = UNKNOWN
        self.since: float | None = None  # the first of the looks in a row that saw it off
        self.was_off = False
        self.returns = 0

    def is_on(self) -> bool:
        return self.can_look() and self.look() == ON

    def stays_off(self) -> bool:
        """Whether it has been off for long enough; one that has come back is told again."""
        if not self.can_look():
            return False
        now = self.device.host.now()
        if self.look() == OFF:
            self.was_off = True
            self.since = now if self.since is None else self.since
            return now - self.since >= self.device.steady - ROUNDING
        self.since = None
        if self.seen == ON and self.was_off:
            self.was_off = False
            self.returns += 1
            tell_off(self.device)
        return False

    def can_look(self) -> bool:
        """A look cut short would only blur what was seen last."""
        left = self.device.host.left()
        return left is None or left >= LOOK_EVERY

    def look(self) -> str:
        self.seen = look(self.device)
        return self.seen

    def failure(self) -> Failed:
        why = f" ({self.device.doubt})" if self.device.doubt else ""
        if self.returns:
            why += f"; it was off and came back {self.returns} times"
        return Failed(
            f"{self.device.plug}: told to go {self.wanted}, but its power is {self.seen}{why}"
        )


def complain(device: "type[FenceDevice]", reason: str) -> int:
    sentence = " ".join(reason.split())[:500]
    try:
        posix.write(2, f"{device.program()}: {sentence}\n".encode(errors="replace"))
    except OSError:
        pass  # nobody listens
    return FAILED


def terminated(host: Host) -> None:
    host.kill_children()
    raise Terminated(f"told to stop waiting during: {host.step or 'start-up'}")
