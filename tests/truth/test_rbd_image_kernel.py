"""RbdImage on real kernels: krbd and nbd in small virtual machines, against a real Ceph."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from hactl.install.agents import install
from tests.support.ceph_cluster import ADDRESS, CephCluster, ceph_cluster, lacking_ceph
from tests.support.execd import wait_until
from tests.support.kernel_guest import HactlError, KernelGuest, lacking, python_files
from tests.support.private_node import private_node

NBD = "/usr/bin/rbd-nbd"
TESTER, XMLLINT = shutil.which("ocf-tester"), shutil.which("xmllint")
DTD = Path("/usr/share/resource-agents/ra-api-1.dtd")
pytestmark = [
    pytest.mark.backend,
    pytest.mark.extended,
    pytest.mark.xdist_group("rbd-image-kernel"),
    pytest.mark.timeout(900),
    *(pytest.mark.skipif(True, reason=reason) for reason in (*lacking_ceph(), *lacking())),
]
RUNNING, FAILED, STOPPED = 0, 1, 7
AGENT = "/usr/lib/ocf/resource.d/hactl/RbdImage"
WATCH = 5  # seconds until Ceph forgets a silent watcher; 30 by default
CONF = f"""\
[global]
mon host = [v2:{ADDRESS}:3300,v1:{ADDRESS}:6789]
keyring = /etc/ceph/keyring
[client]
log file = /dev/null
"""


class Machine(KernelGuest):
    """A guest with the agents installed."""

    def call(self, action: str, timeout: int = 90, level: int = 0, **params: object) -> "Answer":
        # the ramdisk has no udevd for rbd(8) to wait for
        given = {"pool": "rbd", "client": "vm", "options": "noudev"} | params
        words = [f"OCF_RESKEY_{name}='{value}'" for name, value in given.items()]
        words += [f"OCF_RESKEY_CRM_meta_timeout={timeout * 1000} OCF_CHECK_LEVEL={level}"]
        instance = f"{given['image']}{given.get('snapshot', '')}"
        env = f"OCF_RESOURCE_INSTANCE='{instance}' " + " ".join(words)
        return Answer(*self.run(f"{env} {AGENT} {action}", timeout + 60))

    def code(self, action: str, **params: object) -> int:
        return self.call(action, **params).code  # type: ignore[arg-type]


class Answer:
    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = text


@pytest.fixture(scope="module")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CephCluster]:
    folder = tmp_path_factory.mktemp("ceph")
    with private_node(folder / "node") as node, ceph_cluster(node, folder / "c") as cluster:
        cluster.ceph("tell", "osd.0", "config", "set", "osd_client_watch_timeout", str(WATCH))
        cluster.user("vm", mon="profile rbd", osd="profile rbd pool=rbd")
        yield cluster


@pytest.fixture(scope="module")
def machines(
    ceph: CephCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Machine, Machine]]:
    folder = tmp_path_factory.mktemp("machines")
    install(folder / "root")
    files = python_files("rados", "rbd") | below(folder / "root")
    files["/etc/ceph/ceph.conf"] = CONF.encode()
    files["/etc/passwd"] = b"root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"
    files["/etc/ceph/keyring"] = (ceph.dir / "vm.keyring").read_bytes()
    programs = ["/usr/bin/rbd", "/usr/bin/setpriv", *([NBD] if Path(NBD).exists() else [])]
    if TESTER and XMLLINT and DTD.exists():
        programs.append(XMLLINT)
        files |= {TESTER: Path(TESTER).read_bytes(), str(DTD): DTD.read_bytes()}
    enter = ("nsenter", "-t", str(ceph.node.pid), "-n", "-m", "--")
    found = [
        Machine(folder / name, (*enter, *ceph.client(address)))
        for name, address in (("a", "10.80.0.2"), ("b", "10.80.0.3"))
    ]
    try:
        for machine in found:
            machine.up(programs, ["rbd", "nbd"], files)
        yield found[0], found[1]
    except HactlError as exc:
        pytest.skip(f"no kernel to boot: {exc}")
    finally:
        for machine in found:
            machine.down()


def below(root: Path) -> "dict[str, bytes]":
    return {
        f"/{path.relative_to(root)}": path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def image(ceph: CephCluster, request: pytest.FixtureRequest) -> str:
    name: str = request.node.name.partition("[")[0].replace("_", "-")[-40:].strip("-")
    ceph.rbd("create", name, "--size", "16", "--image-feature", "layering,exclusive-lock")
    return name


def locks(ceph: CephCluster, image: str) -> "list[dict[str, str]]":
    found: list[dict[str, str]] = json.loads(ceph.rbd("lock", "list", image, "--format", "json"))
    return found


def test_the_kernel_maps_and_unmaps(
    ceph: CephCluster, machines: tuple[Machine, Machine], image: str
) -> None:
    machine, _ = machines
    assert machine.code("monitor", image=image) == STOPPED
    started = machine.call("start", image=image)
    assert started.code == 0, started.text
    assert machine.code("start", image=image) == 0
    assert machine.code("monitor", image=image) == RUNNING
    deep = machine.call("monitor", image=image, level=10)
    assert deep.code == RUNNING, deep.text
    address = machine.run("cat /sys/bus/rbd/devices/*/client_addr")[1].strip()
    assert [lock["address"] for lock in locks(ceph, image)] == [address]
    assert machine.run("echo data | dd of=/dev/rbd0 conv=fsync")[0] == 0
    assert machine.code("monitor", image=image + "0") == STOPPED
    assert machine.code("monitor", image=image, namespace="tenant") == STOPPED
    assert machine.code("stop", image=image) == 0
    assert machine.code("stop", image=image) == 0
    assert machine.code("monitor", image=image) == STOPPED
    assert locks(ceph, image) == []


def test_a_device_that_is_open_is_kept_and_its_user_named(
    machines: tuple[Machine, Machine], image: str
) -> None:
    machine, _ = machines
    assert machine.code("start", image=image) == 0
    machine.run("(exec 9<>/dev/rbd0; exec sleep 600) >/dev/null 2>&1 & echo $! >/run/user")
    stopped = machine.call("stop", image=image)
    assert (stopped.code, "(sleep)" in stopped.text) == (FAILED, True), stopped.text
    assert machine.code("monitor", image=image) == RUNNING
    forced = machine.call("stop", image=image, force="true")
    assert forced.code == 0, forced.text
    machine.run("kill $(cat /run/user)")
    assert machine.code("monitor", image=image) == STOPPED


def test_names_with_a_meaning_elsewhere_have_none_here(
    ceph: CephCluster, machines: tuple[Machine, Machine]
) -> None:
    machine, _ = machines
    image, namespace = 'we$(x);`y`#1,=|&*?ü\\"', "te;n#ü"
    ceph.rbd("namespace", "create", f"rbd/{namespace}")
    features = ("--image-feature", "layering,exclusive-lock")
    ceph.rbd("create", f"rbd/{namespace}/{image}", "--size", "16", *features)
    given = {"image": image, "namespace": namespace}
    started = machine.call("start", **given)
    assert started.code == 0, started.text
    assert machine.code("monitor", **given) == RUNNING
    assert machine.code("monitor", image=image) == STOPPED
    assert machine.code("monitor", **given | {"image": image[:-1]}) == STOPPED
    assert machine.call("monitor", level=10, **given).code == RUNNING
    assert machine.code("stop", **given) == 0
    assert machine.code("monitor", **given) == STOPPED
    assert machine.run("ls /sys/bus/rbd/devices")[1].strip() == ""


def test_features_that_the_kernel_lacks_are_named(
    ceph: CephCluster, machines: tuple[Machine, Machine], image: str
) -> None:
    machine, _ = machines
    ceph.rbd("feature", "enable", image, "journaling")
    done = machine.call("start", image=image)
    said = "has features that this kernel does not know, journaling: run rbd feature disable"
    assert (done.code, said in done.text) == (FAILED, True), done.text
    assert machine.code("monitor", image=image) == STOPPED
    ceph.rbd("feature", "disable", image, "journaling")
    assert machine.code("start", image=image) == 0
    assert machine.code("stop", image=image) == 0


def test_a_snapshot_lies_read_only_beside_its_image(
    ceph: CephCluster, machines: tuple[Machine, Machine], image: str
) -> None:
    machine, other = machines
    ceph.rbd("snap", "create", f"rbd/{image}@daily")
    old = {"image": image, "snapshot": "daily"}
    assert machine.code("start", image=image) == 0
    assert machine.code("monitor", **old) == STOPPED
    for each in machines:
        done = each.call("start", **old)
        assert done.code == 0, done.text
        assert each.code("monitor", **old) == RUNNING
    assert machine.run("cat /sys/block/rbd*/ro")[1].split() == ["0", "1"]
    assert machine.code("stop", **old) == 0
    assert machine.code("monitor", image=image) == RUNNING
    assert machine.code("stop", image=image) == 0
    assert other.code("monitor", image=image) == STOPPED
    assert other.code("stop", **old) == 0


def test_nodes_that_only_read_share_an_image(machines: tuple[Machine, Machine], image: str) -> None:
    for each in machines:
        done = each.call("start", image=image, read_only="true")
        assert done.code == 0, done.text
        assert each.code("monitor", image=image, read_only="true") == RUNNING
        assert each.run("echo x | dd of=/dev/rbd0")[0] != 0
    for each in machines:
        assert each.code("stop", image=image, read_only="true") == 0


def test_who_maps_it_by_hand_is_waited_for_and_named(
    machines: tuple[Machine, Machine], image: str
) -> None:
    first, second = machines
    code, text = first.run(f"rbd --id vm map -o noudev rbd/{image}")
    assert code == 0, text
    done = second.call("start", image=image, timeout=25)
    assert (done.code, "is in use by 10.80.0.2:0/" in done.text) == (FAILED, True), done.text
    assert second.code("monitor", image=image) == STOPPED
    assert first.run(f"rbd --id vm unmap -o noudev rbd/{image}")[0] == 0
    assert second.code("start", image=image) == 0
    assert second.code("stop", image=image) == 0


def test_a_frozen_kernel_thawed_after_takeover_cannot_write(
    ceph: CephCluster, machines: tuple[Machine, Machine], image: str
) -> None:
    first, second = machines
    assert first.code("start", image=image) == 0
    assert first.run("printf AAAA | dd of=/dev/rbd0 conv=fsync")[0] == 0
    assert second.call("start", image=image, timeout=20).code == FAILED, "the first is alive"
    assert first.process is not None
    os.kill(first.process.pid, signal.SIGSTOP)
    try:
        taken = second.call("start", image=image)
        assert taken.code == 0, taken.text
        assert "the silent owner of rbd/" in taken.text
        assert second.run("printf BBBB | dd of=/dev/rbd0 conv=fsync")[0] == 0
    finally:
        os.kill(first.process.pid, signal.SIGCONT)
    late = first.run("printf CCCC | dd of=/dev/rbd0 conv=fsync; dd if=/dev/rbd0 bs=4 count=1")
    assert "error" in late[1].lower(), late
    deep = first.call("monitor", image=image, level=10)
    assert (deep.code, "is cut off" in deep.text) == (FAILED, True), deep.text
    content = ceph.node.sh(f"rbd -c {ceph.conf} export --no-progress {image} - | head -c 4")
    assert content == "BBBB"
    assert second.call("monitor", image=image, level=10).code == RUNNING
    assert second.code("stop", image=image) == 0
    first.call("stop", image=image, force="true")
    wait_until(lambda: first.code("monitor", image=image) == STOPPED, "still mapped", 60)


def test_rbd_nbd_maps_and_unmaps(
    ceph: CephCluster, machines: tuple[Machine, Machine], image: str
) -> None:
    if not Path(NBD).exists():
        pytest.skip("rbd-nbd is not installed")
    machine = machines[1]
    started = machine.call("start", image=image, mapper="nbd")
    assert started.code == 0, started.text
    assert machine.code("monitor", image=image) == RUNNING, "whatever maps it, it is mapped"
    assert len(locks(ceph, image)) == 1
    assert machine.run("printf BBBB | dd of=/dev/nbd0 conv=fsync")[0] == 0
    machine.run("(exec 9<>/dev/nbd0; exec sleep 600) >/dev/null 2>&1 & echo $! >/run/user")
    stopped = machine.call("stop", image=image)
    assert (stopped.code, "(sleep)" in stopped.text) == (FAILED, True), stopped.text
    machine.run("kill $(cat /run/user)")
    stopped = machine.call("stop", image=image)
    assert stopped.code == 0, stopped.text
    assert machine.code("monitor", image=image) == STOPPED
    assert locks(ceph, image) == []


def test_a_hanging_ceph_hangs_no_action_and_leaves_no_child(
    ceph: CephCluster, machines: tuple[Machine, Machine], image: str
) -> None:
    machine = machines[1]
    assert machine.code("start", image=image) == 0
    ceph.node.sh(f"kill -STOP $(cat {ceph.run_dir}/osd.0.pid)")
    try:
        machine.run("printf DDDD | dd of=/dev/rbd0 >/dev/null 2>&1 & sleep 1")
        assert machine.code("monitor", image=image) == RUNNING
        stopped = machine.call("stop", image=image, timeout=10)
        assert stopped.code in (0, FAILED), stopped.text
        assert (machine.code("monitor", image=image) == STOPPED) == (stopped.code == 0)
    finally:
        ceph.node.sh(f"kill -CONT $(cat {ceph.run_dir}/osd.0.pid)")
    wait_until(lambda: machine.code("stop", image=image) == 0, "it does not recover", 120)
    assert machine.code("monitor", image=image) == STOPPED
    assert "[tee]" not in machine.run("ps")[1]


def test_ocf_tester_is_content(machines: tuple[Machine, Machine], image: str) -> None:
    if not TESTER or not XMLLINT or not DTD.exists():
        pytest.skip("ocf-tester or xmllint is not installed")
    machine = machines[0]
    params = {"pool": "rbd", "image": image, "client": "vm", "options": "noudev"}
    given = " ".join(f"-o {key}={value}" for key, value in params.items())
    code, text = machine.run(f"sh {TESTER} -n {image} {given} {AGENT}", 240)
    assert (code, "passed all tests" in text) == (0, True), text
    assert machine.code("monitor", image=image) == STOPPED
