"""IscsiGateway with real tgtds: killed, misled and looked at while it handles secrets."""

import itertools
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.support.instructions import allowed
from tests.support.iscsi.libiscsi_suite import Outcome, outcome
from tests.support.private_node import PrivateNode, fresh_node, wait_until, why
from tests.truth.breaks import NO_TOOLS
from tests.truth.worlds.iscsi_gateway import (
    SECRET,
    SIZE,
    TARGET_SECRET,
    TARGET_USER,
    Foreign,
    Target,
    lacking,
)

pytestmark = [
    pytest.mark.backend,
    pytest.mark.xdist_group("iscsi-gateway"),
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking()),
]
RUNNING, FAILED, WRONG_HERE, UNIMPLEMENTED, NOT_INSTALLED = 0, 1, 2, 3, 5
NOT_CONFIGURED, STOPPED, DEGRADED = 6, 7, 190


@pytest.fixture
def target(node: PrivateNode) -> Iterator[Target]:
    target = Target(node)
    yield target
    target.clean_up()


def test_a_target_comes_and_goes(target: Target) -> None:
    assert target.code("monitor") == STOPPED
    done = target.call("start")
    assert done.returncode == 0, done.stderr
    assert target.code("start") == 0
    assert target.answers()
    assert (target.code("monitor"), target.code("monitor", level=10)) == (RUNNING, RUNNING)
    assert target.code("stop") == 0
    assert target.code("stop") == 0
    assert (target.code("monitor"), target.processes()) == (STOPPED, [])
    assert target.node.sh("ls /run/hactl/*.0 /run/hactl/*.log 2>/dev/null || :") == ""


def test_only_those_who_know_the_secret_get_in(target: Target) -> None:
    assert target.code("start") == 0
    assert target.answers()
    assert not target.answers(secret="a-wrong-secret")
    assert not target.answers(user="")
    assert not target.answers(iqn=target.iqn[:-1])


def test_the_target_proves_itself_to_initiators(target: Target) -> None:
    assert target.code("start") == 0
    proof = f"target_user={TARGET_USER}&target_password="
    for secret, welcome in ((TARGET_SECRET, True), ("not-the-targets-one", False)):
        words = ("iscsi-inq", f"{target.url()}?{proof}{secret}")
        assert (target.node.run(*words, check=False).returncode == 0) == welcome


def test_only_named_initiators_get_in(target: Target) -> None:
    host = "iqn.2026-11.example.test:host1"
    target.params |= {"initiators": host, "auth_file": ""}
    assert target.code("start") == 0
    url = target.url(user="")
    for name, welcome in ((host, True), (f"{host}0", False), (host[:-1], False)):
        done = target.node.run("iscsi-inq", "-i", name, url, check=False)
        assert (done.returncode == 0) == welcome, name


def test_luns_are_as_they_were_asked_for(target: Target) -> None:
    other = target.folder / "other"
    other.write_bytes(bytes(SIZE))
    keys = "block_size=4096,readonly=true,serial=one-two,product=thing,write_cache=on"
    target.params["luns"] = f"1={target.disk} 9={other},{keys}"
    assert target.code("start") == 0
    inquiry = target.node.run("iscsi-inq", target.url(lun=9)).stdout
    assert "Product:thing" in inquiry
    capacity = target.node.run("iscsi-readcapacity16", target.url(lun=9)).stdout
    assert "BYTES:4096" in capacity
    assert f"Total size:{SIZE}" in capacity
    shown = target.tgtadm("--op", "show", "--mode", "target").stdout
    assert "SCSI SN: one-two" in shown
    assert shown.count("Readonly: Yes") == 1


def test_names_of_luns_are_the_same_wherever_it_runs(target: Target) -> None:
    found = []
    for _ in range(2):
        assert target.code("start") == 0
        found.append(identities(target))
        assert target.code("stop") == 0
    assert found[0] == found[1]
    assert len(set(found[0])) == 2, "serial number and NAA name"


