"""What LxcContainer does on a node made of dictionaries; real LXC is in tests/truth."""

import sys
from itertools import pairwise
from typing import Any

import pytest

from hactl_agents.host import cgroups
from hactl_agents.host.cgroups import Group
from hactl_agents.lxc import command_socket as lxc_socket
from hactl_agents.lxc import limits as lxc_limits
from hactl_agents.lxc.command_socket import STATES
from hactl_agents.lxc_container import LxcContainer
from hactl_agents.ocf import Failed, Status, TimedOut
from hactl_agents.testing import FakeHost, act, done, reason

CONFIG = "/var/lib/lxc/web/config"
ADDRESS = b"\0/var/lib/lxc/web/command"
TITLE = "[lxc monitor] /var/lib/lxc web\0"
INIT, MONITOR, CHILD = 500, 499, 501
ROOT = "1 0 8:1 / / rw - ext4 x rw\n"
UNIFIED = ROOT + "25 1 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
HYBRID = """\
1 0 8:1 / / rw - ext4 x rw
30 1 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro
31 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
34 30 0:30 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
35 30 0:31 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer
36 30 0:32 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
"""
FIRST = ("memory", "cpu,cpuacct", "pids", "freezer", "systemd")


class Node(FakeHost):
    """A node with control groups and one container, running unless told otherwise."""

    def __init__(self, *, unified: bool = True, state: str | None = "RUNNING") -> None:
        super().__init__(files={CONFIG: "lxc.uts.name = web\n"})
        self.unified = unified
        self.state = state
        self.polite = True
        self.files["/proc/self/mountinfo"] = UNIFIED if unified else HYBRID
        self.files["/sys/fs/cgroup/cgroup.controllers"] = "cpu io memory pids\n" * unified
        self.replies |= {"lxc-start": self.launch, "lxc-attach": done("lxc-attach")}
        for pid in ("1", "self"):
            self.belongs(pid, "")
        if state is not None:
            self.boot()

    def belongs(self, pid: object, path: str) -> None:
        lines = [f"0::{path or '/'}"]
        if not self.unified:
            names = [name if name != "systemd" else "name=systemd" for name in FIRST]
            lines += [f"{number}:{name}:{path or '/'}" for number, name in enumerate(names, 1)]
        self.files[f"/proc/{pid}/cgroup"] = "\n".join(lines) + "\n"

    def folders(self, name: str = "lxc.payload.web") -> list[str]:
        if self.unified:
            return [f"/sys/fs/cgroup/{name}"]
        return [f"/sys/fs/cgroup/{tree}/{name}" for tree in ("unified", *FIRST)]

    def boot(self) -> None:
        self.state = "RUNNING"
        self.sockets[ADDRESS] = self.answer
        self.processes |= {INIT: 1000, CHILD: 1001, MONITOR: 999}
        self.files[f"/proc/{INIT}/stat"] = f"{INIT} (init) S {MONITOR} 1"
        self.files[f"/proc/{INIT}/status"] = "SigBlk:\t0000\nSigCgt:\t0000000020000000\n"  # PWR
        self.files[f"/proc/{CHILD}/stat"] = f"{CHILD} (httpd) S {INIT} 1"
        self.files[f"/proc/{MONITOR}/cmdline"] = TITLE
        self.belongs(INIT, "/lxc.payload.web/init.scope")
        for folder in self.folders():
            self.files[f"{folder}/cgroup.procs"] = f"{INIT}\n{CHILD}\n"
        if self.unified:
            self.files["/sys/fs/cgroup/lxc.payload.web/cgroup.kill"] = ""

    def answer(self, request: bytes) -> bytes:
        command = int.from_bytes(request[:4], sys.byteorder)
        if command == lxc_socket.GET_STATE:
            return reply(STATES.index(self.state or "STOPPED"))
        if command == lxc_socket.GET_INIT_PID:
            return reply(INIT)
        return reply(0, ret=-1)

    def launch(self, *argv: str):  # type: ignore[no-untyped-def]
        self.boot()
        for word in argv:
            item, equals, content = word.partition("=")
            if equals:
                name = item.removeprefix("lxc.cgroup2.").removeprefix("lxc.cgroup.")
                for folder in self.folders():
                    if self.unified or name.split(".")[0] in folder:
                        self.files[f"{folder}/{name}"] = content
        return done(*argv)

    def kill(self, pid: int, signal: int, started: int | None = None) -> bool:
        hit = super().kill(pid, signal, started)
        if signal == 30 and self.polite and pid == INIT:
            self.processes.pop(INIT, None)
        if pid == INIT and INIT not in self.processes:  # the kernel ends the pid namespace
            self.processes.pop(CHILD, None)
            self.processes.pop(MONITOR, None)
            self.sockets.pop(ADDRESS, None)
        self.sweep()
        return hit

    def sweep(self) -> None:
        for path, text in self.files.items():
            if path.endswith("/cgroup.procs") and isinstance(text, str):
                alive = [pid for pid in text.split() if pid == "0" or int(pid) in self.processes]
                self.files[path] = "".join(f"{pid}\n" for pid in alive)

    def write(self, path: str, text: str) -> None:
        super().write(path, text)
        if path.endswith("cgroup.kill"):
            for pid in str(self.files[path.replace("cgroup.kill", "cgroup.procs")]).split():
                self.processes.pop(int(pid), None)
            self.sweep()

    def lose_monitor_process(self) -> None:
        self.processes.pop(MONITOR, None)
        self.sockets.pop(ADDRESS)
        del self.files[f"/proc/{MONITOR}/cmdline"]
        self.files[f"/proc/{INIT}/stat"] = f"{INIT} (init) S 1 1"


