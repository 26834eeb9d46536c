"""What RbdImage does on a node made of dictionaries; Ceph's side is in tests/truth."""

from typing import Any

import pytest

from hactl_agents.ceph.blocklist import Blocklist, entry
from hactl_agents.ceph.image import Spec
from hactl_agents.host.host import Failed, TimedOut
from hactl_agents.ocf import Status
from hactl_agents.rbd_image import RbdImage
from hactl_agents.testing import FakeHost, act, done, reason

PARAMS = {"pool": "vms", "image": "web1"}
OWN, OTHER = "10.0.0.1:0/11", "10.0.0.2:0/22"
FSID = "11111111-2222-4333-8444-555555555555"
CONF = "/etc/ceph/ceph.conf"
REMOVE = "/sys/bus/rbd/remove_single_major"


# a node with Ceph


class Error(Exception):
    """What librados and librbd raise."""

    def __init__(self, text: str = "", errno: int = 5) -> None:
        super().__init__(text)
        self.errno = errno


class ImageNotFound(Error):
    pass


class FakeCeph:
    """One cluster, with librados and librbd in one: ``lib`` of both bindings."""

    Error, ImageNotFound, ObjectNotFound = Error, ImageNotFound, ImageNotFound

    def __init__(self, host: FakeHost) -> None:
        self.host = host
        self.watchers: list[str] = []
        self.locks: list[tuple[str, str, str]] = []
        self.blocked: dict[str, str] = {}
        self.features_of_image = 5
        self.did: list[tuple[str, ...]] = []
        host.files[CONF] = ""
        host.bindings |= {"rados": self, "rbd": self}

    # librados

    def Rados(self, **_: Any) -> "FakeCeph":  # noqa: N802
        return self

    def connect(self, timeout: int) -> None: ...

    def get_fsid(self) -> str:
        return FSID

    def get_addrs(self) -> str:
        return "v1:10.0.0.1:0/5"

    def open_ioctx(self, pool: str) -> "FakeCeph":
        assert pool == "vms"
        return self

    def set_namespace(self, namespace: str) -> None: ...

    def mon_command(self, text: str, data: bytes) -> "tuple[int, bytes, str]":  # noqa: ARG002
        import json

        assert json.loads(text)["prefix"] == "osd dump"
        plain = {k: v for k, v in self.blocked.items() if not k.startswith("cidr:")}
        ranges = {k: v for k, v in self.blocked.items() if k.startswith("cidr:")}
        found = {"epoch": 40, "blocklist": plain, "range_blocklist": ranges}
        return 0, json.dumps(found).encode(), ""

    def blocklist_add(self, client: str, seconds: int) -> None:
        self.did.append(("block", client, str(seconds)))
        self.blocked.setdefault(client, "2999-01-01T00:00:00.0+0000")

    def wait_for_latest_osdmap(self) -> None:
        self.did.append(("catch up",))

    # librbd

    def Image(self, context: Any, name: str, read_only: bool) -> "FakeCeph":  # noqa: ARG002, N802
        assert read_only, "a writer's handle would watch the image"
        if name != "web1":
            raise ImageNotFound(name)
        return self

    def __enter__(self) -> "FakeCeph":
        return self

    def __exit__(self, *_: object) -> None: ...

    def watchers_list(self) -> "list[dict[str, object]]":
        return [{"addr": address, "id": 1, "cookie": 2} for address in self.watchers]

    def list_lockers(self) -> "dict[str, object]":
        return {"tag": "internal", "exclusive": True, "lockers": self.locks} if self.locks else {}

    def break_lock(self, client: str, cookie: str) -> None:
        self.did.append(("break", client, cookie))
        self.locks = [lock for lock in self.locks if lock[:2] != (client, cookie)]

    def features(self) -> int:
        return self.features_of_image


