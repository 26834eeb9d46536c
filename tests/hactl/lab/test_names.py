"""Finding labs by their sockets."""

from __future__ import annotations

import os

import pytest

from hactl.errors import UsageError
from hactl.lab.names import NameInUse, NoLab, choose, claim, connect, here, running

PROC_NET_UNIX = """\
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 51219 @hactl-lab-beta
0000000000000000: 00000002 00000000 00010000 0001 01 51218 @hactl-lab-alpha
0000000000000000: 00000003 00000000 00000000 0001 03 51220 @hactl-lab-alpha
0000000000000000: 00000002 00000000 00000000 0001 01 51221 @hactl-lab-not-yet-listening
0000000000000000: 00000002 00000000 00010000 0001 01 22222 @cib_rw
0000000000000000: 00000002 00000000 00010000 0001 01 22223 /run/hactl-lab-file
0000000000000000: 00000003 00000000 00000000 0001 03 18218
"""


def test_labs_that_listen_are_running() -> None:
    assert running(PROC_NET_UNIX) == ["alpha", "beta"]
    assert running("") == []


def test_the_only_lab_need_not_be_named() -> None:
    assert choose(None, ["alpha"]) == "alpha"
    assert choose("gamma", ["alpha", "beta"]) == "gamma"


def test_which_lab_is_meant_is_never_guessed() -> None:
    with pytest.raises(UsageError, match="alpha, beta; say --name"):
        choose(None, ["alpha", "beta"])
    with pytest.raises(NoLab, match="hactl lab up starts one"):
        choose(None, [])


def test_a_name_is_had_once_and_is_free_when_its_socket_is_gone() -> None:
    name = f"claim-{os.getpid()}"
    with claim(name):
        with pytest.raises(NameInUse, match=name):
            claim(name)
        assert name not in here()  # it does not answer yet
        with pytest.raises(NoLab):
            connect(name)
    claim(name).close()
