"""What IscsiGateway does in the kernel's target, by the rules of lio_model.py."""

import itertools

import pytest

from hactl_agents.gate.turn import close_gate
from hactl_agents.host.host import Failed, TimedOut
from hactl_agents.iscsi import tgt_show, tgt_wire
from hactl_agents.iscsi.lun import parse_luns
from hactl_agents.iscsi.names import naa_name, own, serial_number
from hactl_agents.iscsi.portal import differences, parse_portals
from hactl_agents.iscsi.secret import parse_account
from hactl_agents.iscsi_gateway import IscsiGateway
from hactl_agents.ocf import Status
from hactl_agents.ocf.main import perform
from hactl_agents.port_gate import PortGate
from hactl_agents.testing import act, environ, reason

from .fake_configfs import FILE, Killed
from .fake_lio import LioHost

IQN = "iqn.2026-11.test:disks"
GROUP = f"iscsi/{IQN}/tpgt_1"
HOST1, HOST2 = "iqn.2026-11.test:host1", "iqn.2026-11.test:host2"
AUTH = "/etc/hactl/disks.chap"
SECRET = "joes-long-secret"
PARAMS: "dict[str, object]" = {
    "iqn": IQN,
    "portals": "192.0.2.1:3260 [2001:db8::1]:3260",
    "luns": "0=/dev/vg/one 5=/srv/file,block_size=4096,product=thin",
    "initiators": f"{HOST1} {HOST2}",
}
CHAP = {"auth_file": AUTH}
PROMOTABLE = {"promotable": "true", "on_node": "node7", "on_node_uuid": "7"}
DEGRADED, DEGRADED_PROMOTED = 190, 191


@pytest.fixture
def host() -> LioHost:
    host = LioHost()
    host.disk("/srv/file", FILE)
    host.files[AUTH] = f"user = joe\npassword = {SECRET}\n"
    return host


def call(host: LioHost, action: str, level: int = 0, **more: object) -> int:
    meta = more.pop("meta", None)
    return act(IscsiGateway, host, action, level=level, meta=meta, **(PARAMS | more))  # type: ignore[arg-type]


def why(host: LioHost, action: str, **more: object) -> str:
    return reason(IscsiGateway, host, action, **(PARAMS | more))


def found_by_a_deep_look(host: LioHost) -> str:
    env = environ(PARAMS) | {"OCF_CHECK_LEVEL": "10"}
    with pytest.raises(Failed) as found:
        perform(IscsiGateway(host, env), "monitor")
    return str(found.value)


def objects(host: LioHost) -> "dict[str, str]":
    """Our storage objects by number of LUN."""
    paths = [path for path in host.everything() if path.count("/") == 2 and path[:5] == "core/"]
    return {path.rpartition("lun")[2]: path for path in paths}


# the whole life of a target in the kernel


def test_a_target_comes_and_goes(host: LioHost) -> None:
    assert call(host, "monitor") == Status.STOPPED
    assert call(host, "start") == 0
    assert (call(host, "monitor"), call(host, "monitor", 10)) == (Status.RUNNING, Status.RUNNING)
    assert call(host, "start") == 0
    assert call(host, "stop") == 0
    assert host.everything() == ["iscsi"]
    assert (call(host, "stop"), call(host, "monitor")) == (0, Status.STOPPED)
    assert host.saved == {}


def test_all_that_was_asked_for_is_in_the_kernel(host: LioHost) -> None:
    assert call(host, "start", **CHAP) == 0
    assert host.value(f"{GROUP}/enable") == "1"
    assert host.exists("/run/target/pr"), "for reservations that outlive a power cut"
    assert {"192.0.2.1:3260", "[2001:db8::1]:3260"} == set(
        host.listdir(f"/sys/kernel/config/target/{GROUP}/np")
    )
    found = objects(host)
    assert host.value(f"{found['5']}/attrib/block_size") == "4096"
    assert host.value(f"{found['5']}/wwn/product_id") == "thin"
    assert host.value(f"{found['0']}/udev_path") == "/dev/vg/one"
    for name in (HOST1, HOST2):
        assert host.value(f"{GROUP}/acls/{name}/auth/password") == SECRET
        assert f"{GROUP}/acls/{name}/lun_5/hactl" in host.everything()
    assert host.value(f"{GROUP}/attrib/authentication") == "1"
    assert host.value(f"{GROUP}/attrib/generate_node_acls") == "0"


