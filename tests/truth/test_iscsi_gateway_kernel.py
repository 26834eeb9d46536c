"""IscsiGateway on a real kernel's target, in a small virtual machine, with real initiators."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hactl.install.agents import install
from tests.support.configfs import lio_calls
from tests.support.configfs.lio_model import Lio
from tests.support.iscsi.libiscsi_suite import Outcome, outcome
from tests.support.kernel_guest import HactlError, KernelGuest, lacking, python_files

AGENT = "/usr/lib/ocf/resource.d/hactl/IscsiGateway"
ROOT = "/sys/kernel/config/target"
CLIENTS = ("iscsi-inq", "iscsi-ls", "iscsi-readcapacity16", "iscsi-perf", "iscsi-test-cu")
MODULES = [
    "configfs", "target_core_mod", "target_core_iblock", "target_core_file", "iscsi_target_mod",
    "brd", "loop", "crc32c_generic",
]  # fmt: skip
LACKS = [*lacking(), *(f"{tool} is not installed" for tool in CLIENTS if not shutil.which(tool))]
pytestmark = [
    pytest.mark.backend,
    pytest.mark.extended,
    pytest.mark.xdist_group("iscsi-gateway-kernel"),
    pytest.mark.timeout(900),
    *(pytest.mark.skipif(True, reason=reason) for reason in LACKS),
]
RUNNING, FAILED, WRONG_HERE, STOPPED, PROMOTED, DEGRADED = 0, 1, 2, 7, 8, 190
IQN = "iqn.2026-11.example.test:disks"
HOST = "iqn.2026-11.example.test:host"
AUTH = "/run/auth"
SECRET, TARGET_SECRET = "joes-long-secret", "targets-long-secret"
ACCOUNT = f"user = joe\npassword = {SECRET}\nmutual_user = t\nmutual_password = {TARGET_SECRET}\n"
STANDBY = "0x040b"  # the sense code: not accessible, target port in standby state (SPC-4)
PROMOTABLE = {"promotable": "true", "on_node": "node3", "on_node_uuid": "3"}


class Answer:
    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = text


class Machine(KernelGuest):
    """A guest with the agents installed, and devices /dev/ram0 to /dev/ram9."""

    def say(self, script: str, timeout: float = 120) -> str:
        code, text = self.run(script, timeout)
        assert code == 0, f"{script}: {text}"
        return text.strip()

    def call(
        self,
        action: str,
        level: int = 0,
        meta: "dict[str, str] | None" = None,
        wrapper: str = "",
        **more: object,
    ) -> Answer:
        given = {
            "iqn": IQN, "portals": "127.0.0.1:3260 [::1]:3260", "luns": "0=/dev/ram0",
            "initiators": HOST,
        } | more  # fmt: skip
        words = [f"OCF_RESKEY_{name}='{value}'" for name, value in given.items()]
        words += [f"OCF_RESKEY_CRM_meta_{name}={value}" for name, value in (meta or {}).items()]
        words += [f"OCF_RESKEY_CRM_meta_timeout=60000 OCF_CHECK_LEVEL={level}"]
        words += ["OCF_RESOURCE_INSTANCE=disks", wrapper, AGENT, action]
        return Answer(*self.run(" ".join(words), 120))

    def code(self, action: str, **more: object) -> int:
        return self.call(action, **more).code  # type: ignore[arg-type]

    def started(self, **more: object) -> None:
        done = self.call("start", **more)  # type: ignore[arg-type]
        assert done.code == 0, done.text

    def client(self, tool: str, lun: int = 0, account: str = "", host: str = HOST) -> Answer:
        url = f"iscsi://{account}127.0.0.1/{IQN}/{lun}"
        return Answer(*self.run(f"timeout 20 {tool} -i {host} '{url}'", 60))

    def objects(self) -> str:
        """What of a target there is, by whomever."""
        return self.say(f"cd {ROOT}; ls -d core/*_* iscsi/iqn* 2>/dev/null || :")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    install(folder / "root")
    files = python_files() | {
        f"/{path.relative_to(folder / 'root')}": path.read_bytes()
        for path in (folder / "root").rglob("*")
        if path.is_file()
    }
    files["/calls.py"] = Path(lio_calls.__file__).read_bytes()
    files["/calls.json"] = json.dumps(lio_calls.calls()).encode()
    files["/auth"] = ACCOUNT.encode()
    programs = [found for name in ("strace", "setpriv", *CLIENTS) if (found := shutil.which(name))]
    machine = Machine(folder / "guest", ())
    try:
        machine.up(programs, MODULES, files)
        machine.say(f"cp /auth {AUTH}; chmod 600 {AUTH}; truncate -s 8M /run/file /run/calibration")
        yield machine
    except HactlError as exc:
        pytest.skip(f"no kernel to boot: {exc}")
    finally:
        machine.down()


@pytest.fixture(autouse=True)
def nothing_left(machine: Machine) -> Iterator[None]:
    machine.run("rm -rf /run/hactl")
    yield
    assert machine.code("stop") == 0
    assert machine.objects() == "", "something was left"


# first of all: configfs itself is mounted by the agent


def test_a_target_comes_and_goes(machine: Machine) -> None:
    assert machine.code("monitor") == STOPPED
    machine.started()
    assert machine.code("start") == 0
    assert (machine.code("monitor"), machine.code("monitor", level=10)) == (RUNNING, RUNNING)
    assert "Vendor:LIO-ORG" in machine.client("iscsi-inq").text
    assert machine.code("stop") == 0
    assert machine.code("stop") == 0
    assert (machine.code("monitor"), machine.objects()) == (STOPPED, "")


def test_the_model_keeps_the_kernels_rules(machine: Machine) -> None:
    machine.say(
        f"[ -d {ROOT} ] || mount -t configfs none /sys/kernel/config; rmdir {ROOT}/iscsi || :"
    )
    text = machine.say(f"/usr/bin/python3 /calls.py {ROOT} </calls.json")
    kernels = json.loads(text)
    model = Lio(lambda path: "claimed" if claimed(path) else {"/dev/nosuch": ""}.get(path, "x"))
    claimed = once("/dev/ram9")
    models = lio_calls.answers(lio_calls.Model(model), lio_calls.calls())
    rows = zip(lio_calls.calls(), kernels, models, strict=True)
    differences = [row for row in rows if row[1] != row[2]]
    assert not differences, "\n".join(map(str, differences))
    assert len(kernels) > 100


def once(path: str) -> "object":
    """Whether a device is claimed: by whoever asks for it the second time."""
    seen: set[str] = set()

    def claimed(asked: str) -> bool:
        taken = asked in seen
        seen.update({asked} & {path})
        return taken

    return claimed


def test_only_those_who_know_the_secret_get_in(machine: Machine) -> None:
    machine.started(auth_file=AUTH)
    assert machine.code("monitor", level=10, auth_file=AUTH) == RUNNING
    account = f"joe%{SECRET}@"
    assert machine.client("iscsi-inq", account=account).code == 0
    assert machine.client("iscsi-inq", account="joe%a-wrong-secret@").code != 0
    assert machine.client("iscsi-inq").code != 0
    assert machine.client("iscsi-inq", account=account, host=f"{HOST}2").code != 0


def test_any_initiator_with_the_secret_gets_in_and_may_write(machine: Machine) -> None:
    given = {"auth_file": AUTH, "initiators": ""}
    machine.started(**given)
    assert machine.client("iscsi-inq", account=f"joe%{SECRET}@", host=f"{HOST}9").code == 0
    assert machine.client("iscsi-inq", host=f"{HOST}9").code != 0
    assert machine.code("monitor", level=10, **given) == RUNNING
    url = f"iscsi://joe%{SECRET}@127.0.0.1/{IQN}/0"
    text = machine.run(f"iscsi-test-cu --dataloss -n -t SCSI.Write10.Simple '{url}'", 60)[1]
    assert outcome(text) == Outcome(1, frozenset()), text


def test_the_target_proves_itself_to_initiators(machine: Machine) -> None:
    """Libiscsi 1.19 checks the proof, and stumbles over the end of the kernel's answer then."""
    machine.started(auth_file=AUTH)
    for secret, right in ((TARGET_SECRET, True), ("not-the-targets-one", False)):
        url = f"iscsi://joe%{SECRET}@127.0.0.1/{IQN}/0?target_user=t&target_password={secret}"
        text = machine.run(f"LIBISCSI_DEBUG=1 timeout 20 iscsi-inq -i {HOST} '{url}'")[1]
        assert ("Invalid CHAP_R response from the target" not in text) == right, text
        assert "CHAP" in text or "NUL not found" in text or "Vendor:" in text, text


