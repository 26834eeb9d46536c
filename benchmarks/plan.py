"""CPU of a plan that changes nothing, step by step, beside the scheduler's own.

    python benchmarks/plan.py --nodes 16 --guests 500

Renders a topology, lets Pacemaker place it from cold, writes the status of a cluster that has
settled so, with the probe records and parameter digests of a real one, and plans the same topology
again. Ours must stay at or below 0.5 s of CPU for 500 guests on 16 nodes.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
from collections.abc import Callable, Iterator
from typing import TypeVar

from lxml import etree
from lxml.etree import _Element
from topology_500 import topology as many

from hactl import intent
from hactl.cib.document import cib as rendered_cib
from hactl.cib.document import configuration
from hactl.live import cibfile
from hactl.live.runner import Runner
from hactl.live.scratch import scratch
from hactl.plan import diff
from hactl.plan.plan import Plan, planned
from hactl.report import plan as text
from hactl.report import plan_json as document
from hactl.simulate.scenario import all_online, slim
from hactl.simulate.scheduler import simulate
from hactl.simulate.transition import Transition

LIMIT = 0.5
T = TypeVar("T")


def settled(cold: _Element, placement: Transition) -> _Element:
    """Return the CIB of a cluster in which everything runs as the scheduler placed it."""
    live = all_online(cold)
    where: dict[str, set[str]] = {}
    for action in placement.actions:
        where.setdefault(action.resource, set()).add(action.target)
    for state in live.iterfind("status/node_state"):
        lrm = etree.SubElement(state, "lrm", id=state.get("id", ""))
        resources = etree.SubElement(lrm, "lrm_resources")
        for number, primitive in enumerate(live.iterfind("configuration/resources//primitive")):
            here = state.get("uname", "") in where.get(primitive.get("id", ""), set())
            resources.append(history(primitive, here, number))
    return live


def history(primitive: _Element, here: bool, number: int) -> _Element:
    known = {n: primitive.get(n, "") for n in ("id", "class", "provider", "type")}
    made = etree.Element("lrm_resource", {n: value for n, value in known.items() if value})
    if not here:
        made.append(record(primitive, "monitor", "0", "7", number))
        return made
    made.append(record(primitive, "start", "0", "0", number))
    for op in primitive.iterfind("operations/op[@name='monitor']"):
        interval = str(int(op.get("interval", "10s").rstrip("s")) * 1000)
        made.append(record(primitive, "monitor", interval, "0", number))
    return made


def record(primitive: _Element, operation: str, interval: str, code: str, number: int) -> _Element:
    name = primitive.get("id", "")
    uuid = "12345678-1234-1234-1234-123456789012"
    key = f"{number}:1:{code}:{uuid}"
    suffix = "last_0" if interval == "0" else f"monitor_{interval}"
    said = {
        "id": f"{name}_{suffix}",
        "operation_key": f"{name}_{operation}_{interval}",
        "operation": operation,
        "crm_feature_set": "3.16.1",
        "transition-key": key,
        "transition-magic": f"0:{code};{key}",
        "call-id": str(number),
        "rc-code": code,
        "op-status": "0",
        "interval": interval,
        "last-rc-change": "1795000000",
        "exec-time": "10",
        "queue-time": "0",
    }
    if operation == "start":
        said["op-digest"] = digest(primitive)
    return etree.Element("lrm_rsc_op", said)


def digest(primitive: _Element) -> str:
    """Return the digest of the parameters as Pacemaker's controller records it."""
    element = etree.Element("parameters")
    pairs = primitive.iterfind("instance_attributes/nvpair")
    for pair in sorted(pairs, key=lambda pair: pair.get("name", "")):
        element.set(pair.get("name", ""), pair.get("value", ""))
    return hashlib.md5(b" " + etree.tostring(element) + b"\n").hexdigest()


class Stopwatch:
    """Measures CPU: ours, or that of the commands we run."""

    def __init__(self) -> None:
        self.ours: dict[str, float] = {}

    def __call__(self, name: str, work: Callable[[], T]) -> T:
        before = cpu(resource.RUSAGE_SELF)
        result = work()
        self.ours[name] = cpu(resource.RUSAGE_SELF) - before
        return result


def cpu(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def main() -> None:
    options = arguments()
    with scratch() as directory:
        runner = Runner().with_env(CIB_shadow_dir=str(directory))
        file = directory / "bench.yaml"
        file.write_text("\n".join(many(options.guests, options.nodes)))
        cluster, _ = intent.read(str(file))
        want = configuration(cluster)
        cold = all_online(rendered_cib(cluster))
        data = etree.tostring(settled(cold, simulate(cold, runner)))
        for line in measured(data, want, runner):
            print(line)


def measured(data: bytes, want: _Element, runner: Runner) -> Iterator[str]:
    watch = Stopwatch()
    live = watch("parse", lambda: cibfile.parse(data, "bench"))
    children = cpu(resource.RUSAGE_CHILDREN)
    made = watch("plan", lambda: planned(live, want, runner))
    scheduler = cpu(resource.RUSAGE_CHILDREN) - children
    watch("text", lambda: text.text(made.plan))
    ours = sum(watch.ours.values())
    watch("  of which diff", lambda: diff.changes(live, made.merged))
    watch("  of which slim", lambda: etree.tostring(slim(live)))
    watch("json (not in the sum)", lambda: document.document(made.plan))
    yield f"CIB {len(data) / 1e6:.1f} MB, slim {len(etree.tostring(slim(live))) / 1e6:.1f} MB"
    yield f"changes {len(made.plan.changes)}, affected {affected(made.plan)}"
    yield from (f"{name:24} {seconds:6.3f} s" for name, seconds in watch.ours.items())
    yield f"{'scheduler':24} {scheduler:6.3f} s"
    verdict = "ok" if ours <= LIMIT else "TOO SLOW"
    yield f"{'ours':24} {ours:6.3f} s of {LIMIT} s: {verdict}"


def affected(plan: Plan) -> int:
    return len([e for e in plan.effects.all if e.what != "stays"])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=16)
    parser.add_argument("--guests", type=int, default=500)
    return parser.parse_args()


if __name__ == "__main__":
    main()