def reply(value: int, *, ret: int = 0, data: bytes = b"") -> bytes:
    head = ret.to_bytes(4, sys.byteorder, signed=True) + len(data).to_bytes(4, sys.byteorder)
    return head + value.to_bytes(lxc_socket.POINTER, sys.byteorder) + data


def call(host: FakeHost, action: str, level: int = 0, **params: Any) -> int:
    return act(LxcContainer, host, action, level=level, **({"container": "web"} | params))


def complaint(host: FakeHost, action: str, **params: Any) -> str:
    return reason(LxcContainer, host, action, **({"container": "web"} | params))


@pytest.mark.parametrize("unified", [True, False])
def test_a_look_at_nothing_lists_no_folder_of_control_groups_twice(unified: bool) -> None:
    listed: list[str] = []

    class Noting(Node):
        def listdir(self, path: str) -> list[str]:
            listed.append(path)
            return super().listdir(path)

    host = Noting(unified=unified, state=None)
    host.folders("lxc.payload.other")
    assert call(host, "monitor") == Status.STOPPED
    folders = [path for path in listed if path.startswith("/sys/fs/cgroup")]
    assert len(folders) == len(set(folders)) > 0


# the protocol


def test_the_socket_is_named_as_liblxc_names_it() -> None:
    assert lxc_socket.address("/var/lib/lxc", "web") == ADDRESS
    # 105 characters are named, 106 are hashed (commands_utils.c); the sum is of LXC 5.0.2
    short = lxc_socket.address("/" + "x" * 90, "abcde")
    assert (len(short), short[:3]) == (1 + 91 + 1 + 5 + 8, b"\0/x")
    assert lxc_socket.address("/" + "x" * 91, "abcde").startswith(b"\0lxc/")
    assert lxc_socket.fnv_1a(b"") == 0xCBF29CE484222325
    assert lxc_socket.fnv_1a(b"foobar") == 0x85944171F73967E8


def test_a_refusal_is_not_taken_for_the_state_stopped() -> None:
    host = Node()
    host.sockets[ADDRESS] = lambda _: reply(0, ret=-1)
    assert call(host, "monitor") == 1
    assert complaint(host, "monitor").endswith("does not say what state it is in")


