"""What NvmeofGateway does on a node made of dictionaries; the kernel's side is in tests/truth."""

import base64
import binascii
import errno

import pytest

from hactl_agents.gate.turn import close_gate
from hactl_agents.host.host import Failed
from hactl_agents.nvmeof import names
from hactl_agents.nvmeof.connections import spelled
from hactl_agents.nvmeof.tree import ROOT
from hactl_agents.nvmeof_gateway import NvmeofGateway
from hactl_agents.ocf import Status
from hactl_agents.ocf.main import perform
from hactl_agents.port_gate import PortGate
from hactl_agents.testing import act, environ, reason
from tests.agents.fake_configfs import FILE, Killed
from tests.agents.fake_nvmet import NvmetHost

NQN = "nqn.2026-11.lab:vol1"
HOST, OTHER = "nqn.2014-08.lab:host1", "nqn.2014-08.lab:host2"
UUID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
PARAMS = {"nqn": NQN, "address": "192.0.2.1", "namespaces": "1=/dev/vg/one"}
GROUP = PARAMS | {"address": "192.0.2.0/24"}
CLONE = {
    "promotable": "true", "clone_max": "2", "on_node": "node2", "on_node_uuid": "2",
    "promoted_max": "1",
}  # fmt: skip
SUBSYSTEM = f"subsystems/{NQN}"
FIRST = f"{SUBSYSTEM}/namespaces/1"
KEYS = "/etc/hactl/keys"


def secret(kind: str = "01", fill: int = 7, length: int = 32) -> str:
    key = bytes([fill]) * length
    data = key + binascii.crc32(key).to_bytes(4, "little")
    return f"DHHC-1:{kind}:{base64.b64encode(data).decode()}:"


def start(host: NvmetHost, **params: object) -> int:
    return act(NvmeofGateway, host, "start", **(PARAMS | params))


def stop(host: NvmetHost, **params: object) -> int:
    return act(NvmeofGateway, host, "stop", **(PARAMS | params))


def monitor(host: NvmetHost, level: int = 0, **params: object) -> int:
    return act(NvmeofGateway, host, "monitor", level=level, **(PARAMS | params))


def why(host: NvmetHost, action: str = "start", **params: object) -> str:
    return reason(NvmeofGateway, host, action, **(PARAMS | params))


def deep(host: NvmetHost, **params: object) -> str:
    """What a monitor of depth 10 complains about."""
    env = environ(PARAMS | params) | {"OCF_CHECK_LEVEL": "10"}
    try:
        perform(NvmeofGateway(host, env), "monitor")
    except Failed as exc:
        return f"{exc.code} {exc}"
    return ""


def in_group(host: NvmetHost, action: str, level: int = 0, **params: object) -> int:
    return act(NvmeofGateway, host, action, meta=CLONE, level=level, **(GROUP | params))


def group_host() -> NvmetHost:
    host = NvmetHost()
    host.devices.put("eth0")
    host.devices.ips["eth0"] = ["192.0.2.1/24", "198.51.100.7/24"]
    host.replies["crm_attribute"] = lambda *argv: done(*argv)
    return host


def done(*argv: str) -> "object":
    from hactl_agents.testing import done as finished

    return finished(*argv)


def port_of(host: NvmetHost) -> str:
    (port,) = [name for name in host.listdir(f"{ROOT}/ports") if name != "7"]
    return f"ports/{port}"


# serving


def test_a_gateway_is_built_whole_before_hosts_can_come_and_nothing_of_it_stays() -> None:
    host = NvmetHost()
    assert monitor(host) == Status.STOPPED
    assert start(host) == 0
    assert monitor(host) == Status.RUNNING
    assert host.changes[0] == ("mkdir", SUBSYSTEM)
    assert host.changes[-1] == ("symlink", f"{port_of(host)}/subsystems/{NQN}")
    assert host.value(f"{FIRST}/enable") == "1"
    assert host.value(f"{SUBSYSTEM}/attr_allow_any_host") == "1"
    assert start(host) == 0
    assert stop(host) == 0
    assert (host.everything(), host.saved) == ([], {})
    assert monitor(host) == Status.STOPPED
    assert stop(host) == 0


def test_names_are_the_same_wherever_they_are_made() -> None:
    told = []
    for _ in range(2):
        host = NvmetHost()
        assert start(host) == 0
        folder = [f"{FIRST}/device_uuid", f"{FIRST}/device_nguid", f"{SUBSYSTEM}/attr_serial"]
        told.append([host.value(path) for path in folder])
    assert told[0] == told[1]
    assert told[0] == [names.uuid(NQN, "1"), names.nguid(NQN, "1"), names.serial(NQN, "test")]
    assert told[0][0][14] == "8" and len(told[0][2]) == 20


def test_identifiers_can_be_given_or_made_from_a_name_that_stays() -> None:
    host = NvmetHost()
    uuid = "0f8fad5b-d9cb-469f-a165-70867728950e"
    two = f"1=/dev/vg/one,id=vol1 2=/dev/vg/two,uuid={uuid.upper()},nguid={'ab' * 16}"
    assert start(host, namespaces=two) == 0
    assert host.value(f"{FIRST}/device_uuid") == names.uuid(NQN, "vol1")
    assert host.value(f"{SUBSYSTEM}/namespaces/2/device_uuid") == uuid
    assert host.value(f"{SUBSYSTEM}/namespaces/2/device_nguid").startswith("abababab-abab")