class Kernel:
    """krbd: what rbd(8) maps appears in /sys, what is written to ``remove`` goes."""

    def __init__(self, host: FakeHost) -> None:
        self.host = host
        self.busy = False
        host.files |= {"/sys/bus/rbd/add": "", REMOVE: ""}
        host.replies |= {"rbd": self.map, "tee": self.remove}

    def map(self, *argv: str) -> Any:
        read_only = "--read-only" in argv
        self.device("0", read_only=read_only)
        return done(*argv, stdout="/dev/rbd0\n")

    def device(self, number: str, *, read_only: bool = False, **said: str) -> None:
        given = {
            "name": "web1", "pool": "vms", "pool_ns": "", "current_snap": "-", "size": "16777216",
            "client_addr": OWN, "client_id": "client4711", "cluster_fsid": FSID,
        }  # fmt: skip
        for key, value in (given | said).items():
            self.host.files[f"/sys/bus/rbd/devices/{number}/{key}"] = value + "\n"
        self.host.files[f"/sys/block/rbd{number}/ro"] = "1\n" if read_only else "0\n"
        self.host.files[f"/sys/class/block/rbd{number}/dev"] = f"252:{number}\n"

    def remove(self, *argv: str) -> Any:
        if self.busy:
            return done(*argv, stderr="tee: Device or resource busy", code=1)
        for path in list(self.host.files):
            if path.startswith(("/sys/bus/rbd/devices/", "/sys/block/rbd")):
                del self.host.files[path]
        return done(*argv)


def node() -> "tuple[FakeHost, Kernel, FakeCeph]":
    host = FakeHost(budget=80.0)
    return host, Kernel(host), FakeCeph(host)


def start(host: FakeHost, **params: object) -> int:
    return act(RbdImage, host, "start", **(PARAMS | params))


def complaint(host: FakeHost, action: str = "start", **params: object) -> str:
    return reason(RbdImage, host, action, **(PARAMS | params))


# mapping


def test_a_free_image_is_mapped_with_its_lock_and_let_go_again() -> None:
    host, _, ceph = node()
    assert start(host) == 0
    (words,) = [call for call in host.calls if call[0] == "rbd"]
    assert words[1:5] == (f"--conf={CONF}", "--id=admin", "device", "map")
    assert {"--pool=vms", "--image=web1", "--exclusive"} <= set(words)
    assert act(RbdImage, host, "monitor", **PARAMS) == Status.RUNNING
    assert act(RbdImage, host, "stop", **PARAMS) == 0
    assert act(RbdImage, host, "monitor", **PARAMS) == Status.STOPPED
    assert ceph.did == [("catch up",)]


def test_every_name_is_an_argument_of_its_own() -> None:
    host, _, ceph = node()
    assert act(RbdImage, host, "start", pool="vms", image="-rf /;`x`") == 6
    assert start(host, namespace="t;n", options="ms_mode=secure queue_depth=8") == 1
    (words,) = [call for call in host.calls if call[0] == "rbd"]
    assert "--namespace=t;n" in words
    assert any(word.endswith(",ms_mode=secure,queue_depth=8") for word in words)
    assert ceph.did


def test_a_monitor_runs_no_command_and_asks_no_ceph() -> None:
    host, _, _ = node()
    assert start(host) == 0
    host.calls.clear()
    host.bindings.clear()
    del host.files[CONF]
    assert act(RbdImage, host, "monitor", **PARAMS) == Status.RUNNING
    assert host.calls == []


def test_stop_needs_no_tool_of_cephs_and_no_ceph() -> None:
    host, _, _ = node()
    assert start(host) == 0
    del host.replies["rbd"], host.files[CONF]
    host.bindings.clear()
    assert act(RbdImage, host, "stop", **PARAMS) == 0
    assert host.calls[-1] == ("tee", REMOVE)