@pytest.mark.parametrize("state", STATES)
def test_a_container_whose_monitor_process_answers_is_never_stopped(state: str) -> None:
    host = Node(state=state)
    host.state = state
    running = state in ("RUNNING", "THAWED")
    frozen = state in ("FREEZING", "FROZEN")
    assert call(host, "monitor") == (0 if running else Status.DEGRADED if frozen else 1)
    assert call(host, "monitor", on_frozen="fail") == (0 if running else 1)


@pytest.mark.parametrize("failure", [TimedOut("no answer"), Failed("it hung up")])
def test_a_monitor_process_that_does_not_answer_is_no_proof_of_anything(failure: Failed) -> None:
    host = Node()
    host.sockets[ADDRESS] = failure
    assert call(host, "monitor") == 1


def test_once_silent_it_is_not_waited_for_as_long_again() -> None:
    host = Node()
    waited: list[object] = []

    def silent(*question: object) -> None:
        waited.append(question[-1])
        raise TimedOut("no answer")

    host.ask = silent  # type: ignore[method-assign,assignment]
    asked = lxc_socket.LxcSocket(host, "/var/lib/lxc", "web")
    for ask in (asked.state, asked.init_pid):
        with pytest.raises(TimedOut):
            ask()
    assert waited == [8.0, 1.0]


def test_a_first_process_that_is_gone_is_not_yet_a_stopped_container() -> None:
    host = Node()
    del host.processes[INIT]
    assert call(host, "monitor") == 1


# start


def test_start_notes_what_finds_the_container_again() -> None:
    host = Node(state=None)
    assert call(host, "start") == 0
    notes = host.saved["test.run"]
    assert f"init={INIT} 1000\n" in notes
    assert f"monitor={MONITOR} 999\n" in notes
    assert "groups=:/sys/fs/cgroup/lxc.payload.web\n" in notes
    assert "launching" not in notes


def test_start_of_what_runs_starts_nothing_and_notes_it() -> None:
    host = Node()
    assert call(host, "start") == 0
    assert host.calls == []
    assert f"init={INIT} 1000\n" in host.saved["test.run"]


def test_a_launch_is_noted_before_it_is_made() -> None:
    host = Node(state=None)
    seen = []

    def launch(*argv: str):  # type: ignore[no-untyped-def]
        seen.append(host.saved["test.run"])
        return host.launch(*argv)

    host.replies["lxc-start"] = launch
    assert call(host, "start") == 0
    assert "launching=1\n" in seen[0]


def test_a_launch_that_was_cut_short_is_not_stopped_while_lxc_start_lives() -> None:
    host = Node(state=None)
    host.saved["test.run"] = "param.container=web\nlaunching=1\n"
    host.processes[700] = 5
    host.files["/proc/700/cmdline"] = "/usr/bin/lxc-start\0-n\0web\0-P\0/var/lib/lxc\0-d\0"
    assert call(host, "monitor") == 1
    assert call(host, "stop") == 0
    assert 700 not in host.processes


def test_a_launch_that_is_being_made_is_not_stopped() -> None:
    host = Node(state=None)
    host.saved["test.run"] = "param.container=web\nlaunching=1\n"
    host.taken.add("test.run.lock")
    assert call(host, "monitor") == 1
    assert complaint(host, "monitor") == "a start or stop of web is under way"
    host.taken.clear()
    assert call(host, "monitor") == Status.STOPPED


@pytest.mark.parametrize("words", ["-n\0web2\0-P\0/var/lib/lxc", "-n\0web\0-P\0/srv/lxc"])
def test_the_launch_of_another_container_is_left_alone(words: str) -> None:
    host = Node(state=None)
    host.saved["test.run"] = "param.container=web\nlaunching=1\n"
    host.processes[700] = 5
    host.files["/proc/700/cmdline"] = f"lxc-start\0{words}\0-d\0"
    assert call(host, "monitor") == Status.STOPPED
    assert call(host, "stop") == 0
    assert 700 in host.processes


