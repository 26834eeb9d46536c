"""What can break around a target of IscsiGateway's, whichever back end serves it."""

import shutil
import subprocess
from pathlib import Path
from typing import Any, Protocol

from tests.support.private_node import PrivateNode
from tests.truth.breaks import NO_TOOLS, STATE_FOLDER, STATE_FOLDER_MENDED

PLACES = ("disk", "secret")
OTHER = {"lio": "tgt", "tgt": "lio"}
GIVEN: dict[str, dict[str, Any]] = {
    "no tools": {"wrapper": NO_TOOLS},
    "no parameters": {"iqn": "", "luns": "", "portals": ""},
    "parameters broken": {"iqn": "Not A Name", "luns": "x=y", "portals": "nowhere:x"},
}
BREAKS = (
    "nothing", *GIVEN, "backing gone", "secret gone", "other back end", *STATE_FOLDER,
)  # fmt: skip


class Target(Protocol):
    """``disk`` is behind one of its LUNs, ``auth`` is its auth_file."""

    @property
    def node(self) -> PrivateNode: ...
    @property
    def disk(self) -> Path: ...
    @property
    def auth(self) -> Path: ...
    @property
    def params(self) -> dict[str, Any]: ...

    def call(self, action: str, **more: Any) -> "subprocess.CompletedProcess[str]": ...


class Surroundings:
    """The part of a world's cell that breaks what is around its target, and mends it."""

    def __init__(self, served: Target) -> None:
        self.served = served
        self.sh = served.node.sh
        self.broken = ""
        self.given: dict[str, Any] = {}

    def do_break(self, what: str) -> None:
        self.broken = what
        self.given = GIVEN.get(what, {})
        if what == "other back end":
            self.given = {"backend": OTHER[self.served.params.get("backend", "lio")]}
        elif what in STATE_FOLDER:
            self.sh(STATE_FOLDER[what])
        elif what in self.files():
            self.files()[what].rename(elsewhere(self.files()[what]))

    def heal(self) -> None:
        if self.broken in self.files():
            elsewhere(self.files()[self.broken]).rename(self.files()[self.broken])
        elif self.broken in STATE_FOLDER_MENDED:
            self.sh(STATE_FOLDER_MENDED[self.broken])
        self.broken, self.given = "", {}

    @property
    def node(self) -> PrivateNode:
        return self.served.node

    def move(self, place: str, behind: Path, shown: Path) -> None:
        """Have the disk or the secret in another folder; see during.py."""
        name, before = {
            "disk": ("luns", self.served.disk),
            "secret": ("auth_file", self.served.auth),
        }[place]
        shutil.copy2(before, behind / before.name)
        params = self.served.params
        params[name] = params[name].replace(str(before), str(shown / before.name))

    def files(self) -> dict[str, Path]:
        return {"backing gone": self.served.disk, "secret gone": self.served.auth}

    def call(self, action: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        return self.served.call(action, **{**more, **self.given})


def elsewhere(path: Path) -> Path:
    return path.with_name(f"{path.name}-elsewhere")


__all__ = ["BREAKS", "PLACES", "Surroundings"]
