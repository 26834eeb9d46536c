"""A page of the documentation, run as somebody types it: in one shell, command after command."""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
FILE = re.compile(r"Save this as `([^`]+)`:\n\n```yaml\n(.*?)```", re.DOTALL)
PROMPT = re.compile(r"^# (?=\S)")
MARK = "@@ended@@"


def files(page: str) -> dict[str, str]:
    """The files that the page has the reader save: name -> text."""
    return dict(FILE.findall((ROOT / page).read_text()))


def commands(page: str) -> Iterator[str]:
    """What stands behind root's prompt in the page's consoles, in order; output is left out."""
    for block in CONSOLE.findall((ROOT / page).read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            if PROMPT.match(line):
                yield PROMPT.sub("", line)


@dataclass(frozen=True)
class Said:
    code: int
    output: str


class Shell:
    """One bash; what a command leaves in it is there for the next."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "LC_ALL": "C.UTF-8"},
        )

    def type(self, line: str, within: float = 300.0) -> Said:
        """Run a line to its end; it finds nothing on its standard input."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{{ {line}\n}} </dev/null\nprintf '\\n{MARK} %s\\n' $?\n")
        self.process.stdin.flush()
        said = ""
        until = time.monotonic() + within
        with selectors.DefaultSelector() as waiting:
            waiting.register(self.process.stdout, selectors.EVENT_READ)
            while f"\n{MARK} " not in said or not said.endswith("\n"):
                assert waiting.select(max(0, until - time.monotonic())), f"{line}: {said}"
                said += os.read(self.process.stdout.fileno(), 1 << 16).decode(errors="replace")
        output, _, code = said.rpartition(f"\n{MARK} ")
        return Said(int(code), output)

    def close(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()
