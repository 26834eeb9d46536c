"""Starts the lab's one process and waits outside for its end, to remove its control groups.

Run as a program by `hactl.lab.lab.up`; control groups are the only trace of a lab on the host.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
import traceback

from hactl.errors import HactlError
from hactl.lab import cgroups, linux
from hactl.lab.daemon import Labd, build
from hactl.lab.lab_spec import LabSpec


def main(argv: list[str]) -> int:
    """``SPEC CONTROL REPORT LIFELINE``: a spec as JSON, and three inherited descriptors."""
    spec = LabSpec.from_json(argv[0])
    control, report, lifeline = (int(word) for word in argv[1:4])
    for descriptor in (control, report, lifeline):
        os.set_inheritable(descriptor, False)
    if os.fork():
        os._exit(0)  # whoever started the lab need not reap it
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # until it can be acted upon
    tell(report, {"keeper": os.getpid()})
    linux.set_process_name("hactl-lab")
    groups = cgroups.Groups(cgroups.this_machine(), f"hactl-lab-{spec.name}-{os.getpid()}")
    if spec.rootless:
        become_root_of_a_user_namespace(report, lifeline)
    keeper, handle = os.getpid(), os.pidfd_open(os.getpid())
    linux.unshare(linux.CLONE_NEWPID)
    child = os.fork()
    if child == 0:
        os.close(lifeline)
        run_lab(Labd(spec, groups, keeper), control, report, handle)
    os.close(handle)
    # the report stays open: its end tells the starter that nothing is left
    os.close(control)
    return keep(child, groups, lifeline)


def keep(child: int, groups: cgroups.Groups, lifeline: int) -> int:
    """Wait for the lab's end, then clean up what the kernel does not."""
    lab = os.pidfd_open(child)

    def end(*_: object) -> None:
        with contextlib.suppress(ProcessLookupError):  # it has ended, we are about to clean up
            signal.pidfd_send_signal(lab, signal.SIGKILL)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    if not let_go(lab, lifeline):
        end()
    os.close(lifeline)
    os.waitpid(child, 0)
    groups.remove()
    return 0


def let_go(lab: int, lifeline: int) -> bool:
    """Whether the one who started the lab lets go of it; until then it dies with them.

    Asked here, as the lab itself hears nobody while it boots its nodes. True as well where the lab,
    a descriptor of its first process, ends before that.
    """
    ready, _, _ = select.select([lab, lifeline], [], [])
    return lab in ready or os.read(lifeline, 1) == b"k"


def become_root_of_a_user_namespace(report: int, lifeline: int) -> None:
    """Ask the parent, which may run newuidmap(1), for our users and groups."""
    linux.unshare(linux.CLONE_NEWUSER)
    tell(report, {"map": os.getpid()})
    if os.read(lifeline, 1) != b"m":
        raise SystemExit(1)
    os.setgid(0)
    os.setuid(0)


def run_lab(lab: Labd, control: int, report: int, keeper: int) -> None:
    """Never returns: the life of process 1 of the lab. ``keeper`` is a descriptor of its parent."""
    try:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        linux.die_with_parent(signal.SIGTERM)
        if select.select([keeper], [], [], 0)[0]:
            sys.exit(0)  # it has ended before we could ask to be told
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        linux.unshare(linux.CLONE_NEWNS | linux.CLONE_NEWNET | linux.CLONE_NEWIPC)
        build(lab.spec)
        listener = socket.socket(fileno=control)
        lab.serve(listener, lambda text: tell(report, {"step": text}))
    except SystemExit:
        pass
    except (HactlError, OSError) as exc:
        tell(report, {"error": str(exc)})
    except Exception as exc:
        tell(report, {"error": bug(exc)})
    finally:
        with contextlib.suppress(HactlError, OSError):
            lab.machines.kill_all()
        lab.machines.groups.remove()
        os._exit(0)


def bug(exc: Exception) -> str:
    """One line on an error nobody foresaw, with the place it happened."""
    frame = traceback.extract_tb(exc.__traceback__)[-1]
    return f"unexpected {type(exc).__name__} at {frame.filename}:{frame.lineno}: {exc}"


def tell(report: int, message: dict[str, object]) -> None:
    with contextlib.suppress(OSError):
        os.write(report, json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