def test_it_is_enabled_last(host: LioHost) -> None:
    assert call(host, "start") == 0
    assert host.changes[-1] == ("write", f"{GROUP}/enable")


def test_without_names_anybody_with_the_secret_gets_in(host: LioHost) -> None:
    assert call(host, "start", initiators="", **CHAP) == 0
    assert host.value(f"{GROUP}/attrib/generate_node_acls") == "1"
    assert host.value(f"{GROUP}/attrib/authentication") == "1"
    assert host.value(f"{GROUP}/auth/userid") == "joe"
    assert call(host, "monitor", 10, initiators="", **CHAP) == Status.RUNNING


def test_mutual_chap_is_set_where_it_is_given(host: LioHost) -> None:
    host.files[AUTH] = f"user=a\npassword={SECRET}\nmutual_user=t\nmutual_password=other-secret\n"  # type: ignore[operator]
    assert call(host, "start", **CHAP) == 0
    assert host.value(f"{GROUP}/acls/{HOST1}/auth/userid_mutual") == "t"
    assert host.value(f"{GROUP}/acls/{HOST1}/auth/password_mutual") == "other-secret"


def test_names_are_the_same_on_every_node(host: LioHost) -> None:
    other = LioHost()
    other.disk("/srv/file", FILE)
    for node in (host, other):
        assert call(node, "start") == 0
    serials = [node.value(f"{objects(node)['0']}/wwn/vpd_unit_serial") for node in (host, other)]
    assert serials[0] == serials[1]
    assert serials[0].endswith(serial_number(IQN, 0))


def test_no_secret_is_in_a_message_or_a_note(host: LioHost) -> None:
    host.kernel.mkdir("/target/iscsi")
    assert call(host, "start", **CHAP) == 0
    host.by_hand(f"write {GROUP}/acls/{HOST1}/auth/password changed")
    assert call(host, "monitor", 10, **CHAP) == 1
    said = why(host, "stop", **CHAP) + " ".join(host.logged) + str(host.saved)
    assert SECRET not in said


# roles


def test_a_promotable_target_starts_as_standby_and_changes_its_role(host: LioHost) -> None:
    given = {"meta": PROMOTABLE}
    assert call(host, "start", **given) == 0
    assert call(host, "monitor", **given) == Status.RUNNING
    path = f"{objects(host)['0']}/alua/hactl"
    assert host.value(f"{path}/alua_access_state") == "2"
    assert host.value(f"{path}/tg_pt_gp_id") == "7"
    assert host.value(f"{path}/alua_access_type") == "Implicit"
    assert f"iscsi/{IQN}/tpgt_7" in host.everything()
    assert call(host, "promote", **given) == 0
    assert call(host, "monitor", **given) == Status.PROMOTED
    assert call(host, "promote", **given) == 0
    assert host.value(f"{path}/alua_access_state") == "0"
    assert call(host, "monitor", 10, **given) == Status.PROMOTED
    assert call(host, "demote", **given) == 0
    assert call(host, "monitor", **given) == Status.RUNNING
    assert call(host, "stop", **given) == 0
    assert host.everything() == ["iscsi"]


def test_a_promoted_target_that_is_stopped_is_gone(host: LioHost) -> None:
    for action in ("start", "promote", "stop"):
        assert call(host, action, meta=PROMOTABLE) == 0
    assert host.everything() == ["iscsi"]


def test_what_is_not_there_is_neither_promoted_nor_demoted(host: LioHost) -> None:
    assert call(host, "promote", meta=PROMOTABLE) == Status.STOPPED
    assert call(host, "demote", meta=PROMOTABLE) == Status.STOPPED


def test_half_a_promotion_is_no_role(host: LioHost) -> None:
    assert call(host, "start", meta=PROMOTABLE) == 0
    host.by_hand(f"write {objects(host)['0']}/alua/hactl/alua_access_state 0")
    assert "some LUNs are active/optimized and some standby" in why(host, "monitor")
    assert call(host, "promote", meta=PROMOTABLE) == 1, "a look fails first"
    assert call(host, "stop", meta=PROMOTABLE) == 0