def test_luns_are_as_they_were_asked_for(machine: Machine) -> None:
    luns = "0=/dev/ram0,readonly=yes 3=/run/file,block_size=4096,product=thin,vendor=HACTL"
    machine.started(luns=luns)
    assert machine.code("monitor", level=10, luns=luns) == RUNNING
    inquiry = machine.client("iscsi-inq", lun=3).text
    assert "Product:thin" in inquiry
    assert "Vendor:HACTL" in inquiry
    assert "BYTES:4096" in machine.client("iscsi-readcapacity16", lun=3).text
    url = f"iscsi://127.0.0.1/{IQN}/0"
    words = f"iscsi-test-cu --dataloss -i {HOST} -n -t SCSI.ReadOnly '{url}'"
    code, text = machine.run(words, 60)
    assert code == 0, text


@pytest.mark.parametrize("path", ["/dev/ram0", "/run/file"])
def test_what_is_readonly_is_written_by_nobody(machine: Machine, path: str) -> None:
    account = f"joe%{SECRET}@"
    for given, who in (({"auth_file": AUTH, "initiators": ""}, account), ({}, "")):
        machine.started(luns=f"0={path},readonly=yes", **given)
        assert machine.code("monitor", level=10, luns=f"0={path},readonly=yes", **given) == RUNNING
        before = machine.say(f"sha256sum {path}")
        url = f"iscsi://{who}127.0.0.1/{IQN}/0"
        words = f"iscsi-test-cu --dataloss -i {HOST} -n -t SCSI.Write10.Simple '{url}'"
        machine.run(words, 60)
        assert machine.say(f"sha256sum {path}") == before, given
        assert machine.code("stop") == 0