def test_a_start_that_fails_says_what_lxc_said_first() -> None:
    host = Node(state=None)
    log = "/run/hactl/test.run.log"

    def fail(*argv: str):  # type: ignore[no-untyped-def]
        host.files[log] = (
            "lxc-start web 20261121 WARN     cgfsng - ../cgfsng.c:x:1 - odd\n"
            "lxc-start web 20261121 ERROR    conf - ../conf.c:run_buffer:321 - Script exited - 1\n"
            "lxc-start web 20261121 ERROR    start - ../start.c:y:2 - Failed to start\n"
        )
        return done(*argv, code=1)

    host.replies["lxc-start"] = fail
    assert complaint(host, "start") == "lxc-start: Script exited - 1"
    assert host.saved == {}


def test_the_log_of_an_earlier_start_is_not_quoted() -> None:
    host = Node(state=None)
    host.files["/run/hactl/test.run.log"] = "a b c ERROR x - y - an old story\n"
    host.replies["lxc-start"] = done("lxc-start", code=1, stderr="no idea")
    assert complaint(host, "start") == "lxc-start exited 1: no idea"


@pytest.mark.parametrize(
    ("config", "code", "text"),
    [
        (None, 2, "this node has no such file: is it mounted?"),
        (Failed("input/output error"), 1, "input/output error"),
        ("lxc.start.auto=1\n", 2, "behind the cluster's back"),
        ("lxc.start.auto = 0\n", 0, ""),
    ],
)
def test_a_configuration_that_will_not_do_is_refused(
    config: "str | Failed | None", code: int, text: str
) -> None:
    host = Node(state=None)
    if config is None:
        del host.files[CONFIG]
    else:
        host.files[CONFIG] = config
    assert call(host, "start") == code
    assert text in complaint(host, "start")


def test_without_lxc_start_fails_and_only_start() -> None:
    host = Node()
    del host.replies["lxc-start"]
    assert call(host, "monitor") == 0
    assert call(host, "start") == 5
    assert call(host, "stop") == 0


def test_start_waits_until_the_container_is_well_and_says_what_it_said() -> None:
    host = Node(state=None)
    answers = [done("lxc-attach", code=1), done("lxc-attach", code=1), done("lxc-attach")]
    host.replies["lxc-attach"] = lambda *_: answers.pop(0)
    assert call(host, "start", health="test -e '/tmp/a b'") == 0
    assert host.calls[-1][-3:] == ("test", "-e", "/tmp/a b")
    host = Node(state=None)
    host.replies["lxc-attach"] = done("lxc-attach", code=4, stderr="no disk")
    text = complaint(host, "start", health="true")
    assert text == "web is not well: true: lxc-attach exited 4: no disk"
    assert host.processes == {}, "what did not get well is ended"


# stop


@pytest.mark.parametrize("unified", [True, False])
def test_stop_asks_first(unified: bool) -> None:
    host = Node(unified=unified)
    assert call(host, "stop") == 0
    assert host.signals == [(INIT, 30)]
    assert host.processes == {}


@pytest.mark.parametrize("unified", [True, False])
def test_stop_kills_what_does_not_go(unified: bool) -> None:
    host = Node(unified=unified)
    host.polite = False
    assert call(host, "stop", shutdown_timeout="3s") == 0
    assert host.signals[:2] == [(INIT, 30), (INIT, 9)]
    assert host.clock >= 1003
    assert host.processes == {}


def test_stop_does_not_wait_for_an_init_that_heeds_no_signal() -> None:
    host = Node()
    host.files[f"/proc/{INIT}/status"] = "SigBlk:\t0\nSigCgt:\t0\n"
    assert call(host, "stop") == 0
    assert host.signals == [(INIT, 9)]
    assert host.clock < 1010


def test_stop_keeps_time_to_kill() -> None:
    host = Node()
    host.polite = False
    assert call(host, "stop", shutdown_timeout="1h") == 0
    assert host.clock <= 1000 + 20


