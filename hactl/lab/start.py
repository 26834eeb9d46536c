"""Starting a lab: whatever goes wrong, an interrupt included, nothing of it is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable

from hactl.errors import ClusterError
from hactl.lab import image, names, requirements, usermap
from hactl.lab.lab import FORMS_WITHIN, Lab
from hactl.lab.node import PATH
from hactl.lab.spec import LabSpec

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
    try:
        keeper = launch(spec, child_report, child_lifeline)
    finally:
        os.close(child_report)
        os.close(child_lifeline)
    try:
        follow(report, lifeline, progress)
        lab = Lab(spec.name, keeper)
        if spec.start:
            progress("waiting for the cluster to form")
            lab.wait_formed(forms_within)
        os.write(lifeline, b"k")
    except BaseException:
        keeper.terminate()
        keeper.wait()
        raise
    finally:
        os.close(report)
        os.close(lifeline)
    return lab


def launch(spec: LabSpec, report: int, lifeline: int) -> subprocess.Popen[bytes]:
    """The keeper of a new lab, which has the name from now on. Raises NameInUse."""
    with names.claim(spec.name) as listener:
        inherited = (listener.fileno(), report, lifeline)
        return subprocess.Popen(
            [sys.executable, "-m", "hactl.lab.keeper", spec.to_json(), *map(str, inherited)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=report,
            pass_fds=inherited,
            start_new_session=True,
            cwd="/",
            env={"PATH": PATH, "PYTHONPATH": ":".join(image.source_roots()), "LANG": "C.UTF-8"},
        )


def follow(report: int, lifeline: int, progress: Progress) -> None:
    """Pass on what the starting lab says, until it has booted. Raises ClusterError."""
    stray = ""
    with os.fdopen(os.dup(report), errors="replace") as lines:
        for line in lines:
            if not line.startswith("{"):
                stray = line.strip() or stray
                continue
            said = json.loads(line)
            if "error" in said:
                raise ClusterError(f"the lab cannot start: {said['error']}")
            if "map" in said:
                usermap.write(said["map"])
                os.write(lifeline, b"m")
            elif said["step"]:
                progress(said["step"])
            else:
                return
    raise ClusterError(f"the lab cannot start: {stray or 'it died without a word'}")
