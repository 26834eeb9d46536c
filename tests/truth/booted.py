"""The worlds of the truth table, the one that is up, and the seed by which some of it is drawn."""

import importlib
import os
import pkgutil
from contextlib import ExitStack
from typing import Any

import pytest

from tests.truth import worlds
from tests.truth.world import World

SEED = int(os.environ.get("HACTL_SEED", "20261201"))
MODULES: dict[str, Any] = {}
UNUSABLE: dict[str, Exception] = {}
for info in pkgutil.iter_modules(worlds.__path__):
    try:
        MODULES[info.name] = importlib.import_module(f"tests.truth.worlds.{info.name}")
    except Exception as exc:  # one world in disorder is no reason to leave the others alone
        UNUSABLE[info.name] = exc


class Booted:
    """The world that is up; another one only when that is down."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self.folders = folders
        self.stack = ExitStack()
        self.name = ""

    def world(self, name: str) -> World:
        if name != self.name:
            self.stack.close()
            self.name = ""
            folder = self.folders.mktemp(name)
            self.booted: World = self.stack.enter_context(MODULES[name].world(folder))
            self.name = name
        return self.booted