def test_names_of_luns_are_the_same_wherever_it_runs(machine: Machine) -> None:
    found = []
    for _ in range(2):
        machine.started()
        page = machine.say(f"timeout 20 iscsi-inq -i {HOST} -e 1 -c 131 iscsi://127.0.0.1/{IQN}/0")
        names = machine.say(f"cat {ROOT}/core/*/*/wwn/vpd_unit_serial")
        found.append((page, names))
        assert machine.code("stop") == 0
    assert found[0] == found[1]
    assert re.search(r"Serial Number: [0-9a-f]{32}$", found[0][1])


def test_an_naa_name_of_ones_own_reaches_the_initiator(machine: Machine) -> None:
    naa = "6a1b2c3aaaabbbbccccddddeeeeffff0"
    machine.started(luns=f"0=/dev/ram0,naa={naa}")
    shown = machine.say(f"cat {ROOT}/core/*/*/wwn/vpd_assoc_logical_unit {ROOT}/core/*/*/wwn/*id")
    assert "0xa1b2c3" in shown
    assert machine.code("monitor", level=10, luns=f"0=/dev/ram0,naa={naa}") == RUNNING


def test_roles_are_what_initiators_are_told(machine: Machine) -> None:
    given = {"meta": PROMOTABLE, "luns": "0=/dev/ram0 1=/dev/ram1"}
    machine.started(**given)
    assert machine.code("monitor", **given) == RUNNING
    assert STANDBY in machine.client("iscsi-readcapacity16").text
    assert machine.code("promote", **given) == 0
    assert (machine.code("monitor", **given), machine.code("promote", **given)) == (PROMOTED, 0)
    assert "Total size" in machine.client("iscsi-readcapacity16").text
    assert machine.code("monitor", level=10, **given) == PROMOTED
    shown = machine.say(f"cat {ROOT}/iscsi/{IQN}/tpgt_3/lun/lun_1/alua_tg_pt_gp")
    assert "Group ID: 3" in shown
    assert machine.code("demote", **given) == 0
    assert machine.code("monitor", **given) == RUNNING
    assert STANDBY in machine.client("iscsi-readcapacity16").text
    assert machine.code("promote", **given) == 0
    assert machine.code("stop", **given) == 0


