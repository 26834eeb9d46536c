"""The transition graph of the scheduler: every operation it would carry out, on which node.

The summary that crm_simulate prints has one line for a resource, whatever happens to it: of a
resource that is active on three nodes it names one, and a start that comes with a promotion it
calls a promotion. The graph leaves nothing out. It may even hold what will never be done: an
operation that waits for one that is not in it (something unmanaged that would have to be started
first) stays undone, and the controller gives the transition up. What waits for a fencing that is
known never to come (`hung`) stays undone in the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from lxml.etree import _Element

START, STOP = "start", "stop"
PROMOTE, DEMOTE = "promote", "demote"
MIGRATE_TO, MIGRATE_FROM = "migrate_to", "migrate_from"
STONITH = "stonith"
# All others look at a resource or tell it something, and interrupt nobody.
ACTING = frozenset({START, STOP, PROMOTE, DEMOTE, MIGRATE_TO, MIGRATE_FROM})


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of an agent. ``instance`` has a number only in a globally unique clone."""

    action: str
    instance: str
    node: str


@dataclass(frozen=True)
class Graph:
    """A ``<transition_graph>``; ``hung`` are nodes of which the fencing in it never succeeds."""

    root: _Element
    hung: Collection[str] = ()

    @cached_property
    def operations(self) -> frozenset[Operation]:
        """What the agents would be asked to do to resources, beside looking."""
        return frozenset(operation for number, operation in self.acting() if number in self.done)

    @cached_property
    def waiting(self) -> dict[Operation, str]:
        """What would never be done, and the operation it waits for (``web1_start_0``)."""
        return {
            operation: self.awaited(number)
            for number, operation in self.acting()
            if number not in self.done
        }

    def acting(self) -> Iterator[tuple[str, Operation]]:
        for number, event in self.events.items():
            primitive = event.find("primitive")
            action = event.get("operation", "")
            if event.tag == "rsc_op" and action in ACTING and primitive is not None:
                instance = primitive.get("id", "")
                yield number, Operation(action, instance, event.get("on_node", ""))

    @cached_property
    def events(self) -> Mapping[str, _Element]:
        found = self.root.iterfind("synapse/action_set/*")
        return {event.get("id", ""): event for event in found}

    @cached_property
    def inputs(self) -> Mapping[str, dict[str, str]]:
        """What each event waits for: the number and the key of every operation before it."""
        return {
            event.get("id", ""): {
                before.get("id", ""): before.get("operation_key", "")
                for before in synapse.iterfind("inputs/trigger/*")
            }
            for synapse in self.root.iterfind("synapse")
            for event in synapse.iterfind("action_set/*")
        }

    @cached_property
    def stuck(self) -> set[str]:
        """The fencing of hung nodes."""
        return {
            number
            for number, event in (self.events.items() if self.hung else ())
            if event.get("operation") == STONITH and event.get("on_node") in self.hung
        }

    @cached_property
    def done(self) -> set[str]:
        """The events that come to be done, one after the other."""
        left = {n: len(before) + (n in self.stuck) for n, before in self.inputs.items()}
        followers: dict[str, list[str]] = {}
        for number, before in self.inputs.items():
            for each in before:
                followers.setdefault(each, []).append(number)
        ready = [number for number, count in left.items() if not count]
        found: set[str] = set()
        while ready:
            number = ready.pop()
            found.add(number)
            for follower in followers.get(number, ()):
                left[follower] -= 1
                if not left[follower]:
                    ready.append(follower)
        return found

    def awaited(self, number: str) -> str:
        """Return the key of what is waited for in the end: it is not in the graph, or in a ring."""
        seen: set[str] = set()
        key = ""
        while number not in seen and number in self.inputs and number not in self.stuck:
            seen.add(number)
            behind = [each for each in self.inputs[number].items() if each[0] not in self.done]
            number, key = min(behind, key=lambda each: (each[0] in self.inputs, each[0]))
        return key