def test_an_ipv6_portal_is_one() -> None:
    host = NvmetHost()
    assert start(host, address="2001:DB8::1") == 0
    port = port_of(host)
    assert host.value(f"{port}/addr_adrfam") == "ipv6"
    assert host.value(f"{port}/addr_traddr") == "2001:db8::1"
    assert monitor(host, 10, address="2001:db8::1") == Status.RUNNING


def test_rdma_is_accepted() -> None:
    host = NvmetHost()
    assert start(host, transport="rdma") == 0
    assert host.value(f"{port_of(host)}/addr_trtype") == "rdma"
    assert deep(host, transport="tcp").startswith("190 port ")


def test_a_file_is_written_through_the_cache_only_where_it_has_to_be() -> None:
    host = NvmetHost()
    host.disk("/srv/a", FILE)
    host.disk("/run/b", FILE)
    host.refused.add(("/run/b", errno.EINVAL))
    assert start(host, namespaces="1=/srv/a 2=/run/b 3=/dev/vg/one,buffered_io=yes") == 0
    given = [host.value(f"{SUBSYSTEM}/namespaces/{n}/buffered_io") for n in (1, 2, 3)]
    assert given == ["0", "1", "1"]


def test_a_monitor_runs_nothing_and_changes_nothing() -> None:
    host = NvmetHost()
    assert start(host) == 0
    before = (list(host.changes), dict(host.saved))
    host.calls.clear()
    assert monitor(host) == Status.RUNNING
    assert (host.calls, (host.changes, host.saved)) == ([], before)


def test_the_target_is_loaded_where_it_is_missing() -> None:
    host = NvmetHost()
    whole = host.kernel.root.folders.pop("nvmet")
    del host.files["/sys/module/nvmet/refcnt"], host.files["/sys/module/nvmet_tcp/refcnt"]
    assert start(host) == 5
    assert "it lacks the module nvmet" in why(host)

    def modprobe(*argv: str) -> "object":
        host.kernel.root.folders["nvmet"] = whole
        return done(*argv)

    host.replies["modprobe"] = modprobe  # type: ignore[assignment]
    host.calls.clear()
    assert start(host) == 0
    assert host.calls == [("modprobe", "nvmet"), ("modprobe", "nvmet-tcp")]


def test_a_target_that_cannot_be_seen_is_not_called_stopped() -> None:
    host = NvmetHost()
    whole = host.kernel.root.folders.pop("nvmet")
    assert why(host, "monitor") == (
        "the kernel's NVMe target is loaded, but /sys/kernel/config does not show it"
    )
    assert stop(host) == 1

    def mount(*argv: str) -> "object":
        host.kernel.root.folders["nvmet"] = whole
        return done(*argv)

    host.replies["mount"] = mount  # type: ignore[assignment]
    assert stop(host) == 0


# roles


def test_a_group_member_starts_as_a_standby_and_is_promoted_and_demoted() -> None:
    host = group_host()
    assert in_group(host, "start") == 0
    state = f"{port_of(host)}/ana_groups/1/ana_state"
    assert (host.value(state), in_group(host, "monitor")) == ("inaccessible", Status.RUNNING)
    assert in_group(host, "promote") == 0
    assert (host.value(state), in_group(host, "monitor", 10)) == ("optimized", Status.PROMOTED)
    assert in_group(host, "promote") == 0
    assert in_group(host, "demote") == 0
    assert (host.value(state), in_group(host, "monitor")) == ("inaccessible", Status.RUNNING)
    assert in_group(host, "stop") == 0
    assert in_group(host, "promote") == Status.STOPPED
    assert in_group(host, "demote") == Status.STOPPED
    tool = [call[1:5] for call in host.calls if call[0] == "crm_attribute"]
    assert tool == [
        ("--promotion=test", "--lifetime=reboot", "--update", "10"),
        ("--promotion=test", "--lifetime=reboot", "--delete", "--node"),
    ]


def test_a_start_that_finds_it_promoted_makes_a_standby_of_it() -> None:
    host = group_host()
    assert in_group(host, "start") == 0
    assert in_group(host, "promote") == 0
    assert in_group(host, "start") == 0
    assert in_group(host, "monitor") == Status.RUNNING


def test_a_standby_may_be_non_optimized_and_namespaces_may_be_in_groups() -> None:
    host = group_host()
    two = {"namespaces": "1=/dev/vg/one 2=/dev/vg/two,ana_group=5", "unpromoted": "non-optimized"}
    assert in_group(host, "start", **two) == 0
    port = port_of(host)
    states = [host.value(f"{port}/ana_groups/{n}/ana_state") for n in (1, 5)]
    assert states == ["non-optimized"] * 2
    host.by_hand(f"write {port}/ana_groups/5/ana_state optimized")
    complaint = reason(NvmeofGateway, host, "monitor", meta=CLONE, **(GROUP | two))
    assert complaint == f"{NQN} is non-optimized and optimized to its hosts"
    assert in_group(host, "promote", **two) == 1
    assert in_group(host, "demote", **two) == 0
    assert in_group(host, "stop", **two) == 0
    assert host.everything() == []