def test_systemd_is_asked_in_its_own_way() -> None:
    host = Node()
    host.files[f"/proc/{INIT}/status"] = f"SigBlk:\t{1 << 36:016x}\nSigCgt:\t0\n"
    call(host, "stop")
    assert host.signals[0] == (INIT, 37)


def test_the_signal_of_the_running_containers_configuration_counts() -> None:
    host = Node()
    plain = host.answer

    def answer(request: bytes) -> bytes:
        if request.endswith(b"lxc.signal.halt\0"):
            return reply(0, data=b"10\0")
        return plain(request)

    host.sockets[ADDRESS] = answer
    host.files[f"/proc/{INIT}/status"] = "SigCgt:\tffffffff\n"
    call(host, "stop")
    assert host.signals[0] == (INIT, 10)


def test_what_does_not_die_fails_stop() -> None:
    host = Node()
    host.polite = False
    host.immortal = {INIT}
    host.files["/sys/fs/cgroup/lxc.payload.web/cgroup.procs"] = f"{INIT}\n"
    del host.files["/sys/fs/cgroup/lxc.payload.web/cgroup.kill"]
    assert call(host, "stop") == 1


@pytest.mark.parametrize("unified", [True, False])
@pytest.mark.parametrize("noted", [True, False])
def test_without_its_monitor_process_it_is_not_stopped_and_can_be(
    unified: bool, noted: bool
) -> None:
    host = Node(unified=unified)
    if noted:
        assert call(host, "start") == 0
    host.files[f"/proc/{INIT}/mountinfo"] = "1 0 8:1 /var/lib/lxc/web/rootfs / rw - ext4 x rw\n"
    host.files[f"/proc/{CHILD}/mountinfo"] = host.files[f"/proc/{INIT}/mountinfo"]
    host.lose_monitor_process()
    assert call(host, "monitor") == 1
    assert call(host, "stop") == 0
    assert host.processes == {}
    assert call(host, "monitor") == Status.STOPPED


@pytest.mark.parametrize("ours", [True, False])
def test_a_control_group_that_got_a_number_is_found_by_the_root_folder(ours: bool) -> None:
    host = Node()
    host.lose_monitor_process()
    host.files["/sys/fs/cgroup/lxc.payload.web/cgroup.procs"] = ""
    host.files["/sys/fs/cgroup/lxc.payload.web-1/cgroup.procs"] = f"{INIT}\n{CHILD}\n"
    name = "web" if ours else "web-1"
    for pid in (INIT, CHILD):
        line = f"1 0 8:1 /var/lib/lxc/{name}/rootfs / rw - ext4 x rw\n"
        host.files[f"/proc/{pid}/mountinfo"] = line
    assert call(host, "monitor") == (1 if ours else Status.STOPPED)
    assert call(host, "stop") == 0
    assert (host.processes == {}) == ours


def test_empty_control_groups_are_removed_before_a_launch() -> None:
    host = Node(state=None)
    host.files["/sys/fs/cgroup/lxc.payload.web/cgroup.procs"] = ""
    host.files["/sys/fs/cgroup/lxc.payload.web2/cgroup.procs"] = ""
    seen = []

    def launch(*argv: str):  # type: ignore[no-untyped-def]
        seen.extend(host.listdir("/sys/fs/cgroup"))
        return host.launch(*argv)

    host.replies["lxc-start"] = launch
    assert call(host, "start") == 0
    assert seen == ["cgroup.controllers", "lxc.payload.web2"]


def test_processes_that_may_be_anothers_are_not_ended() -> None:
    host = Node()
    host.lose_monitor_process()
    host.files[f"/proc/{INIT}/mountinfo"] = "1 0 8:1 /srv/web/rootfs / rw - ext4 x rw\n"
    assert call(host, "monitor") == 1
    assert call(host, "stop") == 1
    assert host.processes.keys() >= {INIT, CHILD}