def test_a_session_with_writes_does_not_hold_up_the_stop(machine: Machine) -> None:
    machine.started()
    machine.say(f"iscsi-perf -i {HOST} -t 100 iscsi://127.0.0.1/{IQN}/0 >/dev/null 2>&1 & sleep 2")
    assert "iscsi-perf" in machine.say("ps")
    assert machine.code("monitor") == RUNNING
    done = machine.call("stop")
    assert (done.code, machine.objects()) == (0, ""), done.text
    machine.say("killall iscsi-perf; :")


def test_a_device_in_use_is_refused(machine: Machine) -> None:
    machine.say("busybox mkfs.ext2 /dev/ram2 >/dev/null; mkdir -p /m; mount -t tmpfs none /m")
    machine.say(
        f"cd {ROOT}; mkdir -p core/iblock_5/theirs; echo udev_path=/dev/ram3 >core/iblock_5/theirs/"
        "control; echo -n /dev/ram3 >core/iblock_5/theirs/udev_path; "
        "echo 1 >core/iblock_5/theirs/enable"
    )
    try:
        done = machine.call("start", luns="0=/dev/ram0 1=/dev/ram3")
        assert (done.code, "is served by the storage object" in done.text) == (WRONG_HERE, True)
        machine.say(f"echo -n x >{ROOT}/core/iblock_5/theirs/udev_path")
        done = machine.call("start", luns="0=/dev/ram0 1=/dev/ram3")
        assert (done.code, "/dev/ram3 is in use" in done.text) == (WRONG_HERE, True), done.text
        assert machine.objects() == "core/iblock_5"
    finally:
        machine.say(f"cd {ROOT}/core; rmdir iblock_5/theirs iblock_5")


def test_a_foreign_target_is_refused_and_untouched(machine: Machine) -> None:
    machine.say(f"mkdir -p {ROOT}/iscsi/{IQN}/tpgt_1; echo 1 >{ROOT}/iscsi/{IQN}/tpgt_1/enable")
    try:
        done = machine.call("start")
        assert (done.code, "nothing was touched" in done.text) == (WRONG_HERE, True), done.text
        assert (machine.code("monitor"), machine.code("stop")) == (STOPPED, 0)
        assert machine.say(f"cat {ROOT}/iscsi/{IQN}/tpgt_1/enable") == "1"
    finally:
        machine.say(f"cd {ROOT}/iscsi; rmdir {IQN}/tpgt_1 {IQN}")


def test_a_vanished_path_is_seen_and_still_torn_down(machine: Machine) -> None:
    machine.say("mknod /dev/mine b 1 4")
    machine.started(luns="0=/dev/mine")
    machine.say("rm /dev/mine")
    assert machine.code("monitor", luns="0=/dev/mine") == RUNNING, "it touches no path"
    assert machine.code("monitor", level=10, luns="0=/dev/mine") == FAILED
    machine.say("mknod /dev/mine b 1 5")
    done = machine.call("monitor", level=10, luns="0=/dev/mine")
    assert (done.code, "is another device now" in done.text) == (FAILED, True), done.text
    machine.say("rm -rf /run/hactl")
    done = machine.call("monitor", level=10, luns="0=/dev/mine")
    assert (done.code, "is device 1:4" in done.text) == (FAILED, True), done.text
    machine.say("rm /dev/mine")
    assert machine.code("stop", luns="0=/dev/mine") == 0


def test_what_somebody_changed_is_seen(machine: Machine) -> None:
    machine.started()
    machine.say(f"mkdir {ROOT}/iscsi/{IQN}/tpgt_1/acls/iqn.2026-11.test:stranger")
    assert machine.code("monitor") == FAILED
    assert machine.code("monitor", drift="report") == DEGRADED
    machine.say(f"echo 0 >{ROOT}/iscsi/{IQN}/tpgt_1/enable")
    done = machine.call("monitor")
    assert (done.code, "not enabled" in done.text) == (FAILED, True)


