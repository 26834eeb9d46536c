"""What the whole cluster, or a node, is like: quorum, tickets, fencing that does not come."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree
from lxml.etree import _Element

from hactl.cib.node_state import FENCED, ONLINE
from hactl.cib.read import properties
from hactl.model.boolean import is_false, is_true
from hactl.simulate.losses import states
from hactl.simulate.relaxation import Chain
from hactl.simulate.transition import Transition
from hactl.why.blocker import Blocker, Edit, Sort
from hactl.why.switches import without


def conditions(cib: _Element, of: Chain, seen: Transition) -> Iterator[Blocker]:
    """Yield what is so on every node: no quorum, no ticket, a node that waits to be fenced."""
    yield from quorum(cib, seen)
    yield from tickets(cib, of)
    yield from unclean(seen)
    yield from unfenceable(cib)


def quorum(cib: _Element, seen: Transition) -> Iterator[Blocker]:
    if cib.get("have-quorum") != "0":
        return
    away = [name for name, node in seen.nodes.items() if not node.online]
    text = "there is no quorum: nothing is started"
    missing = f"; {', '.join(away)} missing" if away else ""
    command = f"systemctl start pacemaker (on {' and '.join(away)})" if away else ""
    yield Blocker(Sort.WAITS, "", "quorum", text + missing, command, edit=with_quorum)


def with_quorum(cib: _Element) -> None:
    cib.set("have-quorum", "1")


def tickets(cib: _Element, of: Chain) -> Iterator[Blocker]:
    granted = {
        state.get("id", "")
        for state in cib.iterfind("status/tickets/ticket_state")
        if is_true(state.get("granted")) and not is_true(state.get("standby"))
    }
    for constraint in cib.iterfind("configuration/constraints/rsc_ticket"):
        ticket = constraint.get("ticket", "")
        named = {constraint.get("rsc", ""), *(e.get("id", "") for e in constraint.iter("*"))}
        if named & of.names and ticket not in granted:
            yield Blocker(
                Sort.WAITS,
                "",
                f"ticket {ticket}",
                f"ticket {ticket} is not granted here ({constraint.get('id')})",
                f"crm_ticket --ticket {ticket} --grant --force",
                edit=with_ticket(ticket),
            )


def with_ticket(ticket: str) -> Edit:
    def edit(cib: _Element) -> None:
        found = cib.find("status/tickets")
        status = cib.find("status")
        if found is None and status is not None:
            found = etree.SubElement(status, "tickets")
        if found is None:
            return
        for old in found.findall("ticket_state"):
            if old.get("id") == ticket:
                found.remove(old)
        granted = {"id": ticket, "granted": "true", "standby": "false"}
        etree.SubElement(found, "ticket_state", granted)

    return edit


def unclean(seen: Transition) -> Iterator[Blocker]:
    for name, node in seen.nodes.items():
        if node.unclean:
            yield Blocker(
                Sort.WAITS,
                "",
                f"fencing of {name}",
                f"{name} is unclean and has not been fenced",
                f"stonith_admin --confirm {name} (once you have seen that it is off)",
                edit=fenced(name),
            )


def fenced(name: str) -> Edit:
    def edit(cib: _Element) -> None:
        for state in states(cib, [name]):
            for key, value in FENCED.items():
                state.set(key, value)
            for part in list(state):
                state.remove(part)

    return edit


def unfenceable(cib: _Element) -> Iterator[Blocker]:
    given = properties(cib)
    off = is_false(given.get("fencing-enabled", given.get("stonith-enabled", "true")))
    if not off and cib.find("configuration/resources//*[@class='stonith']") is None:
        yield Blocker(
            Sort.WAITS,
            "",
            "fencing",
            "fencing is enabled and there is no fence device: nothing is started",
            "",
            edit=without_fencing,
        )


def without_fencing(cib: _Element) -> None:
    for options in cib.iterfind("configuration/crm_config/cluster_property_set"):
        for pair in options.findall("nvpair"):
            if pair.get("name") in ("stonith-enabled", "fencing-enabled"):
                options.remove(pair)
        etree.SubElement(options, "nvpair", id="why-off", name="stonith-enabled", value="false")
        return


def of_node(cib: _Element, node: str, seen: Transition) -> Iterator[Blocker]:
    """Yield what keeps everything from a node."""
    for element in cib.iterfind("configuration/nodes/node"):
        if element.get("uname") == node:
            pairs = element.iterfind("instance_attributes/nvpair")
            yield from held(node, pairs, "nodes")
    for state in states(cib, [node]):
        yield from held(node, state.iterfind("transient_attributes//nvpair"), "status")
    found = seen.nodes.get(node)
    if found is not None and not found.online:
        yield Blocker(
            Sort.WAITS,
            node,
            f"node {node}",
            "the node is not there",
            f"systemctl start pacemaker (on {node})",
            edit=there(node),
        )


def held(node: str, pairs: Iterator[_Element], kind: str) -> Iterator[Blocker]:
    for pair in pairs:
        name, value = pair.get("name", ""), pair.get("value", "")
        if (name == "standby" and (value == "on" or is_true(value))) or (
            name == "maintenance" and is_true(value)
        ):
            yield Blocker(
                Sort.SAID,
                node,
                f"{name} of {node}",
                f"the node is in {name}",
                f"crm_attribute --type {kind} --node {node} --name {name} --delete",
                edit=without(pair.get("id", "")),
            )


def there(node: str) -> Edit:
    def edit(cib: _Element) -> None:
        for state in states(cib, [node]):
            for key, value in ONLINE.items():
                state.set(key, value)

    return edit
