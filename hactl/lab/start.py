"""Starting a lab: whatever goes wrong, an interrupt included, nothing of it is left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any, TextIO

from hactl.errors import ClusterError
from hactl.lab import image, names, requirements, usermap
from hactl.lab.lab import FORMS_WITHIN, Lab
from hactl.lab.lab_spec import LabSpec
from hactl.lab.node import PATH

Progress = Callable[[str], None]


def up(
    spec: LabSpec, progress: Progress = lambda _text: None, *, forms_within: float = FORMS_WITHIN
) -> Lab:
    """Start a lab and, if its cluster is started, wait until it has formed.

    ``forms_within`` is in seconds. Raises HactlError with one sentence.
    """
    requirements.check(spec, os.getuid())
    if spec.rootless:
        usermap.check(os.getuid())
    report, child_report = os.pipe()
    child_lifeline, lifeline = os.pipe()
    start = Start(os.fdopen(report, errors="replace"), lifeline, progress)
    try:
        try:
            launch(spec, child_report, child_lifeline)
        finally:
            os.close(child_report)
            os.close(child_lifeline)
        start.follow()
        lab = Lab(spec.name)
        if spec.start:
            progress("waiting for the cluster to form")
            lab.wait_formed(forms_within)
        start.let_go()
    except BaseException:
        start.abandon()
        raise
    finally:
        start.report.close()
    return lab


def launch(spec: LabSpec, report: int, lifeline: int) -> None:
    """Start the keeper of a new lab, which has the name from now on. Raises NameInUse."""
    with names.claim(spec.name) as listener:
        inherited = (listener.fileno(), report, lifeline)
        subprocess.run(
            [sys.executable, "-m", "hactl.lab.reaper", spec.to_json(), *map(str, inherited)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=report,
            pass_fds=inherited,
            start_new_session=True,
            cwd="/",
            env={"PATH": PATH, "PYTHONPATH": ":".join(image.source_roots()), "LANG": "C.UTF-8"},
            check=False,
        )


class Start:
    """A lab on its way up: what it reports, and the line it hangs by until it is let go."""

    def __init__(self, report: TextIO, lifeline: int, progress: Progress) -> None:
        self.report = report
        self.lifeline = lifeline
        self.progress = progress
        self.keeper = 0

    def follow(self) -> None:
        """Pass on what the starting lab says, until it has booted. Raises ClusterError."""
        stray = ""
        for line in self.report:
            if not line.startswith("{"):
                stray = line.strip() or stray
                continue
            said = json.loads(line)
            if "error" in said:
                raise ClusterError(f"the lab cannot start: {said['error']}")
            if said.get("step") == "":
                return
            self.heed(said)
        raise ClusterError(f"the lab cannot start: {stray or 'it died without a word'}")

    def heed(self, said: dict[str, Any]) -> None:
        if "keeper" in said:
            self.keeper = said["keeper"]
        elif "map" in said:
            usermap.write(said["map"])
            os.write(self.lifeline, b"m")
        else:
            self.progress(said["step"])

    def let_go(self) -> None:
        """From now on the lab lives without us."""
        os.write(self.lifeline, b"k")
        os.close(self.lifeline)

    def abandon(self) -> None:
        """End the lab; returns when nothing of it is left."""
        os.close(self.lifeline)
        if self.keeper:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.keeper, signal.SIGTERM)
        with contextlib.suppress(OSError, ValueError):
            self.report.read()  # ends when the last process of the lab has ended