@pytest.mark.parametrize(
    "said",
    [
        {"name": "web10"},
        {"pool": "vms2"},
        {"pool_ns": "tenant"},
        {"current_snap": "monday"},
        {"cluster_fsid": "99999999-2222-4333-8444-555555555555"},
    ],
)
def test_another_image_is_not_ours(said: "dict[str, str]") -> None:
    host, kernel, _ = node()
    host.saved["test.run"] = f"fsid={FSID}\n"
    kernel.device("3", **said)
    assert act(RbdImage, host, "monitor", **PARAMS) == Status.STOPPED
    assert act(RbdImage, host, "stop", **PARAMS) == 0
    assert host.calls == []


def test_a_snapshot_and_a_namespace_are_found() -> None:
    host, kernel, _ = node()
    kernel.device("3", read_only=True, current_snap="monday", pool_ns="tenant")
    params = PARAMS | {"snapshot": "monday", "namespace": "tenant"}
    assert act(RbdImage, host, "monitor", **params) == Status.RUNNING
    assert str(Spec("vms", "tenant", "web1", "monday")) == "vms/tenant/web1@monday"


def test_a_device_that_cannot_be_written_is_a_failure() -> None:
    host, kernel, _ = node()
    kernel.device("0", read_only=True)
    assert complaint(host, "monitor") == "/dev/rbd0 is mapped read-only"
    kernel.device("0")
    assert act(RbdImage, host, "monitor", read_only="1", **PARAMS) == Status.DEGRADED


def test_how_it_is_stopped_changes_without_a_restart() -> None:
    host, _, _ = node()
    assert act(RbdImage, host, "reload-agent", **PARAMS, force="true") == 1
    assert start(host) == 0
    host.calls.clear()
    assert act(RbdImage, host, "reload-agent", **PARAMS, force="true") == 0
    assert host.calls == []


def test_an_image_mapped_twice_is_a_failure_and_stop_unmaps_both() -> None:
    host, kernel, _ = node()
    kernel.device("0")
    kernel.device("1")
    assert complaint(host, "monitor") == "vms/web1 is mapped twice: /dev/rbd0 /dev/rbd1"
    assert act(RbdImage, host, "stop", **PARAMS) == 0
    assert len(host.calls) == 2


def test_what_cannot_be_read_is_no_proof() -> None:
    host, _, _ = node()
    host.files["/sys/bus/rbd/devices/0/name"] = Failed("cannot be read: Input/output error")
    assert act(RbdImage, host, "monitor", **PARAMS) == 1
    assert act(RbdImage, host, "stop", **PARAMS) == 1


def test_a_device_in_use_is_not_let_go_and_its_users_are_named() -> None:
    host, kernel, _ = node()
    assert start(host) == 0
    kernel.busy = True
    host.files["/proc/self/mountinfo"] = "36 35 252:0 / /srv/web rw - ext4 /dev/rbd0 rw\n"
    host.files["/sys/class/block/rbd0/holders/dm-3/name"] = ""
    host.files["/proc/77/comm"] = "qemu-system-x86\n"
    host.links["/proc/77/fd/9"] = "/dev/rbd0"
    text = complaint(host, "stop")
    assert text == (
        "/dev/rbd0 is still mapped: used by dm-3, the mount /srv/web, process 77 "
        "(qemu-system-x86): stop that first, or set force=true"
    )
    assert act(RbdImage, host, "monitor", **PARAMS) == Status.RUNNING


def test_without_any_mapper_it_is_not_installed() -> None:
    host = FakeHost()
    FakeCeph(host)
    assert start(host) == 5
    assert complaint(host) == (
        "krbd: rbd: command not found: install ceph-common; nbd: rbd-nbd: command not found"
    )


def test_a_start_that_the_kernel_takes_back_is_a_failure() -> None:
    host, _, _ = node()
    host.replies["rbd"] = done("rbd")
    assert complaint(host) == "vms/web1 was mapped and is gone again"


@pytest.mark.parametrize("params", [{"exclusive": "no"}, {"read_only": "yes"}])
def test_also_who_shares_an_image_waits_for_the_map_in_which_others_were_cut_off(
    params: "dict[str, str]",
) -> None:
    host, _, ceph = node()
    assert start(host, **params) == 0
    assert ceph.did == [("catch up",)]
    host, _, _ = node()
    host.files[f"/sys/kernel/debug/ceph/{FSID}.client4711/osdmap"] = "epoch 39 barrier 0\n"
    assert complaint(host, **params) == "/dev/rbd0 works by OSD map 39, older than 40"


