"""A resource agent for tests of the truth table, and others like it that lie, each in one way.

Run as a program, ``toys.py CLASS ACTION``, with parameters in the environment as Pacemaker gives
them and the state folder in TOY_STATE. The resource is a file: "whole" or "half" made, or
somebody else's; beside it may lie a neighbour, which is nobody's business.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

from hactl_agents.host.host import Failed, Host
from hactl_agents.ocf import Agent, Status, action, integer, string
from hactl_agents.ocf.main import answer, budget, exit_code, perform

WHOLE, HALF, NEIGHBOUR = "whole\n", "half\n", ".neighbour"


class Honest(Agent):
    """Keep a file in place."""

    path: str = string("Path of the file", required=True, unique="path")
    size: int = integer("Size of nothing at all", 1)

    converges = True

    def probe(self) -> int:
        content = self.host.read(self.path)
        if content is None or content not in (WHOLE, HALF):
            return Status.STOPPED
        if content == HALF:
            raise Failed(f"{self.path} is half made")
        return Status.RUNNING

    @action(timeout=10)
    def start(self) -> None:
        content = self.host.read(self.path)
        if content not in (None, HALF):
            raise Failed(f"{self.path} is somebody else's: move it away")
        self.host.run("cp", f"{self.path}.template", self.path)

    @action(timeout=10)
    def stop(self) -> None:
        self.host.remove(self.path)


class DeniesWhatIsThere(Honest):
    """7 while it is there."""

    def probe(self) -> int:
        return Status.STOPPED


class StopsNothing(Honest):
    """Stop 0, and all is as before."""

    stopping = False

    def probe(self) -> int:
        return Status.STOPPED if self.stopping else super().probe()

    @action(timeout=10)
    def stop(self) -> None:
        self.stopping = True


class SeesWhatIsAbsent(Honest):
    """0 where there is nothing."""

    def probe(self) -> int:
        return Status.RUNNING


class StartsNothing(Honest):
    """Start 0, and nothing is there."""

    starting = False

    def probe(self) -> int:
        return Status.RUNNING if self.starting else super().probe()

    @action(timeout=10)
    def start(self) -> None:
        self.starting = True


class StartsHalf(Honest):
    """Start 0 of what is half made."""

    def probe(self) -> int:
        return Status.STOPPED if self.host.read(self.path) is None else Status.RUNNING

    @action(timeout=10)
    def start(self) -> None:
        Path(self.path).write_text(HALF)


class TouchesTheNeighbour(Honest):
    """Stop takes more than what is its own."""

    @action(timeout=10)
    def stop(self) -> None:
        super().stop()
        self.host.remove(self.path + NEIGHBOUR)


class TakesTheForeign(Honest):
    """Whatever has that name is taken for ours."""

    def probe(self) -> int:
        return Status.STOPPED if self.host.read(self.path) is None else Status.RUNNING


class Hangs(Honest):
    """Nothing is heard of it."""

    def probe(self) -> int:
        while True:
            time.sleep(1)


class SaysNoReason(Honest):
    """Fails without a word."""

    def probe(self) -> int:
        status = super().probe()
        if not self.host.which("cp"):
            os._exit(1)
        return status


class SaysTwoReasons(Honest):
    """Pacemaker shows the last one only."""

    def probe(self) -> int:
        status = super().probe()
        if not self.host.which("cp"):
            print("ocf-exit-reason:this is one", file=sys.stderr)
            raise Failed("and this another")
        return status


class BelievesItsTool(Honest):
    """5 of a probe, where a tool is missing and the file is there: masked to "stopped"."""

    def probe(self) -> int:
        if not self.host.which("cp"):
            print("ocf-exit-reason:cp is not installed", file=sys.stderr, flush=True)
            os._exit(5)
        return super().probe()


class BelievesItsRecord(Honest):
    """Stopped is what it has no notes on."""

    def probe(self) -> int:
        return super().probe() if self.record.notes else Status.STOPPED


class Stumbles(Honest):
    """A traceback is no answer."""

    def probe(self) -> int:
        if not self.host.which("cp"):
            raise KeyError("cp")
        return super().probe()


class RefusesToStop(Honest):
    """A healthy node is fenced for that."""

    @action(timeout=10)
    def stop(self) -> None:
        raise Failed("it is not convenient")


LIARS: "dict[type[Honest], str]" = {
    DeniesWhatIsThere: "what_is_there_is_not_denied",
    StopsNothing: "what_was_stopped_is_absent",
    SeesWhatIsAbsent: "what_is_absent_is_not_called_running",
    StartsNothing: "what_was_started_is_there",
    StartsHalf: "what_is_half_there_is_not_called_running",
    TouchesTheNeighbour: "what_is_foreign_is_untouched",
    TakesTheForeign: "what_is_foreign_is_untouched",
    Hangs: "every_answer_comes_in_time",
    SaysNoReason: "every_failure_has_one_reason",
    SaysTwoReasons: "every_failure_has_one_reason",
    BelievesItsTool: "what_is_there_is_not_denied",
    BelievesItsRecord: "what_is_there_is_not_denied",
    Stumbles: "no_traceback_is_shown",
    RefusesToStop: "once_healed_it_can_be_stopped",
}


def main(name: str, wanted: str, environ: "dict[str, str]") -> int:
    toy: Any = globals()[name]
    seconds = budget(environ, toy, wanted)
    host = Host(seconds.work, environ, state_dir=environ["TOY_STATE"], kept_back=seconds.look)
    try:
        return exit_code(perform(toy(host, environ), wanted), wanted, environ)
    except Failed as exc:
        return answer(host, wanted, exc, environ)


if __name__ == "__main__":
    code = main(sys.argv[1], sys.argv[2], dict(os.environ))
    sys.stderr.flush()
    os._exit(code)