def identities(target: Target) -> list[str]:
    shown = target.tgtadm("--op", "show", "--mode", "target").stdout
    return re.findall(r"SCSI (?:ID|SN): ([0-9a-f]{32})", shown)


def test_an_ipv6_portal_is_served(target: Target) -> None:
    target.params["portals"] = f"[::1]:{target.port}"
    assert target.code("start") == 0
    assert target.code("monitor", level=10) == RUNNING
    url = target.url().replace("127.0.0.1", "[::1]")
    assert target.node.run("iscsi-inq", url, check=False).returncode == 0
    assert not target.answers(), "127.0.0.1 was not asked for"


def test_no_other_port_is_open_at_any_time(target: Target) -> None:
    with watched(target, "ss -Hltn") as seen_by:
        assert target.code("start") == 0
    text = seen_by[0]
    seen = set(re.findall(r"LISTEN \d+ +\d+ +(\S+):(\d+)", text))
    strangers = {pair for pair in seen if pair[1] != str(target.port) and pair[0] != "127.0.0.1"}
    assert strangers == set()


@contextmanager
def watched(target: Target, command: str) -> "Iterator[list[str]]":
    """What a command says in the node, over and over; there when the block is left."""
    flag = target.folder / "watching"
    flag.touch()
    script = f"while [ -e {flag} ]; do {command}; done"
    words = ("nsenter", "-t", str(target.node.pid), "-n", "-m", "-p", "sh", "-c", script)
    watcher = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, errors="replace")
    with ThreadPoolExecutor(1) as pool:
        text = pool.submit(watcher.communicate)
        found: list[str] = []
        try:
            yield found
        finally:
            flag.unlink()
        found.append(text.result()[0])


# secrets


def test_no_secret_is_in_an_argument_a_log_or_a_note(target: Target) -> None:
    command = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null"
    with watched(target, command) as seen_by:
        done = target.call("start")
        assert done.returncode == 0, done.stderr
        assert target.code("monitor", level=10) == RUNNING
    seen = seen_by[0]
    assert "tgtd" in seen, "the witness was blind"
    kept = target.node.sh("cat /run/hactl/* 2>/dev/null; tr '\\0' ' ' </proc/[0-9]*/cmdline", False)
    for secret in (SECRET, TARGET_SECRET):
        assert secret not in seen
        assert secret not in kept + done.stderr + done.stdout


@pytest.mark.parametrize("how", ["readable", "link", "folder", "missing", "unfinished", "strange"])
def test_a_file_with_secrets_that_is_not_fit_is_refused(target: Target, how: str) -> None:
    auth = target.auth
    if how == "readable":
        auth.chmod(0o640)
    elif how == "unfinished":
        auth.write_text(f"user = joe\nmutual_password = {SECRET}\n")
    elif how == "strange":
        auth.write_text(f"joe:{SECRET}\n")
    else:
        auth.rename(target.folder / "real")
    if how == "link":
        auth.symlink_to(target.folder / "real")
    elif how == "folder":
        auth.mkdir()
    done = target.call("start")
    assert (done.returncode, SECRET in done.stderr) == (WRONG_HERE, False), done.stderr
    assert str(auth) in why(done)
    assert (target.processes(), target.code("monitor")) == ([], STOPPED)


# what is refused