def test_a_kernel_with_an_older_osd_map_is_not_trusted() -> None:
    host, _, ceph = node()
    ceph.locks = [("client.9", "auto 1", OTHER)]
    host.files[f"/sys/kernel/debug/ceph/{FSID}.client4711/osdmap"] = "epoch 39 barrier 0\n"
    assert complaint(host) == "/dev/rbd0 works by OSD map 39, older than 40"
    assert act(RbdImage, host, "monitor", **PARAMS) == Status.STOPPED


# other owners


def test_a_living_owner_is_waited_for_and_then_left_alone() -> None:
    host, _, ceph = node()
    ceph.watchers, ceph.locks = [OTHER], [("client.9", "auto 1", OTHER)]
    assert complaint(host).startswith(f"vms/web1 is in use by {OTHER}: stop it there, or fence")
    assert (ceph.did, len(ceph.locks), host.calls) == ([], 1, [])
    assert host.clock > 1060


@pytest.mark.parametrize(
    ("path", "mode", "text"),
    [
        ("/k", 0o100644, "keyring: everybody may read /k: chmod 600 it"),
        ("/k", 0o100660, "keyring: others may write /k: chmod go-w it"),
        (CONF, 0o100666, f"conf: others may write {CONF}: chmod go-w it"),
    ],
)
def test_a_key_that_everybody_reads_and_a_conf_that_others_write_are_refused(
    path: str, mode: int, text: str
) -> None:
    host, _, _ = node()
    host.files["/k"] = ""
    host.modes[path] = mode
    assert (complaint(host, keyring="/k"), start(host, keyring="/k")) == (text, 2)
    assert host.calls == []
    host.modes[path] = 0o100640
    assert start(host, keyring="/k") == 0, "a group of Ceph's is the operator's choice"


def test_a_name_in_sys_is_compared_to_its_last_letter() -> None:
    host, kernel, _ = node()
    kernel.device("0", name="web1\u3000")
    assert act(RbdImage, host, "monitor", **PARAMS) == Status.STOPPED


def test_a_silent_owner_is_cut_off_before_its_lock_is_broken() -> None:
    host, _, ceph = node()
    ceph.locks = [("client.9", "auto 1", OTHER)]
    assert start(host) == 0
    assert [what[0] for what in ceph.did] == ["block", "catch up", "break", "catch up"]
    assert ceph.did[0][1:] == (OTHER, str(5 * 365 * 86400))
    assert host.logged[-1] == f"cutting off {OTHER}, the silent owner of vms/web1"


def test_a_silent_owner_is_not_robbed_where_nobody_may_cut_it_off() -> None:
    host, _, ceph = node()
    ceph.locks = [("client.9", "auto 1", OTHER)]
    text = complaint(host, fence_silent_owner="no")
    assert "which is silent, but nothing proves that it is dead" in text
    assert (ceph.did, host.calls) == ([], [])


def test_a_blocklist_that_takes_an_entry_and_forgets_it_is_no_proof() -> None:
    host, _, ceph = node()
    ceph.locks = [("client.9", "auto 1", OTHER)]
    ceph.blocklist_add = lambda *_: None  # type: ignore[method-assign]
    assert "is not on Ceph's blocklist, although it was put there" in complaint(host)
    assert len(ceph.locks) == 1


@pytest.mark.parametrize("entry", [OTHER, "10.0.0.2:0/0", "cidr:10.0.0.0:0/30"])
def test_a_fenced_owner_is_not_waited_for(entry: str) -> None:
    host, _, ceph = node()
    ceph.watchers, ceph.locks = [OTHER], [("client.9", "auto 1", OTHER)]
    ceph.blocked[entry] = "2999-01-01T00:00:00.0+0000"
    if entry.startswith("cidr:"):  # which holds our own address as well
        assert "this node (10.0.0.1) is on Ceph's blocklist until 2999" in complaint(host)
        return
    assert start(host, fence_silent_owner="no") == 0
    assert host.clock < 1002
    assert ("break", "client.9", "auto 1") in ceph.did


