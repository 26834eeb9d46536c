"""What the scheduler would do: reads crm_simulate's XML, interprets nothing of the topology."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from lxml.etree import _Element


@dataclass(frozen=True, slots=True)
class Action:
    """One thing the cluster would do to a resource.

    ``verb`` is Pacemaker's: start, stop, restart, recover, reload, move (stop here, start there),
    migrate (live), promote, demote. ``resource`` is the primitive's id without an instance number.
    A blocked action is one the cluster would like to take and cannot.
    """

    verb: str
    resource: str
    instance: str
    source: str = ""
    target: str = ""
    reason: str = ""
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class Fencing:
    """A node that would be fenced; ``action`` is reboot or off."""

    node: str
    action: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a resource is active now, and why it is not to be, if its target-role says so."""

    nodes: tuple[str, ...] = ()
    managed: bool = True
    target_role: str = ""


@dataclass(frozen=True)
class Transition:
    """The cluster as it is, and what it would do next."""

    actions: tuple[Action, ...]
    fencing: tuple[Fencing, ...]
    resources: dict[str, Placed]

    def of(self, resource: str) -> tuple[Action, ...]:
        return tuple(self.by_resource.get(resource, ()))

    @cached_property
    def by_resource(self) -> dict[str, list[Action]]:
        found: dict[str, list[Action]] = {}
        for action in self.actions:
            found.setdefault(action.resource, []).append(action)
        return found

    def running(self, resource: str) -> tuple[str, ...]:
        """Return the nodes ``resource`` is active on before anything is done."""
        placed = self.resources.get(resource)
        return placed.nodes if placed else ()

    @property
    def quiet(self) -> bool:
        return not self.actions and not self.fencing


def transition(result: _Element) -> Transition:
    """Return what ``crm_simulate --run --output-as=xml`` says."""
    return Transition(
        actions=tuple(action(element) for element in result.iterfind("actions/rsc_action")),
        fencing=tuple(fencings(result)),
        resources=placements(result),
    )


def action(element: _Element) -> Action:
    instance = element.get("resource", "")
    here = element.get("node", "")
    verb = element.get("action", "")
    return Action(
        verb=verb,
        resource=instance.partition(":")[0],
        instance=instance,
        source=element.get("source") or ("" if verb == "start" else here),
        target=element.get("dest") or (here if verb == "start" else ""),
        reason=element.get("reason", ""),
        blocked=element.get("blocked") == "true",
    )


def fencings(result: _Element) -> Iterator[Fencing]:
    """Yield the fencing that takes a node down: unfencing ("on") harms nobody."""
    for element in result.iterfind("actions/node_action"):
        what = element.get("task", "").partition("(")[2].rstrip(")")
        if what != "on":
            yield Fencing(element.get("node", ""), what or "off", element.get("reason", ""))


def placements(result: _Element) -> dict[str, Placed]:
    found: dict[str, Placed] = {}
    for element in result.iterfind("cluster_status/resources//resource"):
        name = element.get("id", "").partition(":")[0]
        before = found.get(name, Placed())
        here = [node.get("name", "") for node in element.iterchildren("node")]
        found[name] = Placed(
            nodes=tuple(dict.fromkeys([*before.nodes, *here])),
            managed=before.managed and element.get("managed") != "false",
            target_role=element.get("target_role", before.target_role),
        )
    return found