def test_the_container_of_the_same_name_elsewhere_is_another_one() -> None:
    host = Node()
    del host.sockets[ADDRESS]
    host.files[f"/proc/{MONITOR}/cmdline"] = "[lxc monitor] /srv/lxc web\0"
    host.files[f"/proc/{MONITOR}/stat"] = f"{MONITOR} (lxc) S 1 1"
    assert call(host, "monitor") == Status.STOPPED
    assert call(host, "stop") == 0
    assert host.signals == []


@pytest.mark.parametrize("noted", [True, False])
def test_stop_of_one_that_hangs_spares_the_other_of_the_same_name(noted: bool) -> None:
    host = Node()
    host.sockets[ADDRESS] = TimedOut("no answer")  # ours; the group by now is the other's
    host.files[f"/proc/{MONITOR}/cmdline"] = "[lxc monitor] /srv/lxc web\0"
    host.files[f"/proc/{MONITOR}/stat"] = f"{MONITOR} (lxc) S 1 1"
    if noted:
        host.saved["test.run"] = "param.container=web\ngroups=:/sys/fs/cgroup/lxc.payload.web\n"
    assert call(host, "stop") == 1
    assert host.signals == []
    assert host.files["/sys/fs/cgroup/lxc.payload.web/cgroup.kill"] == ""


def test_a_group_that_now_is_anothers_is_no_sign_of_ours() -> None:
    host = Node()
    del host.sockets[ADDRESS]
    host.files[f"/proc/{MONITOR}/cmdline"] = "[lxc monitor] /srv/lxc web\0"
    host.files[f"/proc/{MONITOR}/stat"] = f"{MONITOR} (lxc) S 1 1"
    host.saved["test.run"] = "param.container=web\ngroups=:/sys/fs/cgroup/lxc.payload.web\n"
    assert call(host, "monitor") == Status.STOPPED


def test_processes_of_another_pid_namespace_are_not_on_this_node() -> None:
    host = Node(state=None)
    host.files["/sys/fs/cgroup/lxc.payload.web/cgroup.procs"] = "0\n0\n"
    assert call(host, "monitor") == Status.STOPPED


def test_a_group_shared_with_another_pid_namespace_is_not_killed_as_a_whole() -> None:
    host = Node()
    host.polite = False
    host.files["/sys/fs/cgroup/lxc.payload.web/cgroup.procs"] = f"0\n{CHILD}\n"
    cgroups.kill(host, [Group("", "/sys/fs/cgroup/lxc.payload.web")])
    assert host.files["/sys/fs/cgroup/lxc.payload.web/cgroup.kill"] == ""
    assert host.signals == [(CHILD, 9)]


@pytest.mark.parametrize(
    ("unified", "switch", "frozen", "thawed"),
    [(True, "cgroup.freeze", "1\n", "0"), (False, "freezer.state", "FROZEN\n", "THAWED")],
)
def test_stop_thaws_first(unified: bool, switch: str, frozen: str, thawed: str) -> None:
    host = Node(unified=unified)
    (folder,) = [path for path in host.folders() if unified or "freezer" in path]
    host.files[f"{folder}/{switch}"] = frozen
    seen = []
    kill = host.kill

    def killed(pid: int, signal: int, started: int | None = None) -> bool:
        seen.append(host.files.get(f"{folder}/{switch}"))
        return kill(pid, signal, started)

    host.kill = killed  # type: ignore[method-assign]
    assert call(host, "stop") == 0
    assert seen[0] == thawed


def test_a_stale_record_harms_nobody() -> None:
    host = Node(state=None)
    host.processes[INIT] = 4711  # somebody else by now
    host.saved["test.run"] = f"param.container=web\ninit={INIT} 1000\nmonitor={INIT} 999\n"
    assert call(host, "monitor") == Status.STOPPED
    assert call(host, "stop") == 0
    assert (host.signals, host.processes) == ([], {INIT: 4711})