LUNS = {
    "twice": ("1={disk} 1={disk}x", NOT_CONFIGURED, "names LUN 1 twice"),
    "the same path": ("1={disk} 2={disk}", NOT_CONFIGURED, "twice"),
    "number 0": ("0={disk}", NOT_CONFIGURED, "tgt keeps LUN 0"),
    "unknown device": ("1=/dev/nosuch", WRONG_HERE, "this node has no /dev/nosuch"),
    "a folder": ("1=/dev", WRONG_HERE, "neither a block device nor a file"),
    "relative": ("1=disk", NOT_CONFIGURED, "no whole path"),
    "unknown key": ("1={disk},size=5", NOT_CONFIGURED, "'size=5'"),
    "shell": ("1=/dev/$(reboot);`id`", WRONG_HERE, "has no /dev/$(reboot);`id`"),
    "dots": ("1=/../../x", WRONG_HERE, "this node has no"),
    "namespace": ("1=rbd:pool/ns/image", NOT_CONFIGURED, "is in a namespace"),
    "odd image": ("1=rbd:pool", NOT_CONFIGURED, "not rbd:POOL"),
}  # fmt: skip
OTHERS = {
    "name": ({"iqn": "iqn.2026-11.test:a;b"}, NOT_CONFIGURED, "not an iSCSI name"),
    "name with a slash": ({"iqn": "iqn.2026-11.test:a/../b"}, NOT_CONFIGURED, "not an iSCSI name"),
    "upper case": ({"iqn": "iqn.2026-11.test:A"}, NOT_CONFIGURED, "lower-case"),
    "initiator": ({"initiators": "iqn.x:y$(id)"}, NOT_CONFIGURED, "not an iSCSI name"),
    "portal": ({"portals": "::1:3260"}, NOT_CONFIGURED, "[ADDRESS]:PORT"),
    "port": ({"portals": "127.0.0.1:99999"}, NOT_CONFIGURED, "port"),
    "nobody": ({"auth_file": ""}, NOT_CONFIGURED, "initiators: name who may log in"),
    "address of others": ({"portals": "192.0.2.7:3260"}, FAILED, "192.0.2.7 is not an address of"),
    "network": ({"portals": "192.0.2.0/24:3260"}, FAILED, "no address in 192.0.2.0/24"),
}  # fmt: skip


@pytest.mark.parametrize("which", LUNS)
def test_luns_that_cannot_be_served_are_refused(target: Target, which: str) -> None:
    luns, code, sentence = LUNS[which]
    refused(target, {"luns": luns.format(disk=target.disk)}, code, sentence)


@pytest.mark.parametrize("which", OTHERS)
def test_names_and_portals_that_cannot_be_are_refused(target: Target, which: str) -> None:
    given, code, sentence = OTHERS[which]
    refused(target, given, code, sentence)


def refused(target: Target, given: "dict[str, str]", code: int, sentence: str) -> None:
    """With one sentence and the right code, and nothing half made."""
    done = target.call("start", **given)
    assert (done.returncode, sentence in why(done)) == (code, True), done.stderr
    assert done.stderr.count("ocf-exit-reason:") == 1
    assert (target.processes(), target.code("monitor", **given)) == ([], STOPPED)
    assert target.code("stop", **given) == 0


def test_blocks_are_as_large_as_the_devices(target: Target) -> None:
    device = loop(target, "--sector-size", "4096")
    try:
        given = {"luns": f"1={device}"}
        done = target.call("start", **given)
        assert done.returncode == 0, done.stderr
        capacity = target.node.run("iscsi-readcapacity16", target.url()).stdout
        assert "LENGTH IN BYTES:4096" in capacity
        assert target.code("stop", **given) == 0
    finally:
        subprocess.run(["losetup", "-d", device], check=True)


def test_what_tgtd_could_only_read_is_not_served_for_writing(target: Target) -> None:
    target.node.sh(f"mkdir -p /run/ro; mount --bind {target.folder} /run/ro")
    target.node.sh("mount -o remount,bind,ro /run/ro")
    done = target.call("start", luns="1=/run/ro/disk")
    assert (done.returncode, "Readonly is Yes, not No" in why(done)) == (FAILED, True), done.stderr
    assert target.processes() == []
    assert target.code("start", luns="1=/run/ro/disk,readonly=yes") == 0
    assert target.code("monitor", luns="1=/run/ro/disk,readonly=yes") == RUNNING
    assert target.code("stop") == 0
    target.node.sh("umount /run/ro")


