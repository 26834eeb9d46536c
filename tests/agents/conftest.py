from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hactl_agents.install import (
    PROVIDER,
    copy_package,
    launcher,
    resource_agents,
    write_program,
)


@dataclass(frozen=True)
class Installed:
    """The agents as a node has them, in a folder of their own."""

    root: Path

    def agent(self, name: str) -> Path:
        return self.root / PROVIDER / name


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    root = tmp_path_factory.mktemp("installed")
    for folder in (root, *root.parents[:2]):
        folder.chmod(0o755)  # ocf-tester and Pacemaker ask for meta-data as nobody
    library = root / "lib"
    copy_package("hactl_agents", library)
    for name, agent in resource_agents().items():
        text = launcher(agent, "hactl_agents.ocf.main", str(library))
        write_program(root / PROVIDER / name, text)
    yield Installed(root)