def test_a_plain_resource_that_is_not_optimized_does_not_run_well() -> None:
    host = NvmetHost()
    assert start(host) == 0
    host.by_hand(f"write {port_of(host)}/ana_groups/1/ana_state inaccessible")
    assert why(host, "monitor") == f"{NQN} is inaccessible to its hosts"


def test_nodes_of_a_group_give_away_different_controller_ids() -> None:
    host = group_host()
    assert in_group(host, "start") == 0
    found = [host.value(f"{SUBSYSTEM}/attr_cntlid_{end}") for end in ("min", "max")]
    assert found == ["1001", "2000"]
    host = group_host()
    assert in_group(host, "start", controller_ids="node1=1-9 node2=20-29") == 0
    found = [host.value(f"{SUBSYSTEM}/attr_cntlid_{end}") for end in ("min", "max")]
    assert found == ["20", "29"]
    assert in_group(host, "monitor", 10, controller_ids="node1=1-9 node2=20-29") == 0
    assert in_group(group_host(), "start", controller_ids="node1=1-9") == 2
    odd = {**CLONE, "on_node_uuid": "168427779"}
    text = reason(NvmeofGateway, group_host(), "start", meta=odd, **GROUP)
    assert text == "the node id '168427779' is not from 1 to 65: give controller_ids"


def test_a_demotion_waits_for_what_is_under_way() -> None:
    host = group_host()
    assert in_group(host, "start") == 0
    assert in_group(host, "promote") == 0
    identity = identity_of(host, "/dev/vg/one")
    host.files[f"/sys/dev/block/{identity}/inflight"] = "       0        1\n"
    text = reason(NvmeofGateway, host, "demote", meta=CLONE, **GROUP)
    assert text == f"{NQN} is inaccessible, but something is still being read or written"
    host.files[f"/sys/dev/block/{identity}/inflight"] = "       0        0\n"
    assert in_group(host, "demote") == 0


# the node's own address


def test_the_nodes_own_address_in_a_network_is_taken() -> None:
    host = group_host()
    assert in_group(host, "start") == 0
    assert host.value(f"{port_of(host)}/addr_traddr") == "192.0.2.1"
    host.devices.ips["eth0"] = []
    assert in_group(host, "monitor") == Status.RUNNING
    assert in_group(host, "stop") == 0


@pytest.mark.parametrize(
    ("ips", "text"),
    [
        ([], "this node has no address in 192.0.2.0/24: it has to have one there"),
        (["192.0.2.1/24", "192.0.2.9/24"], "this node has the addresses 192.0.2.1 192.0.2.9 in"),
    ],
)
def test_a_node_without_one_clear_address_cannot_serve(ips: "list[str]", text: str) -> None:
    host = group_host()
    host.devices.ips["eth0"] = ips
    assert text in reason(NvmeofGateway, host, "start", meta=CLONE, **GROUP)
    assert host.everything() == []


def test_an_address_that_is_not_here_is_refused_before_anything_listens() -> None:
    host = NvmetHost()
    assert "192.0.2.77 is not an address of this node" in why(host, address="192.0.2.77")
    assert (host.everything(), host.saved) == ([], {})


# hosts and keys


def test_only_given_hosts_are_admitted_and_a_shared_host_outlives_one_subsystem() -> None:
    host = NvmetHost()
    second = {"nqn": NQN + "b", "port": 4421, "namespaces": "1=/dev/vg/two"}
    assert start(host, hosts=f"{HOST} {OTHER}") == 0
    env = environ(PARAMS | second | {"hosts": HOST}) | {"OCF_RESOURCE_INSTANCE": "second"}
    assert perform(NvmeofGateway(host, env), "start") == 0
    assert host.value(f"{SUBSYSTEM}/attr_allow_any_host") == "0"
    assert host.listdir(f"{ROOT}/hosts") == [HOST, OTHER]
    assert stop(host, hosts=f"{HOST} {OTHER}") == 0
    assert host.listdir(f"{ROOT}/hosts") == [HOST]
    assert perform(NvmeofGateway(host, env), "stop") == 0
    assert (host.everything(), host.saved) == ([], {})


def test_a_host_that_others_made_is_used_and_stays() -> None:
    host = NvmetHost()
    host.by_hand(f"mkdir hosts/{HOST}")
    assert start(host, hosts=HOST) == 0
    assert stop(host, hosts=HOST) == 0
    assert host.everything() == [f"hosts/{HOST}"]


def with_keys(text: str, **more: int) -> NvmetHost:
    host = NvmetHost(auth=True)
    host.files[KEYS] = text
    host.modes[KEYS] = more.get("mode", 0o100600)
    return host