def test_one_node_of_a_clone_promises_no_reservations(host: LioHost) -> None:
    assert call(host, "start", meta=PROMOTABLE) == 0
    assert host.value(f"{objects(host)['0']}/attrib/emulate_pr") == "0"
    assert call(host, "stop", meta=PROMOTABLE) == 0
    assert call(host, "start", meta=PROMOTABLE, reservations="true") == 6
    assert call(host, "start") == 0
    assert host.value(f"{objects(host)['0']}/attrib/emulate_pr") == "1"


# the truth


def test_killed_at_any_step_of_start_it_tells_the_truth_and_stop_cleans_up() -> None:
    answers = set()
    for step in itertools.count(1):
        host = LioHost()
        host.disk("/srv/file", FILE)
        host.die_at = step
        killed = survives(host, "start")
        answer = call(host, "monitor")
        exists = any(f"iscsi/{IQN}" in each or "core/" in each for each in host.everything())
        allowed = (1, 0) if exists else (Status.STOPPED,)
        assert answer in allowed or is_bare(host), (step, host.everything())
        answers.add(answer)
        assert call(host, "stop") == 0, step
        assert host.everything() in (["iscsi"], []), step
        assert call(host, "monitor") == Status.STOPPED
        if not killed:
            break
    assert answers == {Status.RUNNING, 1, Status.STOPPED}
    assert step > 30


def is_bare(host: LioHost) -> bool:
    """Only an adapter without any object: nothing that could serve or hold a device."""
    return not [each for each in host.everything() if each.count("/") > 1 or IQN in each]


def test_killed_in_start_the_next_start_completes_it() -> None:
    for step in range(1, 70, 3):
        host = LioHost()
        host.disk("/srv/file", FILE)
        host.die_at = step
        survives(host, "start")
        assert call(host, "start") == 0, step
        assert call(host, "monitor", 10) == Status.RUNNING


def test_killed_at_any_step_of_stop_the_next_stop_finishes_it() -> None:
    for step in itertools.count(1):
        host = LioHost()
        host.disk("/srv/file", FILE)
        assert call(host, "start", **CHAP | {"auth_file": ""}) == 0
        host.die_at = len(host.changes) + step
        killed = survives(host, "stop")
        answer = call(host, "monitor")
        assert (
            answer == Status.STOPPED
            if host.everything() == ["iscsi"]
            else answer != 7 or (is_bare(host))
        ), (step, answer, host.everything())
        assert call(host, "stop") == 0
        assert host.everything() == ["iscsi"]
        if not killed:
            break
    assert step > 15


def survives(host: LioHost, action: str) -> bool:
    """Whether the agent was killed."""
    try:
        call(host, action)
    except Killed:
        return True
    finally:
        host.die_at = 0
    return False


def test_a_start_that_fails_leaves_nothing(host: LioHost) -> None:
    host.claimed.add("/dev/vg/two")
    luns = "0=/dev/vg/one 1=/dev/vg/two"
    assert "LUN 1: /dev/vg/two is in use" in why(host, "start", luns=luns)
    assert host.everything() == ["iscsi"]
    assert call(host, "monitor", luns=luns) == Status.STOPPED


def test_a_vanished_path_is_seen_and_still_torn_down(host: LioHost) -> None:
    assert call(host, "start") == 0
    del host.files["/dev/vg/one"]
    assert call(host, "monitor") == Status.RUNNING, "it touches no path"
    assert "this node has no /dev/vg/one" in found_by_a_deep_look(host)
    assert call(host, "stop") == 0
    assert host.everything() == ["iscsi"]


def test_without_its_record_and_its_parameters_it_is_found_and_stopped(host: LioHost) -> None:
    assert call(host, "start") == 0
    host.saved.clear()
    given = {"iqn": "", "luns": "", "portals": "", "initiators": ""}
    assert call(host, "monitor", **given) != Status.STOPPED
    assert call(host, "stop", **given) == 0
    assert host.everything() == ["iscsi"]


def test_an_object_that_is_left_is_not_nothing(host: LioHost) -> None:
    assert call(host, "start") == 0
    host.by_hand(
        f"write {GROUP}/enable 0\nunlink {GROUP}/acls/{HOST1}/lun_0/hactl\n"
        f"unlink {GROUP}/lun/lun_0/hactl"
    )
    path = objects(host)["0"]
    assert "is there and not enabled" in why(host, "monitor")
    host.saved.clear()
    assert call(host, "stop") == 0
    assert path not in host.everything()


