"""The suite gives the same answers whoever started it."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INHERITED = """\
import os, resource, signal, subprocess, sys

SLEEP = "import time; print(flush=True); time.sleep(60)"

def test_inherited():
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    child = subprocess.Popen([sys.executable, "-c", SLEEP], **pipe)
    child.stdout.readline()
    child.send_signal(signal.SIGINT)
    assert child.wait(30) in (1, -signal.SIGINT)
    umask = os.umask(0)
    os.umask(umask)
    assert umask == 0o022
    assert "CIB_file" not in os.environ
    assert os.environ["LC_ALL"] == "C.UTF-8"
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 1024
    for which in (resource.RLIMIT_FSIZE, resource.RLIMIT_CPU):
        soft, hard = resource.getrlimit(which)
        assert soft == hard
"""


# Soft limits that a caller has set; as hard as they were.
SHORT = {
    resource.RLIMIT_NOFILE: 64,
    resource.RLIMIT_FSIZE: 1 << 20,
    resource.RLIMIT_CPU: 3000,
}


def hostile() -> None:
    """Leave to the next program what nohup, cron and careless daemons leave."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1})
    os.umask(0o077)
    for which, soft in SHORT.items():
        resource.setrlimit(which, (soft, resource.getrlimit(which)[1]))


def test_signals_limits_umask_and_environment_of_the_caller_do_not_reach_the_tests(
    tmp_path: Path,
) -> None:
    (tmp_path / "test_inherited.py").write_text(INHERITED)
    (tmp_path / "conftest.py").write_text((ROOT / "tests/conftest.py").read_text())
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-c",
            os.devnull,
            f"--rootdir={tmp_path}",
            str(tmp_path),
        ],
        env={**os.environ, "CIB_file": "/nowhere", "LC_ALL": "C", "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        preexec_fn=hostile,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
