import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hactl.install.agents import install
from hactl_agents.testing import FakeHost
from tests.agents.installed import Installed


@pytest.fixture(scope="session")
def installed() -> Iterator[Installed]:
    # pytest's own folders are for root only; Pacemaker and ocf-tester ask for meta-data as nobody
    with tempfile.TemporaryDirectory(prefix="hactl-installed-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        install(root, libdir=f"{folder}/lib")
        (root / "lib").symlink_to(root / folder[1:] / "lib")
        yield Installed(root)


@pytest.fixture(autouse=True)
def touches_no_operators_path() -> Iterator[None]:
    """No agent touches what an operator named, but in a child: see test_operator_paths.py."""
    FakeHost.touched.clear()
    yield
    assert not FakeHost.touched
