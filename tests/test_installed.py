"""The project installed for /usr/bin/python3, as on a node: the tools of the field see it.

Everything happens on an overlay of the root file system that goes with the test's mount namespace.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lxml import etree

from hactl.install.agents import fence_agents, resource_agents
from tests.docs.page import commands

ROOT = Path(__file__).resolve().parent.parent
AGENTS = tuple(resource_agents())
NEEDED = ("pcs", "crm", "crm_resource", "stonith_admin", "fence_apc", "unshare")
Run = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = [
    pytest.mark.backend,
    pytest.mark.xdist_group("installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for an overlay of /"),
    *(
        pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed")
        for tool in NEEDED
    ),
]

# a node's root file system: this machine's, with a layer on top that is lost at the end
HOLD = """
set -e
mount -t tmpfs tmpfs {work}
mkdir {work}/upper {work}/layer {work}/root
mount -t overlay overlay -o lowerdir=/,upperdir={work}/upper,workdir={work}/layer {work}/root
for folder in proc sys dev; do mount --rbind /$folder {work}/root/$folder; done
echo ready
exec sleep infinity
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", folder, ROOT], check=True, timeout=200)
    return next(folder.glob("*.whl"))


def test_a_wheel_carries_the_demo_and_not_the_lab_of_virtual_machines(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "hactl/lab/demo.yaml" in names
    assert not [name for name in names if "vmlab" in name or name.startswith("tests")]


@pytest.fixture(scope="module")
def node(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    work = tmp_path_factory.mktemp("node")
    # the overlay does not show a tmpfs, and /tmp may be one
    shelf = Path(tempfile.mkdtemp(prefix="hactl-wheel-", dir="/var/tmp"))
    copy = Path(shutil.copy(wheel, shelf))
    hold = subprocess.Popen(
        ["unshare", "--mount", "--kill-child", "--fork", "sh", "-c", HOLD.format(work=work)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert hold.stdout is not None
        assert hold.stdout.readline() == "ready\n"
        enter = ["nsenter", "-t", child_of(hold.pid), "--mount", "chroot", f"{work}/root"]

        def run(*argv: str, **kwargs: str) -> "subprocess.CompletedProcess[str]":
            return subprocess.run(
                [*enter, "env", "LC_ALL=C.UTF-8", *argv],
                capture_output=True, text=True, timeout=200, check=False, **kwargs,
            )  # fmt: skip

        pip = [sys.executable, "-m", "pip", "--python", "/usr/bin/python3", "-q", "install"]
        done = run(*pip, "--break-system-packages", str(copy))
        assert done.returncode == 0, done.stderr
        done = run("/usr/local/bin/hactl", "agents", "install")
        assert done.returncode == 0, done.stderr
        yield run
    finally:
        shutil.rmtree(shelf)
        hold.kill()
        if hold.stdout:
            hold.stdout.close()
        hold.wait()


def child_of(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]


@pytest.mark.parametrize("agent", AGENTS)
def test_pcs_describes_the_agent(node: Run, agent: str) -> None:
    done = node("pcs", "resource", "describe", f"ocf:hactl:{agent}")
    assert done.returncode == 0, done.stderr
    assert f"ocf:hactl:{agent} - " in done.stdout
    assert "Resource options:" in done.stdout
    assert "Warning" not in done.stdout + done.stderr


@pytest.mark.parametrize("agent", AGENTS)
def test_crmsh_describes_the_agent(node: Run, agent: str) -> None:
    done = node("crm", "ra", "info", f"ocf:hactl:{agent}")
    assert done.returncode == 0, done.stderr
    assert f"ocf:hactl:{agent}" in done.stdout
    assert "timeout=" in done.stdout


@pytest.mark.parametrize("agent", AGENTS)
def test_crm_resource_shows_the_metadata(node: Run, agent: str) -> None:
    done = node("crm_resource", "--show-metadata", f"ocf:hactl:{agent}")
    assert done.returncode == 0, done.stderr
    assert etree.fromstring(done.stdout.encode()).get("name") == agent


@pytest.mark.parametrize("agent", ["fence_lab", "fence_libvirt", "fence_ceph_blocklist"])
def test_pcs_and_the_fencer_describe_the_fence_agent(node: Run, agent: str) -> None:
    done = node("pcs", "stonith", "describe", agent)
    assert done.returncode == 0, done.stderr
    assert "plug" in done.stdout
    done = node("stonith_admin", "--metadata", "--agent", agent)
    assert done.returncode == 0, done.stderr
    assert etree.fromstring(done.stdout.encode()).get("name") == agent


# what an agent requires, as an operator would write it
GIVEN = {
    "ocf:hactl:Gfs2Mount": {"device": "/dev/vg1/shared", "directory": "/srv/shared"},
    "ocf:hactl:IscsiGateway": {
        "iqn": "iqn.2026-11.demo:san1", "portals": "10.0.0.30:3260", "luns": "1=/dev/vg1/a",
    },
    "ocf:hactl:KvmGuest": {"definition": "/srv/vms/web1.xml"},
    "ocf:hactl:LinuxBridge": {"bridge": "br-lan"},
    "ocf:hactl:LxcContainer": {"container": "dns1"},
    "ocf:hactl:NvmeofGateway": {
        "nqn": "nqn.2026-11.demo:fast", "address": "10.0.0.31", "namespaces": "1=/dev/vg1/b",
    },
    "ocf:hactl:OvsBridge": {"bridge": "br-ovs"},
    "ocf:hactl:PortGate": {"gate": "san1", "portals": "10.0.0.30:3260"},
    "ocf:hactl:RbdImage": {"pool": "rbd", "image": "vm1"},
    "stonith:fence_ceph_blocklist": {"addresses": "node1=10.0.0.1", "pcmk_host_list": "node1"},
    "stonith:fence_lab": {"pcmk_host_list": "node1"},
    "stonith:fence_libvirt": {"uri": "qemu+ssh://root@host/system", "pcmk_host_list": "node1"},
}  # fmt: skip
CIB = "/root/cib.xml"


@pytest.fixture
def empty(node: Run) -> None:
    """A CIB in a file, in which nothing is configured and fencing is off."""
    begin = f"""cibadmin --empty | sed 's/<cib /&have-quorum="1" /' >{CIB}"""
    off = f"CIB_file={CIB} crm_attribute -t crm_config -n stonith-enabled -v false"
    done = node("sh", "-c", f"{begin} && {off}")
    assert done.returncode == 0, done.stderr


def test_there_is_an_example_for_every_agent() -> None:
    fence = {f"stonith:{name}" for name in fence_agents()}
    assert set(GIVEN) == fence | {f"ocf:hactl:{name}" for name in AGENTS}


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize("agent", GIVEN)
def test_pcs_creates_a_resource_of_the_agent(node: Run, agent: str) -> None:
    words = [f"{name}={value}" for name, value in GIVEN[agent].items()]
    kind, _, name = agent.rpartition(":")
    what = ("stonith", "create", "x", name) if kind == "stonith" else ("resource", "create", "x")
    what = what if kind == "stonith" else (*what, agent)
    done = node("pcs", "-f", CIB, *what, *words)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert created(node, agent) == GIVEN[agent], done.stderr


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize("agent", GIVEN)
def test_crmsh_creates_a_resource_of_the_agent(node: Run, agent: str) -> None:
    words = [f"{name}={value}" for name, value in GIVEN[agent].items()]
    crm = ("env", f"CIB_file={CIB}", "crm", "configure", "primitive", "x", agent, "params")
    done = node(*crm, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ERROR" not in done.stdout + done.stderr
    assert created(node, agent) == GIVEN[agent], done.stdout + done.stderr


SHOWN = [
    (page.stem, line)
    for page in sorted((ROOT / "docs/how-to").glob("*.md"))
    for line in commands(str(page.relative_to(ROOT)))
    if line.startswith(("pcs resource create", "pcs property set")) and "..." not in line
]


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize(("page", "line"), SHOWN, ids=[" ".join(each)[:60] for each in SHOWN])
def test_pcs_takes_what_the_how_tos_show(node: Run, page: str, line: str) -> None:
    done = node("bash", "-c", line.replace("pcs ", f"pcs -f {CIB} ", 1))
    # pcs 0.12 warns of words that 0.11 knows no other for
    assert done.returncode == 0, f"{page}: {done.stderr}"


def test_the_how_tos_show_something() -> None:
    assert len(SHOWN) > 15


def created(node: Run, agent: str) -> dict[str, str]:
    """The parameters of x, the one resource there is."""
    (made,) = etree.fromstring(node("cat", CIB).stdout.encode()).iter("primitive")
    kind = [made.get(key) for key in ("class", "provider", "type") if made.get(key)]
    assert (made.get("id"), ":".join(map(str, kind))) == ("x", agent)
    pairs = made.iterfind("instance_attributes/nvpair")
    return {pair.get("name", ""): pair.get("value", "") for pair in pairs}


def test_the_distributions_fence_agents_still_work(node: Run) -> None:
    # a package called `fencing` or `ocf` in site-packages would break each of them
    done = node("/usr/sbin/fence_apc", "-o", "metadata")
    assert done.returncode == 0, done.stderr
    assert etree.fromstring(done.stdout.encode()).get("name") == "fence_apc"


def test_hactl_lists_what_it_installed(node: Run) -> None:
    done = node("/usr/local/bin/hactl", "agents", "list")
    assert done.returncode == 0, done.stderr
    listed = {line.split()[0] for line in done.stdout.splitlines()}
    assert {"fence_lab", *(f"ocf:hactl:{agent}" for agent in AGENTS)} <= listed


def test_an_installed_agent_answers_pacemakers_validation(node: Run) -> None:
    done = node(
        "crm_resource", "--validate", "--class", "ocf", "--provider", "hactl",
        "--agent", "LinuxBridge", "--option", "bridge=br-lan",
    )  # fmt: skip
    if "dbus_connection" in done.stderr:
        pytest.skip("crm_resource --validate of Pacemaker 3 dies where there is no D-Bus")
    assert done.returncode == 0, done.stdout + done.stderr
