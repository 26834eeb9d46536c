"""What happens in a scenario: sentences, and what Pacemaker's simulator is told for each.

A line is an event, ``then`` lets the cluster come to rest before the next ones happen; ``#`` begins
a comment. Whatever ``cannot`` start or stop is not able to from that line to the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lxml import etree
from lxml.etree import _Element

from tests.hactl.blast.states import Edit, attribute, found, meta, milliseconds, one

GENERIC_ERROR, DEGRADED = 1, 190


@dataclass(frozen=True)
class Event:
    """Of an event: an edit of the CIB, options of crm_simulate, operations that fail from now on.

    An option changes the CIB before the scheduler sees it (``--node-fail node1``); what fails is
    written as crm_simulate has it (``web1_start_0@node1=1``).
    """

    edit: Edit | None = None
    options: tuple[str, ...] = ()
    failing: str = ""


class Unknown(Exception):
    """A line that says nothing the simulator could be told."""


def rounds(file: Path, cib: _Element) -> list[list[Event]]:
    """Read a file of events that happen to the cluster of ``cib``. Raises Unknown."""
    found: list[list[Event]] = [[]]
    for number, line in enumerate(file.read_text().splitlines(), 1):
        said = " ".join(line.partition("#")[0].split())
        if said == "then":
            found.append([])
        elif said:
            try:
                found[-1].append(event(said, cib))
            except Unknown as exc:
                raise Unknown(f"{file}:{number}: {exc}") from None
    return found


def event(said: str, cib: _Element) -> Event:
    for sentence, make in SENTENCES.items():
        if match := pattern(sentence).fullmatch(said):
            return make(cib, *match.groups())
    raise Unknown(f"{said!r} is not an event; there are: {', '.join(SENTENCES)}")


def pattern(sentence: str) -> re.Pattern[str]:
    """Return what finds a sentence with names for its words in capitals."""
    return re.compile(re.sub("[A-Z]+", r"(\\S+)", sentence))


def of_node(option: str) -> Callable[[_Element, str], Event]:
    return lambda cib, node: Event(options=(option, known(cib, node)))


def attribute_of_node(name: str, value: str) -> Callable[[_Element, str], Event]:
    return lambda cib, node: Event(attribute(known(cib, node), name, value))


def of_cluster(name: str, value: str) -> Callable[[_Element], Event]:
    def edit(cib: _Element) -> None:
        options = one(cib, "configuration/crm_config/cluster_property_set")
        etree.SubElement(options, "nvpair", id=f"scenario-{name}", name=name, value=value)

    return lambda _: Event(edit)


def of_resource(name: str, value: str) -> Callable[[_Element, str], Event]:
    return lambda cib, unit: Event(meta(there(cib, unit).get("id", ""), name, value))


def check(code: int) -> Callable[[_Element, str, str], Event]:
    """Return an event: the recurring monitor of a resource on a node has given this code."""

    def make(cib: _Element, unit: str, node: str) -> Event:
        name = primitive(cib, unit)
        interval = next(
            milliseconds(op.get("interval", "0"))
            for op in found(cib, name).iter("op")
            if op.get("name") == "monitor"
        )
        told = f"{name}_monitor_{interval}@{known(cib, node)}={code}"
        return Event(options=("--op-inject", told))

    return make


def unable(operation: str) -> Callable[[_Element, str, str], Event]:
    return lambda cib, unit, node: Event(
        failing=f"{primitive(cib, unit)}_{operation}_0@{known(cib, node)}={GENERIC_ERROR}"
    )


SENTENCES: dict[str, Callable[..., Event]] = {
    "node NODE is lost": of_node("--node-fail"),
    "node NODE leaves": of_node("--node-down"),
    "node NODE comes back": of_node("--node-up"),
    "node NODE goes to standby": attribute_of_node("standby", "on"),
    "node NODE goes to maintenance": attribute_of_node("maintenance", "true"),
    "quorum is lost": lambda _: Event(options=("--quorum", "false")),
    "the cluster goes to maintenance": of_cluster("maintenance-mode", "true"),
    "RESOURCE becomes unmanaged": of_resource("is-managed", "false"),
    "RESOURCE becomes disabled": of_resource("target-role", "Stopped"),
    "RESOURCE fails on NODE": check(GENERIC_ERROR),
    "RESOURCE is degraded on NODE": check(DEGRADED),
    "RESOURCE cannot start on NODE": unable("start"),
    "RESOURCE cannot stop on NODE": unable("stop"),
}


def known(cib: _Element, node: str) -> str:
    names = [each.get("uname") for each in cib.iterfind("configuration/nodes/node")]
    if node not in names:
        raise Unknown(f"{node} is not a node; there are: {', '.join(map(str, names))}")
    return node


def there(cib: _Element, unit: str) -> _Element:
    for each in cib.iterfind("configuration/resources//*"):
        if each.get("id") == unit and each.tag in ("primitive", "group", "clone"):
            return each
    raise Unknown(f"the topology has no resource {unit}")


def primitive(cib: _Element, unit: str) -> str:
    """Return the one primitive that a resource is made of: a clone goes by its member's name."""
    names = [each.get("id", "") for each in there(cib, unit).iter("primitive")]
    if len(names) != 1:
        raise Unknown(f"{unit} is several resources, name one of them: {', '.join(names)}")
    return names[0]