def test_a_file_of_the_same_name_that_is_another_is_seen(target: Target) -> None:
    assert target.code("start") == 0
    target.disk.rename(target.folder / "old")
    target.disk.write_bytes(bytes(SIZE))
    assert target.code("monitor") == 0, "a plain look touches no path of an operator's"
    done = target.call("monitor", level=10)
    assert (done.returncode, "is another file now" in why(done)) == (FAILED, True), done.stderr
    assert (target.code("start"), target.code("monitor")) == (0, RUNNING)
    with target.disk.open("r+b") as disk:
        disk.truncate(SIZE // 2)
    assert target.code("monitor") == RUNNING
    assert "has shrunk" in why(target.call("monitor", level=10))


def test_a_device_that_is_mounted_is_refused_and_untouched(target: Target) -> None:
    device = loop(target)
    try:
        target.node.sh(f"mkfs.ext4 -q {device}; mkdir -p /run/m; mount {device} /run/m")
        done = target.call("start", luns=f"1={device}")
        assert done.returncode == WRONG_HERE, done.stderr
        assert f"{device} is in use by the mount /run/m" in why(done)
        assert target.code("validate-all", level=10, luns=f"1={device}") == WRONG_HERE
        done = target.call("start")
        assert (done.returncode, f"the loop device {device}" in why(done)) == (WRONG_HERE, True)
        assert target.processes() == []
        target.node.sh("touch /run/m/file; umount /run/m")
        done = target.call("start", luns=f"1={device}")
        assert (done.returncode, target.answers()) == (0, True), done.stderr
        assert target.code("stop", luns=f"1={device}") == 0
    finally:
        target.node.sh("umount /run/m", check=False)
        subprocess.run(["losetup", "-d", device], check=True)


def loop(target: Target, *options: str) -> str:
    words = ("losetup", "-f", "--show", *options, str(target.disk))
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no loop device: {done.stderr}")
    return done.stdout.strip()


def test_a_name_that_another_resource_serves_is_refused(target: Target, node: PrivateNode) -> None:
    other = Target(node)
    assert target.code("start") == 0
    done = other.call("start", iqn=target.iqn)
    assert done.returncode == WRONG_HERE, done.stderr
    assert f"{target.iqn} is served by" in why(done)
    done = other.call("start", luns=f"1={target.disk}")
    assert (done.returncode, "is served by" in why(done)) == (WRONG_HERE, True), done.stderr
    assert (len(target.processes()), target.answers()) == (1, True)
    assert other.code("monitor", iqn=target.iqn) == STOPPED
    assert other.code("stop", iqn=target.iqn) == 0
    assert target.answers()


def test_a_port_that_is_taken_is_refused(target: Target, node: PrivateNode) -> None:
    other = Target(node)
    assert target.code("start") == 0
    portals = target.params["portals"]
    done = other.call("start", portals=portals)
    assert (done.returncode, "cannot listen on" in why(done)) == (FAILED, True), done.stderr
    assert (len(target.processes()), target.answers()) == (1, True)


def test_a_foreign_target_of_the_same_name_is_refused_and_untouched(target: Target) -> None:
    foreign = Foreign(target, target.iqn)
    try:
        done = target.call("start")
        assert done.returncode == WRONG_HERE, done.stderr
        assert "nothing was touched" in why(done)
        assert (target.code("monitor"), target.code("stop")) == (STOPPED, 0)
        assert foreign.untouched()
    finally:
        foreign.end()


def test_tgt_has_no_roles(target: Target) -> None:
    assert target.code("start") == 0
    assert target.code("promote") == UNIMPLEMENTED
    done = target.call("start", meta={"promotable": "true"})
    assert (done.returncode, "cannot be promotable" in why(done)) == (NOT_CONFIGURED, True)


# what changes while it runs


@pytest.mark.parametrize("what", ["lun", "another lun", "admitted", "serial", "portal", "account"])
def test_what_somebody_changed_is_seen(target: Target, what: str) -> None:
    assert target.code("start") == 0
    tid = ("--tid", target.tid())
    lun = ("--mode", "logicalunit", *tid, "--lun")
    words = {
        "lun": ("--op", "delete", *lun, "1"),
        "another lun": ("--op", "new", *lun, "2", "-b", str(target.auth)),
        "admitted": ("--op", "bind", "--mode", "target", *tid, "-I", "10.0.0.0/8"),
        "serial": ("--op", "update", *lun, "1", "--params", "scsi_sn=another"),
        "portal": ("--op", "new", "--mode", "portal", "-P", "portal=127.0.0.2:13000"),
        "account": ("--op", "unbind", "--mode", "account", *tid, "--user", "joe"),
    }[what]
    done = target.tgtadm(*words)
    assert done.returncode == 0, done.stderr
    done = target.call("monitor")
    assert (done.returncode, "not as it was started" in why(done)) == (FAILED, True), done.stderr
    assert target.code("monitor", drift="report") == DEGRADED
    assert target.code("stop") == 0
    assert target.processes() == []


def test_a_session_does_not_hold_up_the_stop(target: Target) -> None:
    assert target.code("start") == 0
    command = ("nsenter", "-t", str(target.node.pid), "-n", "iscsi-perf", "-t", "60", target.url())
    initiator = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(
            lambda: "I_T nexus:" in target.tgtadm("--op", "show", "--mode", "target").stdout,
            "nobody logs in", 10,
        )  # fmt: skip
        assert target.code("monitor") == RUNNING
        done = target.call("stop")
        assert (done.returncode, target.processes()) == (0, []), done.stderr
    finally:
        initiator.kill()
        initiator.wait()


def test_two_requests_at_once_and_many_monitors(target: Target) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: target.code("start"), range(4))) == {0}
        assert len(target.processes()) == 1
        assert set(pool.map(lambda _: target.code("monitor"), range(20))) == {RUNNING}
        assert set(pool.map(lambda _: target.code("stop"), range(4))) == {0}


