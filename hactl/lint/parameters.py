"""Parameters of agents: secrets that do not belong here, values that would be refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hactl import catalog
from hactl.errors import Problem
from hactl.lint.subject import Subject
from hactl.model.fencing import PACEMAKERS, PACEMAKERS_NAMES
from hactl.model.secret import KEPT_BY_PACEMAKER, SECRET
from hactl.suggest import did_you_mean, one_of
from hactl.topology.load import Topology
from hactl.topology.schema.raw import RawGroup, RawMember, RawPrimitive
from hactl.topology.yaml.positions import Step

Given = tuple[str, Sequence[Step], Mapping[str, str]]

# What every fence device may have, whatever its agent.
FENCED_OWN = ("pcmk_", "port", "priority")

# Whom a device fences follows from the nodes that name it.
FROM_THE_NODES = frozenset({"pcmk_host_list", "pcmk_host_map", "pcmk_host_check"})


def parameters(subject: Subject) -> Iterator[Problem]:
    """No secret in the file, and no parameter the agent would refuse."""
    for agent, path, params in given(subject.topology):
        yield from secrets(subject.topology, agent, path, params)
        yield from pacemakers_own(subject.topology, agent, path, params)
        yield from declared(subject.topology, agent, path, params)
        yield from beside_its_key(subject.topology, path, params)


def given(topology: Topology) -> Iterator[Given]:
    """Yield every agent with the parameters that are written for it, and where."""
    document = topology.document
    for name, device in document.fencing.devices.items():
        yield f"stonith:{device.agent}", ("fencing", "devices", name), device.parameters
    for name, node in document.nodes.items():
        for used, params in node.fencing.items():
            if used in document.fencing.devices:
                agent = f"stonith:{document.fencing.devices[used].agent}"
                yield agent, ("nodes", name, "fencing", used), params
    for section in ("networks", "storage", "gateways", "guests", "containers"):
        for name, entry in getattr(document, section).items():
            yield str(entry.run_by), (section, name, "params"), entry.params
    for index, item in enumerate(document.raw):
        if isinstance(item, RawPrimitive):
            yield from of_member(item, ("raw", index))
        elif isinstance(item, RawGroup):
            for place, member in enumerate(item.members):
                yield from of_member(member, ("raw", index, "members", place))


def of_member(member: RawMember, path: Sequence[Step]) -> Iterator[Given]:
    yield member.agent, (*path, "params"), member.params


def secrets(
    topology: Topology, agent: str, path: Sequence[Step], params: Mapping[str, str]
) -> Iterator[Problem]:
    known = catalog.declared_by(agent) or {}
    for name, value in params.items():
        private = name in known and known[name].private
        if (private or SECRET.fullmatch(name)) and value != KEPT_BY_PACEMAKER:
            yield topology.problem(
                (*path, name),
                "a secret does not belong in this file, nor in the CIB that it becomes",
                f"keep it on the nodes: `cibsecret set` and here {KEPT_BY_PACEMAKER}, "
                f"or {name}_script: FILE or {name}_file: FILE if the agent takes one",
            )


def pacemakers_own(
    topology: Topology, agent: str, path: Sequence[Step], params: Mapping[str, str]
) -> Iterator[Problem]:
    """What Pacemaker takes for itself, it ignores without a word where it is misspelt."""
    for name in params if agent.startswith("stonith:") else ():
        if name in FROM_THE_NODES:
            yield topology.problem(
                (*path, name),
                "is written by hactl: each node has a device of its own",
                "remove it, and write plug: where the node names the device",
            )
        elif name.startswith("pcmk_") and not PACEMAKERS.fullmatch(name):
            yield topology.problem(
                (*path, name),
                "Pacemaker knows no such parameter of a fence device",
                did_you_mean(name, PACEMAKERS_NAMES, f"known: {one_of(PACEMAKERS_NAMES, 30)}"),
            )


def declared(
    topology: Topology, agent: str, path: Sequence[Step], params: Mapping[str, str]
) -> Iterator[Problem]:
    known = catalog.declared_by(agent)
    if known is None:
        if agent.startswith("ocf:hactl:") and (params or path[0] == "raw"):
            yield no_such_agent(topology, agent, (*path[:-1], "agent"))
        return
    for name, value in params.items():
        if name not in known:
            if agent.startswith("stonith:") and name.startswith(FENCED_OWN):
                continue
            yield topology.problem(
                (*path, name),
                f"{agent} has no parameter {name!r}",
                did_you_mean(name, known, f"known: {one_of(known, 30)}"),
            )
        elif wrong := catalog.complaint(known[name], value):
            short = agent.rpartition(":")[2]
            yield topology.problem((*path, name), wrong, f"see `hactl agents describe {short}`")


def beside_its_key(
    topology: Topology, path: Sequence[Step], params: Mapping[str, str]
) -> Iterator[Problem]:
    """What a key says of itself is checked against the whole file; ``params`` would overrule it."""
    match path:
        case ("networks" | "storage" | "gateways" | "guests" | "containers" as section, name, _):
            entry = getattr(topology.document, section)[name]
            for each in sorted(params.keys() & type(entry).model_fields.keys()):
                yield topology.problem(
                    (*path, each), "has a key of its own", f"write {each}: beside params:"
                )


def no_such_agent(topology: Topology, agent: str, path: Sequence[Step]) -> Problem:
    types = [name for name in catalog.catalog() if name.startswith("ocf:")]
    hint = did_you_mean(agent, types, f"known: {one_of(types)}")
    return topology.problem(path, f"hactl has no agent {agent}", hint)