def test_an_object_that_somebody_else_exports_fails_the_stop(host: LioHost) -> None:
    assert call(host, "start") == 0
    host.by_hand(
        "mkdir iscsi/iqn.2026-11.test:other\nmkdir iscsi/iqn.2026-11.test:other/tpgt_1\n"
        "mkdir iscsi/iqn.2026-11.test:other/tpgt_1/lun/lun_0\n"
        f"link iscsi/iqn.2026-11.test:other/tpgt_1/lun/lun_0/x {objects(host)['0']}"
    )
    assert "is still in use" in why(host, "stop")
    assert call(host, "monitor") == 1


# what is not ours


FOREIGN = f"mkdir iscsi\nmkdir iscsi/{IQN}\nmkdir {GROUP}\nwrite {GROUP}/enable 1"


@pytest.mark.parametrize("how", ["of nobody", "of another resource", "bare", "only begun"])
def test_a_foreign_target_is_refused_and_untouched(host: LioHost, how: str) -> None:
    script = FOREIGN
    if how == "of another resource":
        script += f"\nwrite {GROUP}/param/TargetAlias hactl:another"
    elif how == "bare":
        script = "\n".join(script.splitlines()[:-1])
    elif how == "only begun":
        script = "\n".join(script.splitlines()[:-2])
    host.by_hand(script)
    before = host.everything()
    assert call(host, "start") == 2
    assert "nothing was touched" in why(host, "start")
    assert (call(host, "monitor"), call(host, "stop")) == (Status.STOPPED, 0)
    assert host.everything() == before


def test_names_are_matched_whole(host: LioHost) -> None:
    host.by_hand(FOREIGN.replace(IQN, f"{IQN}b"))
    assert call(host, "monitor") == Status.STOPPED
    assert call(host, "start") == 0
    assert call(host, "stop") == 0
    assert f"iscsi/{IQN}b/tpgt_1" in host.everything()


def test_adapters_of_others_are_left_alone(host: LioHost) -> None:
    assert call(host, "start") == 0
    adapter = objects(host)["0"].rpartition("/")[0]
    assert call(host, "stop") == 0
    host.by_hand(f"mkdir {adapter}\nmkdir {adapter}/theirs")
    assert call(host, "start") == 0
    assert objects(host)["0"].rpartition("/")[0] != adapter
    assert call(host, "stop") == 0
    assert f"{adapter}/theirs" in host.everything()


def test_a_device_that_another_target_serves_is_refused(host: LioHost) -> None:
    host.by_hand(
        "mkdir core/fileio_1\nmkdir core/fileio_1/theirs\n"
        "write core/fileio_1/theirs/udev_path /srv/file"
    )
    assert "/srv/file is served by the storage object fileio_1/theirs" in why(host, "start")
    assert f"iscsi/{IQN}" not in host.everything()


def test_what_a_namespace_of_nvme_or_a_loop_device_has_is_refused(host: LioHost) -> None:
    namespace = "/sys/kernel/config/nvmet/subsystems/nqn.b/namespaces/3"
    host.files[f"{namespace}/device_path"] = "/dev/vg/one\n"
    assert "/dev/vg/one is served by namespace 3 of nqn.b" in why(host, "start")
    assert call(host, "validate-all", 10) == call(host, "start") == 2
    del host.files[f"{namespace}/device_path"]
    host.files["/sys/block/loop3/loop/backing_file"] = "/srv/file\n"
    assert "/srv/file is served by the loop device /dev/loop3" in why(host, "start")
    assert host.everything() == ["iscsi"]


def test_a_name_of_another_disk_on_this_node_is_refused(host: LioHost) -> None:
    host.disk("/dev/vg/other")
    host.by_hand(
        "mkdir core/iblock_1\nmkdir core/iblock_1/theirs\n"
        "write core/iblock_1/theirs/control udev_path=/dev/vg/other\n"
        "write core/iblock_1/theirs/udev_path /dev/vg/other\n"
        "write core/iblock_1/theirs/wwn/vpd_unit_serial 0123456789abcdef01"
    )
    given = {"luns": "0=/dev/vg/one,serial=0123456789abcdef01"}
    assert call(host, "start", **given) == 2
    assert "initiators would take the two for one disk" in why(host, "start", **given)
    assert call(host, "start") == 0


