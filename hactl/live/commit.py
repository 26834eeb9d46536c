"""Writes a configuration into a CIB that nobody else has changed since it was read.

The patch carries admin_epoch and epoch of the CIB it was made from and of the one it makes: any
change to the configuration makes Pacemaker refuse it. pcs and crmsh send patches without versions,
and lose other people's edits. How much of a version Pacemaker wants depends on its release, so the
style is found on a file before anything is committed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path

from lxml import etree
from lxml.etree import _Element

from hactl.cib.schema import without_status
from hactl.errors import ClusterError, ConcurrentEdit
from hactl.live.pacemaker import InvalidPatch, Pacemaker
from hactl.live.runner import Runner
from hactl.live.settle import Clock
from hactl.plan.plan import Version

# Seconds in which a patch with the whole version is tried again while only the status moves.
LIMIT = 20.0


class Style(Enum):
    """How much of a version a patch carries.

    Up to Pacemaker 3.0.1 a number that is left out means the live one, so status updates do not
    disturb a patch without num_updates. Pacemaker 3.0.2 calls such a patch invalid.
    """

    PARTIAL = "admin_epoch and epoch"
    EXACT = "admin_epoch, epoch and num_updates"


@dataclass(frozen=True)
class Committer:
    """Commits to one cluster; ``scratch`` is a private directory."""

    pacemaker: Pacemaker
    runner: Runner
    scratch: Path
    clock: Clock = field(default_factory=Clock)

    @cached_property
    def style(self) -> Style:
        """The style that the cibadmin of this machine guards; raises ClusterError if it has none.

        Found once, on a file.
        """
        return proven(self.runner, self.scratch)

    def prove(self) -> None:
        """Raise ClusterError unless a patch for an old configuration would be refused here."""
        _ = self.style

    def commit(self, live: _Element, merged: _Element) -> None:
        """Make the configuration of ``live``, as read from the cluster, that of ``merged``.

        Raises ConcurrentEdit if the configuration is no longer that of ``live``, and ClusterError
        if the status never held still; then nothing has been written.
        """
        diff = self.diff(live, merged)
        if self.style is Style.PARTIAL:
            try:
                self.pacemaker.patch(without_updates(diff))
            except (ConcurrentEdit, InvalidPatch):
                pass  # the daemon of a cluster that is half upgraded may want more than cibadmin
            else:
                return
        self.commit_exactly(live, diff)

    def commit_exactly(self, live: _Element, diff: bytes) -> None:
        """Send ``diff`` with the whole version of now, as long as the configuration stands."""
        until = self.clock.now() + LIMIT
        while Version.of(now := self.pacemaker.cib()) == Version.of(live):
            try:
                self.pacemaker.patch(with_version(diff, now))
            except ConcurrentEdit:
                if self.clock.now() > until:
                    raise ClusterError(
                        f"the status of the cluster did not hold still within {LIMIT:g} s, so "
                        "nothing could be written",
                        "try again when it has less to do",
                    ) from None
            else:
                return
        raise ConcurrentEdit("somebody else changed the configuration in the meantime")

    def diff(self, live: _Element, merged: _Element) -> bytes:
        """Return crm_diff's patch from ``live`` to ``merged``, one epoch further."""
        old, new = self.scratch / "old.xml", self.scratch / "new.xml"
        old.write_bytes(etree.tostring(without_status(live)))
        target = without_status(merged)
        target.set("epoch", str(int(live.get("epoch", "0")) + 1))
        target.set("num_updates", "0")
        new.write_bytes(etree.tostring(target))
        argv = ("crm_diff", "--original", str(old), "--new", str(new))
        result = self.runner.run(argv)
        if result.returncode not in (0, 1) or not result.stdout.strip():
            raise ClusterError(f"crm_diff failed: {result.stderr.decode(errors='replace').strip()}")
        return result.stdout


def without_updates(diff: bytes) -> bytes:
    """Return the patch without num_updates in its versions, so that status may move meanwhile.

    Raises ClusterError if the patch does not say which epoch it is for.
    """
    patch = guarded(diff)
    for version in patch.iterfind("version/*"):
        version.attrib.pop("num_updates", "")
    return etree.tostring(patch)


def with_version(diff: bytes, now: _Element) -> bytes:
    """Return the patch for exactly the CIB ``now``, whose configuration is the one it is from.

    Raises ClusterError if the patch does not say which epoch it is for.
    """
    patch = guarded(diff)
    for version in patch.iterfind("version/source"):
        for name in ("admin_epoch", "epoch", "num_updates"):
            version.set(name, now.get(name, "0"))
    return etree.tostring(patch)


def guarded(diff: bytes) -> _Element:
    """Return the patch; raises ClusterError if it lacks an epoch: it would overwrite anything."""
    patch = etree.fromstring(diff)
    versions = [*patch.iterfind("version/source"), *patch.iterfind("version/target")]
    if len([v for v in versions if v.get("epoch") and v.get("admin_epoch")]) != 2:
        raise ClusterError("crm_diff made a patch without versions, which could lose other edits")
    return patch


PROBE = """
<cib crm_feature_set="3.7.0" validate-with="pacemaker-3.7" admin_epoch="0" epoch="{epoch}"
 num_updates="{updates}"><configuration><crm_config/><nodes/><resources><primitive id="probe"
 class="ocf" provider="pacemaker" type="Dummy" description="{text}"/></resources><constraints/>
</configuration><status/></cib>
"""


def probe(epoch: int, updates: int, text: str) -> _Element:
    return etree.fromstring(PROBE.format(epoch=epoch, updates=updates, text=text))


def proven(runner: Runner, scratch: Path) -> Style:
    """Return the style in which the cibadmin of this machine refuses a patch for an old epoch.

    Raises ClusterError where there is none: then nothing is safe to commit with it.
    """
    file = scratch / "probe.xml"
    pacemaker = Pacemaker(runner, file)
    theirs = probe(2, 7, "theirs")
    file.write_bytes(etree.tostring(theirs))
    diff = Committer(pacemaker, runner, scratch).diff
    stale = diff(probe(1, 1, "old"), probe(1, 1, "ours"))
    try:
        pacemaker.patch(without_updates(stale))
    except ConcurrentEdit:
        return Style.PARTIAL
    except InvalidPatch:
        if refused(pacemaker, stale) and taken(pacemaker, diff(theirs, probe(2, 7, "ours"))):
            return Style.EXACT
    raise ClusterError(
        "cibadmin on this machine takes patches made from an outdated configuration, so other "
        "people's edits could be lost; nothing was changed"
    )


def refused(pacemaker: Pacemaker, patch: bytes) -> bool:
    """Whether a patch is refused because the configuration has moved."""
    try:
        pacemaker.patch(patch)
    except ConcurrentEdit:
        return True
    return False


def taken(pacemaker: Pacemaker, patch: bytes) -> bool:
    """Whether a patch that fits is applied, and to the end."""
    pacemaker.patch(patch)
    resource = pacemaker.cib().find("configuration/resources/primitive")
    return resource is not None and resource.get("description") == "ours"
