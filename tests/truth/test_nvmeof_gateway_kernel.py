"""NvmeofGateway on a real kernel: its target, and its own initiator as the host, in one guest."""

import errno
import itertools
import re
from collections.abc import Iterator

import pytest

from tests.support.configfs.nvmet_model import Nvmet
from tests.support.execd import wait_until
from tests.support.kernel_guest import HactlError
from tests.support.nvmeof_guest import NVMET, Answer, NvmeofGuest, guest_files, lacking
from tests.truth.worlds.nvmeof_gateway import secret

pytestmark = [
    pytest.mark.backend,
    pytest.mark.extended,
    pytest.mark.xdist_group("nvmeof-kernel"),
    pytest.mark.timeout(900),
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking()),
]
RUNNING, FAILED, WRONG_HERE, NOT_INSTALLED, STOPPED, PROMOTED = 0, 1, 2, 5, 7, 8
HOST = "nqn.2014-08.lab:host"
COUNTER = itertools.count(1)
CHANGES = "mkdir,rmdir,symlink,unlink,write"
CLONE = {
    "promotable": "true", "clone_max": "2", "promoted_max": "1", "on_node": "node1",
    "on_node_uuid": "1",
}  # fmt: skip


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NvmeofGuest]:
    folder = tmp_path_factory.mktemp("guest")
    machine = NvmeofGuest(folder / "vm")
    try:
        machine.boot(guest_files(folder))
        yield machine
    except HactlError as exc:
        pytest.skip(f"no kernel to boot: {exc}")
    finally:
        machine.down()


class Gateway:
    """A resource in the guest, its NQN used once."""

    def __init__(self, guest: NvmeofGuest) -> None:
        self.guest = guest
        self.nqn = f"nqn.2026-11.lab:v{next(COUNTER)}"
        self.params: dict[str, object] = {
            "nqn": self.nqn, "address": "127.0.0.1", "namespaces": "1=/dev/ram0", "hosts": HOST,
        }  # fmt: skip

    def call(self, action: str, **more: object) -> Answer:
        return self.guest.call(action, **{**self.params, **more})  # type: ignore[arg-type]

    def code(self, action: str, **more: object) -> int:
        return self.call(action, **more).code

    def started(self, **more: object) -> "Gateway":
        self.params |= more
        answer = self.call("start")
        assert answer.code == RUNNING, answer.text
        return self

    def connected(self) -> bool:
        return self.guest.connect(self.nqn, "127.0.0.1", HOST, reconnect_delay=1) == 0

    def gone(self) -> bool:
        return everything(self.guest) == []


def everything(guest: NvmeofGuest) -> list[str]:
    """What somebody made in the target."""
    found = guest.say(f"cd {NVMET}; find hosts ports subsystems -mindepth 1 -type d -o -type l")
    own = r".*/(namespaces|allowed_hosts|passthru|subsystems|referrals|ana_groups(/1)?)"
    return [line for line in found.splitlines() if not re.fullmatch(own, line)]


@pytest.fixture
def gateway(guest: NvmeofGuest) -> Iterator[Gateway]:
    gateway = Gateway(guest)
    yield gateway
    guest.run("for c in /sys/class/nvme/nvme*; do echo 1 >$c/delete_controller; done")
    gateway.call("stop")
    wait_until(gateway.gone, f"left behind: {everything(guest)}", 10)


def test_it_serves_a_host_and_leaves_nothing(gateway: Gateway) -> None:
    guest = gateway.guest
    assert gateway.code("monitor") == STOPPED
    gateway.started()
    assert gateway.code("start") == RUNNING
    deep = gateway.call("monitor", level=10)
    assert deep.code == RUNNING, deep.text
    assert gateway.connected()
    wait_until(lambda: guest.run("test -b /dev/nvme0n1")[0] == 0, "no disk", 20)
    guest.say("printf HACTL | dd of=/dev/nvme0n1 bs=512 conv=sync,fsync")
    assert guest.say("head -c 5 /dev/ram0") == "HACTL"
    serial = guest.say("cat /sys/class/nvme/nvme0/serial")
    uuid = guest.say("cat /sys/block/nvme0n1/uuid /sys/block/nvme0n1/nguid")
    assert (serial[:2], len(uuid.split())) == ("HA", 2)
    assert gateway.code("stop") == 0
    assert gateway.gone()
    assert "1144" not in re.findall(r":(1144) \S+ 0[18]", guest.say("cat /proc/net/tcp"))
    gateway.started()
    assert guest.say("cat /sys/block/nvme0n1/uuid /sys/block/nvme0n1/nguid") == uuid


