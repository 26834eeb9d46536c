"""How a type of the topology is made: of a check, and of the JSON schema that says the same."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema
from typing_extensions import override

from hactl.topology.units import BadUnit, shown

JsonSchema = dict[str, Any]


class Value(ABC):
    """Makes a type of a check and of the JSON schema that tells editors the same."""

    @abstractmethod
    def check(self, value: object) -> object:
        """Return what a value means. Raises `wrong`."""

    @abstractmethod
    def schema(self) -> JsonSchema:
        """Return the schema of the values that pass the check."""

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchema:
        return self.schema()


class Checked(Value):
    """A check that is a function, with the schema for it."""

    def __init__(self, check: Callable[[object], object], schema: JsonSchema) -> None:
        self.function = check
        self.own_schema = schema

    @override
    def check(self, value: object) -> object:
        return self.function(value)

    @override
    def schema(self) -> JsonSchema:
        return dict(self.own_schema)


def wrong(message: str, hint: str = "") -> PydanticCustomError:
    """Return the error to raise for a bad value: what is wrong, and how to mend it."""
    return PydanticCustomError("wrong", "{message}", {"message": message, "hint": hint})


def matching(pattern: str, what: str, hint: str) -> Checked:
    """Text that matches ``pattern``; ``what`` finishes the sentence "... is not"."""
    compiled = re.compile(pattern.removeprefix("^").removesuffix("$"), re.ASCII)

    def check(value: object) -> str:
        if isinstance(value, str) and compiled.fullmatch(value):
            return value
        raise wrong(f"{shown(value)} is not {what}", quoting(value) or hint)

    return Checked(check, {"type": "string", "pattern": pattern})


def quantity(read: Callable[[object], int], pattern: str, example: str) -> Checked:
    def check(value: object) -> int:
        try:
            return read(value)
        except BadUnit as exc:
            raise wrong(exc.message, exc.hint) from None

    return Checked(check, {"type": "string", "pattern": pattern, "examples": [example]})


def quoting(value: object) -> str:
    """Return the hint for a number or boolean that was meant as text."""
    if isinstance(value, bool | int | float):
        return f"quote it if it is meant as text: '{shown(value)}'"
    return ""
