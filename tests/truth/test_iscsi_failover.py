"""A writing initiator while its target moves between two nodes: no write is lost, no I/O fails."""

import random
import shutil
from collections.abc import Callable, Iterator

import pytest

from tests.support.iscsi.libiscsi_suite import Outcome, outcome
from tests.support.iscsi.pair import INITIATOR, IPADDR2, PORTAL, TARGET, Pair, lacking, pair
from tests.support.iscsi.writer import PLACES, SIZE, Ledger, Report, block, number_in
from tests.support.private_node import wait_until

pytestmark = [
    pytest.mark.backend,
    pytest.mark.xdist_group("iscsi-failover"),
    *(pytest.mark.skipif(True, reason=why) for why in lacking("tgtd", "nft", "pgrep", "iscsi-inq")),
    pytest.mark.skipif(shutil.which(IPADDR2) is None, reason="resource-agents is not installed"),
]
FailOver = Callable[[Pair], None]
GRACEFUL: list[FailOver] = [Pair.move]
HARD: list[FailOver] = [Pair.lose_power] * 4 + [Pair.isolate] * 3 + [Pair.crash] * 3


@pytest.fixture(scope="module")
def both() -> Iterator[Pair]:
    with pair() as both:
        yield both


def across(both: Pair, failovers: list[FailOver]) -> Report:
    """What a writer lives through while its target fails over in these ways, one after another."""
    with both.writing() as writing:
        for fail_over in failovers:
            fail_over(both)
            writing.goes_on()
        return writing.report()


def test_a_move_is_nothing_but_silence_to_a_writer(both: Pair) -> None:
    report = across(both, GRACEFUL * 2)
    assert report.is_clean, report
    assert report.refused == 0, report


def test_no_write_is_lost_with_the_node_that_served_it(both: Pair) -> None:
    report = across(both, [Pair.lose_power])
    assert report.is_clean, report
    assert report.refused == 0, report


@pytest.mark.extended
@pytest.mark.timeout(900)
def test_no_write_is_lost_and_no_io_fails_across_twenty_failovers(both: Pair) -> None:
    """Half of them graceful, and half of them not, in any order."""
    failovers = GRACEFUL * 10 + HARD
    random.Random(4).shuffle(failovers)
    report = across(both, failovers)
    assert report.is_clean, report
    assert report.acknowledged > 20 * 200
    assert report.verified == PLACES


@pytest.mark.extended
@pytest.mark.timeout(600)
def test_the_suite_of_libiscsi_passes_no_less_after_a_failover() -> None:
    if shutil.which("iscsi-test-cu") is None:
        pytest.skip("iscsi-test-cu is not installed")
    with pair() as both:
        for side in (both.serving, both.other):
            side.target["initiators"] = f"{INITIATOR} {INITIATOR}-2"
        both.move()
        before = suite(both)
        both.lose_power()
        after = suite(both)
    print(f"before {before.passed}, after {after.passed}")
    assert before.passed > 100, "the suite did not run"
    assert after.failed <= before.failed
    assert after.passed >= before.passed


def suite(both: Pair) -> Outcome:
    url = f"iscsi://{PORTAL}/{TARGET}/1"
    names = ("-i", INITIATOR, "-I", f"{INITIATOR}-2")
    words = ("iscsi-test-cu", "--dataloss", "-n", *names, "-t", "SCSI", url)
    return outcome(both.client.run(*words, check=False, timeout=240).stdout)


# that the writer would notice


@pytest.mark.extended
def test_without_a_gate_a_writer_is_turned_away() -> None:
    with pair(gated=False) as bare:
        report = across(bare, GRACEFUL * 2)
    assert report.refused > 0, report


@pytest.mark.extended
@pytest.mark.parametrize("gated", [False, True], ids=["open gate", "closed gate"])
def test_a_target_without_its_lun_is_an_io_error_unless_the_gate_hides_it(
    both: Pair, gated: bool
) -> None:
    """What a target is like for a moment where target and LUN are two resources."""
    with both.writing() as writing:
        serving = both.serving
        serving.ours("IscsiGateway", "stop", **serving.target)
        if not gated:
            serving.node.sh("nft 'flush chain inet hactl-gate-disks gate'")
        serving.node.sh(
            "mkdir -p /run/bare; export TGT_IPC_SOCKET=/run/bare/socket\n"
            "setsid tgtd -f --iscsi portal=192.0.2.100:3260 >/dev/null 2>&1 &\n"
            "until tgtadm --op show --mode sys >/dev/null 2>&1; do sleep 0.05; done\n"
            f"tgtadm --lld iscsi --op new --mode target --tid 1 -T {TARGET}\n"
            "tgtadm --lld iscsi --op bind --mode target --tid 1 -I ALL\n"
            "sleep 4"
        )
        serving.kill_target()
        serving.start()
        if gated:
            writing.goes_on()
        else:
            wait_until(lambda: writing.process.poll() is not None, "the writer saw nothing", 40)
        report = writing.report()
    assert report.is_clean == gated, report


def test_a_write_that_is_not_there_is_noticed() -> None:
    ledger = Ledger()
    first, second = ledger.next(), ledger.next()
    for place, _ in (first, second):
        ledger.done(place)
    for place, number in (first, second):
        assert ledger.complaint(place, block(place, number)) == ""
    (place, number), (other, _) = first, second
    assert ledger.complaint(place, bytes(SIZE)) == f"place {place} holds write -1 instead of 1"
    assert "holds write -1" in ledger.complaint(other, block(place, number)), "from elsewhere"
    torn = block(place, number)[:2048] + block(place, number + PLACES)[2048:]
    assert number_in(torn, place) == -1
    assert "holds write 99 instead of 1" in ledger.complaint(place, block(place, 99)), "stale"
