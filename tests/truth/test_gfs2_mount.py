"""What of Gfs2Mount needs no kernel with GFS2: superblocks, processes that hang, instructions."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from hactl.install.agents import install
from hactl_agents.gfs2 import superblock
from hactl_agents.host.storage import Storage
from tests.support.execd import pacemaker_environment
from tests.support.instructions import GRIND, allowed, collected

HERE = Path(__file__).parent
PYTHON = "/usr/bin/python3"
NUMBER, TABLE = "253:3", "demo:shared"
LIMIT = 25_000_000  # instructions
MOUNTS = 60  # others on the node


# superblocks by mkfs.gfs2


@pytest.mark.parametrize(("journals", "block"), [(1, 4096), (3, 4096), (5, 1024), (100, 1024)])
def test_superblock_and_journals_are_read_as_mkfs_wrote_them(
    tmp_path: Path, journals: int, block: int
) -> None:
    if shutil.which("mkfs.gfs2") is None:
        pytest.skip("gfs2-utils is not installed")
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate((40 + 20 * journals) << 20)
    words = ["-q", "-O", "-K", "-j", str(journals), "-J", "8", "-b", str(block)]
    words += ["-p", "lock_dlm", "-t", TABLE, str(image)]
    subprocess.run(["mkfs.gfs2", *words], check=True, capture_output=True)
    storage = Storage()

    def read(offset: int, size: int) -> bytes:
        return storage.read(str(image), offset, size)

    found = superblock.look(read)
    assert (found.journals, found.table, found.protocol) == (journals, TABLE, "lock_dlm")
    assert superblock.Superblock(*superblock.fields(read)).uuid == found.uuid


# what a monitor costs


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A node with GFS2 mounted among many others, as files."""
    folder = tmp_path / "node"
    table = folder / "sys/fs/gfs2" / TABLE
    others = [
        f"{100 + n} 1 8:{n} / /srv/ct{n} rw,noatime shared:{n} - ext4 /dev/sdb rw"
        for n in range(MOUNTS)
    ]
    ours = f"90 1 {NUMBER} / /srv/shared rw,noatime - gfs2 /dev/dm-3 rw,quota=on"
    lines = ["1 0 8:1 / / rw - ext4 /dev/sda rw", *others, ours, ""]
    files = {folder / "proc/self/mountinfo": "\n".join(lines), table / "id": f"{NUMBER}\n"}
    files |= {table / "withdraw": "0\n", table / "freeze": "0\n"}
    files |= {folder / "record": f"number={NUMBER}\n"}  # as start has noted it
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    library = f"{tmp_path}/lib"  # where its modules say that they lie
    install(tmp_path / "root", libdir=library)
    Path(library).symlink_to(tmp_path / "root" / library[1:])
    return tmp_path


BIND = """\
import os, socket, sys, time
found = socket.socket(socket.AF_UNIX)
found.bind(sys.argv[1])
os.chdir("/")
print(flush=True)
time.sleep(99)
"""
WHO = """\
import subprocess, sys
from hactl_agents.gfs2.users import find
from hactl_agents.host.host import Host
python, bind, folder = sys.argv[1:]
for name, *words in (["one"], ["two", "unshare", "--net"]):
    holder = [*words, python, "-c", bind, name]
    subprocess.Popen(holder, cwd=folder, stdout=subprocess.PIPE).stdout.readline()
print(find(Host(20.0), Host().storage().device_of(folder), folder))
"""


def test_a_socket_with_a_name_on_it_is_found_in_every_network(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("not root")
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
    mount = ["sh", "-ec", 'mount -t tmpfs shared "$0" && exec "$@"', str(tmp_path)]
    words = [*apart, *mount, PYTHON, "-c", WHO, PYTHON, BIND, str(tmp_path)]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(HERE.parents[1] / "agents")}
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.count(", fd 3, a socket)") == 2, done.stdout + done.stderr


def monitor(node: Path, *wrapper: str) -> "subprocess.CompletedProcess[str]":
    params = {
        "device": "/dev/dm-3",
        "directory": "/srv/shared",
        "options": "noatime",
        "quota": "on",
    }
    env = pacemaker_environment("shared", "Gfs2Mount", 60, 0, {"interval": "10000"}, params)
    words = [
        *wrapper,
        PYTHON,
        "-IS",
        str(HERE / "gfs2_driver.py"),
        str(node / "lib"),
        str(node / "node"),
    ]
    env |= {"PATH": os.environ["PATH"]}
    return subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_a_monitor_stays_below_its_limit_of_instructions(node: Path) -> None:
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    done = monitor(node, *GRIND)
    counted = collected(done.stderr)
    assert (done.returncode, counted <= allowed(LIMIT)) == (0, True), f"{counted} {done.stderr}"


def test_a_monitor_starts_no_process(node: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    done = monitor(node, "strace", "-f", "-e", "trace=fork,vfork,clone,clone3,execve")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "(" in line and "execve" not in line] == []


def test_it_sees_what_the_files_say(node: Path) -> None:
    assert monitor(node).returncode == 0
    (node / "node/sys/fs/gfs2" / TABLE / "withdraw").write_text("1\n")
    done = monitor(node)
    assert (done.returncode, "has withdrawn" in done.stderr) == (1, True)
