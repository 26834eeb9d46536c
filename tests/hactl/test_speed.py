"""What a render may cost: a whole process, from the interpreter's start to the last byte.

Seconds of CPU say as much about the processor as about the program, so the cost is counted in
runs of a yardstick: a process of the same interpreter that does plain work of a known amount,
measured in the same moments.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RENDER = "from hactl.cli import main; main()"
YARDSTICK = """
names = {}
for number in range(200_000):
    name = f"guest{number % 500}-{number}"
    names[name] = [part.upper() for part in name.split("-")]
"""
# 500 guests on 16 nodes take about 2.4 runs: 0.7 s of CPU where the yardstick takes 0.29.
BUDGET = 4.0


def cpu_seconds(*command: str) -> float:
    """Return the CPU time that a Python process with these arguments takes."""
    before = os.times()
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return (
        after.children_user + after.children_system - before.children_user - before.children_system
    )


def test_500_guests_on_16_nodes_are_rendered_for_a_few_runs_of_a_yardstick(tmp_path: Path) -> None:
    topology = tmp_path / "big.yaml"
    made = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/topology_500.py")], check=True, capture_output=True
    )
    topology.write_bytes(made.stdout)
    pairs = [
        (cpu_seconds("-c", RENDER, "render", str(topology)), cpu_seconds("-c", YARDSTICK))
        for _ in range(3)
    ]
    assert min(render for render, _ in pairs) < BUDGET * min(plain for _, plain in pairs)