@pytest.mark.parametrize("action", ["start", "stop"])
@pytest.mark.parametrize("whom", ["worker", "agent"])
def test_killed_at_any_step_it_tells_the_truth_and_stop_cleans_up(
    machine: Machine, action: str, whom: str
) -> None:
    """The worker, which changes the kernel's target, or the agent that waits for it."""
    calls = "mkdir,symlink,rmdir,unlink" if whom == "worker" else "select,pselect6"
    follow = "-f" if whom == "worker" else ""
    answers = set()
    for step in range(1, 30):
        if action == "stop":
            machine.started()
        inject = f"-o /dev/null -e trace={calls} -e inject={calls}:signal=KILL:when={step}"
        cut = machine.call(action, wrapper=f"strace {follow} {inject}").code != 0
        exists = machine.say(f"cd {ROOT}; ls -d core/*_*/*disks* iscsi/iqn* 2>/dev/null || :")
        answer = machine.code("monitor")
        assert answer != STOPPED if exists else answer == STOPPED, (step, exists)
        answers.add(answer)
        assert (machine.code("stop"), machine.objects()) == (0, ""), step
        if not cut:
            break
    assert step > 3
    assert answers <= {RUNNING, FAILED, STOPPED}


def test_the_costs_are_as_agreed(machine: Machine) -> None:
    """Forks, and processor time of the whole process on this emulated machine, for the record."""
    luns = " ".join(f"{number}=/dev/ram{number}" for number in range(8))
    trace = "strace -f -qq -e trace=%process -e signal=none"
    machine.started(luns=luns)
    text = machine.call("monitor", luns=luns, wrapper=trace).text
    seen = [line for line in text.splitlines() if "(" in line and "exit" not in line]
    assert [line.partition("(")[0] for line in seen] == ["execve"], text
    assert machine.code("monitor", level=10, luns=luns) == RUNNING


@pytest.mark.timeout(1500)
def test_the_suite_of_libiscsi_passes_no_less_than_by_hand(machine: Machine) -> None:
    machine.started(initiators=f"{HOST} {HOST}-2", reservations="true")
    ours = suite(machine)
    assert machine.code("monitor", level=10, initiators=f"{HOST} {HOST}-2") == RUNNING
    assert machine.code("stop") == 0
    machine.say(by_hand())
    try:
        theirs = suite(machine)
    finally:
        machine.say(
            f"cd {ROOT}/iscsi/{IQN}; echo 0 >tpgt_1/enable; rmdir tpgt_1/np/*; "
            f"rm tpgt_1/lun/lun_0/x; rmdir tpgt_1/lun/lun_0 tpgt_1; cd ..; rmdir {IQN}; "
            "cd ../core; rmdir iblock_5/x iblock_5"
        )
    print(f"by the agent {ours.passed}, by hand {theirs.passed}")
    assert theirs.passed > 20, "the suite did not run"
    assert ours.failed <= theirs.failed
    assert ours.passed >= theirs.passed


def by_hand() -> str:
    return (
        f"cd {ROOT}; mkdir -p core/iblock_5/x; echo udev_path=/dev/ram0 >core/iblock_5/x/control; "
        f"echo 1 >core/iblock_5/x/enable; mkdir iscsi/{IQN} iscsi/{IQN}/tpgt_1; "
        f"cd iscsi/{IQN}/tpgt_1; mkdir lun/lun_0; ln -s {ROOT}/core/iblock_5/x lun/lun_0/x; "
        "echo 0 >attrib/authentication; echo 1 >attrib/generate_node_acls; "
        "echo 0 >attrib/demo_mode_write_protect; mkdir np/127.0.0.1:3260; echo 1 >enable"
    )


FAMILIES = (
    "Inquiry", "Read10", "Read16", "Write10", "Write16", "ModeSense6", "ReadCapacity16",
    "TestUnitReady", "PrinReadKeys", "ProutRegister", "Reserve6", "CompareAndWrite",
)  # fmt: skip


def suite(machine: Machine) -> Outcome:
    """Of families of tests that an emulated machine gets through in a minute."""
    found = Outcome(0, frozenset())
    for family in FAMILIES:
        url = f"iscsi://127.0.0.1/{IQN}/0"
        words = f"timeout 100 iscsi-test-cu --dataloss -n -i {HOST} -I {HOST}-2 -t SCSI.{family}"
        found += outcome(machine.run(f"{words} '{url}'", 120)[1])
    return found
