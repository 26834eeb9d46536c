"""The real Host, on this machine: files, commands, deadlines, private state."""

import contextlib
import os
import signal
import socket
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest

from hactl_agents.host.host import Failed, Host, NotInstalled, TimedOut
from hactl_agents.host.unix_socket import Connection
from tests.support.stalling_fs import StallingFs


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(budget=20.0, state_dir=str(tmp_path / "state"))


def test_an_absent_file_is_none_and_an_unreadable_one_an_error(host: Host, tmp_path: Path) -> None:
    assert host.read(str(tmp_path / "absent")) is None
    with pytest.raises(Failed, match="cannot be read: Is a directory"):
        host.read(str(tmp_path))


def test_a_command_that_fails_says_why(host: Host) -> None:
    with pytest.raises(Failed, match=r"ls exited 2: .*No such file"):
        host.run("ls", "/does/not/exist")


def test_a_missing_command_is_not_installed(host: Host) -> None:
    with pytest.raises(NotInstalled, match="no-such-tool: command not found"):
        host.run("no-such-tool")


def test_a_hanging_command_is_killed_with_all_it_started(host: Host, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    with pytest.raises(TimedOut, match=r"no answer within 0\.5 s"):
        host.run("sh", "-c", f"sleep 1000 & echo $! > {mark}; wait", within=0.5)
    assert host.wait_for("the grandchild to go", lambda: gone(host, int(mark.read_text())))


def gone(host: Host, pid: int) -> bool:
    return host.started(pid) is None


def test_a_daemon_left_behind_does_not_hold_the_caller(host: Host) -> None:
    began = time.monotonic()
    done = host.run("sh", "-c", "sleep 5 & echo $!")
    os.kill(int(done.stdout), signal.SIGKILL)
    assert time.monotonic() - began < 4


def test_a_command_sees_none_of_our_environment(host: Host) -> None:
    host.environ = {**host.environ, "OCF_RESKEY_secret": "s3cret"}
    assert sorted(line.split("=")[0] for line in host.run("env").stdout.splitlines()) == [
        "HOME",
        "LC_ALL",
        "PATH",
    ]


def test_a_command_is_fed_its_input(host: Host) -> None:
    assert host.run("cat", stdin="one\ntwo\n").stdout == "one\ntwo\n"


def test_endless_output_is_cut_off(host: Host) -> None:
    done = host.run("head", "-c", "5000000", "/dev/zero")
    assert 1 << 20 <= len(done.stdout) < 1 << 21


def test_a_call_that_hangs_does_not_hang_us(host: Host) -> None:
    with pytest.raises(TimedOut, match=r"asking the daemon: no answer within 0\.2 s"):
        host.bounded("asking the daemon", time.sleep, 3, within=0.2)


def test_what_a_bounded_call_raises_is_raised(host: Host) -> None:
    with pytest.raises(ZeroDivisionError):
        host.bounded("dividing", lambda: 1 / 0)


def test_state_is_for_root_only(host: Host) -> None:
    host.save("web1.run", "a=b\n")
    folder = Path(host.state_dir)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "web1.run").stat().st_mode) == 0o600
    assert host.load("web1.run") == "a=b\n"
    assert [path.name for path in folder.iterdir()] == ["web1.run"]


def test_a_state_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "state").symlink_to("elsewhere")
    host = Host(state_dir=str(tmp_path / "state"))
    with pytest.raises(Failed, match="is not a folder"):
        host.save("web1.run", "a=b\n")
    with pytest.raises(Failed, match="is not a folder"):
        host.load("web1.run")


def test_a_state_folder_others_can_write_is_refused(host: Host) -> None:
    Path(host.state_dir).mkdir()
    Path(host.state_dir).chmod(0o777)
    with pytest.raises(Failed, match="not ours alone"):
        host.save("web1.run", "a=b\n")


def test_a_record_that_is_a_link_is_not_followed(host: Host, tmp_path: Path) -> None:
    host.save("other.run", "")
    (tmp_path / "secret").write_text("key=1\n")
    (Path(host.state_dir) / "web1.run").symlink_to(tmp_path / "secret")
    with pytest.raises(Failed, match="cannot be read"):
        host.load("web1.run")


def test_a_lock_is_held_against_others(host: Host) -> None:
    host.lock("web1.lock")
    other = Host(budget=0.3, state_dir=host.state_dir)
    with pytest.raises(TimedOut, match="another action on this resource"):
        other.lock("web1.lock")


def test_a_zombie_has_no_start_time(host: Host) -> None:
    assert host.started(os.getpid()) is not None
    pid = os.posix_spawn("/bin/true", ["true"], {})
    assert host.wait_for("the child to end", lambda: host.started(pid) is None)
    os.waitpid(pid, 0)