def test_a_device_without_size_or_that_cannot_be_written_is_refused(host: LioHost) -> None:
    host.files["/sys/dev/block//dev/vg/one/size"] = "0\n"
    assert (call(host, "start"), "has no size" in why(host, "start")) == (2, True)
    host.files["/sys/dev/block//dev/vg/one/size"] = "8\n"
    host.files["/sys/dev/block//dev/vg/one/ro"] = "1\n"
    assert (call(host, "start"), "is read-only" in why(host, "start")) == (2, True)
    assert call(host, "start", luns="0=/dev/vg/one,readonly=yes") == 0


def test_two_starts_with_one_name_or_one_disk_do_not_run_at_once(host: LioHost) -> None:
    assert call(host, "start") == 0
    held = {name for name in host.locked if name.startswith("lock")}
    assert held == {
        f"lock%20.{what}.run" for what in ("%2f.dev%2f.vg%2f.one", "%2f.srv%2f.file")
    } | {f"lock%20.{IQN.replace(':', '%3a.')}.run"}


# the gate


def gated(host: LioHost) -> "dict[str, object]":
    given = {"gate": "san", "portals": "192.0.2.1:3260"}
    assert act(PortGate, host, "start", **given) == 0
    return {"gate": "san"}


def test_behind_a_closed_gate_nothing_is_served(host: LioHost) -> None:
    given = gated(host)
    assert call(host, "start", **given) == 0
    assert call(host, "monitor", **given) == Status.RUNNING
    close_gate(host, "san")
    for more in ({}, {"drift": "report"}):
        assert call(host, "monitor", **given, **more) == call(host, "monitor", 10, **given) == 1
    assert "the gate san is closed, so that nobody comes through" in why(host, "monitor", **given)
    assert call(host, "start", **given) == 0
    assert call(host, "monitor", **given) == Status.RUNNING, "a start opens it"


def test_a_gate_that_is_gone_keeps_nobody_out_and_a_deep_look_sees_it(host: LioHost) -> None:
    given = gated(host)
    assert call(host, "start", **given) == 0
    host.tables.tables.clear()
    assert call(host, "monitor", **given) == Status.RUNNING
    assert call(host, "monitor", 10, **given) == 1
    assert call(host, "monitor", 10, **given, drift="report") == DEGRADED


# drift


DRIFTS = {
    "portal": f"rmdir {GROUP}/np/192.0.2.1:3260",
    "another portal": f"mkdir {GROUP}/np/192.0.2.9:3260",
    "another initiator": f"mkdir {GROUP}/acls/iqn.2026-11.test:stranger",
    "another LUN": f"mkdir {GROUP}/lun/lun_9\nlink {GROUP}/lun/lun_9/x OBJECT0",
}  # fmt: skip
DEEP = {
    "authentication": f"write {GROUP}/attrib/authentication 1",
    "admits all": f"write {GROUP}/attrib/generate_node_acls 1",
    "write protection": f"write {GROUP}/acls/{HOST1}/lun_0/write_protect 1",
    "map": f"unlink {GROUP}/acls/{HOST1}/lun_0/hactl\nrmdir {GROUP}/acls/{HOST1}/lun_0",
    "product": "write OBJECT5/wwn/product_id another",
    "path": "write OBJECT0/udev_path /dev/vg/two",
    "reservations": "write OBJECT0/attrib/emulate_pr 0",
}  # fmt: skip


@pytest.mark.parametrize("what", [*DRIFTS, *DEEP])
def test_what_somebody_changed_is_seen(host: LioHost, what: str) -> None:
    assert call(host, "start") == 0
    script = (DRIFTS | DEEP)[what]
    for number, path in objects(host).items():
        script = script.replace(f"OBJECT{number}", path)
    host.by_hand(script)
    if what in DRIFTS:
        assert call(host, "monitor") == 1
    assert call(host, "monitor", 10) == 1
    assert call(host, "monitor", 10, drift="report") == DEGRADED
    assert call(host, "stop") == 0
    assert host.everything() == ["iscsi"]


def test_another_device_or_file_of_the_same_name_is_seen(host: LioHost) -> None:
    assert call(host, "start") == 0
    host.links["/dev/vg/one"] = "/dev/vg/two"
    assert call(host, "monitor") == Status.RUNNING, "it touches no path"
    assert "/dev/vg/one is another" in found_by_a_deep_look(host)
    assert call(host, "monitor", 10, drift="report") == DEGRADED
    assert call(host, "stop") == 0


