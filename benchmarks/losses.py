"""CPU of `hactl whatif` and `hactl why` on a settled cluster, beside plain crm_simulate -f.

    python benchmarks/losses.py --nodes 16 --guests 500 [--most 1]

Prints CPU seconds: of one whole `crm_simulate --run --node-fail`, of all losses up to so many nodes
with what of it is ours, and of `why` for a guest that has no room on any node.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF
from typing import TypeVar

from lxml import etree
from lxml.etree import _Element
from plan import cpu, settled
from topology_500 import topology as many

from hactl import intent
from hactl.cib.document import cib as rendered_cib
from hactl.live.runner import Runner
from hactl.live.scratch import scratch
from hactl.live.session import MALLOC
from hactl.live.workers import workers
from hactl.simulate.scenario import all_online
from hactl.simulate.scheduler import simulate
from hactl.whatif.judge import Effort, Judge
from hactl.whatif.loss import sets_of_nodes
from hactl.whatif.quorum import of_cib
from hactl.whatif.scene import Scene
from hactl.why.answer import Asking

T = TypeVar("T")


def measured(what: str, work: Callable[[], T]) -> T:
    """Print what a piece of work costs in CPU: ours, and of the commands that we run."""
    ours, theirs, wall = cpu(RUSAGE_SELF), cpu(RUSAGE_CHILDREN), time.monotonic()
    result = work()
    ours, theirs = cpu(RUSAGE_SELF) - ours, cpu(RUSAGE_CHILDREN) - theirs
    wall = time.monotonic() - wall
    print(
        f"{what:36} {ours + theirs:8.2f} CPU-s (ours {ours:6.2f}, scheduler {theirs:6.2f}), "
        f"{wall:7.2f} s",
        flush=True,
    )
    return result


def whole(path: Path, node: str, directory: Path) -> None:
    argv = ["crm_simulate", "-R", "-f", node, "-x", str(path), "--output-as=xml"]
    environment = {**os.environ, "CIB_shadow_dir": str(directory)}
    subprocess.run(argv, check=True, capture_output=True, env=environment)


def main() -> None:
    options = arguments()
    with scratch() as directory:
        runner = Runner().with_env(CIB_shadow_dir=str(directory), GLIBC_TUNABLES=MALLOC)
        live = cluster(options, directory, runner)
        path = directory / "live.xml"
        path.write_bytes(etree.tostring(live))
        node = live.find("configuration/nodes/node").get("uname")  # type: ignore[union-attr]
        measured("crm_simulate -R -f, whole", lambda: whole(path, str(node), directory))
        seen = measured("one slim run", lambda: simulate(live, runner))
        scene = Scene(live, seen, of_cib(live))
        losses = list(sets_of_nodes(scene.nodes, options.most))
        judge = Judge(scene, runner, Effort(workers(len(etree.tostring(live)))))
        found = measured(f"{len(losses)} losses of {options.most}", lambda: list(judge.all(losses)))
        print(f"stranded at most: {max(len(each.down) for each in found)}")
        if options.why:
            large = too_large(live, options.guests)
            answer = measured("why, no room anywhere", lambda: why(large, runner))
            print(f"{answer} nodes told")


def cluster(options: argparse.Namespace, directory: Path, runner: Runner) -> _Element:
    file = directory / "bench.yaml"
    file.write_text("\n".join(many(options.guests, options.nodes)))
    made, _ = intent.read(str(file))
    cold = all_online(rendered_cib(made))
    return settled(cold, simulate(cold, runner))


def too_large(live: _Element, guests: int) -> _Element:
    """Return the cluster in which the last guest is larger than any node and does not run."""
    name = f"vm{guests - 1:04d}"
    copy = etree.fromstring(etree.tostring(live))
    for pair in copy.iterfind(f".//primitive[@id='{name}']/utilization/nvpair[@name='memory']"):
        pair.set("value", "10000000")
    for history in copy.findall(f"status//lrm_resource[@id='{name}']"):
        history.getparent().remove(history)  # type: ignore[union-attr]
    return copy


def why(live: _Element, runner: Runner) -> int:
    name = live.findall("configuration/resources/primitive")[-1].get("id", "")
    return len(Asking(live, name, runner).answer().nodes)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=16)
    parser.add_argument("--guests", type=int, default=500)
    parser.add_argument("--most", type=int, default=1)
    parser.add_argument("--why", action="store_true", help="and why, or only that with --most 0")
    return parser.parse_args()


if __name__ == "__main__":
    main()
