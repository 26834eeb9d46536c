"""What one apply has written so far, and how it ends where it does not come to its end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from lxml.etree import _Element

from hactl.cib.temporary import name as named_apply
from hactl.errors import ClusterError, HactlError
from hactl.live.interrupts import deferred
from hactl.live.operator import Operator, Options
from hactl.live.session import World
from hactl.live.settle import Unsettled
from hactl.live.take_back import TakeBack
from hactl.result.conclusion import NotAsPredicted, concluded
from hactl.result.standing import Written, net, standing_of


@dataclass
class Ledger:
    """The commits of the apply called ``name``, in order.

    Once it is ``complete`` nothing is taken back.
    """

    world: World
    options: Options
    operator: Operator
    name: str = ""
    written: list[Written] = field(default_factory=list)
    complete: bool = False

    def __post_init__(self) -> None:
        self.name = self.name or named_apply(datetime.now(tz=UTC), self.options.node)

    def ended(self, problem: BaseException) -> HactlError:
        """Take back what can be, look what stands, and return what to say."""
        why, standing = "", standing_of((), None, self.name)
        try:
            self.ascertain()
            why = self.take_back(problem) if self.written else ""
        except (KeyboardInterrupt, SystemExit) as interruption:
            problem = interruption
        try:
            with deferred():
                standing = standing_of(
                    self.written, self.look() if self.written else None, self.name
                )
        except (KeyboardInterrupt, SystemExit) as interruption:
            problem = interruption
        return concluded(problem, standing, why)

    def take_back(self, problem: BaseException) -> str:
        """Take back what was written; return why that was not done, or nothing.

        Nothing is taken back while something is under way: a guest might run twice.
        """
        if self.complete or isinstance(problem, (Unsettled, KeyboardInterrupt, SystemExit)):
            return ""
        if isinstance(problem, NotAsPredicted) and problem.fenced:
            return f"{', '.join(problem.fenced)} was fenced"
        back = TakeBack(self.world, self.options, self.operator, self.name)
        return back.of(net(self.written))

    def ascertain(self) -> None:
        """Look whether a commit arrived that nobody has confirmed."""
        if not self.written or self.written[-1].sure:
            return
        now, last = self.look(), self.written[-1]
        if now is not None and last.arrived(now):
            self.written[-1] = replace(last, sure=True)

    def look(self) -> _Element | None:
        try:
            return self.world.pacemaker.cib()
        except ClusterError:
            return None
