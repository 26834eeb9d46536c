"""The declarations of the installed agents, as values: what there is, and what it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from hactl.errors import HactlError
from hactl.suggest import closest

if TYPE_CHECKING:
    from hactl_agents.declare import Param
    from hactl_agents.ocf.agent import Agent
    from hactl_fencing.fence.device import FenceDevice


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    kind: str
    text: str
    required: bool
    default: str | None
    reloadable: bool
    choices: tuple[str, ...]

    @property
    def note(self) -> str:
        """What stands behind the type: ``, required`` or ``, default 20``."""
        words = []
        if self.required:
            words.append("required")
        if self.default not in (None, ""):
            words.append(f"default {self.default}")
        if self.reloadable:
            words.append("changed without a restart")
        return "".join(f", {word}" for word in words)


@dataclass(frozen=True, slots=True)
class Description:
    """An agent as its declarations describe it. ``name`` is ocf:hactl:TYPE or fence_NAME."""

    name: str
    summary: str
    text: str
    parameters: tuple[Parameter, ...]
    actions: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@cache
def catalog() -> dict[str, Description]:
    """Every agent by its full name: resource agents first, then fence agents."""
    from hactl.install.agents import fence_agents, resource_agents

    found = {}
    for name, agent in resource_agents().items():
        full = f"ocf:hactl:{name}"
        found[full] = resource_agent(full, agent)
    for name, device in fence_agents().items():
        found[name] = fence_agent(name, device)
    return found


def find(name: str) -> Description:
    """The agent called ``name``, with or without ocf:hactl:. Raises HactlError."""
    known = catalog()
    for full in (name, f"ocf:hactl:{name}", f"fence_{name}"):
        if full in known:
            return known[full]
    short = {full.rpartition(":")[2].lower(): full for full in known}
    asked = name.rpartition(":")[2].lower()
    close = next((known for known in short if asked and asked in known), closest(asked, short))
    hint = f"did you mean {short[close]}?" if close else "hactl agents list names them all"
    raise HactlError(f"{name}: no such agent", hint)


def resource_agent(name: str, agent: type[Agent]) -> Description:
    from hactl_agents.ocf.metadata import STANDARD, described

    short, long = described(agent)
    advice = [
        action_line(action, each) for action, all_ in agent.actions().items() for each in all_
    ]
    standard = [f"{action} timeout={timeout}s" for action, timeout in STANDARD.items()]
    parameters = tuple(map(parameter, agent.params().values()))
    return Description(name, short, long, parameters, (*advice, *standard))


def fence_agent(name: str, device: type[FenceDevice]) -> Description:
    from hactl_agents.declare import declared

    short, _, long = (device.__doc__ or "").strip().partition("\n\n")
    parameters = tuple(map(parameter, declared(device).values()))
    summary = " ".join(short.split()).rstrip(".")
    text = "\n\n".join(" ".join(part.split()) for part in (long or short).split("\n\n"))
    return Description(name, summary, text, parameters, device.actions())


def parameter(param: Param) -> Parameter:
    return Parameter(
        param.name,
        param.kind,
        param.longdesc,
        param.required,
        param.default_text(),
        param.reloadable,
        tuple(param.choices),
    )


def action_line(action: str, advice: dict[str, Any]) -> str:
    """``monitor timeout=20s interval=10s``"""
    words = [action, f"timeout={advice['timeout']}s"]
    words += [f"interval={advice['interval']}s"] if advice["interval"] else []
    words += [f"depth={advice['depth']}"] if advice["depth"] else []
    return " ".join(words)


@cache
def declared_by(agent: str) -> Mapping[str, Param] | None:
    """The parameters of ``ocf:hactl:TYPE`` or ``stonith:fence_NAME``; None if it is not ours.

    Imports the module of this agent alone.
    """
    from hactl_agents.declare import declared

    kind, _, name = agent.rpartition(":")
    if kind == "ocf:hactl":
        found = one(f"hactl_agents.{snake(name)}", lambda cls: cls.__name__ == name)
    elif kind == "stonith":
        module = f"hactl_fencing.{name.removeprefix('fence_')}"
        found = one(module, lambda cls: hasattr(cls, "program") and cls.program() == name)
    else:
        return None
    return declared(found) if found else None


def choices(agent: str, parameter: str) -> tuple[str, ...]:
    """The words a parameter of one of our agents can have.

    Raises LookupError where the agent does not declare it as a choice.
    """
    param = (declared_by(agent) or {}).get(parameter)
    if param is None or not param.choices:
        raise LookupError(f"{agent} does not declare a choice {parameter}")
    return tuple(param.choices)


def one(module: str, fits: Callable[[Any], bool]) -> type | None:
    if find_spec(module) is None:
        return None
    classes = [value for value in vars(import_module(module)).values() if isinstance(value, type)]
    return next((value for value in classes if value.__module__ == module and fits(value)), None)


def snake(camel: str) -> str:
    """``LinuxBridge`` -> ``linux_bridge``: one module is one agent."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in camel)[1:]


def complaint(param: Param, text: str) -> str:
    """What the agent would say to a value, without the name of the parameter; or nothing."""
    from hactl_agents.declare import BadValue

    try:
        param.read(text)
    except BadValue as exc:
        return str(exc).partition(": ")[2]
    return ""


def judge(agent: str, params: Mapping[str, str]) -> list[str]:
    """What ``ocf:hactl:TYPE`` or ``stonith:fence_NAME`` says to its parameters as a whole.

    Asks the agent itself, in a world where nothing is there; nothing if it is not ours.
    """
    from hactl_agents.declare import BadValue
    from hactl_agents.failures import Failed
    from hactl_agents.ocf.errors import NotConfigured

    made = instance(agent, params)
    if made is None:
        return []
    if made.complaints:
        return list(made.complaints)
    try:
        made.check()
    except (BadValue, NotConfigured, Failed) as exc:
        return [str(exc)]
    return []


def instance(agent: str, params: Mapping[str, str]) -> Agent | FenceDevice | None:
    """One of our agents with its parameters; None if it is not ours."""
    from hactl_agents.testing import FakeHost

    kind, _, name = agent.rpartition(":")
    if kind == "ocf:hactl":
        found = one(f"hactl_agents.{snake(name)}", lambda cls: cls.__name__ == name)
        given = {f"OCF_RESKEY_{param}": value for param, value in params.items()}
        return found(FakeHost(), given) if found else None
    known = declared_by(agent)
    if known is None:
        return None
    module = f"hactl_fencing.{name.removeprefix('fence_')}"
    device = one(module, lambda cls: hasattr(cls, "program") and cls.program() == name)
    texts = {param: value for param, value in params.items() if param in known}
    return device(FakeHost(), texts) if device else None
