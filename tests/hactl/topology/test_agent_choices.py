"""Keys whose words are an agent's: said once, by the agent."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
from pydantic import ValidationError

from hactl import catalog
from hactl.model.resource import Agent
from hactl.topology.agent_choice import AgentChoice
from hactl.topology.schema.document import Document
from hactl.topology.schema.section import Section
from hactl_agents.declare import choice, declared
from tests.hactl.topologies import problems_of

LATER = Agent("ocf", "hactl", "Later")


class Later:
    """An agent whose declaration got one choice more."""

    speed: str = choice("How fast", "slow", "fast", "furious", default="slow")


def words_of_later(_: str, parameter: str) -> tuple[str, ...]:
    return tuple(declared(Later)[parameter].choices)


class Model(Section):
    speed: Annotated[str, AgentChoice(LATER, "speed", words_of_later)] | None = None


def models(found: type[Section] = Section) -> Iterator[type[Section]]:
    for model in found.__subclasses__():
        if model.__module__.startswith("hactl."):
            yield model
        yield from models(model)


def parts(annotation: Any) -> Iterator[Any]:
    """Yield an annotation and all that it is made of."""
    yield annotation
    if get_origin(annotation) is not Literal:
        for inner in get_args(annotation):
            yield from parts(inner)


KEYS = [
    pytest.param(each, id=f"{model.__name__}.{name}-{each.parameter}")
    for model in models()
    for name, field in model.model_fields.items()
    for each in (*parts(field.annotation), *field.metadata)
    if isinstance(each, AgentChoice)
]
LITERALS = {
    frozenset(get_args(each)): f"{model.__name__}.{name}"
    for model in models()
    for name, field in model.model_fields.items()
    for each in parts(field.annotation)
    if get_origin(each) is Literal and len(get_args(each)) > 1
}


def test_one_more_choice_of_an_agent_is_taken_without_another_edit() -> None:
    assert Model(speed="furious").speed == "furious"
    words = Model.model_json_schema()["properties"]["speed"]["anyOf"][0]["enum"]
    assert words == ["slow", "fast", "furious"]
    with pytest.raises(ValidationError, match="'idle' is not possible here"):
        Model(speed="idle")


def test_what_an_agent_does_not_declare_is_not_a_choice() -> None:
    for agent, name in (("RbdImage", "pool"), ("RbdImage", "mappper"), ("Nothing", "mapper")):
        with pytest.raises(LookupError, match=f"does not declare a choice {name}"):
            catalog.choices(f"ocf:hactl:{agent}", name)


@pytest.mark.parametrize("key", KEYS)
def test_every_such_key_is_declared_by_its_agent(key: AgentChoice) -> None:
    assert len(key.choices) > 1


def test_the_schema_repeats_no_choice_of_an_agent() -> None:
    theirs = {
        frozenset(parameter.choices): f"{name} {parameter.name}"
        for name, each in catalog.catalog().items()
        for parameter in each.parameters
        if parameter.choices
    }
    assert Document.model_fields  # all sections are imported
    twice = {LITERALS[words]: theirs[words] for words in LITERALS.keys() & theirs.keys()}
    assert twice == {}


def test_a_wrong_word_is_told_with_those_of_the_agent() -> None:
    text = """
cluster: {name: c, fencing: false}
nodes: {a: {}}
networks: {lan: {kind: bridge, bridge: br0, drift: mend}}
"""
    [problem] = [each for each in problems_of(text) if each.path == "networks.lan.drift"]
    assert problem.message == "'mend' is not possible here"
    assert problem.hint == "write one of report, repair, fail"