def test_ipv6_is_served(gateway: Gateway) -> None:
    guest = gateway.guest
    gateway.started(address="::1", port=4421)
    assert gateway.call("monitor", level=10).code == RUNNING
    assert guest.connect(gateway.nqn, "::1", HOST, trsvcid=4421) == 0
    answer = gateway.call("stop")
    assert answer.code == 0, answer.text


def test_a_host_that_is_not_admitted_is_turned_away(gateway: Gateway) -> None:
    gateway.started()
    assert gateway.guest.connect(gateway.nqn, "127.0.0.1", HOST + "2") != 0


def test_roles_are_what_the_host_sees(gateway: Gateway) -> None:
    guest = gateway.guest
    gateway.params["address"] = "127.0.0.0/24"
    gateway.params |= {"meta": CLONE}
    assert gateway.call("start").code == FAILED, "127.0.0.1 is not this node's alone"
    guest.say("ip addr add 10.99.0.1/24 dev lo")
    gateway.started(address="10.99.0.0/24")
    assert guest.connect(gateway.nqn, "10.99.0.1", HOST) == 0
    state = "cat /sys/class/nvme/nvme*/nvme*c*n1/ana_state"
    for action, seen, code in (
        ("monitor", "inaccessible", RUNNING),
        ("promote", "optimized", PROMOTED),
        ("demote", "inaccessible", RUNNING),
    ):
        answer = gateway.call(action)
        assert answer.code == RUNNING, answer.text
        assert gateway.call("monitor", level=10).code == code
        wait_until(lambda seen=seen: guest.run(state)[1].strip() == seen, seen, 20)  # type: ignore[misc]
    assert gateway.code("stop") == 0
    guest.say("ip addr del 10.99.0.1/24 dev lo")


def test_a_file_without_direct_io_and_a_loop_device_are_served(gateway: Gateway) -> None:
    guest = gateway.guest
    guest.say("dd if=/dev/zero of=/run/file bs=1M count=8; losetup /dev/loop0 /run/file")
    guest.say("dd if=/dev/zero of=/run/other bs=1M count=8")
    gateway.started(namespaces="1=/run/other 2=/dev/loop0,ana_group=3")
    assert gateway.call("monitor", level=10).code == RUNNING
    answer = gateway.call("stop")
    assert answer.code == 0, answer.text
    guest.say("losetup -d /dev/loop0")


@pytest.mark.parametrize("action", ["start", "stop"])
@pytest.mark.parametrize("victim", ["worker", "agent"])
def test_killed_at_any_step_nothing_is_denied_and_the_next_stop_takes_it_away(
    gateway: Gateway, action: str, victim: str
) -> None:
    """The worker is killed at each of its changes, the agent each time it waits for it."""
    calls = {"worker": CHANGES, "agent": "select,pselect6"}[victim]
    follow = "-f" if victim == "worker" else ""
    for step in itertools.count(1, 2 if victim == "worker" else 1):
        if action == "stop":
            gateway.started()
        inject = f"-e trace={calls} -e inject={calls}:signal=KILL:when={step}"
        killed = gateway.call(action, wrapper=f"strace {follow} -o /run/trace {inject}")
        if "killed by SIGKILL" not in gateway.guest.say("cat /run/trace"):
            assert step > 5 and killed.code == 0, killed.text
            return
        wait_until(lambda: "hactl/Nvmeof" not in gateway.guest.say("ps"), "it goes on", 10)
        there = any(each.startswith("subsystems") for each in everything(gateway.guest))
        seen = gateway.call("monitor")
        assert not (there and seen.code == STOPPED), (step, seen.text)
        assert there or seen.code == STOPPED, (step, seen.text)
        stopped = gateway.call("stop")
        assert stopped.code == 0, (step, stopped.text)
        assert gateway.gone(), (step, everything(gateway.guest))