def test_keys_come_from_the_file_and_are_shown_nowhere() -> None:
    both = f"# keys\n{HOST} {secret()} {secret('03', 9, 64)} hash=hmac(sha512) dhgroup=ffdhe2048\n"
    host = with_keys(both)
    assert start(host, auth_file=KEYS) == 0
    folder = f"hosts/{HOST}"
    found = {name: host.value(f"{folder}/dhchap_{name}") for name in ("key", "ctrl_key", "hash")}
    assert found == {"key": secret(), "ctrl_key": secret("03", 9, 64), "hash": "hmac(sha512)"}
    assert host.value(f"{SUBSYSTEM}/attr_allow_any_host") == "0"
    assert monitor(host, 10, auth_file=KEYS) == Status.RUNNING
    host.by_hand(f"write {folder}/dhchap_key {secret(fill=8)}")
    assert deep(host, auth_file=KEYS) == f"190 the host {HOST} has another dhchap_key"
    lost = host.files.pop(KEYS)
    assert deep(host, auth_file=KEYS).startswith(f"190 auth_file: {KEYS}: cannot be read")
    host.files[KEYS] = lost
    assert "DHHC" not in " ".join([*host.saved.values(), *host.logged])
    assert stop(host, auth_file="/gone") == 0
    assert host.everything() == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "holds no key"),
        (f"{HOST}\n", ":1: give one key, or one for the host and one for the controller"),
        (f"\nhost1 {secret()}\n", ":2: the first word is not the NQN of a host"),
        (f"{HOST} DHHC-1:01:c2VjcmV0:\n", ":1: has a key of the wrong length or with a wrong"),
        (f"{HOST} hunter2\n", ":1: has a key that is not DHHC-1:NN:BASE64:"),
        (f"{HOST} {secret('02')}\n", ":1: has a key of the wrong length"),
        (f"{HOST} {secret()}\n{HOST} {secret()}\n", ":2: gives the same host a second time"),
        (f"{HOST} {secret()} dhgroup=1024\n", ":1: has an option that is neither hash="),
    ],
)
def test_a_key_file_that_is_wrong_is_refused_with_its_line(text: str, complaint: str) -> None:
    host = with_keys(text)
    found = why(host, auth_file=KEYS)
    assert complaint in found and "hunter2" not in found and "c2VjcmV0" not in found
    assert start(host, auth_file=KEYS) == 2
    assert host.changes == []


def test_a_key_file_that_others_may_read_is_refused() -> None:
    host = with_keys(f"{HOST} {secret()}", mode=0o100644)
    assert f"auth_file: {KEYS}: others may read it" in why(host, auth_file=KEYS)
    assert "cannot be read" in why(host, auth_file="/nowhere")
    assert host.changes == []


def test_a_host_without_a_key_is_not_let_in_among_those_that_have_one() -> None:
    host = with_keys(f"{HOST} {secret()}")
    assert f"has no key for the host {OTHER}" in why(host, auth_file=KEYS, hosts=f"{HOST} {OTHER}")


def test_a_kernel_without_authentication_serves_nobody_instead_of_everybody() -> None:
    host = NvmetHost()
    host.files[KEYS] = f"{HOST} {secret()}"
    assert start(host, auth_file=KEYS) == 5
    assert host.everything() == []


def test_a_key_of_somebody_else_is_not_changed() -> None:
    host = with_keys(f"{HOST} {secret()}")
    host.by_hand(f"mkdir hosts/{HOST}\nwrite hosts/{HOST}/dhchap_key {secret(fill=1)}")
    assert f"the host {HOST} has another dhchap_key on this node" in why(host, auth_file=KEYS)
    assert host.value(f"hosts/{HOST}/dhchap_key") == secret(fill=1)
    assert host.everything() == [f"hosts/{HOST}"]


