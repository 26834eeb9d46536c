"""KvmGuest where a libvirtd died while it made the guest: each later one believes in that for ever.

The file that a libvirtd leaves behind then is made here on purpose, with the job of that start in
it or without: with it no call about the guest ever gets its turn, and only a restart helps.
"""

import signal
from pathlib import Path

import pytest

from tests.support.libvirt_host import lacking_libvirt, libvirt_host
from tests.support.private_node import why
from tests.truth.worlds.kvm_guest import RUN, Vm, kill_and_wait

pytestmark = [
    pytest.mark.backend,
    *(pytest.mark.skipif(True, reason=reason) for reason in lacking_libvirt()),
]
STOPPED = 7
MEND = "systemctl restart libvirtd, which no guest minds"
LEFT = f"""\
sed -i "s/<domstatus state='[a-z]*' reason='[a-z ]*' pid='[0-9]*'>/\
<domstatus state='paused' reason='starting up' pid='0'>/" {RUN}/vm1.xml
"""
JOB = f"""\
sed -i "s|<qemuCaps>|<job type='modify' async='start' phase='none' flags='0x0'/><qemuCaps>|" \
    {RUN}/vm1.xml
"""


def left_half_made(vm: Vm, more: str = "") -> None:
    vm.start()
    vm.host.signal_libvirtd(signal.SIGKILL)
    kill_and_wait(vm)
    vm.host.sh(LEFT + more)
    vm.host.start_libvirtd()
    assert vm.host.half_made("vm1")


@pytest.mark.parametrize("action", ["start", "stop"])
def test_what_libvirt_can_end_is_ended(tmp_path: Path, action: str) -> None:
    with libvirt_host(tmp_path / "host") as host:
        vm = Vm(host).write()
        left_half_made(vm)
        assert vm.code("monitor") == STOPPED
        assert vm.code(action, timeout=30) == 0
        assert bool(vm.pid()) == (action == "start")
        assert not host.half_made("vm1")


def test_what_only_a_restart_ends_is_said_with_the_command_at_each_start(tmp_path: Path) -> None:
    with libvirt_host(tmp_path / "host") as host:
        vm = Vm(host).write()
        left_half_made(vm, JOB)
        assert why(vm.call("start", timeout=12)).endswith(MEND)
        assert vm.code("monitor") == STOPPED
        assert vm.code("stop", timeout=12) == 0
        assert why(vm.call("start", timeout=12)).endswith(MEND)
        host.restart_libvirtd()  # what the reason says
        vm.start()
