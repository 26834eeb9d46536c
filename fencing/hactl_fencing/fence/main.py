"""Turn one call by pacemaker-fenced, or by a person, into one exit code.

0: it is certain. 1: it is not, and why is on stderr. ``status`` says 0 on, 2 off, 1 unknown.
"""

import _signal  # type: ignore[import-not-found]  # signal itself imports enum: 4 ms
import posix
import sys

from hactl_agents.declare import BadValue, parse_seconds
from hactl_agents.host.host import SIGTERM, Failed, Host, Terminated
from hactl_fencing.fence.device import OFF, ON, UNKNOWN, FenceDevice
from hactl_fencing.fence.options import LONGEST, from_lines, from_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn

CERTAIN, FAILED, IS_OFF = 0, 1, 2
PART = 0.7  # of the time allowed; Pacemaker tries again only if that much is left
DEFAULT_TIMEOUT = 60
LOOK_EVERY = 0.2  # seconds
STEADY = 2  # looks in a row that must say off: some devices switch back on at once
ON_PATIENCE = 10.0  # seconds for the second half of a reboot, which nobody waits for
DOCUMENTS = ("metadata", "meta-data", "manpage", "help", "version")


def main(device: "type[FenceDevice]") -> "NoReturn":
    """Run once and end the process, skipping the interpreter's own tidying up."""
    words = sys.argv[1:]
    code = run(device, words, standard_input(words))
    sys.stdout.flush()
    posix._exit(code)


def standard_input(words: "Sequence[str]") -> str:
    """What pacemaker-fenced says; nobody is asked to type it."""
    if words:
        return ""
    if posix.isatty(0):
        return "action=help"
    pieces, size = [], 0
    while size < LONGEST:
        piece = posix.read(0, 4096)
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces).decode(errors="replace")


def run(
    device: "type[FenceDevice]",
    words: "Sequence[str]",
    stdin: str,
    host: "Host | None" = None,
    write: "Callable[[str], object]" = sys.stdout.write,
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
    for line in stdin.splitlines():
        key, _, value = line.partition("=")
        if key == "CRM_meta_timeout" and value.isdigit() and int(value):
            return int(value) / 1000 * PART
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
        wait(device, ON)
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
    """Return only once the device is off, whoever did it. Raises Failed."""
    seen = look(device)
    if seen != OFF:
        try:
            device.switch_off()
        except Terminated:
            raise
        except Failed:
            if look(device) != OFF:  # another fencer may have been faster
                raise
            seen = OFF
    wait(device, OFF, STEADY - (seen == OFF))


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


def wait(device: FenceDevice, wanted: str, times: int = 1) -> None:
    """Return only once the device itself says so, ``times`` in a row. Raises Failed."""
    seen, row = UNKNOWN, 0

    def reached() -> bool:
        nonlocal seen, row
        left = device.host.left()
        if left is not None and left < LOOK_EVERY:
            return False  # a look cut short would only blur what was seen last
        seen = look(device)
        row = row + 1 if seen == wanted else 0
        return row >= times

    step = f"waiting for {device.plug} to be {wanted}"
    if not device.host.wait_for(step, reached, interval=LOOK_EVERY):
        why = f" ({device.doubt})" if device.doubt else ""
        raise Failed(f"{device.plug}: told to go {wanted}, but its power is {seen}{why}")


def complain(device: "type[FenceDevice]", reason: str) -> int:
    sentence = " ".join(reason.split())[:500]
    posix.write(2, f"{device.program()}: {sentence}\n".encode(errors="replace"))
    return FAILED


def terminated(host: Host) -> None:
    host.slay_children()
    raise Terminated(f"told to stop waiting during: {host.step or 'start-up'}")
