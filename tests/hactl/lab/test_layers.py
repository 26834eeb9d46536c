"""Which of the host's file systems a node must be shown beside /."""

from __future__ import annotations

from hactl.lab.layers import mirrors
from hactl.lab.machines import hidden

MOUNTS = """\
27 1 254:0 / / rw - ext4 /dev/vda rw
28 27 254:1 / /home rw - xfs /dev/vdb rw
29 27 254:2 / /usr/local/big rw - nfs4 server:/big rw
22 27 0:21 / /proc rw - proc proc rw
25 24 0:23 / /dev/shm rw - tmpfs tmpfs rw
30 27 254:3 / /tmp rw - ext4 /dev/vdc rw
31 27 254:4 / /srv rw - ext4 /dev/vdd rw
32 27 254:5 / /boot/efi rw - vfat /dev/vde rw
"""


def test_file_systems_with_files_are_shown_and_what_a_node_has_of_its_own_is_not() -> None:
    assert mirrors(MOUNTS) == ["/home", "/usr/local/big"]


def test_a_checkout_in_tmp_stays_in_sight() -> None:
    assert hidden(["/work/hactl", "/tmp/hactl", "/usr", "/run/x/y"]) == ("/run/x/y", "/tmp/hactl")
