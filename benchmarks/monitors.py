"""CPU time of each agent's monitor, whole process, as Pacemaker calls it: a table for the docs.

    python benchmarks/monitors.py [--runs 200]

The truth suite counts the instructions of a monitor by calling it under valgrind, in a world in
which the resource runs. Here those same tests find another program of that name first: it makes the
call many times, notes user and system time, and only then lets the real valgrind count. Where a
test has a look-alike of configfs, made by FUSE, it is measured on a copy in memory: what FUSE costs
is no cost of the agent's.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1] / "tests" / "truth"
GATES = "costs_no_more or cost_no_more or stays_below"
NOUNS = {"luns": "LUNs", "namespaces": "namespaces", "portals": "portals", "uplinks": "uplinks"}
WORDS = ("qos", "promotable")
STANDS_IN = Path(__file__).parent / "stands_in_for_valgrind.py"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    given = parser.parse_args()
    real = shutil.which("valgrind")
    if real is None:
        sys.exit("valgrind is not installed")
    with tempfile.TemporaryDirectory(prefix="hactl-monitors-", dir="/var/tmp") as folder:
        rows = measured(Path(folder), real, given.runs)
    print(f"{given.runs} runs each on {machine()}\n")
    print("| agent | what is looked at | CPU, median | least | instructions |")
    print("|---|---|---|---|---|")
    for agent, what, median, least, count in rows:
        print(f"| `{agent}` | {what} | {median:.1f} ms | {least:.1f} ms | {count / 1e6:.1f} M |")


def measured(folder: Path, real: str, runs: int) -> list[tuple[str, str, float, float, int]]:
    results, program = folder / "results", folder / "valgrind"
    shutil.copy(STANDS_IN, program)
    program.chmod(0o755)
    settings = {"runs": runs, "valgrind": real, "results": str(results)}
    (folder / "settings").write_text(json.dumps(settings))
    files = sorted(str(path) for path in TESTS.glob("test_*.py") if "valgrind" in path.read_text())
    path = f"{folder}:{os.environ['PATH']}"
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", GATES, *files]
    subprocess.run(words, env={**os.environ, "PATH": path}, check=False)
    found = [row(json.loads(line)) for line in results.read_text().splitlines()]
    return sorted({each[:2]: each for each in reversed(found)}.values())


def row(told: dict[str, Any]) -> tuple[str, str, float, float, int]:
    given, times = told["given"], told["ms"]
    agent = given.get("OCF_RESOURCE_TYPE") or "Gfs2Mount"
    what = [
        f"{len(given[key].split())} {noun}"
        for name, noun in NOUNS.items()
        if (key := f"OCF_RESKEY_{name}") in given
    ]
    what += [word for word in WORDS if any(word in key for key in given)]
    what += [given["OCF_RESKEY_backend"]] if "OCF_RESKEY_backend" in given else []
    if given.get("OCF_CHECK_LEVEL", "0") != "0":
        what.append(f"OCF_CHECK_LEVEL={given['OCF_CHECK_LEVEL']}")
    return agent, ", ".join(what), statistics.median(times), min(times), told["instructions"]


def machine() -> str:
    cpu = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text()
                .splitlines() if line.startswith("model name")), platform.machine())  # fmt: skip
    python = platform.python_version()
    return f"{os.cpu_count()} cores of {cpu}, Linux {platform.release()}, Python {python}"


if __name__ == "__main__":
    main()
