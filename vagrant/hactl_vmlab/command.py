"""Runs a command of this machine to its end; a failure is a sentence with what it said."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from hactl.errors import HactlError

SHOWN = 600  # characters of what a failed command said


def run(
    argv: Sequence[str],
    *,
    stdin: bytes | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
    env: Mapping[str, str] | None = None,
) -> bytes:
    """Standard output of a command that succeeded. Raises HactlError."""
    try:
        done = subprocess.run(
            argv,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            cwd=cwd,
            timeout=timeout,
            env={**os.environ, **env} if env else None,
            check=False,
        )
    except FileNotFoundError:
        raise HactlError(f"{argv[0]} is not installed here") from None
    except subprocess.TimeoutExpired:
        raise HactlError(f"{argv[0]} has not ended within {timeout:g} s") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).decode(errors="replace")
        raise HactlError(f"{argv[0]} failed: {said[-SHOWN:] or f'exit {done.returncode}'}")
    return done.stdout