def test_a_file_that_shrinks_is_seen_and_one_that_grows_is_no_harm(host: LioHost) -> None:
    assert call(host, "start") == 0
    host.sizes["/srv/file"] = 2 << 20
    assert call(host, "monitor", 10) == Status.RUNNING
    host.sizes["/srv/file"] = 1 << 19
    assert call(host, "monitor") == Status.RUNNING
    assert "/srv/file has shrunk to 524288 of the 1048576" in found_by_a_deep_look(host)


def test_an_address_that_is_gone_is_seen_by_a_deep_look(host: LioHost) -> None:
    assert call(host, "start") == 0
    host.ours.discard("192.0.2.1")
    assert call(host, "monitor") == Status.RUNNING
    assert "192.0.2.1 is not an address of this node" in found_by_a_deep_look(host)


def test_a_secret_that_is_gone_stops_nobody_who_is_logged_in(host: LioHost) -> None:
    assert call(host, "start", **CHAP) == 0
    del host.files[AUTH]
    assert call(host, "monitor", **CHAP) == Status.RUNNING
    assert call(host, "monitor", 10, **CHAP) == DEGRADED
    host.by_hand(f"mkdir {GROUP}/acls/iqn.2026-11.test:stranger")
    assert call(host, "monitor", 10, **CHAP) == 1, "which hides nothing else"


def test_what_is_readonly_is_so_for_anybody_with_the_secret(host: LioHost) -> None:
    given = {"initiators": "", "luns": "0=/dev/vg/one,readonly=yes 1=/srv/file,readonly=yes"} | CHAP
    assert call(host, "start", **given) == 0
    assert host.value(f"{GROUP}/attrib/demo_mode_write_protect") == "1"
    assert call(host, "stop") == 0
    given["luns"] = "0=/dev/vg/one 1=/srv/file,readonly=yes"
    assert call(host, "start", **given) == 6
    assert "readonly is for all LUNs or none" in why(host, "start", **given)


def test_a_start_makes_anew_what_a_monitor_would_fail(host: LioHost) -> None:
    assert call(host, "start") == 0
    host.by_hand(f"mkdir {GROUP}/acls/iqn.2026-11.test:stranger")
    assert call(host, "monitor") == 1
    assert call(host, "start", drift="report") == 0
    assert call(host, "monitor", drift="report") == DEGRADED, "it is to be left alone"
    assert call(host, "start") == 0
    assert call(host, "monitor", 10) == Status.RUNNING


def test_what_listens_nowhere_serves_nobody(host: LioHost) -> None:
    assert call(host, "start") == 0
    for portal in ("192.0.2.1:3260", "[2001:db8::1]:3260"):
        host.by_hand(f"rmdir {GROUP}/np/{portal}")
    assert call(host, "monitor", drift="report") == 1
    assert call(host, "start") == 0
    assert call(host, "monitor") == Status.RUNNING


def test_drift_of_a_promoted_target_is_reported_as_such(host: LioHost) -> None:
    given: dict[str, object] = {"meta": PROMOTABLE, "drift": "report"}
    assert (call(host, "start", **given), call(host, "promote", **given)) == (0, 0)
    host.by_hand(f"write {objects(host)['5']}/wwn/product_id another")
    assert call(host, "monitor", 10, **given) == DEGRADED_PROMOTED


# what is refused


