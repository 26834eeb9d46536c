"""What can go wrong for an agent, as exceptions; each knows its OCF exit code."""

import errno

ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ESRCH, errno.ENODEV)


class Failed(Exception):
    """An action was tried and did not work, or the truth cannot be told (OCF_ERR_GENERIC)."""

    code = 1


class TimedOut(Failed):
    """A call outside did not come back in time; the message names the step."""


class NotInstalled(Failed):
    """A tool, library or kernel module is missing on this node (OCF_ERR_INSTALLED)."""

    code = 5


class Terminated(Failed):
    """Pacemaker's patience ran out before ours did (SIGTERM)."""


def strerror(exc: OSError) -> str:
    """The system's word for an error."""
    return exc.strerror or str(exc)


def unreadable(path: str, exc: OSError) -> Failed:
    return Failed(f"{path}: cannot be read: {strerror(exc)}")


def seconds(limit: "float | None") -> str:
    """A time as messages give it: 0.001 s, 1.5 s, 20 s."""
    limit = limit or 0.0
    return f"{limit:.{1 if limit >= 1 else 3}f}".rstrip("0").rstrip(".") + " s"
