"""What a render may cost: a whole process, from the interpreter's start to the last byte."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUDGET = 1.0  # seconds of CPU for 500 guests on 16 nodes


def cpu_seconds(*command: str) -> float:
    """Return the CPU time that a command takes, the best of three."""

    def once() -> float:
        before = os.times()
        subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
        after = os.times()
        return (
            after.children_user
            + after.children_system
            - before.children_user
            - before.children_system
        )

    return min(once() for _ in range(3))


def test_500_guests_on_16_nodes_are_rendered_within_a_second(tmp_path: Path) -> None:
    topology = tmp_path / "big.yaml"
    made = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/topology_500.py")], check=True, capture_output=True
    )
    topology.write_bytes(made.stdout)
    main = "from hactl.cli import main; main()"
    assert cpu_seconds("-c", main, "render", str(topology)) < BUDGET