def test_a_process_whose_first_thread_ended_lives_on_in_the_others(host: Host) -> None:
    program = (
        "import ctypes, threading, time; threading.Thread(target=time.sleep, args=(60,)).start(); "
        "print(flush=True); ctypes.CDLL(None).pthread_exit(None)"
    )
    with subprocess.Popen(["/usr/bin/python3", "-c", program], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        line = Path(f"/proc/{child.pid}/stat")
        assert host.wait_for("a zombie", lambda: " Z " in line.read_text())
        assert host.process(child.pid) is not None
        child.kill()
        assert host.wait_for("its end", lambda: host.process(child.pid) is None)


def test_a_process_stopped_by_a_signal_is_told_apart(host: Host) -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as child:
        child.send_signal(signal.SIGSTOP)
        assert host.wait_for("a stop", lambda: (host.process(child.pid) or "?")[0] == "T")
        child.kill()


def test_a_signal_goes_only_to_the_process_that_was_meant(host: Host) -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as child:
        started = host.started(child.pid)
        assert started is not None
        assert not host.kill(child.pid, signal.SIGKILL, started + 1)
        assert child.poll() is None
        assert host.kill(child.pid, signal.SIGKILL, started)


@pytest.mark.parametrize(
    ("address", "ours"),
    [("127.0.0.1", True), ("::1", True), ("192.0.2.1", False), ("2001:db8::1", False)],
)
def test_an_address_is_ours_if_it_is_one_of_this_machine(
    host: Host, address: str, ours: bool
) -> None:
    if not Path("/proc/net/if_inet6").exists() and ":" in address:
        pytest.skip("this machine has no IPv6")
    assert host.has_address(address) is ours


def test_the_wall_clock_is_near_that_of_the_machine(host: Host) -> None:
    assert abs(host.wall_clock() - time.time()) < 5


# secrets


def test_a_secret_is_read_only_where_nobody_else_can(host: Host, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("key\n")
    file.chmod(0o600)
    assert host.read_secret(str(file)) == "key\n"
    file.chmod(0o640)
    with pytest.raises(Failed, match="others may read it"):
        host.read_secret(str(file))
    link = tmp_path / "link"
    link.symlink_to(file)
    with pytest.raises(Failed, match="cannot be read"):
        host.read_secret(str(link))
    with pytest.raises(Failed, match="is not a regular file"):
        host.read_secret(str(tmp_path))
    with pytest.raises(Failed) as refused:
        host.write(str(tmp_path / "absent"), "s3cret", secret=True)
    assert "s3cret" not in str(refused.value)


# a process that was killed while one of its threads hangs in the kernel

THREADS = """\
import os, sys, threading, time
begun = threading.Barrier(18)
def wait():
    begun.wait()
    time.sleep(600)
def hang():
    begun.wait()
    os.stat(sys.argv[1])
for work in [wait] * 16 + [hang]:
    threading.Thread(target=work, daemon=True).start()
begun.wait()
time.sleep(0.2)
print(flush=True)
time.sleep(600)
"""


def test_a_thread_that_hangs_keeps_its_process_from_being_called_gone(
    host: Host, tmp_path: Path
) -> None:
    """The kernel ends a listing of /proc/PID/task early where a thread dies while it is read."""
    with StallingFs(tmp_path / "storage") as storage:
        for _ in range(10):
            storage.stall()
            words = ["/usr/bin/python3", "-c", THREADS, storage.path("disk")]
            with subprocess.Popen(words, stdout=subprocess.PIPE) as child:
                assert child.stdout is not None
                child.stdout.readline()
                started = host.started(child.pid)
                assert started is not None
                child.kill()
                stop_at = time.monotonic() + 0.1
                while time.monotonic() < stop_at:
                    assert host.started(child.pid) == started
                found = host.process(child.pid)
                assert found is not None and found[0] in "DZ"
                storage.answer()
                assert host.wait_for("its end", lambda pid=child.pid: gone(host, pid))  # type: ignore[misc]


# daemons


def test_a_deadline_is_for_the_whole_answer(host: Host, tmp_path: Path) -> None:
    """Not for each byte of it."""

    def trickle(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            for _ in range(100):
                connection.sendall(b"x")
                time.sleep(0.1)

    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(8)
        for ask in (
            lambda: host.ask("asking", path.encode(), b"?", lambda data: len(data) > 99, 0.5),
            lambda: read_all(host.dial(path, 0.5)),
        ):
            thread = threading.Thread(target=lambda: trickle(listener.accept()[0]))
            thread.start()
            began = time.monotonic()
            with pytest.raises((TimedOut, TimeoutError)):
                ask()
            assert time.monotonic() - began < 5, "all of it takes 10 s"
            thread.join()


def read_all(connection: Connection | None) -> bytes:
    assert connection is not None
    data = b""
    try:
        while piece := connection.receive():
            data += piece
    finally:
        connection.close()
    return data