def test_a_start_after_a_killed_start_serves(gateway: Gateway) -> None:
    for step in range(4, 60, 9):
        inject = f"-e trace={CHANGES} -e inject={CHANGES}:signal=KILL:when={step}"
        gateway.call("start", wrapper=f"strace -f -o /run/trace {inject}")
        gateway.started()
        assert gateway.call("monitor", level=10).code == RUNNING
        assert gateway.code("stop") == 0


@pytest.mark.parametrize(
    ("given", "code", "text"),
    [
        ({"namespaces": "1=/dev/none"}, WRONG_HERE, "this node has no /dev/none"),
        ({"namespaces": "1=/dev/zero"}, WRONG_HERE, "is neither a block device nor a file"),
        ({"namespaces": "1=/dev/ram0 2=/dev/ram0"}, 6, "names path /dev/ram0 twice"),
        ({"namespaces": "1=/dev/ram1"}, WRONG_HERE, "/dev/ram1 is in use by the mount /mnt"),
        ({"address": "10.1.2.3"}, FAILED, "10.1.2.3 is not an address of this node"),
        ({"address": "0.0.0.0"}, 6, "stands for every address"),
        ({"nqn": "nqn.x/../../y"}, 6, "is not an NQN"),
        ({"nqn": "nqn.x$(reboot)"}, 6, "is not an NQN"),
        ({"auth_file": "/run/open"}, WRONG_HERE, "others may read it"),
        ({"auth_file": "/run/link"}, WRONG_HERE, "cannot be read"),
        ({"auth_file": "/run/bad"}, WRONG_HERE, "/run/bad:1: has a key that is not"),
        ({"reservations": "yes"}, NOT_INSTALLED, "has no reservations"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_made(
    gateway: Gateway, given: "dict[str, object]", code: int, text: str
) -> None:
    guest = gateway.guest
    guest.say(
        "mkdir -p /mnt; mountpoint -q /mnt || { mke2fs -F /dev/ram1 512 && mount -t ext4 /dev/ram1 "
        "/mnt; }; umask 077; echo 'nqn.host hunter2' >/run/bad; cp /run/bad /run/open; "
        "chmod 644 /run/open; ln -sf /run/bad /run/link"
    )
    answer = gateway.call("start", **given)
    if code == NOT_INSTALLED and answer.code == RUNNING:
        pytest.skip("this kernel has reservations")
    assert (answer.code, text in answer.text) == (code, True), answer.text
    assert "Traceback" not in answer.text and "hunter2" not in answer.text
    assert (everything(guest), gateway.code("stop", **given)) == ([], 0)


FOREIGN = (
    "cd {nvmet} && mkdir subsystems/{nqn} && mkdir subsystems/{nqn}/namespaces/1 && "
    "echo -n /dev/ram2 >subsystems/{nqn}/namespaces/1/device_path && "
    "echo 1 >subsystems/{nqn}/namespaces/1/enable && mkdir ports/77 && cd ports/77 && "
    "echo tcp >addr_trtype && echo ipv4 >addr_adrfam && echo 127.0.0.1 >addr_traddr && "
    "echo {service} >addr_trsvcid && ln -s {nvmet}/subsystems/{nqn} subsystems/{nqn}"
)
REMOVE = (
    "cd {nvmet} && rm ports/77/subsystems/{nqn} && rmdir ports/77 && "
    "rmdir subsystems/{nqn}/namespaces/1 && rmdir subsystems/{nqn}"
)


@pytest.mark.parametrize(
    ("suffix", "service", "text"),
    [
        ("", 4999, "is served by somebody else on this node"),
        ("x", 4420, "port 77 of this node's target listens on 127.0.0.1:4420 already"),
    ],
)
def test_what_others_serve_is_refused_and_untouched(
    gateway: Gateway, suffix: str, service: int, text: str
) -> None:
    guest = gateway.guest
    names = {"nvmet": NVMET, "nqn": gateway.nqn + suffix, "service": service}
    guest.say(FOREIGN.format(**names))
    files = "find . -type f ! -name revalidate_size"
    look = f"cd {NVMET}; {files} | while read f; do echo $f; cat $f; done"
    before = guest.say(look)
    started = gateway.call("start")
    assert (started.code, text in started.text) == (WRONG_HERE, True), started.text
    assert gateway.code("monitor") == STOPPED
    assert gateway.code("stop") == 0
    assert guest.say(look) == before
    guest.say(REMOVE.format(**names))


def test_what_others_hang_on_ours_is_seen_and_handled(gateway: Gateway) -> None:
    guest = gateway.guest
    gateway.started()
    port = guest.say(f"ls {NVMET}/ports")
    guest.say(
        f"cd {NVMET} && mkdir subsystems/nqn.guest hosts/nqn.h && "
        f"ln -s {NVMET}/subsystems/nqn.guest ports/{port}/subsystems/nqn.guest && "
        f"ln -s {NVMET}/hosts/nqn.h subsystems/{gateway.nqn}/allowed_hosts/nqn.h"
    )
    deep = gateway.call("monitor", level=10)
    assert (deep.code, "also admits nqn.h" in deep.text) == (190, True), deep.text
    assert f"port {port} also offers nqn.guest" in deep.text
    assert gateway.code("stop") == 0
    assert set(everything(guest)) == {
        "hosts/nqn.h", f"ports/{port}", f"ports/{port}/subsystems/nqn.guest",
        "subsystems/nqn.guest",
    }  # fmt: skip
    assert gateway.code("monitor") == STOPPED
    guest.say(
        f"cd {NVMET} && rm ports/{port}/subsystems/nqn.guest && rmdir ports/{port} "
        "subsystems/nqn.guest hosts/nqn.h"
    )


def test_a_disk_that_hangs_is_never_called_stopped(gateway: Gateway) -> None:
    """The disk is one that another gateway serves: while no path to it is usable, it hangs."""
    guest = gateway.guest
    behind = gateway.started()
    assert behind.connected()
    wait_until(lambda: guest.run("test -b /dev/nvme0n1")[0] == 0, "no disk", 20)
    front = Gateway(guest).started(namespaces="1=/dev/nvme0n1", port=4421)
    assert guest.connect(front.nqn, "127.0.0.1", HOST, trsvcid=4421) == 0
    wait_until(lambda: guest.run("test -b /dev/nvme1n1")[0] == 0, "no disk", 20)
    number = guest.say(f"ls -d {NVMET}/ports/*/subsystems/{behind.nqn}").split("/")[-3]
    state = f"{NVMET}/ports/{number}/ana_groups/1/ana_state"
    guest.say(f"echo inaccessible >{state}; sleep 1")
    guest.run("(dd if=/dev/zero of=/dev/nvme1n1 bs=4096 count=1 oflag=direct &) >/dev/null 2>&1")
    guest.say("sleep 2")
    assert front.code("monitor") == RUNNING
    stopped = front.call("stop", timeout=9)
    assert (stopped.code, "no answer within" in stopped.text) == (FAILED, True), stopped.text
    assert "disabling namespace 1" in stopped.text
    again = front.call("monitor", timeout=9)
    assert again.code == FAILED, again.text
    # the target's own lock is held as well: only without any path does the disk fail instead
    guest.run(
        f"for c in /sys/class/nvme/nvme*; do grep -q {behind.nqn} $c/subsysnqn && "
        "(echo 1 >$c/delete_controller &); done"
    )
    wait_until(lambda: front.code("stop") == 0, "it cannot be stopped", 60)
    assert front.code("monitor") == STOPPED


def test_a_hidden_configfs_is_not_taken_for_a_stopped_gateway(gateway: Gateway) -> None:
    guest = gateway.guest
    gateway.started()
    guest.say("umount /sys/kernel/config")
    answer = gateway.call("monitor")
    assert (answer.code, "does not show it" in answer.text) == (FAILED, True), answer.text
    assert gateway.code("stop") == 0
    assert gateway.gone()


# authentication


def has_auth(guest: NvmeofGuest) -> bool:
    script = f"mkdir {NVMET}/hosts/x; ls {NVMET}/hosts/x; rmdir {NVMET}/hosts/x"
    return "dhchap_key" in guest.say(script)


def test_a_host_with_the_right_key_is_let_in_and_one_with_a_wrong_key_is_not(
    gateway: Gateway,
) -> None:
    guest = gateway.guest
    if not has_auth(guest):
        pytest.skip("this kernel's target has no DH-HMAC-CHAP: give another by $HACTL_TEST_KERNEL")
    guest.say(f"umask 077; echo '{HOST} {secret()} dhgroup=ffdhe2048' >/run/keys")
    gateway.started(auth_file="/run/keys", hosts="")
    answer = gateway.call("monitor", level=10)
    assert answer.code == RUNNING, answer.text
    wrong = secret(9)
    assert guest.connect(gateway.nqn, "127.0.0.1", HOST) != 0, "without a key"
    assert guest.connect(gateway.nqn, "127.0.0.1", HOST, dhchap_secret=wrong) != 0
    assert guest.connect(gateway.nqn, "127.0.0.1", HOST, dhchap_secret=secret()) == 0
    wait_until(lambda: guest.run("test -b /dev/nvme0n1")[0] == 0, "no disk", 20)


def test_a_kernel_without_authentication_lets_nobody_in(gateway: Gateway) -> None:
    guest = gateway.guest
    if has_auth(guest):
        pytest.skip("this kernel's target has DH-HMAC-CHAP")
    guest.say(f"umask 077; echo '{HOST} {secret()}' >/run/keys")
    answer = gateway.call("start", auth_file="/run/keys")
    assert answer.code == NOT_INSTALLED, answer.text
    assert everything(guest) == []


# the look-alike against the kernel

SEQUENCE = """
mkdir subsystems/nqn.c
mkdir subsystems/nqn.c
mkdir subsystems/nqn.c/other
mkdir subsystems/nqn.c/namespaces/0
mkdir subsystems/nqn.c/namespaces/x
mkdir subsystems/nqn.c/namespaces/1
read subsystems/nqn.c/attr_model
read subsystems/nqn.c/attr_allow_any_host
read subsystems/nqn.c/namespaces/1/device_path
read subsystems/nqn.c/namespaces/1/revalidate_size
read subsystems/nqn.c/nothing
write subsystems/nqn.c/attr_serial 012345678901234567890
write subsystems/nqn.c/attr_serial HA00
read subsystems/nqn.c/attr_serial
write subsystems/nqn.c/attr_cntlid_min 0
write subsystems/nqn.c/attr_cntlid_max 2000
write subsystems/nqn.c/attr_cntlid_min 2001
write subsystems/nqn.c/attr_cntlid_min 1001
write subsystems/nqn.c/attr_cntlid_max 1000
write subsystems/nqn.c/attr_allow_any_host 2
write subsystems/nqn.c/namespaces/1/enable 1
write subsystems/nqn.c/namespaces/1/device_path /dev/ram9
write subsystems/nqn.c/namespaces/1/device_uuid nonsense
write subsystems/nqn.c/namespaces/1/device_uuid 0f8fad5b-d9cb-469f-a165-70867728950e
write subsystems/nqn.c/namespaces/1/device_nguid abab
write subsystems/nqn.c/namespaces/1/device_nguid abababababababababababababababab
read subsystems/nqn.c/namespaces/1/device_nguid
write subsystems/nqn.c/namespaces/1/ana_grpid 0
write subsystems/nqn.c/namespaces/1/ana_grpid 129
write subsystems/nqn.c/namespaces/1/ana_grpid 2
write subsystems/nqn.c/namespaces/1/enable 1
write subsystems/nqn.c/namespaces/1/enable 1
read subsystems/nqn.c/namespaces/1/enable
write subsystems/nqn.c/namespaces/1/device_path /dev/ram8
write subsystems/nqn.c/namespaces/1/device_uuid 0f8fad5b-d9cb-469f-a165-70867728950e
write subsystems/nqn.c/namespaces/1/buffered_io 1
mkdir hosts/nqn.h
symlink subsystems/nqn.c/allowed_hosts/nqn.h hosts/nqn.h
symlink subsystems/nqn.c/allowed_hosts/nqn.h hosts/nqn.h
symlink subsystems/nqn.c/allowed_hosts/nqn.i hosts/nqn.i
symlink subsystems/nqn.c/allowed_hosts/nqn.s subsystems/nqn.c
write subsystems/nqn.c/attr_allow_any_host 1
rmdir hosts/nqn.h
mkdir ports/65536
mkdir ports/x
mkdir ports/9
mkdir ports/9/ana_groups/1
mkdir ports/9/ana_groups/2
mkdir ports/9/ana_groups/129
read ports/9/ana_groups/1/ana_state
read ports/9/ana_groups/2/ana_state
write ports/9/ana_groups/2/ana_state best
write ports/9/ana_groups/2/ana_state non-optimized
rmdir ports/9/ana_groups/1
symlink ports/9/subsystems/nqn.c subsystems/nqn.c
write ports/9/addr_trtype smoke
write ports/9/addr_trtype tcp
symlink ports/9/subsystems/nqn.c subsystems/nqn.c
write ports/9/addr_adrfam ipv4
write ports/9/addr_traddr 10.1.2.3
write ports/9/addr_trsvcid 4600
symlink ports/9/subsystems/nqn.c subsystems/nqn.c
write ports/9/addr_traddr 127.0.0.1
symlink ports/9/subsystems/nqn.x subsystems/nqn.x
symlink ports/9/subsystems/nqn.h hosts/nqn.h
symlink ports/9/subsystems/nqn.c subsystems/nqn.c
readlink ports/9/subsystems/nqn.c
symlink ports/9/subsystems/nqn.c subsystems/nqn.c
write ports/9/addr_traddr 127.0.0.2
mkdir ports/10
write ports/10/addr_trtype tcp
write ports/10/addr_adrfam ipv4
write ports/10/addr_traddr 127.0.0.1
write ports/10/addr_trsvcid 4600
symlink ports/10/subsystems/nqn.c subsystems/nqn.c
rmdir subsystems/nqn.c
rmdir ports/9
unlink ports/9/subsystems/nqn.c
unlink ports/9/subsystems/nqn.c
rmdir ports/9
rmdir ports/9/ana_groups/2
rmdir ports/9
rmdir ports/10
rmdir subsystems/nqn.c
unlink subsystems/nqn.c/attr_model
write subsystems/nqn.c/namespaces/1/enable 0
rmdir subsystems/nqn.c/namespaces/1
rmdir subsystems/nqn.c/namespaces
unlink subsystems/nqn.c/allowed_hosts/nqn.h
rmdir hosts/nqn.h
rmdir subsystems/nqn.c
rmdir subsystems/nqn.c
"""
PLAYER = """\
import errno, os, sys
os.chdir('/sys/kernel/config/nvmet')
for line in open('/sequence'):
    verb, path, *rest = line.split()
    try:
        if verb == 'write':
            fd = os.open(path, os.O_WRONLY)
            try: os.write(fd, rest[0].encode())
            finally: os.close(fd)
            print('ok')
        elif verb == 'read': print('ok', open(path).read().strip())
        elif verb == 'symlink':
            os.symlink('/sys/kernel/config/nvmet/' + rest[0], path); print('ok')
        elif verb == 'readlink': print('ok', os.readlink(path))
        else: getattr(os, verb)(path); print('ok')
    except OSError as exc: print(errno.errorcode[exc.errno])
"""


def on_the_model() -> list[str]:
    model = Nvmet(lambda path: "device" if path.startswith("/dev/ram") else "")
    model.addresses = {"127.0.0.1"}
    answers = []
    for line in SEQUENCE.strip().splitlines():
        verb, path, *rest = line.split()
        path = f"/nvmet/{path}"
        given = [f"/nvmet/{word}" for word in rest] if verb == "symlink" else rest
        try:
            said = getattr(model, verb)(path, *given)
            answers.append(f"ok {(said or '').strip()}".strip())
        except OSError as exc:
            answers.append(errno.errorcode[exc.errno or 0])
    return answers


def test_the_look_alike_answers_as_the_kernel_does(guest: NvmeofGuest) -> None:
    lines = SEQUENCE.strip().splitlines()
    for path, text in (("/sequence", "\n".join(lines)), ("/player.py", PLAYER)):
        guest.say(f": >{path}")
        for line in text.splitlines():
            quoted = line.replace("'", "'\\''")
            guest.say(f"echo '{quoted}' >>{path}")
    real = guest.say("python3 /player.py").splitlines()
    model = on_the_model()
    different = [
        f"{line}: the kernel says {a}, the look-alike {b}"
        for line, a, b in zip(lines, real, model, strict=True)
        if a != b
    ]
    assert not different, "\n".join(different)