# what is refused


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"nqn": "vol1"}, "nqn: 'vol1' is not an NQN"),
        ({"nqn": "nqn.a/../b"}, "is not an NQN"),
        ({"nqn": "nqn.a;reboot"}, "is not an NQN"),
        ({"nqn": "nqn.$(id)"}, "is not an NQN"),
        ({"nqn": "nqn.2014-08.org.nvmexpress.discovery"}, "is the discovery service"),
        ({"nqn": "nqn." + "a" * 230}, "is longer than 223"),
        ({"address": "192.0.2.300"}, "is not an IP address"),
        ({"address": "fe80::1%eth0"}, "is not an IP address"),
        ({"address": "0.0.0.0"}, "stands for every address"),
        ({"address": "::"}, "stands for every address"),
        ({"address": "192.0.2.0/33"}, "no length of a network"),
        ({"port": "65536"}, "is more than 65535"),
        ({"transport": "fc"}, "is none of tcp, rdma"),
        ({"namespaces": "/dev/vg/one"}, "which is not NSID=PATH"),
        ({"namespaces": "0=/dev/vg/one"}, "with a number from 1 to 1024"),
        ({"namespaces": "1=vg/one"}, "give the whole path"),
        ({"namespaces": "1=/dev/../etc/shadow"}, "give the whole path"),
        ({"namespaces": "1=/dev/vg/one 1=/dev/vg/two"}, "names number 1 twice"),
        ({"namespaces": "1=/dev/vg/one 2=/dev/vg/one"}, "names path /dev/vg/one twice"),
        ({"namespaces": "1=/dev/vg/one,id=a 2=/dev/vg/two,id=a"}, "names id a twice"),
        ({"namespaces": "1=/dev/vg/one,uuid=1"}, "has uuid=1, which is not 32"),
        ({"namespaces": "1=/dev/vg/one,colour=red"}, "give each of id, uuid, nguid"),
        ({"namespaces": "1=/dev/vg/one,ana_group=129"}, "they go from 1 to 128"),
        ({"hosts": "host1"}, "is not an NQN"),
        ({"hosts": f"{HOST} {HOST}"}, "names a host twice"),
        ({"controller_ids": "node1=1-5 node2=5-9"}, "gives ids of node1 to node2 as well"),
        ({"controller_ids": "node1=0-5"}, "ids go from 1 to 65519"),
        ({"controller_ids": "1-5"}, "which is not NODE=FIRST-LAST"),
        ({"auth_file": "keys"}, "give the whole path"),
        ({"namespaces": f"1=/dev/vg/one,uuid={UUID} 2=/dev/vg/two,uuid={UUID}"}, "names UUID"),
        ({"namespaces": f"1=/dev/vg/one,nguid={UUID} 2=/dev/vg/two,nguid={UUID}"}, "names NGUID"),
        ({"namespaces": "1=/dev/vg/one,ana_group=1,ana_group=2"}, "once, as KEY=VALUE"),
        ({"namespaces": "007=/dev/vg/one"}, "with a number from 1 to 1024"),
        ({"namespaces": "1=/dev/vg/one,ana_group=00000000129"}, "they go from 1 to 128"),
        ({"namespaces": "1=/dev/vg/\x1bone"}, "contains a control character"),
        ({"namespaces": "1=/dev/vg/\udcffone"}, "contains a control character"),
        ({"address": "::ffff:192.0.2.1"}, "write 192.0.2.1"),
        ({"address": "fe80::1"}, "is a link-local address"),
        ({"address": "ff02::1"}, "not the address of a single interface"),
        ({"address": "224.0.0.1"}, "not the address of a single interface"),
        ({"address": "192.0.2.0/00000024000000000000"}, "no length of a network"),
        ({"address": "192.0.2.0/-1"}, "no length of a network"),
        ({"gate": "a;b"}, "use at most 48 letters"),
        ({"gate": "../gate"}, "use at most 48 letters"),
        ({"model": "a" * 41}, "at most 40 printable"),
        ({"model": "modèle"}, "at most 40 printable"),
    ],
)
def test_what_cannot_be_is_a_configuration_error(params: "dict[str, str]", text: str) -> None:
    host = NvmetHost()
    assert start(host, **params) == 6
    assert text in why(host, **params)
    assert act(NvmeofGateway, host, "validate-all", **(PARAMS | params)) == 6
    assert (host.changes, host.saved) == ([], {})


def test_one_address_for_all_instances_of_a_clone_is_refused() -> None:
    assert "give the network" in reason(NvmeofGateway, NvmetHost(), "start", meta=CLONE, **PARAMS)
    text = reason(NvmeofGateway, group_host(), "start", meta=CLONE, **GROUP, reservations="yes")
    assert "one gateway of the group knows nothing of another's" in text


def identity_of(host: NvmetHost, path: str) -> str:
    found = host.paths.facts(path)
    assert found is not None
    return found.identity


def test_devices_that_are_missing_used_or_no_devices_are_refused() -> None:
    host = NvmetHost()
    host.disk("/dev/null", 0o020666)
    host.refused.add(("/dev/vg/two", errno.EBUSY))
    identity = identity_of(host, "/dev/vg/two")
    host.links[f"/sys/dev/block/{identity}"] = "../../devices/virtual/block/two"
    host.files |= {
        "/sys/class/block/two/dev": f"{identity}\n",
        "/sys/class/block/two/holders/dm-3/size": "",
    }
    host.files["/proc/self/mountinfo"] = f"36 35 {identity} / /srv rw - ext4 /dev/x rw\n"
    host.links["/dev/again"] = "/dev/vg/one"
    for given, text in (
        ("1=/dev/none", "namespace 1: this node has no /dev/none"),
        ("1=/dev/null", "/dev/null is neither a block device nor a file"),
        ("1=/dev/vg/two", "namespace 1: /dev/vg/two is in use by dm-3, the mount /srv"),
        ("1=/dev/vg/one 2=/dev/again", "namespace 2: /dev/again is behind another one already"),
    ):
        assert start(host, namespaces=given) == 2
        assert text in why(host, namespaces=given)
    assert host.changes == []


def test_a_device_that_another_subsystem_serves_is_refused() -> None:
    host = NvmetHost()
    host.by_hand(
        "mkdir subsystems/nqn.b\nmkdir subsystems/nqn.b/namespaces/3\n"
        "write subsystems/nqn.b/namespaces/3/device_path /dev/vg/one"
    )
    sentence = "namespace 1: /dev/vg/one is served by namespace 3 of nqn.b: stop that first"
    assert why(host) == sentence


def foreign(host: NvmetHost) -> "list[str]":
    host.by_hand(
        f"mkdir {SUBSYSTEM}\nmkdir {FIRST}\nwrite {FIRST}/device_path /dev/vg/two\n"
        f"write {FIRST}/enable 1\nmkdir ports/7\nwrite ports/7/addr_trtype tcp\n"
        "write ports/7/addr_adrfam ipv4\nwrite ports/7/addr_traddr 192.0.2.1\n"
        f"write ports/7/addr_trsvcid 4999\nlink ports/7/subsystems/{NQN} subsystems/{NQN}"
    )
    return host.everything()


