import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hactl.install.agents import PROVIDER, install
from hactl_agents.testing import FakeHost

# agents that still touch what an operator named in their own process: to become empty
STILL_TOUCHING = frozenset({"KvmGuest"})
MODULES = {
    "test_kvm_guest": "KvmGuest",
    "test_lxc_container": "LxcContainer",
    "test_ovs_bridge": "OvsBridge",
}


@dataclass(frozen=True)
class Installed:
    """The agents as a node has them, in a folder of their own."""

    root: Path

    def agent(self, name: str) -> Path:
        return self.root / PROVIDER / name


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
def touches_no_operators_path(request: pytest.FixtureRequest) -> Iterator[None]:
    """No agent touches what an operator named, but in a child: see test_operator_paths.py."""
    FakeHost.touched.clear()
    yield
    module = request.module.__name__.rpartition(".")[2]
    if MODULES.get(module) not in STILL_TOUCHING:
        assert not FakeHost.touched