@pytest.mark.extended
def test_killed_at_any_step_of_start_it_tells_the_truth_and_stop_cleans_up(target: Target) -> None:
    answers = set()
    for step in itertools.count(1):
        cut = target.cut("start", "sendmsg,rename,clone,clone3,vfork,connect", step)
        there, answer = target.processes(), target.code("monitor")
        assert answer == STOPPED if not there else answer in (RUNNING, FAILED), step
        answers.add(answer)
        assert target.code("stop") == 0, step
        assert (target.processes(), target.code("monitor")) == ([], STOPPED), step
        if not cut:
            break
    assert answers == {STOPPED, FAILED, RUNNING}
    assert step > 15


def test_killed_in_start_the_next_start_completes_it(target: Target) -> None:
    for step in range(3, 30, 6):
        target.cut("start", "sendmsg,rename,clone,clone3,vfork,connect", step)
        done = target.call("start")
        assert (done.returncode, target.answers()) == (0, True), (step, done.stderr)
        assert len(target.processes()) == 1
        assert target.code("stop") == 0


def test_killed_in_stop_the_next_start_serves_again(target: Target) -> None:
    """Also where all that was done is that nobody is listened to any more."""
    for step in range(1, 9):
        assert target.code("start") == 0
        target.cut("stop", "sendmsg", step)
        done = target.call("start")
        assert (done.returncode, target.answers()) == (0, True), (step, done.stderr)
        assert target.code("monitor", level=10) == RUNNING
    assert target.code("stop") == 0


@pytest.mark.extended
def test_killed_at_any_step_of_stop_the_next_stop_finishes_it(target: Target) -> None:
    for step in itertools.count(1):
        assert target.code("start") == 0
        cut = target.cut("stop", "sendmsg,unlink,pidfd_send_signal", step)
        there, answer = target.processes(), target.code("monitor")
        assert answer == STOPPED if not there else answer in (RUNNING, FAILED), step
        assert target.code("stop") == 0
        assert (target.processes(), target.code("monitor")) == ([], STOPPED), step
        if not cut:
            break
    assert step > 6


