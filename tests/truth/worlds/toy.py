"""The world of toys, files in a folder: how little a world needs, and what liars are put into."""

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.execd import pacemaker_environment
from tests.truth import toys
from tests.truth.table import nameless
from tests.truth.world import Presence

AGENT = "Honest"
STATES = ("absent", "running", "half made", "forgotten", "foreign")
BREAKS = ("nothing", "no tools", "parameters broken", "name unreadable", "state folder lost")
UNHINDERED = BREAKS
QUICK = True
TIMEOUT = 3.0
EXEMPTIONS = nameless("forgotten", "name unreadable")
HERE = Path(__file__).parents[3]
PYTHONPATH = f"{HERE}:{HERE / 'agents'}"


def lacking() -> list[str]:
    return []


@contextmanager
def world(folder: Path) -> "Iterator[ToyWorld]":
    yield ToyWorld(folder, toys.Honest)


class ToyWorld:
    """Toys of one class."""

    def __init__(self, folder: Path, toy: type[toys.Honest]) -> None:
        self.folder = folder
        self.toy = toy
        self.counter = itertools.count()

    def fresh(self) -> "Toy":
        return Toy(self.folder / str(next(self.counter)), self.toy)


class Toy:
    """One file, its template, and a neighbour, in a folder of their own."""

    def __init__(self, folder: Path, toy: type[toys.Honest]) -> None:
        folder.mkdir()
        self.toy = toy
        self.path = folder / "file"
        self.state = folder / "state"
        self.neighbour = folder / f"file{toys.NEIGHBOUR}"
        self.neighbour.write_text("somebody else's\n")
        (folder / "file.template").write_text(toys.WHOLE)
        self.foreign = False
        self.more: dict[str, str] = {}
        self.params: dict[str, str] = {}
        self.heal()

    def bring_into(self, state: str) -> None:
        if state == "foreign":
            self.path.write_text("somebody else's\n")
            self.foreign = True
        if state in ("absent", "foreign"):
            return
        # a liar may not even start it
        subprocess.run([*self.program(toys.Honest), "start"], env=self.environment(9), check=True)
        if state == "half made":
            self.path.write_text(toys.HALF)
        if state == "forgotten":
            self.forget()

    def do_break(self, what: str) -> None:
        if what == "no tools":
            self.more = {"OCF_TESTER_FAIL_HAVE_BINARY": "1"}
        if what == "parameters broken":
            self.params["size"] = "many"
        if what == "name unreadable":
            self.params["path"] = "two\nlines"
        if what == "state folder lost":
            self.forget()

    def forget(self) -> None:
        for file in self.state.glob("*.run"):
            file.unlink()

    def heal(self) -> None:
        self.more = {}
        self.params = {"path": str(self.path)}

    def clean(self) -> None:
        self.path.unlink(missing_ok=True)

    def witness(self) -> Presence:
        content = self.path.read_text() if self.path.exists() else ""
        found: dict[str, Presence] = {toys.WHOLE: "there", toys.HALF: "partly"}
        return found.get(content, "absent")

    def foreign_untouched(self) -> bool:
        return self.neighbour.exists() and (not self.foreign or self.path.exists())

    def call(
        self, action: str, *, timeout: float, meta: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[str]":
        command = [*self.program(self.toy), action]
        env = self.environment(timeout, meta)
        try:
            return subprocess.run(
                command, env=env, capture_output=True, text=True, check=False, timeout=timeout + 2
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, -9, "", "")

    def program(self, toy: type[toys.Honest]) -> list[str]:
        return [sys.executable, "-S", "-m", "tests.truth.toys", toy.__name__]

    def environment(
        self, timeout: float, meta: "Mapping[str, str] | None" = None
    ) -> dict[str, str]:
        env = pacemaker_environment("toy", AGENT, timeout, 0, meta or {}, self.params)
        env |= {"TOY_STATE": str(self.state), "PYTHONPATH": PYTHONPATH, "PATH": os.environ["PATH"]}
        return env | self.more
