"""Gfs2Mount on two kernels with one disk: shared, recovered from a dead node, after its fencing.

Corosync and DLM are real; Pacemaker and its fencing are in tests/vm.
"""

from collections.abc import Iterator

import pytest

from tests.support.gfs2_machine import AGENT, Gfs2Machine, HactlError, lacking, two_machines

pytestmark = [
    pytest.mark.backend,
    pytest.mark.extended,
    pytest.mark.xdist_group("gfs2-mount-two-nodes"),
    pytest.mark.timeout(600),
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking()),
]
RUNNING, STOPPED, DEGRADED = 0, 7, 190
DIRECTORY = "/srv/template"
Pair = tuple[Gfs2Machine, Gfs2Machine]


def call(machine: Gfs2Machine, action: str, level: int = 0) -> "tuple[int, str]":
    given = {"device": "/dev/vda", "directory": DIRECTORY, "CRM_meta_clone_max": 2}
    given |= {"CRM_meta_timeout": 60000}
    words = " ".join(f"OCF_RESKEY_{key}={value}" for key, value in given.items())
    env = f"OCF_RESOURCE_INSTANCE=shared OCF_CHECK_LEVEL={level} {words}"
    return machine.run(f"{env} {AGENT} {action}", 120)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    try:
        with two_machines(tmp_path_factory.mktemp("m")) as machines:
            for machine in machines:
                machine.must(f"mkdir -p {DIRECTORY}")
            yield machines
    except HactlError as exc:
        pytest.skip(f"no kernel to boot: {exc}")


def test_both_mount_it_and_read_what_the_other_writes(pair: Pair) -> None:
    for machine in pair:
        assert call(machine, "monitor")[0] == STOPPED
        code, text = call(machine, "start")
        assert code == 0, text
    one, two = pair
    one.must(f"echo from one >{DIRECTORY}/file; sync {DIRECTORY}/file")
    assert two.must(f"cat {DIRECTORY}/file") == "from one"
    two.must(f"echo from two >>{DIRECTORY}/file; sync {DIRECTORY}/file")
    assert one.must(f"cat {DIRECTORY}/file") == "from one\nfrom two"
    for machine in pair:
        assert call(machine, "monitor", level=20) == (RUNNING, "")


def test_one_stops_while_the_other_goes_on(pair: Pair) -> None:
    one, two = pair
    assert call(two, "stop") == (0, "")
    one.must(f"echo alone >{DIRECTORY}/alone")
    assert call(one, "monitor", level=20)[0] == RUNNING
    assert call(two, "start")[0] == 0
    assert two.must(f"cat {DIRECTORY}/alone") == "alone"


def test_after_a_crash_the_survivor_waits_for_fencing_then_replays_the_journal_and_goes_on(
    pair: Pair,
) -> None:
    one, two = pair
    two.must(f"mkdir {DIRECTORY}/of-two; echo synced >{DIRECTORY}/of-two/a; sync")
    two.must(f"(while :; do date >>{DIRECTORY}/of-two/busy; done) >/dev/null 2>&1 & sleep 2")
    two.down()
    one.must("for i in $(seq 100); do grep -q 1 /sys/fs/gfs2/*/lock_module/block && exit 0; "
             "sleep 0.2; done; exit 1")  # fmt: skip
    one.must(f"(echo after >{DIRECTORY}/of-two/after; sync; touch /run/written) >/dev/null 2>&1 &")
    code, text = call(one, "monitor")
    assert code == RUNNING, f"it is mounted, and waits: {text}"
    code, text = call(one, "monitor", level=20)
    assert code in (RUNNING, DEGRADED), f"nobody is to be fenced for waiting for a fence: {text}"
    assert one.run("ls /run/written")[0] != 0, "nothing is written before the other is fenced"
    one.must("touch /run/fenced")
    one.must("for i in $(seq 150); do [ -e /run/written ] && exit 0; sleep 0.2; done; exit 1")
    assert one.must(f"cat {DIRECTORY}/of-two/a {DIRECTORY}/of-two/after") == "synced\nafter"
    assert "Journal replayed" in one.must("dmesg")
    for level in (0, 20):
        code, text = call(one, "monitor", level=level)
        assert code == RUNNING, text
    assert call(one, "stop") == (0, "")
    assert call(one, "monitor")[0] == STOPPED