def test_a_subsystem_of_somebody_else_is_refused_and_left_as_it_is() -> None:
    host = NvmetHost()
    before = foreign(host)
    assert monitor(host) == Status.STOPPED
    assert start(host) == 2
    assert why(host) == f"{NQN} is served by somebody else on this node: stop that first"
    assert stop(host) == 0
    assert (host.everything(), host.changes) == (before, [])


def test_two_resources_cannot_serve_one_nqn() -> None:
    host = NvmetHost()
    assert start(host) == 0
    env = environ(PARAMS) | {"OCF_RESOURCE_INSTANCE": "second"}
    with pytest.raises(Failed, match="is served by the resource test on this node"):
        perform(NvmeofGateway(host, env), "start")
    before = host.everything()
    assert perform(NvmeofGateway(host, env), "monitor") == Status.STOPPED
    assert perform(NvmeofGateway(host, env), "stop") == 0
    assert (host.everything(), monitor(host)) == (before, Status.RUNNING)


def test_a_portal_of_somebody_else_is_refused() -> None:
    host = NvmetHost()
    port = "mkdir ports/7\nwrite ports/7/addr_traddr {}\nwrite ports/7/addr_trsvcid 4420"
    host.by_hand(port.format("192.0.2.1"))
    assert why(host) == (
        "port 7 of this node's target listens on 192.0.2.1:4420 already: give another port"
    )
    assert start(host, port=4421) == 0
    host = NvmetHost()
    host.by_hand(port.format("0.0.0.0"))
    assert "listens on 0.0.0.0:4420 already" in why(host)


def test_the_id_of_somebody_elses_port_is_not_taken() -> None:
    host = NvmetHost()
    assert start(host) == 0
    first = port_of(host)
    assert stop(host) == 0
    host.by_hand(f"mkdir {first}\nwrite {first}/addr_traddr 198.51.100.1")
    assert start(host) == 0
    ours = [f"ports/{name}" for name in host.listdir(f"{ROOT}/ports")]
    assert ours == [first, f"ports/{int(first[6:]) + 1}"]
    assert stop(host) == 0
    assert host.everything() == [first]


def test_reservations_need_a_kernel_that_has_them() -> None:
    host = NvmetHost()
    assert start(host, reservations="yes") == 5
    assert host.everything() == []


# half done, and hands that meddle


def all_steps(action: str) -> int:
    host = NvmetHost()
    act(NvmeofGateway, host, "start", **(PARAMS | {"hosts": HOST}))
    made = len(host.changes)
    act(NvmeofGateway, host, "stop", **(PARAMS | {"hosts": HOST}))
    return made if action == "start" else len(host.changes) - made


@pytest.mark.parametrize("forgotten", [False, True])
@pytest.mark.parametrize("action", ["start", "stop"])
def test_killed_at_any_step_it_is_never_called_stopped_and_always_taken_away(
    action: str, forgotten: bool
) -> None:
    steps = all_steps(action)
    assert steps >= 8
    for step in range(1, steps + 1):
        host = NvmetHost()
        if action == "stop":
            assert start(host, hosts=HOST) == 0
        host.die_at = len(host.changes) + step
        with pytest.raises(Killed):
            perform(NvmeofGateway(host, environ(PARAMS | {"hosts": HOST})), action)
        host.die_at = 0
        if forgotten and host.value(f"{SUBSYSTEM}/attr_serial") == names.serial(NQN, "test"):
            host.saved.clear()
        there = [each for each in host.everything() if not each.startswith("hosts/")]
        seen = monitor(host, hosts=HOST)
        assert seen == (1 if there else 7) or (step, seen) == (1, 0), (step, there)
        assert stop(host, hosts=HOST) == 0, step
        left = [each for each in host.everything() if not (forgotten and is_nameless(host, each))]
        assert left == [], step
        assert monitor(host) == Status.STOPPED


def is_nameless(host: NvmetHost, each: str) -> bool:
    """What says of itself whose it is in no way: a host, a port before it has its portal."""
    if each.startswith("ports/"):
        return host.value(f"{each}/addr_trsvcid") == ""
    return "hosts/" in each


def test_a_start_goes_on_where_another_was_killed() -> None:
    for step in range(1, all_steps("start") + 1):
        host = NvmetHost()
        host.die_at = step
        with pytest.raises(Killed):
            perform(NvmeofGateway(host, environ(PARAMS | {"hosts": HOST})), "start")
        host.die_at = 0
        assert start(host, hosts=HOST) == 0, step
        assert monitor(host, 10, hosts=HOST) == Status.RUNNING, step
        assert stop(host, hosts=HOST) == 0
        assert host.everything() == []


def test_a_start_that_fails_is_taken_back() -> None:
    host = NvmetHost()
    host.kernel.addresses = set()
    host.ours = {"192.0.2.1"}
    assert why(host) == "cannot listen on 192.0.2.1:4420: Cannot assign requested address"
    assert (host.everything(), host.saved) == ([], {})


