"""What the tests in a VM lab share: nodes by ssh, the hypervisor, a whole cluster each time.

The same tests run in the plain lab and in Vagrant's: `scripts/vm-lab test`.
"""

import os
from collections.abc import Callable, Iterator

import pytest
import testinfra
from testinfra.host import Host

from hactl_vmlab import provision
from hactl_vmlab.lab import Lab
from hactl_vmlab.reach import Site, running
from tests.vm.cluster import Cluster

# without a lab these files are not even read
collect_ignore_glob = [] if os.environ.get("HACTL_VM_LAB") else ["test_*.py"]
FIGURES = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FIGURES] = []


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if config.stash[FIGURES]:
        terminalreporter.section("measured")
    for line in config.stash[FIGURES]:
        terminalreporter.write_line(line)


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str, float], None]:
    """Keep a time in seconds for the end of the run."""

    def keep(what: str, seconds: float) -> None:
        request.config.stash[FIGURES].append(f"{what}: {seconds:.1f} s")

    return keep


@pytest.fixture(scope="session")
def lab() -> Lab:
    return Lab()


@pytest.fixture(scope="session")
def site() -> Site:
    return running()


@pytest.fixture
def host(site: Site) -> Callable[[str], Host]:
    """A node, to be asked by testinfra."""

    def reach(node: str) -> Host:
        return testinfra.get_host(
            f"ssh://{node}", ssh_config=str(site.shell.config), controlpersist=0
        )

    return reach


@pytest.fixture
def cluster(lab: Lab, site: Site) -> Iterator[Cluster]:
    """A cluster that is whole, and is made whole again afterwards."""
    found = Cluster(lab, site)
    found.make_whole()
    yield found
    found.make_whole()


@pytest.fixture(scope="session", autouse=True)
def formed(site: Site) -> None:
    provision.wait_formed(site)
