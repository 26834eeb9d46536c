"""LinuxBridge against the real kernel while devices are renamed, replaced, taken and stood upon."""

import random
from collections.abc import Iterator

import pytest

from tests.support.private_node import PrivateNode, lacking, why
from tests.truth.worlds.linux_bridge import Lan

pytestmark = [
    pytest.mark.backend,
    pytest.mark.xdist_group("linux-bridge"),
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking()),
]
RUNNING, FAILED, STOPPED, DEGRADED = 0, 1, 7, 190
UNTOUCHED = (None, False, 1500)


@pytest.fixture
def lan(node: PrivateNode) -> Iterator[Lan]:
    lan = Lan(node)
    yield lan
    lan.clean_up()


def rename(lan: Lan, name: str, to: str) -> None:
    """As udev and network managers do it."""
    lan.node.sh(f"ip link set {name} down; ip link set {name} name {to}; ip link set {to} up")


def state(lan: Lan, name: str) -> "tuple[str | None, bool, int]":
    lan.port = name
    return lan.uplink()


def adopted(lan: Lan, alias: str = "by hand") -> None:
    lan.node.sh(f"ip link add {lan.bridge} type bridge; ip link set {lan.bridge} alias '{alias}'")
    lan.params["adopt"] = "true"


# the uplink goes by another name, or is another device


@pytest.mark.parametrize("made", [True, False], ids=["made", "adopted"])
def test_a_renamed_uplink_is_still_the_uplink(lan: Lan, made: bool) -> None:
    if not made:
        adopted(lan)
    assert lan.code("start", mtu=1400) == 0
    rename(lan, lan.port, f"ens{lan.port}")
    done = lan.call("monitor", mtu=1400)
    assert (done.returncode, f"port {lan.port} is called ens{lan.port} by now" in why(done)) == (
        DEGRADED,
        True,
    )
    done = lan.call("start", ports=lan.port, resource="another")
    assert done.returncode == 2
    assert lan.code("stop") == 0
    # what start had changed of that very device is given back
    assert state(lan, f"ens{lan.port}") == UNTOUCHED
    assert (lan.exists(), lan.monitor()) == (not made, STOPPED)


def test_a_start_says_what_an_uplink_is_called_now(lan: Lan) -> None:
    assert lan.code("start") == 0
    rename(lan, lan.port, f"ens{lan.port}")
    lan.node.sh(f"ip link del {lan.bridge}")
    done = lan.call("start")
    assert (done.returncode, f"it is called ens{lan.port} by now" in why(done)) == (2, True)
    lan.port = f"ens{lan.port}"


def test_a_reload_with_the_new_name_interrupts_nothing(lan: Lan) -> None:
    assert lan.code("start") == 0
    new = f"ens{lan.port}"
    rename(lan, lan.port, new)
    watch = f"timeout 20 ip -o monitor link dev {new} > /run/seen & sleep 0.3"
    lan.node.sh(f"({watch}) >/dev/null 2>&1")
    assert lan.code("reload-agent", ports=new) == 0
    assert "nomaster" not in lan.node.sh("cat /run/seen")
    assert state(lan, new) == (lan.bridge, True, 1500)
    lan.params["ports"] = new
    assert lan.monitor() == RUNNING
    assert lan.code("stop") == 0
    assert lan.uplink() == UNTOUCHED


def test_another_device_of_that_name_is_not_the_uplink(lan: Lan) -> None:
    assert lan.code("start") == 0
    moved = f"ens{lan.port}"
    rename(lan, lan.port, moved)
    lan.node.sh(f"ip tuntap add {lan.port} mode tap; ip link set {lan.port} mtu 1300 up")
    assert f"{lan.port} is not a port of {lan.bridge} any more" in why(lan.call("monitor"))
    assert lan.code("stop") == 0
    assert lan.uplink() == (None, True, 1300), "a stranger was taken down"
    assert state(lan, moved) == UNTOUCHED
    lan.node.sh(f"ip link del {lan.params['ports']}")


def test_an_uplink_that_was_replaced_is_said_to_be_and_repaired(lan: Lan) -> None:
    assert lan.code("start") == 0
    lan.node.sh(f"ip link del {lan.port}")
    lan.plug_in()
    lan.node.sh(f"ip link set {lan.port} master {lan.bridge} up")
    done = lan.call("monitor")
    assert done.returncode == DEGRADED
    assert "is another device than the one that was attached" in why(done)
    assert lan.monitor(drift="repair") == RUNNING
    assert lan.monitor() == RUNNING
    assert lan.code("stop") == 0


