"""A key whose words are an agent's: the choices are asked of the agent that declares them."""

from __future__ import annotations

from collections.abc import Callable

from typing_extensions import override

from hactl import catalog
from hactl.model.resource import Agent
from hactl.topology.checked import JsonSchema, Value, wrong
from hactl.topology.units import shown

# The words of a parameter, by the agent's full name and the parameter's.
Ask = Callable[[str, str], tuple[str, ...]]


class AgentChoice(Value):
    """Makes a type of a parameter that an agent declares as a ``choice``.

    The agent is asked when a value or the JSON schema is
    wanted, not before: so a topology without the key does not import the agent.
    """

    def __init__(self, agent: Agent, parameter: str, ask: Ask = catalog.choices) -> None:
        self.agent = agent
        self.parameter = parameter
        self.ask = ask

    @property
    def choices(self) -> tuple[str, ...]:
        return self.ask(str(self.agent), self.parameter)

    @override
    def check(self, value: object) -> str:
        if isinstance(value, str) and value in self.choices:
            return value
        words = ", ".join(self.choices)
        raise wrong(f"{shown(value)} is not possible here", f"write one of {words}")

    @override
    def schema(self) -> JsonSchema:
        return {"enum": list(self.choices), "type": "string"}
