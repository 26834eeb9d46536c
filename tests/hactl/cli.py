"""hactl as it is called."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO


def hactl(
    *words: str, stdin: str = "", stdout: IO[str] | int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from hactl.cli import main; main()", *words],
        input=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env=dict(os.environ, PYTHONWARNINGS="error", NO_COLOR="1"),
    )


def written(tmp_path: Path, text: str) -> str:
    file = tmp_path / "t.yaml"
    file.write_text(text)
    return str(file)
