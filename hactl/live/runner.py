"""Runs a command to its end within a deadline: knows processes, not what they are for."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hactl.errors import ClusterError
from hactl.live.exchange import TooMuch, exchange

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
# What may come from outside: where Pacemaker keeps its things, and nothing else.
INHERITED = ("HOME", "PCMK_schema_directory", "PCMK_remote_schema_directory", "PCMK_ipc_type")
TIMEOUT = 30.0
MOST = 256 << 20  # bytes; the CIB of 2000 guests is 40 MB


class CommandMissing(ClusterError):
    """A command is not installed."""


class TimedOut(ClusterError):
    """A command did not come to its end in time and was killed."""


class SaysTooMuch(ClusterError):
    """A command did not stop talking and was killed."""


@dataclass(frozen=True, slots=True)
class Result:
    """What is left of a command; a negative returncode is the signal that ended it."""

    returncode: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True)
class Runner:
    """Runs commands with an environment of its own: LC_ALL=C, a fixed PATH, and ``env``.

    ``most`` is how many bytes a command may say.
    """

    env: Mapping[str, str] = field(default_factory=dict)
    most: int = field(default=MOST, kw_only=True)

    def with_env(self, **more: str) -> Runner:
        return replace(self, env={**self.env, **more})

    def run(self, argv: Sequence[str], stdin: bytes = b"", timeout: float = TIMEOUT) -> Result:
        """Run ``argv`` without a shell and return what is left of it.

        Raises CommandMissing where there is no such command, TimedOut after ``timeout`` seconds,
        SaysTooMuch beyond what it may say; then it and everything it started have been killed.
        """
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self.environment(),
                start_new_session=True,
            )
        except FileNotFoundError:
            raise CommandMissing(
                f"{argv[0]}: command not found", "install Pacemaker's command line tools"
            ) from None
        return self.finish(process, argv[0], stdin, timeout)

    def finish(
        self, process: subprocess.Popen[bytes], name: str, stdin: bytes, timeout: float
    ) -> Result:
        try:
            stdout, stderr = exchange(process, stdin, timeout, self.most)
        except subprocess.TimeoutExpired:
            raise TimedOut(f"{name} gave no answer within {timeout:g} s") from None
        except TooMuch:
            raise SaysTooMuch(f"{name} said more than {self.most >> 20} MiB") from None
        finally:
            if process.poll() is None:
                kill(process)
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe:
                    pipe.close()
        return Result(process.returncode, stdout, stderr)

    def environment(self) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        return {**inherited, "PATH": PATH, "LC_ALL": "C", **self.env}


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the command with all it started: also when the operator presses Ctrl-C."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
