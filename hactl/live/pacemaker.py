"""One Pacemaker cluster, or one CIB file: reads and patches it through Pacemaker's own tools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lxml import etree
from lxml.etree import _Element

from hactl.cib import feature_set
from hactl.errors import ClusterError, ConcurrentEdit
from hactl.live import cibfile
from hactl.live.runner import Result, Runner, TimedOut

# Pacemaker's exit codes (crm_exit_t) that mean the same for each of its tools.
ACCESS = frozenset({4, 77})
DISCONNECTED = frozenset({102, 105})
OLD = 103
QUORUM = 106
SOFTWARE = 70
TIMEOUT = 124


class NotConnected(ClusterError):
    """There is no running Pacemaker to talk to, or it does not answer."""


class InvalidPatch(ClusterError):
    """Pacemaker calls the patch itself invalid: since 3.0.2 one whose version is not whole."""


@dataclass(frozen=True)
class Pacemaker:
    """``file`` stands for a cluster that is not running: a CIB file. None means the live one."""

    runner: Runner
    file: Path | None = None

    @property
    def live(self) -> bool:
        return self.file is None

    def cib(self) -> _Element:
        """Return the whole CIB as it is now.

        Raises NotConnected, or ClusterError where the file is none.
        """
        if self.file is not None:
            return cibfile.read(self.file)
        try:
            result = self.ask("cibadmin", "--query")
        except NotConnected:
            # cibadmin calls a forbidden connection a missing one; crm_mon knows the difference.
            self.ask("crm_mon", "-1")
            raise
        return cibfile.parse(result.stdout, "cibadmin --query")

    def patch(self, diff: bytes) -> None:
        """Apply a diff to the configuration.

        Raises ConcurrentEdit when the CIB is no longer the one the diff was made from, and
        InvalidPatch when this Pacemaker does not take such a diff.
        """
        self.ask("cibadmin", "--patch", "--xml-pipe", stdin=diff)

    def feature_set(self) -> str:
        """Return the feature set of the tools on this machine, such as 3.16.1."""
        empty = cibfile.parse(self.ask("cibadmin", "--empty").stdout, "cibadmin --empty")
        return empty.get(feature_set.ATTRIBUTE, "")

    def refuse_foreign(self, cib: _Element) -> None:
        """Raise ForeignFeatureSet if these tools cannot write to ``cib``, read from the file."""
        if self.file is not None:
            feature_set.refuse_foreign(cib, self.feature_set(), str(self.file))

    def forget_failures(self, resource: str, node: str) -> None:
        """Have the cluster forget that ``resource`` failed on ``node``, and look again."""
        self.ask("crm_resource", "--cleanup", f"--resource={resource}", f"--node={node}")

    def look_anew(self, resource: str) -> None:
        """Have the cluster forget all that was done to ``resource``, and probe it on every node."""
        self.ask("crm_resource", "--refresh", f"--resource={resource}")

    def state(self, node: str, within: str = "") -> str:
        """Return the state of the controller on ``node``: S_IDLE on a DC that has nothing to do.

        ``within`` is a time as Pacemaker writes it, else its own half a minute.
        """
        patience = (f"--timeout={within}",) if within else ()
        result = self.asked("crmadmin", "--output-as=xml", *patience, f"--status={node}")
        crmd = result.find("crmd")
        return "" if crmd is None else crmd.get("state", "")

    def monitor(self) -> _Element:
        """Return what crm_mon says, failures, stopped resources and fencing history included."""
        return self.asked("crm_mon", "--output-as=xml", "-1", "--inactive", "--fence-history=2")

    def fencing(self) -> _Element:
        """Return the history of fencing."""
        return self.asked("stonith_admin", "--output-as=xml", "--history", "*")

    def fenced(self) -> set[tuple[str, str, str]]:
        """Return node, action and time of every fencing on record that took a node down."""
        if not self.live:
            return set()
        return {
            (event.get("target", ""), event.get("action", ""), event.get("completed", ""))
            for event in self.fencing().iter("fence_event")
            if event.get("status") == "success" and event.get("action") != "on"
        }

    def asked(self, *argv: str) -> _Element:
        """Return what a tool answers in XML.

        Raises ClusterError also where it exits with 0 and has said nothing but what went wrong.
        """
        result = self.ask(*argv)
        try:
            answer = etree.fromstring(result.stdout)
        except etree.XMLSyntaxError as problem:
            raise ClusterError(f"{argv[0]} did not answer in XML: {problem.msg}") from None
        errors = [error.text or "" for error in answer.iterfind("status/errors/error")]
        if errors and all(part.tag == "status" for part in answer):
            where = self.file or "the cluster"
            raise ClusterError(f"{argv[0]} cannot read {where}: {'; '.join(errors)}")
        return answer

    def ask(self, *argv: str, stdin: bytes = b"") -> Result:
        runner = self.runner if self.file is None else self.runner.with_env(CIB_file=str(self.file))
        try:
            result = runner.run(argv, stdin=stdin)
        except TimedOut as problem:
            raise NotConnected(
                f"{problem.message}: Pacemaker on this machine hangs",
                "look at `systemctl status pacemaker`, and from another node",
            ) from None
        if result.returncode:
            raise refusal(argv, result)
        return result


def refusal(argv: Sequence[str], result: Result) -> ClusterError:
    """Return what a tool's exit code means, as a sentence."""
    said = complaint(result)
    if result.returncode == OLD:
        return ConcurrentEdit("somebody else changed the configuration in the meantime")
    if result.returncode == SOFTWARE and "--patch" in argv:
        return InvalidPatch(f"cibadmin --patch failed with {result.returncode}: {said}")
    if result.returncode in DISCONNECTED and argv[0] in ("cibadmin", "crm_mon", "crmadmin"):
        return NotConnected(
            f"no Pacemaker answers on this machine ({said})",
            "run hactl on a node of the cluster, or give a file with --cib",
        )
    if result.returncode in ACCESS:
        return ClusterError(
            f"permission denied ({said})", "run hactl as root, or as a member of group haclient"
        )
    if result.returncode == QUORUM:
        return ClusterError(
            "the cluster has no quorum, so its configuration cannot be changed",
            "bring back the missing nodes first",
        )
    if result.returncode == TIMEOUT:
        return NotConnected(f"{argv[0]} got no answer from Pacemaker in time ({said})")
    return ClusterError(f"{' '.join(argv[:2])} failed with {result.returncode}: {said}")


def complaint(result: Result) -> str:
    """Return the last thing a tool said: the first lines are often about a symptom."""
    lines = result.stderr.decode(errors="replace").strip().splitlines() or said_in_xml(result)
    return lines[-1].removeprefix("error: ") if lines else "it said nothing"


def said_in_xml(result: Result) -> list[str]:
    try:
        status = etree.fromstring(result.stdout).find("status")
    except etree.XMLSyntaxError:
        return []
    if status is None:
        return []
    errors = [error.text or "" for error in status.iterfind("errors/error")]
    return errors or [status.get("message", "")]
