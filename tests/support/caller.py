"""What a process inherits from whoever started it, set to what tests count on.

nohup and the background jobs of a script ignore SIGINT; a daemon's children may have signals
blocked, a strict umask, a terminal of 20 columns, or a limit on open files. None of that is to
decide how a test ends.
"""

import math
import os
import resource
import signal
import time
from collections.abc import MutableMapping

USUAL = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGQUIT: signal.SIG_DFL,
    signal.SIGCHLD: signal.SIG_DFL,
    signal.SIGUSR1: signal.SIG_DFL,
}
UMASK = 0o022
# What the tests count on: descriptors, bytes, seconds, processes.
ENOUGH = {
    resource.RLIMIT_NOFILE: 1024,
    resource.RLIMIT_STACK: 8 << 20,
    resource.RLIMIT_AS: resource.RLIM_INFINITY,
    resource.RLIMIT_CPU: resource.RLIM_INFINITY,
    resource.RLIMIT_DATA: resource.RLIM_INFINITY,
    resource.RLIMIT_FSIZE: resource.RLIM_INFINITY,
    resource.RLIMIT_NPROC: resource.RLIM_INFINITY,
}
# Pacemaker's, click's and Python's own switches, and where its tools look for a cluster
SWITCHES = ("CIB_", "PCMK_", "OCF_", "LIBVIRT_", "VIRSH_", "PYTHON")
PLAIN = {"LC_ALL": "C.UTF-8", "TERM": "dumb", "TZ": "UTC"}
DROPPED = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "LANGUAGE")


def forget_the_caller(environ: MutableMapping[str, str] = os.environ) -> None:
    """Take signals, soft limits, umask and environment as a login shell has them."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number, handler in USUAL.items():
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)
    for which, enough in ENOUGH.items():
        raise_limit(which, enough)
    os.umask(UMASK)
    for name in [name for name in environ if is_a_switch(name)]:
        del environ[name]
    environ.update(PLAIN)
    time.tzset()


def raise_limit(which: int, enough: int) -> None:
    """Raise a soft limit that is below ``enough``, as far as the hard one lets us."""
    soft, hard = resource.getrlimit(which)
    wanted = min(enough, hard, key=how_much)
    if how_much(soft) < how_much(wanted):
        resource.setrlimit(which, (wanted, hard))


def how_much(limit: int) -> float:
    return math.inf if limit == resource.RLIM_INFINITY else limit


def is_a_switch(name: str) -> bool:
    return name in DROPPED or name.startswith(SWITCHES)