def test_a_name_from_the_record_goes_with_the_folder_from_the_record() -> None:
    host = Node(state=None)
    host.sockets[b"\0/srv/lxc/web/command"] = host.answer
    host.boot()
    del host.sockets[ADDRESS]
    host.saved["test.run"] = "param.container=web\nparam.lxcpath=/srv/lxc\n"
    assert call(host, "monitor", container="") == 0


def test_stop_with_parameters_that_make_no_sense_finds_the_container() -> None:
    host = Node()
    assert call(host, "start") == 0
    assert call(host, "stop", container="a/b", shutdown_timeout="soon", memory_limit="x") == 0
    assert host.processes == {}


# limits

LIMITS: dict[str, Any] = {"memory_limit": 512, "cpus": "1.5", "cpu_shares": 512, "pids_limit": 100}


def defined(host: FakeHost) -> "list[str]":
    (words,) = [call for call in host.calls if call[0] == "lxc-start"]
    return [word for before, word in pairwise(words) if before == "-s"]


def test_limits_are_given_in_the_words_of_version_2_where_it_is_alone() -> None:
    host = Node(state=None)
    assert call(host, "start", **LIMITS) == 0
    assert defined(host) == [
        "lxc.cgroup2.memory.max=536870912",
        "lxc.cgroup2.cpu.max=150000 100000",
        "lxc.cgroup2.cpu.weight=20",
        "lxc.cgroup2.pids.max=100",
    ]


def test_limits_are_given_in_the_words_of_version_1_where_both_are() -> None:
    # lxc.cgroup2.* would be ignored there without a word
    host = Node(unified=False, state=None)
    assert call(host, "start", **LIMITS) == 0
    assert defined(host) == [
        "lxc.cgroup.memory.limit_in_bytes=536870912",
        "lxc.cgroup.cpu.cfs_period_us=100000",
        "lxc.cgroup.cpu.cfs_quota_us=150000",
        "lxc.cgroup.cpu.shares=512",
        "lxc.cgroup.pids.max=100",
    ]


@pytest.mark.parametrize("unified", [True, False])
def test_a_limit_without_a_controller_is_refused(unified: bool) -> None:
    host = Node(unified=unified, state=None)
    if unified:
        host.files["/sys/fs/cgroup/cgroup.controllers"] = "cpu memory\n"
    else:
        lines = [line for line in HYBRID.splitlines() if "pids" not in line]
        host.files["/proc/self/mountinfo"] = "\n".join(lines)
    assert call(host, "start", pids_limit=10) == 2
    assert "no control group controller pids" in complaint(host, "start", pids_limit=10)
    assert host.calls == []


@pytest.mark.parametrize("unified", [True, False])
def test_a_limit_that_is_not_in_force_fails_start(unified: bool) -> None:
    host = Node(unified=unified, state=None)

    def launch(*argv: str):  # type: ignore[no-untyped-def]
        result = host.launch(*argv)
        for path in list(host.files):
            if path.endswith("pids.max"):
                host.files[path] = "max\n"
        return result

    host.replies["lxc-start"] = launch
    text = complaint(host, "start", pids_limit=100)
    assert text == "pids_limit is not in force: pids.max is max instead of 100"
    assert host.processes == {}


def test_the_kernel_may_round_memory_to_pages_and_nothing_else() -> None:
    assert lxc_limits.same("memory.max", "536866816", "536870912")
    assert not lxc_limits.same("memory.max", "max", "536870912")
    assert not lxc_limits.same("memory.max", "9223372036854771712", "536870912")
    assert not lxc_limits.same("pids.max", "101", "100")


@pytest.mark.parametrize(("shares", "weight"), [(2, 1), (1024, 39), (262144, 10000)])
def test_shares_become_weights_as_everywhere_else(shares: int, weight: int) -> None:
    assert lxc_limits.weight(shares) == weight


@pytest.mark.parametrize(
    ("text", "value"), [("2", 200_000), ("0.5", 50_000), ("1.25", 125_000), ("0.01", 1000)]
)
def test_processors_may_be_shared(text: str, value: int) -> None:
    assert LxcContainer.params()["cpus"].read(text) == value


