"""A small change to the live configuration: made from the newest one, guarded, tried again."""

from __future__ import annotations

from collections.abc import Callable

from lxml.etree import _Element

from hactl.cib import schema
from hactl.cib.canonical import same
from hactl.errors import ConcurrentEdit
from hactl.live.session import World

ATTEMPTS = 10


def edit(world: World, change: Callable[[_Element], _Element]) -> _Element:
    """Commit what ``change`` makes of the CIB; return the CIB it was made from.

    Each attempt begins with the CIB as it is then, so nobody else's edit is lost. Raises
    ConcurrentEdit where others write all the time, and whatever ``change`` raises.
    """
    for _ in range(ATTEMPTS):
        live = world.pacemaker.cib()
        wanted = change(live)
        if same(live, wanted):
            return live
        schema.check(wanted)
        try:
            world.committer.commit(live, wanted)
        except ConcurrentEdit:
            continue
        return live
    raise ConcurrentEdit("others change the configuration all the time", "try again later")
