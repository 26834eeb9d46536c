"""The cluster a command works on, with a private place for copies: opens and closes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from hactl.live.commit import Committer
from hactl.live.pacemaker import Pacemaker
from hactl.live.runner import Runner
from hactl.live.scratch import scratch
from hactl.live.settle import Clock


@dataclass(frozen=True)
class World:
    """A cluster or a CIB file, and how to run Pacemaker's tools; ``scratch`` does not stay."""

    pacemaker: Pacemaker
    runner: Runner
    scratch: Path
    clock: Clock = field(default_factory=Clock)

    @cached_property
    def committer(self) -> Committer:
        """What writes to this cluster; it finds out once in what style."""
        return Committer(self.pacemaker, self.runner, self.scratch, self.clock)


# The scheduler frees and takes millions of small pieces; without fast bins, which have to be
# consolidated again and again, it needs a fifth less time (16 nodes, 500 guests).
MALLOC = "glibc.malloc.mxfast=0:glibc.malloc.trim_threshold=1000000000"


@contextmanager
def opened(cib: Path | None) -> Iterator[World]:
    """Yield the live cluster, or the CIB in a file; nothing that was written in between stays."""
    with scratch() as directory:
        # crm_simulate writes a copy of the CIB here, and leaves it behind when it dies.
        runner = Runner().with_env(CIB_shadow_dir=str(directory), GLIBC_TUNABLES=MALLOC)
        yield World(Pacemaker(runner, cib), runner, directory)