BAD = {
    "luns=0=/dev/vg/one 0=/dev/vg/two": (6, "names LUN 0 twice"),
    "luns=0=/dev/vg/one 1=/dev/vg/one": (6, "names path /dev/vg/one twice"),
    "luns=0=/dev/nosuch": (2, "this node has no /dev/nosuch"),
    "luns=256=/dev/vg/one": (6, "a number from 0 to 255"),
    "luns=-1=/dev/vg/one": (6, "a number from 0 to 255"),
    "luns=16383=/dev/vg/one": (6, "a number from 0 to 255"),
    "luns=007=/dev/vg/one": (6, "a number from 0 to 255"),
    "luns=00000000999=/dev/vg/one": (6, "a number from 0 to 255"),
    "luns=0=/dev/vg/one 1=/dev/again": (2, "LUN 1: /dev/again is behind another LUN already"),
    "luns=0=/dev/vg/\x1bone": (6, "contains a control character"),
    "luns=0=/dev/vg/one,serial=web-1": (6, "it needs 16 of them"),
    "luns=0=/dev/vg/one,naa=5000": (6, "6 and 31 more"),
    "luns=0=/dev/vg/one,readonly": (6, "as KEY=VALUE"),
    "luns=0=/dev/vg/one,readonly=no,readonly=no": (6, "once"),
    "luns=0=rbd:pool/image": (2, "is not mapped on this node"),
    "iqn=disks": (6, "is not an iSCSI name"),
    "iqn=iqn.2026-11.test:x/../../core": (6, "is not an iSCSI name"),
    "initiators=iqn.a:b iqn.a:b": (6, "names an initiator twice"),
    "initiators=": (6, "name who may log in, or give auth_file"),
    "portals=": (6, "required"),
    "portals=192.0.2.1:3260 192.0.2.1": (6, "names a portal twice"),
    "portals=2001:db8::1:3260": (6, "[ADDRESS]:PORT"),
    "portals=192.0.2.1:003260000": (6, "none from 1 to 65535"),
    "portals=192.0.2.1:00000003260000": (6, "none from 1 to 65535"),
    "portals=[::ffff:192.0.2.1]:3260": (6, "write 192.0.2.1"),
    "portals=[fe80::1]:3260": (6, "link-local"),
    "portals=[fe80::1%eth0]:3260": (6, "is not an IP address"),
    "portals=0.0.0.0:3260 192.0.2.1:3260": (6, "which the portal for any address covers"),
    "portals=192.0.2.9:3260": (1, "192.0.2.9 is not an address of this node: start it before"),
    "iqn=eui.0123": (6, "eui. goes with 16"),
    "portals=239.0.0.1:3260": (6, "not the address of a single interface"),
    "portals=192.0.2.0/000000033:3260": (6, "no length of a network"),
    "gate=../san": (6, "use at most 48 letters"),
    "backend=scst": (6, "none of lio, tgt"),
    "auth_file=secret": (6, "the whole path"),
    "auth_file=/nowhere": (2, "/nowhere: cannot be read"),
}


@pytest.mark.parametrize("given", BAD)
def test_bad_input_is_refused_with_one_sentence(host: LioHost, given: str) -> None:
    name, _, value = given.partition("=")
    code, sentence = BAD[given]
    host.links["/dev/again"] = "/dev/vg/one"
    assert call(host, "start", **{name: value}) == code
    assert sentence in why(host, "start", **{name: value})
    assert host.everything() in (["iscsi"], [])
    assert call(host, "stop", **{name: value}) == 0


def test_a_file_with_secrets_that_others_can_read_is_refused(host: LioHost) -> None:
    host.modes[AUTH] = 0o100644
    assert call(host, "start", **CHAP) == 2
    assert "others may read it" in why(host, "start", **CHAP)
    assert SECRET not in why(host, "start", **CHAP)


def test_a_kernel_that_hangs_is_named(host: LioHost) -> None:
    assert call(host, "start") == 0
    host.hangs.add(f"ending the sessions of {IQN}")
    assert "ending the sessions" in why(host, "stop")
    host.hangs.clear()
    assert call(host, "stop") == 0


# values


def test_luns_are_parsed() -> None:
    one, two = parse_luns("1=/dev/a,write_cache=on,block_size=4096 2=rbd:pool/ns/image,client=vm")
    assert (one.number, one.path, one.write_cache, one.block_size) == (1, "/dev/a", True, 4096)
    assert two.image is not None
    assert (str(two.image), two.client, two.readonly) == ("pool/ns/image", "vm", False)


def test_an_naa_name_is_made_of_the_serial_number_as_the_kernel_does_it() -> None:
    assert naa_name("0123456789abcdef0123456789abcdef") == "60014050123456789abcdef012345678"
    (lun,) = parse_luns("1=/dev/a,naa=naa.6001405AAAABBBBCCCCDDDDEEEEFFFF0")
    assert lun.serial_for(IQN) == "aaaabbbbccccddddeeeeffff0"
    assert naa_name(lun.serial_for(IQN)) == lun.naa_for(IQN)


def test_portals_hold_addresses() -> None:
    network, any_address = parse_portals("192.0.2.0/24:3260 [::]:3261")
    assert network.holds("192.0.2.9:3260")
    assert not network.holds("192.0.3.9:3260")
    assert not network.holds("192.0.2.9:3261")
    assert any_address.holds("[::]:3261")
    assert differences([network], ["192.0.2.9:3260"]) == []
    assert len(differences([network], ["198.51.100.1:3260"])) == 2