@pytest.mark.parametrize(
    ("meddling", "complaint"),
    [
        (f"write {FIRST}/enable 0", "namespace 1 is disabled"),
        (f"unlink PORT/subsystems/{NQN}", f"{NQN} is offered at no port of ours"),
        (f"write {FIRST}/enable 0\nrmdir {FIRST}", "namespace 1 is missing"),
        (
            f"write {FIRST}/enable 0\nwrite {FIRST}/device_path /dev/vg/two",
            "namespace 1 is /dev/vg/two instead of /dev/vg/one",
        ),
    ],
)
def test_what_is_not_served_any_more_is_a_failure(meddling: str, complaint: str) -> None:
    host = NvmetHost()
    assert start(host) == 0
    host.by_hand(meddling.replace("PORT", port_of(host)))
    assert why(host, "monitor") == complaint
    assert stop(host) == 0
    assert host.everything() == []


@pytest.mark.parametrize(
    ("meddling", "complaint"),
    [
        (f"mkdir {SUBSYSTEM}/namespaces/9", "namespace 9 was added"),
        (f"mkdir hosts/x\nlink {SUBSYSTEM}/allowed_hosts/x hosts/x", "also admits x"),
        (f"write {SUBSYSTEM}/attr_model other", "has model 'other' instead of 'hactl'"),
        (f"write {FIRST}/ana_grpid 2", "has ana_grpid '2' instead of '1'"),
    ],
)
def test_what_somebody_changed_is_seen_by_a_deep_look_and_taken_away_by_stop(
    meddling: str, complaint: str
) -> None:
    host = NvmetHost()
    assert start(host, hosts=HOST) == 0
    host.by_hand(meddling)
    assert monitor(host, hosts=HOST) == Status.RUNNING
    found = deep(host, hosts=HOST)
    assert found.startswith("190 ") and complaint in found
    assert stop(host, hosts=HOST) == 0
    assert [each for each in host.everything() if each != "hosts/x"] == []


def test_a_link_at_a_foreign_port_is_cut_and_the_port_stays() -> None:
    host = NvmetHost()
    assert start(host) == 0
    host.by_hand(
        "mkdir ports/7\nwrite ports/7/addr_trtype tcp\nwrite ports/7/addr_adrfam ipv4\n"
        "write ports/7/addr_traddr 192.0.2.1\nwrite ports/7/addr_trsvcid 5000\n"
        f"link ports/7/subsystems/{NQN} {SUBSYSTEM}"
    )
    assert f"port 7, not ours, offers {NQN} too" in deep(host)
    assert stop(host) == 0
    assert host.everything() == ["ports/7"]
    assert any("port 7, which is not ours" in line for line in host.logged)


def test_a_subsystem_that_others_hung_on_our_port_is_not_touched() -> None:
    host = NvmetHost()
    assert start(host) == 0
    port = port_of(host)
    host.by_hand(f"mkdir subsystems/nqn.b\nlink {port}/subsystems/nqn.b subsystems/nqn.b")
    assert f"{port.replace('s/', ' ')} also offers nqn.b" in deep(host)
    assert stop(host) == 0
    assert monitor(host) == Status.STOPPED
    assert host.value(f"{port}/addr_traddr") == "192.0.2.1"
    assert f"/nvmet/{port}/subsystems/nqn.b -> nqn.b" in host.everything()
    assert "already: give another port" in why(host)


def test_a_vanished_disk_or_address_is_seen_and_no_reason_not_to_stop() -> None:
    host = NvmetHost()
    assert start(host) == 0
    del host.files["/dev/vg/one"]
    host.ours.discard("192.0.2.1")
    assert monitor(host) == Status.RUNNING
    assert deep(host) == (
        "190 192.0.2.1 is not an address of this node; /dev/vg/one of namespace 1 has vanished"
    )
    assert stop(host) == 0
    assert host.everything() == []


def test_a_promoted_gateway_that_drifted_is_degraded_and_promoted() -> None:
    host = group_host()
    assert in_group(host, "start") == 0
    assert in_group(host, "promote") == 0
    host.by_hand(f"write {SUBSYSTEM}/attr_model other")
    assert in_group(host, "monitor", 10) == Status.DEGRADED_PROMOTED


def test_connections_that_do_not_close_are_not_called_stopped() -> None:
    host = NvmetHost()
    assert start(host) == 0
    local = spelled(bytes([192, 0, 2, 1]), 4420)
    assert local == "010200C0:1144"
    host.files["/proc/net/tcp"] = f"sl local\n 0: {local} 020200C0:B1A4 01 0:0\n"
    assert why(host, "stop") == "1 connections to 192.0.2.1:4420 do not close"
    assert monitor(host) == 1
    host.files["/proc/net/tcp"] = f"sl local\n 0: {local} 020200C0:B1A4 06 0:0\n"
    assert stop(host) == 0
    assert host.everything() == []


@pytest.mark.parametrize(
    ("action", "step"),
    [("stop", "disabling namespace 1"), ("start", "enabling namespace 1")],
)
def test_a_disk_that_hangs_is_named(action: str, step: str) -> None:
    host = NvmetHost()
    if action == "stop":
        assert start(host) == 0
    host.hangs.add(step)
    assert why(host, action) == f"{step}: no answer within the operation's time"
    host.hangs.clear()
    assert stop(host) == 0
    assert host.everything() == []


