"""Two gateways of one subsystem and a host with a path to both, each in a small machine.

The host writes all the time and must see neither an error nor an old block, whatever becomes of
the gateways. They share one disk; what is acknowledged is looked for on that disk itself.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.execd import wait_until
from tests.support.kernel_guest import HactlError
from tests.support.nvmeof_guest import NVMET, NvmeofGuest, guest_files, lacking
from tests.support.private_node import lacking as node_lacks
from tests.support.private_node import private_node

pytestmark = [
    pytest.mark.backend,
    pytest.mark.extended,
    pytest.mark.xdist_group("nvmeof-multipath"),
    pytest.mark.timeout(900),
    *(pytest.mark.skipif(True, reason=reason) for reason in (*lacking(), *node_lacks())),
]
RUNNING, PROMOTED = 0, 8
NQN = "nqn.2026-11.lab:shared"
BLOCK, BLOCKS = 4096, 512
WRITER = Path(__file__).with_name("nvme_writer.py")


class Group:
    """Two gateways, a host, and the disk behind them."""

    def __init__(self, folder: Path, enter: tuple[str, ...]) -> None:
        self.files = guest_files(folder, [("/writer.py", WRITER.read_bytes())])
        self.disk = folder / "disk.raw"
        with self.disk.open("wb") as file:
            file.truncate(16 << 20)
        self.folder, self.enter = folder, enter
        self.gateways = [NvmeofGuest(folder / f"gw{n}", enter, n) for n in (1, 2)]
        self.host = NvmeofGuest(folder / "host", enter, 9)
        self.machines = [*self.gateways, self.host]

    def up(self) -> None:
        for gateway in self.gateways:
            gateway.boot(self.files, self.disk)
        self.host.boot(self.files)

    def down(self) -> None:
        for machine in self.machines:
            machine.down()

    def call(self, number: int, action: str, **more: object) -> int:
        meta = {
            "promotable": "true", "clone_max": "2", "promoted_max": "1",
            "on_node": f"node{number}", "on_node_uuid": str(number),
        }  # fmt: skip
        params = {"nqn": NQN, "address": "10.88.0.0/24", "namespaces": "1=/dev/vda", **more}
        answer = self.gateways[number - 1].call(action, meta=meta, **params)  # type: ignore[arg-type]
        assert answer.code in (RUNNING, PROMOTED), f"{action} on {number}: {answer.text}"
        return answer.code

    def move(self, source: int, target: int) -> None:
        """As Pacemaker does: demote here, then promote there."""
        self.call(source, "demote")
        self.call(target, "promote")

    def status(self) -> str:
        return self.host.say("cat /status 2>/dev/null || echo acked 0 longest 0")

    def acked(self) -> int:
        word, number, *_ = self.status().split()
        assert word == "acked", self.status()
        return int(number)

    def goes_on(self, within: float = 60) -> None:
        """Writes are acknowledged that were not even begun when this was asked."""
        before = self.acked()
        wait_until(lambda: self.acked() > before + 20, "the host does not write any more", within)

    def paths(self) -> "dict[str, str]":
        """Address -> ANA state of the host's live paths."""
        script = (
            "for c in /sys/class/nvme/nvme*; do "
            "echo $(cat $c/state) $(cat $c/address) $(cat $c/nvme*/ana_state 2>/dev/null); done"
        )
        found = [line.split() for line in self.host.say(script).splitlines()]
        return {
            words[1].partition("traddr=")[2].partition(",")[0]: words[-1]
            for words in found
            if words[0] == "live"
        }

    def start_writing(self) -> None:
        self.host.say("rm -f /status*; (python3 /writer.py /dev/nvme0n1 /status &) >/dev/null 2>&1")
        self.goes_on()

    def stop_writing(self) -> tuple[int, float]:
        """(writes acknowledged, longest time one took), after the host has read all back."""
        self.host.say("touch /status.stop")
        wait_until(lambda: not self.status().startswith("acked"), "the writer does not end", 90)
        word, number, _, longest = [*self.status().split(), "", "", ""][:4]
        assert word == "ok", self.status()
        return int(number), float(longest)

    def on_disk(self, number: int) -> None:
        """The last writes are on the disk that the gateways share."""
        data = self.disk.read_bytes()
        for place in range(min(number, BLOCKS)):
            expected = number - (number - 1 - place) % BLOCKS
            block = data[place * BLOCK : (place + 1) * BLOCK]
            assert block == expected.to_bytes(8, "little") * (BLOCK // 8), place


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Group]:
    folder = tmp_path_factory.mktemp("multipath")
    with private_node(folder / "node") as node, contextlib.ExitStack() as cleanup:
        node.sh("ip link set lo multicast on; ip route add 224.0.0.0/4 dev lo")
        group = Group(folder, ("nsenter", "-t", str(node.pid), "-n", "-m", "--"))
        cleanup.callback(group.down)
        try:
            group.up()
        except HactlError as exc:
            pytest.skip(f"no kernel to boot: {exc}")
        for number in (1, 2):
            group.call(number, "start")
        for gateway in group.gateways:
            options = {"reconnect_delay": 1, "keep_alive_tmo": 3, "ctrl_loss_tmo": 600}
            assert group.host.connect(NQN, gateway.address, **options) == 0
        group.call(1, "promote")
        wait_until(lambda: len(group.paths()) == 2, "the host does not find both paths", 30)
        yield group