def test_two_nodes_serve_the_same_target_at_once(target: Target) -> None:
    with fresh_node() as other:
        elsewhere = Target(other)
        elsewhere.params |= {"iqn": target.iqn, "luns": target.params["luns"]}
        assert (target.code("start"), elsewhere.code("start")) == (0, 0)
        assert identities(target) == identities(elsewhere)
        assert target.code("stop") == 0
        assert elsewhere.answers(iqn=target.iqn)


def test_it_stops_without_any_tool(target: Target) -> None:
    assert target.code("start") == 0
    assert target.code("monitor", wrapper=NO_TOOLS) == RUNNING
    assert target.code("stop", wrapper=NO_TOOLS) == 0
    assert target.code("start", wrapper=NO_TOOLS) == NOT_INSTALLED


# the judges


def test_ocf_tester_is_content(target: Target) -> None:
    if shutil.which("ocf-tester") is None:
        pytest.skip("ocf-tester is not installed")
    given = [word for name, value in target.params.items() for word in ("-o", f"{name}={value}")]
    program = target.node.launcher("IscsiGateway")
    words = ("ocf-tester", "-n", target.name, *given, program)
    done = target.node.run(*words, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed all tests" in done.stdout
    assert target.processes() == []


@pytest.mark.extended
@pytest.mark.timeout(600)
def test_the_suite_of_libiscsi_passes_no_less_than_by_hand(target: Target) -> None:
    ours = by_agent(target)
    with by_hand(target) as url:
        theirs = suite(target, url)
    print(f"by the agent {ours.passed}, by hand {theirs.passed}")
    assert theirs.passed > 100, "the suite did not run"
    assert ours.failed <= theirs.failed
    assert ours.passed >= theirs.passed


def by_agent(target: Target) -> Outcome:
    target.params |= {"auth_file": "", "initiators": ""}
    hosts = "iqn.2007-10.com.github:sahlberg:libiscsi:iscsi-test"
    target.params |= {"initiators": f"{hosts} {hosts}-2"}
    target.params["luns"] = f"1={target.disk},write_cache=true"  # as tgtd has it by itself
    done = target.call("start")
    assert done.returncode == 0, done.stderr
    found = suite(target, target.url(user=""))
    assert target.code("monitor", level=10) == RUNNING
    assert target.code("stop") == 0
    return found


@contextmanager
def by_hand(target: Target) -> "Iterator[str]":
    iqn = f"{target.iqn}-by-hand"
    foreign = Foreign(target, iqn)
    try:
        foreign.adm("--op", "bind", "--mode", "target", "--tid", "5", "-I", "ALL")
        yield f"iscsi://127.0.0.1:{target.port + 1000}/{iqn}/1"
    finally:
        foreign.end()


def suite(target: Target, url: str) -> Outcome:
    words = ("iscsi-test-cu", "--dataloss", "-n", "-t", "SCSI", url)
    return outcome(target.node.run(*words, check=False, timeout=240).stdout)


def test_a_monitor_forks_nothing_and_costs_no_more_than_agreed(target: Target) -> None:
    disks = [target.folder / f"disk{number}" for number in range(1, 9)]
    for disk in disks:
        disk.write_bytes(bytes(1 << 20))
    target.params["luns"] = " ".join(f"{n}={disk}" for n, disk in enumerate(disks, 1))
    assert target.code("start") == 0
    trace = ("strace", "-f", "-qq", "-e", "trace=%process", "-e", "signal=none")
    done = target.call("monitor", wrapper=trace)
    seen = [line for line in done.stderr.splitlines() if "exit" not in line]
    assert [line.partition("(")[0] for line in seen] == ["execve"], done.stderr
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    grind = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
    done = target.call("monitor", wrapper=(*grind, "/usr/bin/python3", "-IS"), timeout=60)
    counted = done.stderr.partition("Collected : ")[2].split()[0]
    assert (done.returncode, int(counted) <= allowed(30_000_000)) == (RUNNING, True), counted


def test_a_start_takes_no_long_time(target: Target) -> None:
    began = time.monotonic()
    assert target.code("start") == 0
    assert time.monotonic() - began < 10
