"""Shorter ways to write a mapping or a list in the topology."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

from hactl.topology.checked import JsonSchema


class Shorthand(ABC):
    """Lets a value be written in a shorter way, which is spelled out before it is checked."""

    @abstractmethod
    def expand(self, value: object) -> object:
        """Return what a value stands for; one that is written in full is returned as it is."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(self.expand, handler(source))


class Short(Shorthand):
    """Lets a mapping with one important key be written as the value of that key alone."""

    def __init__(self, key: str) -> None:
        self.key = key

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchema:
        return {"anyOf": [{"type": "string"}, handler(schema)]}

    def expand(self, value: object) -> object:
        return {self.key: value} if isinstance(value, str) else value


class Listed(Shorthand):
    """Lets a list with one item be written as that item."""

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchema:
        whole = handler(schema)
        return {"anyOf": [whole["items"], whole]}

    def expand(self, value: object) -> object:
        return [value] if isinstance(value, str | dict) else value