def test_names_of_resources_do_not_run_into_each_other() -> None:
    assert len({own("a"), own("a-lun1"), own("a%b"), own("x" * 200), own("x" * 201)}) == 5
    host = LioHost()
    host.disk("/srv/file", FILE)
    assert call(host, "start") == 0
    path = objects(host)["0"]
    host.by_hand(f"mkdir {path.rpartition('/')[0]}/hactl-test-lun1-lun0")
    assert call(host, "stop") == 0
    assert any("hactl-test-lun1-lun0" in each for each in host.everything())


@pytest.mark.parametrize(
    "text",
    ["user = a\n", "user = a\nuser = b\npassword = c\n", "joe:secret\n",
     "user = NULLify\npassword = c\n", "user=a\npassword=x\nmutual_user=b\nmutual_password=x\n",
     "user = a,b\npassword = c\n", "user = a\npassword = b c\n", "user = a\npassword = ä\n"],
)  # fmt: skip
def test_accounts_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_account(text)
    assert "secret" not in str(refused.value).replace("secrets", "")


def test_the_request_has_tgtds_own_layout() -> None:
    message = tgt_wire.request(tgt_wire.ACCOUNT, tgt_wire.BIND, "user=a", 7, 3, 1, force=True)
    assert len(message) == 120 + len("user=a") + 1
    assert message[:8] == bytes([7, 0, 0, 0, 3, 0, 0, 0])
    assert message[8:13] == b"iscsi"
    assert int.from_bytes(message[72:76], "little") == len(message)
    assert int.from_bytes(message[76:80], "little") == 7


SHOWN = f"""\
Target 12: {IQN}b
    System information:
        Driver: iscsi
        State: ready
Target 13: {IQN}
    System information:
        Driver: iscsi
        State: offline
    I_T nexus information:
        I_T nexus: 1
            Initiator: iqn.x alias: LUN information:
    LUN information:
        LUN: 0
            Type: controller
        LUN: 10
            Type: disk
            Size: 8 MB, Block size: 4096
            Backing store path: /srv/a: b
    Account information:
        joe
        target (outgoing)
    ACL information:
        ALL
"""


def test_what_tgtd_shows_is_taken_apart_exactly() -> None:
    first, second = tgt_show.targets(SHOWN)
    assert (first.name, first.state, second.name, second.state) == (
        f"{IQN}b", "ready", IQN, "offline",
    )  # fmt: skip
    assert set(second.luns) == {0, 10}
    assert second.luns[10]["Backing store path"] == "/srv/a: b"
    assert second.luns[10]["Block size"] == "4096"
    assert (second.accounts, second.outgoing, second.admitted) == (["joe"], "target", ["ALL"])
    assert tgt_show.portals("Portal: [::1]:3260,1\nPortal: 0.0.0.0:3261,1\n") == [
        "[::1]:3260", "0.0.0.0:3261",
    ]  # fmt: skip


# tgtd


def test_a_tgtd_that_is_silent_is_no_stopped_one(host: LioHost) -> None:
    host.processes[77] = 5
    agent = IscsiGateway(host, {"OCF_RESOURCE_INSTANCE": "test"})
    base = agent.tgt(IQN).daemon.base
    host.files["/proc/77/comm"] = "tgtd\n"
    host.files["/proc/77/cmdline"] = f"tgtd\0--pid-file\0{base}.pid\0"
    host.sockets[f"{base}.0".encode()] = TimedOut("asking: no answer")
    assert call(host, "monitor", backend="tgt") == 1
    assert call(host, "monitor") == 1, "whichever back end is asked for"
    host.sockets.clear()
    assert call(host, "monitor", backend="tgt") == 1
    assert call(host, "stop", backend="tgt") == 0
    assert host.signals == [(77, 9)]


def test_tgt_refuses_what_it_cannot_do(host: LioHost) -> None:
    host.replies["tgtd"] = Failed("not run")
    given = {"backend": "tgt", **CHAP}
    assert call(host, "start", **given) == 6, "LUN 0"
    given["luns"] = "1=/dev/vg/one"
    assert call(host, "start", meta=PROMOTABLE, **given) == 6
    del host.replies["tgtd"]
    assert call(host, "start", **given) == 5
