"""What the truth table asks of a world: the protocol that every module in worlds/ fulfils.

A world module is about one agent. It says what states and breaks there are, boots what is needed
once, and hands out cells: each a resource of its own, which is brought into a state, deprived of
something and asked. What is asked, and which answers are lies, is common to all (table.py).

    AGENT = "LinuxBridge"
    STATES = ("absent", "running", "unfinished", "foreign")
    BREAKS = ("nothing", "no tools", "state folder lost")
    def lacking() -> list[str]: ...
    @contextmanager
    def world(folder: Path) -> Iterator[World]: ...
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal, Protocol

from tests.truth.table import Exemption, Impossible, Lie

# What is on this node of the object that the resource stands for, whatever the agent says of it:
# "there": all of it; "partly": something of it, so that it neither runs nor may be called stopped;
# "absent": nothing that could write, forward or serve. Somebody else's object is not ours: absent.
Presence = Literal["there", "partly", "absent"]


class Answer(Protocol):
    """What an agent said; a CompletedProcess is one."""

    @property
    def returncode(self) -> int: ...
    @property
    def stderr(self) -> str: ...


class Cell(Protocol):
    """One resource in one state. It is made with nothing there and nothing broken."""

    def bring_into(self, state: str) -> None:
        """Make one of STATES, by the agent where that is how it comes about.

        "absent": nothing is there, and never was. "running": started by the agent, nothing wrong.
        "foreign": somebody else's object is where ours would be, and ours is absent.
        All the other names are the module's own: half done, frozen, forgotten, promoted ...
        """

    def do_break(self, what: str) -> None:
        """Take away one of BREAKS; "nothing" does nothing.

        What a call has to be given for that (an environment, wrong parameters) is remembered and
        given by ``call`` until ``heal``.
        """

    def heal(self) -> None:
        """Give back what ``do_break`` took, and wait until it works; harmless to do twice."""

    def clean(self) -> None:
        """Leave nothing of this cell, by other means than the agent; works in every state."""

    def witness(self) -> Presence:
        """What is there, by other means than our agent's; also while something is broken."""

    def foreign_untouched(self) -> bool:
        """Whether all that is not this resource's is as it was before the first call."""

    def call(self, action: str, *, timeout: float, meta: Mapping[str, str]) -> Answer:
        """Run the agent as Pacemaker does, with the operation's ``timeout`` in seconds.

        ``meta`` are further CRM_meta variables, such as the interval. An agent that is still at it
        some seconds after its timeout is killed; then the returncode is -9 (137 will do).
        """


class World(Protocol):
    """All that cells share: a node, daemons, a small Ceph."""

    def fresh(self) -> Cell:
        """A cell whose names are used once."""


class WorldModule(Protocol):
    """A module in worlds/. From EXTENDED on all is optional."""

    AGENT: str  # the OCF type
    STATES: Sequence[str]  # "absent", "running" and "foreign" are among them
    BREAKS: Sequence[str]  # begins with "nothing"

    def lacking(self) -> list[str]:
        """Why this machine cannot have such a world, as reasons to skip; empty if it can."""

    def world(self, folder: Path) -> AbstractContextManager[World]:
        """The world for the length of a ``with`` block; ``folder`` is its own and empty."""

    TITLE: str  # of its table on the page, where an agent has several worlds; default: AGENT
    EXTENDED: bool  # True: too long for the daily run, only for scripts/test --all
    QUICK: bool  # True: all cells run daily; else every state unbroken, and running with each break
    SHARES: int  # into which a long table is cut by its states, to be played at once (default 1)
    SLOW: Collection[str]  # breaks that are not for the daily run
    SAMPLED: Sequence[str]  # states of which the seed draws one for the daily run
    TIMEOUT: float  # of every call, in seconds (default 15); long enough for a start
    DEEP: bool  # True: monitors of depth 10 are made, too; ``call`` takes ``level=10`` then
    UNHINDERED: Collection[str]  # breaks with which a stop of every state has to work at once
    EXEMPTIONS: Collection[Exemption]  # which answers are not lies here after all, and why
    LIES: Mapping[str, Lie]  # of impostors of its agent, beside those of every world
    IMPOSSIBLE: Collection[Impossible]  # cells that there are not, and why