def test_both_gateways_are_paths_to_one_disk_with_controller_ids_of_their_own(
    group: Group,
) -> None:
    first, second = (gateway.address for gateway in group.gateways)
    wait_until(
        lambda: group.paths() == {first: "optimized", second: "inaccessible"}, "no paths", 20
    )
    disks = group.host.say("ls /sys/class/nvme-subsystem/nvme-subsys0 | grep -c '^nvme0n'")
    assert disks == "1"
    ids = group.host.say("cat /sys/class/nvme/nvme*/cntlid").split()
    assert (len(ids), 1 <= int(ids[0]) <= 1000, 1001 <= int(ids[1]) <= 2000) == (2, True, True)


def test_a_host_writes_on_while_the_optimized_path_changes_sides(group: Group) -> None:
    group.start_writing()
    for source, target in [(1, 2), (2, 1)] * 5:
        group.move(source, target)
        group.goes_on()
    number, longest = group.stop_writing()
    group.on_disk(number)
    print(f"{number} writes across 10 ANA changes, the longest took {longest} s")


def test_a_host_writes_on_across_a_planned_stop_and_the_return(group: Group) -> None:
    group.start_writing()
    group.move(1, 2)
    group.call(1, "stop")
    assert group.gateways[0].say(f"find {NVMET} -mindepth 2") == ""
    group.goes_on()
    group.call(1, "start")
    group.goes_on()
    wait_until(lambda: len(group.paths()) == 2, "the path does not come back", 60)
    group.move(2, 1)
    group.goes_on()
    number, longest = group.stop_writing()
    group.on_disk(number)
    print(f"{number} writes across a planned stop, the longest took {longest} s")


def test_a_host_writes_on_when_the_promoted_gateway_is_stopped_under_it(group: Group) -> None:
    group.start_writing()
    group.call(1, "stop")
    time.sleep(2)
    group.call(2, "promote")
    group.goes_on()
    group.call(1, "start")
    wait_until(lambda: len(group.paths()) == 2, "the path does not come back", 60)
    group.move(2, 1)
    group.goes_on()
    number, longest = group.stop_writing()
    group.on_disk(number)
    print(f"{number} writes across a stop of the promoted one, the longest took {longest} s")


def test_a_host_writes_on_when_the_promoted_gateway_is_killed(group: Group) -> None:
    group.start_writing()
    before = group.acked()
    group.gateways[0].down()  # the power is cut: not even a reset comes back
    group.call(2, "promote")  # Pacemaker has fenced the other one by now
    group.goes_on(90)
    killed = group.gateways[0] = NvmeofGuest(group.folder / "gw1b", group.enter, 1)
    group.machines.append(killed)
    killed.boot(group.files, group.disk)
    group.call(1, "start")
    wait_until(lambda: len(group.paths()) == 2, "the path does not come back", 60)
    group.move(2, 1)
    group.goes_on()
    number, longest = group.stop_writing()
    group.on_disk(number)
    assert number > before
    errors = group.host.run("dmesg | grep -i -E 'I/O error|Buffer I/O'")[1].strip()
    assert errors == "", errors
    print(f"{number} writes across a kill, the longest took {longest} s")
