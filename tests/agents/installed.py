"""The agents as a node has them, for tests that run them."""

from dataclasses import dataclass
from pathlib import Path

from hactl.install.agents import PROVIDER


@dataclass(frozen=True)
class Installed:
    """The agents as a node has them, in a folder of their own."""

    root: Path

    def agent(self, name: str) -> Path:
        return self.root / PROVIDER / name
