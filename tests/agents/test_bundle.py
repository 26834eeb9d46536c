"""The bundles that an installation makes: quicker than the modules they hold, and no different."""

import marshal
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest

from hactl.install.agents import resource_agents
from tests.agents.installed import Installed

PYTHON = "/usr/bin/python3"
SAVED = 2_000_000  # instructions, at least


def call(
    program: Path, action: str, *wrapper: str, **env: str
) -> "subprocess.CompletedProcess[str]":
    words = [*wrapper, PYTHON, "-IS", str(program), action]
    return subprocess.run(words, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def without(installed: Installed) -> Iterator[Installed]:
    """The installation while it has no bundles."""
    aside = installed.root / "aside"
    aside.mkdir()
    for bundle in library(installed).glob("bundle_*.pyc"):
        shutil.move(bundle, aside)
    yield installed
    for bundle in aside.iterdir():
        shutil.move(bundle, library(installed))
    aside.rmdir()


def library(installed: Installed) -> Path:
    return (installed.root / "lib").resolve()


@pytest.mark.parametrize("name", resource_agents())
def test_an_agent_out_of_its_bundle_opens_no_module(installed: Installed, name: str) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    trace = ("strace", "-qq", "-e", "trace=openat", "-e", "signal=none")
    seen = call(installed.agent(name), "no-such-action", *trace).stderr
    opened = [line for line in seen.splitlines() if "/lib/" in line and "ENOENT" not in line]
    ours = [line for line in opened if str(installed.root) in line]
    assert any(f"bundle_{name}.pyc" in line for line in ours)
    assert not [line for line in ours if "hactl_agents" in line]


@pytest.mark.parametrize("name", resource_agents())
def test_with_and_without_a_bundle_an_agent_says_the_same(
    installed: Installed, without: Installed, name: str
) -> None:
    assert without is installed
    apart = call(installed.agent(name), "meta-data")
    usage = call(installed.agent(name), "usage")
    shutil.move(installed.root / "aside" / f"bundle_{name}.pyc", library(installed))
    assert call(installed.agent(name), "meta-data").stdout == apart.stdout != ""
    assert call(installed.agent(name), "usage").stdout == usage.stdout != ""


def test_a_bundle_for_another_python_is_passed_over(installed: Installed) -> None:
    bundle = library(installed) / "bundle_LinuxBridge.pyc"
    before = bundle.read_bytes()
    bundle.write_bytes(b"\0\0\r\n" + before[4:])
    try:
        done = call(installed.agent("LinuxBridge"), "meta-data")
    finally:
        bundle.write_bytes(before)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_goes_wrong_is_still_said_with_its_place(installed: Installed) -> None:
    names = set(files((library(installed) / "bundle_KvmGuest.pyc").read_bytes()[16:]))
    wanted = {"kvm_guest.py", "host/host.py", "ocf/agent.py", "ocf/__init__.py"}
    assert {f"{installed.root}/lib/hactl_agents/{name}" for name in wanted} <= names


def files(data: bytes) -> "Iterator[str]":
    """The file names in compiled code."""
    waiting = [marshal.loads(data)]
    while waiting:
        item = waiting.pop()
        if isinstance(item, CodeType):
            yield item.co_filename
            waiting += item.co_consts
        if isinstance(item, tuple):
            waiting += item


def test_a_bundle_is_worth_it(installed: Installed) -> None:
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    bundle = library(installed) / "bundle_RbdImage.pyc"
    bundled = instructions(installed.agent("RbdImage"))
    aside = shutil.move(bundle, installed.root)
    apart = instructions(installed.agent("RbdImage"))
    shutil.move(aside, bundle)
    assert bundled + SAVED < apart


def instructions(program: Path) -> int:
    grind = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
    done = call(program, "no-such-action", *grind, PATH="/usr/bin:/bin")
    return int(done.stderr.partition("Collected : ")[2].split()[0])