def test_an_alternative_name_is_the_same_device(lan: Lan) -> None:
    other = f"enp9s0{lan.port}"
    lan.node.sh(f"ip link property add dev {lan.port} altname {other}")
    lan.params["ports"] = other
    assert lan.code("start") == 0
    assert (lan.monitor(), lan.code("reload-agent", mtu=1400)) == (RUNNING, 0)
    assert lan.uplink() == (lan.bridge, True, 1400)
    lan.node.sh("rm -rf /run/hactl")
    assert lan.monitor(mtu=1400) == RUNNING
    assert lan.code("stop") == 0
    assert not lan.exists()


def test_an_uplink_that_another_bridge_has_by_now_is_left_there(lan: Lan) -> None:
    assert lan.code("start") == 0
    taker = f"t{lan.bridge}"
    lan.node.sh(f"ip link add {taker} type bridge; ip link set {lan.port} master {taker}")
    for drift in ("report", "repair"):
        done = lan.call("monitor", drift=drift, meta={"interval": "10000"})
        assert (done.returncode, f"any more, {taker} has it" in why(done)) == (DEGRADED, True)
        assert lan.uplink()[0] == taker
    assert lan.code("stop") == 0
    assert lan.uplink()[:2] == (taker, True)
    lan.node.sh(f"ip link del {taker}")


# the bridge goes by another name


def test_a_renamed_bridge_is_still_ours(lan: Lan) -> None:
    assert lan.code("start") == 0
    old = f"old{lan.bridge}"
    rename(lan, lan.bridge, old)
    assert lan.monitor() == DEGRADED
    assert f"{lan.bridge} is called {old} by now" in why(lan.call("monitor"))
    assert lan.code("monitor", meta={"interval": "0"}) == RUNNING
    assert lan.code("stop") == 0
    assert (lan.link(old), lan.uplink(), lan.monitor()) == (None, UNTOUCHED, STOPPED)


@pytest.mark.parametrize("how", ["start", "repair"])
def test_a_renamed_bridge_gets_its_name_back(lan: Lan, how: str) -> None:
    assert lan.code("start") == 0
    rename(lan, lan.bridge, f"old{lan.bridge}")
    if how == "start":
        assert lan.code("start") == 0
    else:
        assert lan.monitor(drift="repair") == RUNNING
    assert (lan.exists(), lan.link(f"old{lan.bridge}")) == (True, None)
    assert (lan.monitor(), lan.code("stop")) == (RUNNING, 0)


def test_a_bridge_that_took_the_name_is_nobodys_business(lan: Lan) -> None:
    assert lan.code("start") == 0
    old = f"old{lan.bridge}"
    rename(lan, lan.bridge, old)
    lan.node.sh(f"ip link add {lan.bridge} type bridge")
    done = lan.call("start")
    assert (done.returncode, "is another device by now, and ours is called" in why(done)) == (
        2,
        True,
    )
    assert lan.monitor() == DEGRADED
    assert lan.code("stop") == 0
    assert (lan.link(old), lan.exists()) == (None, True)
    assert lan.monitor() == STOPPED


def test_a_record_of_another_boot_claims_nothing(lan: Lan) -> None:
    lan.node.sh(f"ip link add {lan.bridge} type bridge")
    index = (lan.link(lan.bridge) or {})["ifindex"]
    lan.node.sh(
        "mkdir -p -m 700 /run/hactl; "
        f"printf 'boot=another\\nbridge={index}\\nport.{lan.port}=1 down 1500 free\\n' "
        f"> /run/hactl/{lan.name}.run"
    )
    assert lan.monitor() == STOPPED
    assert lan.code("stop") == 0
    assert lan.exists()


# who stands on it

UPPERS = {
    "macvlan": "ip link add {it} link {bridge} type macvlan mode bridge",
    "macvtap": "ip link add {it} link {bridge} type macvtap mode bridge",
    "vxlan": "ip link add {it} type vxlan id 7 dev {bridge} remote 192.0.2.1 dstport 4789",
    "vlan": "ip link add {it} link {bridge} type vlan id 5",
}