def test_a_shared_image_may_have_other_owners() -> None:
    for params in ({"exclusive": "no"}, {"read_only": "yes"}):
        host, _, ceph = node()
        ceph.watchers = [OTHER]
        assert start(host, **params) == 0
        assert "--exclusive" not in host.calls[-1]


def test_features_that_the_kernel_lacks_are_named_before_anybody_is_cut_off() -> None:
    host, _, ceph = node()
    host.files["/sys/bus/rbd/supported_features"] = "0x1bf\n"
    ceph.features_of_image = 0x5 | 1 << 6 | 1 << 40
    ceph.locks = [("client.22", "auto 1", OTHER)]
    assert complaint(host) == (
        "vms/web1 has features that this kernel does not know, journaling number 40: run rbd "
        "feature disable vms/web1 journaling number 40, or set mapper=nbd"
    )
    assert (ceph.did, host.calls) == ([], [])
    ceph.features_of_image = 0x1BF
    assert start(host) == 0


def test_an_image_without_exclusive_lock_is_refused() -> None:
    host, _, ceph = node()
    ceph.features_of_image = 1
    assert "has no exclusive-lock: run rbd feature enable vms/web1" in complaint(host)


@pytest.mark.parametrize("step", ["connecting", "asking who uses vms/web1", "osd dump"])
def test_a_ceph_that_hangs_is_named(step: str) -> None:
    host, _, _ = node()
    host.hangs.add(f"Ceph: {step}")
    assert complaint(host) == f"Ceph: {step}: no answer within 12 s"
    assert act(RbdImage, host, "monitor", **PARAMS) == Status.STOPPED


def test_a_map_that_hangs_leaves_a_truth() -> None:
    host, _, _ = node()
    host.replies["rbd"] = TimedOut("rbd device map: no answer within 60.0 s")
    assert start(host) == 1
    assert act(RbdImage, host, "monitor", **PARAMS) == Status.STOPPED


def test_a_client_that_was_cut_off_is_told_so() -> None:
    host, _, ceph = node()

    def shut(*_: object, **__: object) -> None:
        raise Error("shutdown", 108)

    ceph.watchers_list = shut  # type: ignore[method-assign,assignment]
    assert "this node is on Ceph's blocklist: it was fenced" in complaint(host)


# a deep monitor


def deep(host: FakeHost) -> int:
    return act(RbdImage, host, "monitor", level=10, **PARAMS)


def test_a_deep_monitor_knows_the_lock_and_the_blocklist() -> None:
    host, _, ceph = node()
    assert start(host) == 0
    ceph.locks = [("client.1", "auto 1", OWN)]
    assert deep(host) == Status.RUNNING
    ceph.locks = [("client.9", "auto 1", OTHER)]
    assert deep(host) == 1
    ceph.locks = [("client.1", "auto 1", OWN)]
    ceph.blocked[OWN] = "2999-01-01T00:00:00.0+0000"
    assert deep(host) == 1
    assert act(RbdImage, host, "monitor", **PARAMS) == Status.RUNNING


# rbd-nbd


def test_an_image_mapped_by_rbd_nbd_is_found_by_its_process() -> None:
    host, _, _ = node()
    put_nbd(host)
    assert act(RbdImage, host, "monitor", **PARAMS) == Status.RUNNING
    host.immortal.clear()

    def gone(pid: int, signal: int, started: int | None = None) -> bool:
        host.signals.append((pid, signal))
        del host.processes[pid], host.files["/sys/block/nbd0/pid"]
        return started == 5

    host.kill = gone  # type: ignore[method-assign]
    assert act(RbdImage, host, "stop", **PARAMS) == 0
    assert host.signals == [(70, 15)]