def test_a_broken_configuration_is_no_reason_not_to_stop() -> None:
    for forget in (False, True):
        host = NvmetHost()
        assert start(host) == 0
        if forget:
            host.saved.clear()
        bad = {"nqn": "w", "namespaces": "x", "address": "y", "hosts": "z"}
        assert monitor(host, **bad) == (1 if forget else Status.RUNNING)
        assert stop(host, **bad) == 0
        assert host.everything() == []


# a reload


def test_a_reload_adds_and_removes_namespaces_and_hosts() -> None:
    host = NvmetHost()
    assert start(host, hosts=HOST) == 0
    host.by_hand(f"mkdir {SUBSYSTEM}/namespaces/9")
    more = {"namespaces": "1=/dev/vg/one 2=/dev/vg/two,ana_group=3", "hosts": OTHER}
    assert act(NvmeofGateway, host, "reload-agent", **(PARAMS | more)) == 0
    assert host.listdir(f"{ROOT}/{SUBSYSTEM}/namespaces") == ["1", "2", "9"]
    assert host.listdir(f"{ROOT}/{SUBSYSTEM}/allowed_hosts") == [OTHER]
    assert host.value(f"{port_of(host)}/ana_groups/3/ana_state") == "optimized"
    assert act(NvmeofGateway, host, "reload-agent", **PARAMS, hosts=OTHER) == 0
    assert host.listdir(f"{ROOT}/{SUBSYSTEM}/namespaces") == ["1", "9"]
    assert monitor(host, hosts=OTHER) == Status.RUNNING


def test_a_namespace_that_is_served_is_not_moved_under_its_hosts() -> None:
    host = NvmetHost()
    assert start(host) == 0
    moved = PARAMS | {"namespaces": "1=/dev/vg/two"}
    text = reason(NvmeofGateway, host, "reload-agent", **moved)
    assert text == f"namespace 1 is served from /dev/vg/one: stop {NQN} to move it"
    assert host.value(f"{FIRST}/device_path") == "/dev/vg/one"


def test_a_reload_of_a_promoted_gateway_leaves_it_promoted() -> None:
    host = group_host()
    assert in_group(host, "start") == 0
    assert in_group(host, "promote") == 0
    more = "1=/dev/vg/one 2=/dev/vg/two"
    assert in_group(host, "reload-agent", namespaces=more) == 0
    assert in_group(host, "monitor", namespaces=more) == Status.PROMOTED


# the gate


def test_behind_a_closed_gate_nothing_is_served() -> None:
    host = NvmetHost()
    assert act(PortGate, host, "start", gate="san", portals="192.0.2.1:4420") == 0
    assert start(host, gate="san") == 0
    assert monitor(host, gate="san") == monitor(host, 10, gate="san") == Status.RUNNING
    close_gate(host, "san")
    assert "the gate san is closed, so that nobody comes through" in why(
        host, "monitor", gate="san"
    )
    assert monitor(host, 10, gate="san") == 1
    assert start(host, gate="san") == 0
    assert monitor(host, gate="san") == Status.RUNNING, "a start opens it"
    host.tables.tables.clear()
    assert monitor(host, gate="san") == Status.RUNNING, "it keeps nobody out"
    assert monitor(host, 10, gate="san") == Status.DEGRADED


# what others have


def test_what_the_iscsi_target_or_a_loop_device_has_is_refused() -> None:
    host = NvmetHost()
    theirs = "/sys/kernel/config/target/core/iblock_7/theirs"
    host.files[f"{theirs}/udev_path"] = "/dev/vg/one\n"
    assert "is served by the storage object iblock_7/theirs" in why(host)
    assert start(host) == 2
    del host.files[f"{theirs}/udev_path"]
    host.disk("/srv/file", FILE)
    host.files["/sys/block/loop3/loop/backing_file"] = "/srv/file\n"
    assert "is served by the loop device /dev/loop3" in why(host, namespaces="1=/srv/file")
    assert host.changes == []


def test_a_uuid_that_another_subsystem_shows_is_refused() -> None:
    host = NvmetHost()
    host.by_hand(
        "mkdir subsystems/nqn.b\nmkdir subsystems/nqn.b/namespaces/3\n"
        f"write subsystems/nqn.b/namespaces/3/device_uuid {UUID}\n"
        "write subsystems/nqn.b/namespaces/3/device_path /dev/vg/two"
    )
    assert start(host, namespaces=f"1=/dev/vg/one,uuid={UUID}") == 2
    assert start(host) == 0


def test_a_file_that_is_no_number_of_blocks_is_refused() -> None:
    host = NvmetHost()
    host.disk("/srv/file", FILE)
    for size, code in ((0, 2), (4095, 2), (8704, 2), (8192, 0)):
        host.sizes["/srv/file"] = size
        assert start(host, namespaces="1=/srv/file") == code, size


def test_a_disk_that_is_another_by_now_is_seen_by_a_deep_look() -> None:
    host = NvmetHost()
    assert start(host) == 0
    host.links["/dev/vg/one"] = "/dev/vg/two"
    assert (monitor(host), monitor(host, 10)) == (Status.RUNNING, Status.DEGRADED)