@pytest.mark.parametrize("where", ["here", "elsewhere"])
@pytest.mark.parametrize("kind", UPPERS)
def test_a_bridge_under_other_devices_is_not_deleted(lan: Lan, kind: str, where: str) -> None:
    upper = f"up{lan.bridge}"
    assert lan.code("start") == 0
    make = UPPERS[kind].format(it=upper, bridge=lan.bridge)
    if "kernel" in lan.node.sh(f"{make} 2>/dev/null || echo this kernel cannot"):
        lan.code("stop")
        pytest.skip(f"this kernel has no {kind}")
    place, at = "", f"({kind})"
    if where == "elsewhere":
        lan.node.sh(f"ip netns add n{upper}; ip link set {upper} netns n{upper}")
        place, at = f"-n n{upper}", f"({kind}, in the network namespace of /run/netns/n{upper})"
    done = lan.call("stop", timeout=3)
    assert (done.returncode, f"still carries {upper} {at}" in why(done)) == (FAILED, True)
    assert lan.node.sh(f"ip {place} link show {upper} >/dev/null && echo there") == "there"
    assert lan.monitor() == RUNNING
    lan.node.sh(f"ip {place} link del {upper}")
    assert lan.code("stop") == 0
    lan.node.sh(f"ip netns del n{upper}", check=False)


def test_a_macvtap_goes_with_a_forced_stop_and_with_an_adopted_bridge_it_stays(lan: Lan) -> None:
    upper = f"up{lan.bridge}"
    assert lan.code("start") == 0
    lan.node.sh(UPPERS["macvtap"].format(it=upper, bridge=lan.bridge))
    assert lan.code("stop", force="true") == 0
    assert (lan.exists(), lan.link(upper)) == (False, None)
    adopted(lan)
    lan.node.sh(UPPERS["macvtap"].format(it=upper, bridge=lan.bridge))
    assert lan.code("start") == 0
    assert lan.code("stop") == 0
    assert lan.link(upper) is not None
    lan.node.sh(f"ip link del {upper}")


def test_a_veth_whose_peer_has_the_same_number_elsewhere_is_no_reason(lan: Lan) -> None:
    assert lan.code("start") == 0
    index = (lan.link(lan.bridge) or {})["ifindex"]
    lan.node.sh(
        f"ip netns add v{lan.bridge}; ip link add va{lan.bridge} type veth peer name vb "
        f"netns v{lan.bridge} index {index}"
    )
    assert lan.code("stop", timeout=4) == 0
    lan.node.sh(f"ip netns del v{lan.bridge}")


# the alias

SEED = 20261201


def aliases() -> "list[bytes]":
    """Of every length around what fits, in characters of one to four bytes, some of them broken."""
    draw = random.Random(SEED)
    found = [b"x" * length for length in (1, 200, 229, 237, 238, 239, 240, 249, 250, 255)]
    for character in ("é", "漢", "🦊"):
        for length in (240, 250, 255):
            whole = character.encode() * 255
            found.append(whole[: length - length % len(character.encode())])
    for _ in range(6):
        found.append(bytes(draw.randrange(1, 256) for _ in range(draw.randrange(200, 256))))
    return found


@pytest.mark.parametrize("alias", aliases(), ids=lambda alias: f"{len(alias)}-{alias[0]:02x}")
def test_an_alias_comes_back_whole(lan: Lan, alias: bytes) -> None:
    adopted(lan, "x")
    place = f"/sys/class/net/{lan.bridge}/ifalias"
    octets = "".join(f"\\{byte:03o}" for byte in alias)
    lan.node.sh(f"printf '{octets.replace('%', '%%')}' > {place}")

    def now() -> str:
        return lan.node.sh(f"od -An -v -tx1 {place} | tr -d ' \\n'")

    before = now()
    assert lan.code("start") == 0
    assert lan.monitor() == RUNNING
    assert lan.code("stop") == 0
    assert now() == before
    assert lan.monitor() == STOPPED


def test_an_alias_comes_back_whole_after_a_stop_that_was_cut_short(lan: Lan) -> None:
    adopted(lan, "y" * 250)
    for step in (3, 6, 8):
        assert lan.code("start") == 0
        lan.node.call_killed(
            "LinuxBridge", "stop", "sendto,unlink", step, resource=lan.name, **lan.params
        )
        assert lan.code("stop") == 0
        assert (lan.link(lan.bridge) or {})["ifalias"] == "y" * 250, step