def test_an_rbd_nbd_under_a_guest_is_not_killed() -> None:
    host, _, _ = node()
    put_nbd(host)
    host.files["/proc/77/comm"] = "qemu-system-x86\n"
    host.links["/proc/77/fd/9"] = "/dev/nbd0"
    assert "used by process 77 (qemu-system-x86):" in complaint(host, "stop")
    assert host.signals == []


@pytest.mark.parametrize("argument", ["vms/web10", "vms/tenant/web1", "web1"])
def test_an_rbd_nbd_of_another_image_is_not_ours(argument: str) -> None:
    host, _, _ = node()
    put_nbd(host, argument)
    assert act(RbdImage, host, "monitor", **PARAMS) == Status.STOPPED


def put_nbd(host: FakeHost, argument: str = "vms/web1") -> None:
    host.files |= {
        "/sys/block/nbd0/pid": "70\n",
        "/sys/block/nbd0/size": "32768\n",
        "/sys/block/nbd0/ro": "0\n",
        "/proc/70/cmdline": f"/usr/bin/rbd-nbd\0--id=admin\0--exclusive\0map\0{argument}\0",
    }
    host.processes[70] = 5


# the blocklist


@pytest.mark.parametrize(
    ("name", "client", "holds"),
    [
        ("10.0.0.2:0/22", "10.0.0.2:0/22", True),
        ("10.0.0.2:0/22", "10.0.0.2:0/2", False),
        ("10.0.0.2:0/0", "10.0.0.2:0/22", True),
        ("10.0.0.2:0/0", "10.0.0.22:0/22", False),
        ("v1:10.0.0.2:0/22", "10.0.0.2:0/22", True),
        ("cidr:10.0.0.0:0/24", "v1:10.0.0.77:0/22", True),
        ("cidr:10.0.0.0:0/24", "10.0.1.77:0/22", False),
        ("[fd00::1]:0/0", "[fd00:0:0::1]:0/9", True),
        ("cidr:[fd00::]:0/64", "[fd00::7]:0/9", True),
        ("cidr:fd00:::0/64", "[fd00::7]:0/9", True),
        ("cidr:[fd00::]:0/64", "10.0.0.1:0/9", False),
        ("cidr:0.0.0.0:0/0", "[fd00::7]:0/9", False),
    ],
)
def test_an_entry_holds_for_the_clients_it_means(name: str, client: str, holds: bool) -> None:
    assert entry(name, "2031-01-01T00:00:00+0000").covers(client) is holds


def test_the_longest_entry_counts() -> None:
    soon, late = "2026-01-01T00:00:00+0000", "2031-01-01T00:00:00+0000"
    found = Blocklist([entry(OTHER, soon), entry("10.0.0.2:0/0", late)])
    assert (found.until(OTHER), found.until(OWN)) == (late, "")


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"image": "web1 snap1"}, "image: 'web1 snap1' contains ' '"),
        ({"pool": "v ms"}, "pool: 'v ms' contains ' '"),
        ({"pool": "a/b"}, "pool: 'a/b' contains '/'"),
        ({"image": "a@b"}, "image: 'a@b' contains '@'"),
        ({"image": "-x"}, "begins with a dash"),
        ({"client": "a b"}, "client: 'a b' contains ' '"),
        ({"conf": "ceph.conf"}, "give the whole path"),
        ({"options": "a,b"}, "options: 'a,b' contains ','"),
        ({"mapper": "magic"}, "is none of auto, krbd, nbd"),
    ],
)
def test_bad_parameters_are_configuration_errors(params: "dict[str, str]", text: str) -> None:
    host, _, ceph = node()
    for wanted in ("start", "validate-all"):
        assert act(RbdImage, host, wanted, **(PARAMS | params)) == 6
        assert text in complaint(host, wanted, **params)
    assert (host.calls, ceph.did) == ([], [])
    assert act(RbdImage, host, "stop", **(PARAMS | params)) == 0