@pytest.mark.parametrize("text", ["", "0", "-1", "1e3", "nan", ".5", "1.2.3", "٣"])
def test_what_is_no_number_of_processors_is_refused(text: str) -> None:
    host = Node(state=None)
    assert call(host, "validate-all", cpus=text or " ") == 6


def test_reload_sets_and_lifts_limits_of_the_running_container() -> None:
    host = Node(state=None)
    assert call(host, "start", memory_limit=512, pids_limit=100) == 0
    assert call(host, "reload-agent", memory_limit=256) == 0
    folder = "/sys/fs/cgroup/lxc.payload.web"
    assert host.files[f"{folder}/memory.max"] == "268435456"
    assert host.files[f"{folder}/pids.max"] == "max"
    assert call(host, "reload-agent") == 0
    assert host.files[f"{folder}/memory.max"] == "max"


def test_reload_of_what_does_not_run_is_a_failure() -> None:
    assert call(Node(state=None), "reload-agent") == 1


# control groups


def test_groups_are_found_where_this_node_mounts_them() -> None:
    host = FakeHost(files={"/proc/self/mountinfo": HYBRID})
    found = {tree.controllers: tree.mountpoint for tree in cgroups.trees(host)}
    assert found["cpu,cpuacct"] == "/sys/fs/cgroup/cpu,cpuacct"
    assert found["name=systemd"] == "/sys/fs/cgroup/systemd"
    assert found[""] == "/sys/fs/cgroup/unified"


@pytest.mark.parametrize(
    ("root", "path", "folder"),
    [
        ("/", "/", "/sys/fs/cgroup"),
        ("/", "/a/b", "/sys/fs/cgroup/a/b"),
        ("/a", "/a/b", "/sys/fs/cgroup/b"),
        ("/a", "/ab", None),
        ("/", "/../b", None),
    ],
)
def test_a_group_outside_of_what_is_mounted_has_no_folder(
    root: str, path: str, folder: "str | None"
) -> None:
    assert cgroups.Tree("", "/sys/fs/cgroup", root).folder(path) == folder


def test_a_group_is_written_down_and_read_again() -> None:
    for text in (":/sys/fs/cgroup/x", "name=systemd:/sys/fs/cgroup/systemd/x", "cpu,cpuacct:/c:/x"):
        assert str(cgroups.parsed(text)) == text
    assert (cgroups.parsed(":/x").version, cgroups.parsed("pids:/x").version) == (2, 1)


# health


def test_a_deeper_look_asks_inside() -> None:
    host = Node()
    assert call(host, "monitor", level=10, health="true") == 0
    assert host.calls[-1] == (
        *("lxc-attach", "-n", "web", "-P", "/var/lib/lxc", "--clear-env", "--", "true"),
    )
    host.replies["lxc-attach"] = done("lxc-attach", code=1)
    assert call(host, "monitor", level=10, health="true") == 1
    host.replies["lxc-attach"] = TimedOut("lxc-attach -n web: no answer within 10.0 s")
    assert call(host, "monitor", level=10, health="true") == 1


def test_a_frozen_container_is_not_asked() -> None:
    host = Node()
    host.state = "FROZEN"
    assert call(host, "monitor", level=10, health="true", on_frozen="ignore") == 0
    assert host.calls == []


def test_a_plain_monitor_runs_no_command() -> None:
    host = Node()
    assert call(host, "monitor", health="true", **LIMITS) == 0
    assert host.calls == []


# users


def test_a_users_container_is_started_by_that_user() -> None:
    host = Node(state=None)
    host.replies["setpriv"] = host.launch
    assert call(host, "start", user="nobody") == 0
    words = host.calls[0]
    assert words[:3] == ("setpriv", "--reuid", "nobody")
    assert words[words.index("lxc-start") - 1] == "--reset-env"
    assert "/var/lib/lxc/web/lxc-start.log" in words
