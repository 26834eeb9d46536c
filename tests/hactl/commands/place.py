"""A directory with a topology and a CIB, in which hactl is called."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

from tests.hactl.cibs import cib, text
from tests.hactl.topologies import BASE

RAW = "raw: [{kind: primitive, id: d1, agent: 'ocf:pacemaker:Dummy', params: {fake: one}}]\n"
NODES = "".join(f'<node id="{n}" uname="node{n}"/>' for n in (1, 2, 3))


class Place:
    """A directory with a topology and a CIB, in which hactl is called."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "tmp").mkdir()
        self.write("t.yaml", BASE + RAW)
        self.write("cib.xml", text(cib(nodes=NODES)))

    def write(self, name: str, content: str) -> None:
        (self.directory / name).write_text(content)

    def hactl(
        self, *words: str, stdout: int | IO[bytes] = subprocess.PIPE, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        inherited = {name: value for name, value in os.environ.items() if name != "CIB_file"}
        home = {"TMPDIR": str(self.directory / "tmp"), "XDG_STATE_HOME": str(self.directory)}
        return subprocess.run(
            [sys.executable, "-c", "from hactl.cli import main; main()", *words],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=self.directory,
            env={**inherited, **home, "NO_COLOR": "1", **environment},
        )
