"""Writes a configuration into a CIB that nobody else has changed since it was read.

The patch carries admin_epoch and epoch of the CIB it was made from and of the one it makes, and no
num_updates: status updates do not disturb it, and any change to the configuration makes Pacemaker
refuse it. pcs and crmsh send patches without versions, and lose other people's edits.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lxml import etree
from lxml.etree import _Element

from hactl.cib.canonical import attributes
from hactl.cib.schema import without_status
from hactl.errors import ClusterError, ConcurrentEdit
from hactl.live.pacemaker import Pacemaker
from hactl.live.runner import Runner
from hactl.plan.plan import Version

# A daemon that wants num_updates too is asked again as long as only the status moves.
ATTEMPTS = 5


@dataclass(frozen=True)
class Committer:
    """Commits to one cluster; ``scratch`` is a private directory."""

    pacemaker: Pacemaker
    runner: Runner
    scratch: Path

    def commit(self, live: _Element, merged: _Element) -> None:
        """Make the configuration of ``live``, as read from the cluster, that of ``merged``.

        Raises ConcurrentEdit if the configuration is no longer that of ``live``; then nothing has
        been written.
        """
        try:
            self.pacemaker.patch(without_updates(self.diff(live, merged)))
        except ConcurrentEdit:
            self.commit_exactly(live, merged)

    def commit_exactly(self, live: _Element, merged: _Element) -> None:
        """Try with the whole version: for daemons that do not take a patch without num_updates."""
        for _ in range(ATTEMPTS):
            now = self.pacemaker.cib()
            if Version.of(now) != Version.of(live):
                break
            exact = self.diff(now, with_version(merged, now))
            try:
                self.pacemaker.patch(exact)
            except ConcurrentEdit:
                continue
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

    Raises ClusterError if the patch does not say which epoch it is for: it would overwrite
    anything.
    """
    patch = etree.fromstring(diff)
    versions = [*patch.iterfind("version/source"), *patch.iterfind("version/target")]
    guarded = [v for v in versions if v.get("epoch") and v.get("admin_epoch")]
    if len(guarded) != 2:
        raise ClusterError("crm_diff made a patch without versions, which could lose other edits")
    for version in versions:
        version.attrib.pop("num_updates", "")
    return etree.tostring(patch)


def with_version(merged: _Element, live: _Element) -> _Element:
    copy = without_status(merged)
    for name, value in attributes(live).items():
        copy.set(name, value)
    return copy


PROBE = """
<cib crm_feature_set="3.7.0" validate-with="pacemaker-3.7" admin_epoch="0" epoch="2"
 num_updates="{updates}"><configuration><crm_config/><nodes/><resources><primitive id="probe"
 class="ocf" provider="pacemaker" type="Dummy" description="{text}"/></resources><constraints/>
</configuration><status/></cib>
"""


def prove_guard(runner: Runner, scratch: Path) -> None:
    """Prove on a file that the cibadmin of this machine refuses a patch made from an old epoch.

    Raises ClusterError if it does not: then nothing is safe to commit with it.
    """
    file = scratch / "probe.xml"
    file.write_text(PROBE.format(updates=7, text="theirs"))
    committer = Committer(Pacemaker(runner, file), runner, scratch)
    old = etree.fromstring(PROBE.format(updates=1, text="old"))
    old.set("epoch", "1")
    ours = etree.fromstring(PROBE.format(updates=1, text="ours"))
    stale = without_updates(committer.diff(old, ours))
    try:
        committer.pacemaker.patch(stale)
    except ConcurrentEdit:
        return
    raise ClusterError(
        "cibadmin on this machine takes patches made from an outdated configuration, so other "
        "people's edits could be lost; nothing was changed"
    )
