"""Cables that carry no packet whose checksum is left to the hardware.

Between two network namespaces the kernel leaves it out; a switch in user space (Open vSwitch with
the datapath netdev) forwards such a packet as it is, and its receiver drops it: ping is answered,
TCP is not. So the port that leads to it has to compute it.
"""

import ctypes
import fcntl
import socket
import struct

SIOCETHTOOL = 0x8946
SET_TX_CHECKSUM = 0x17  # ETHTOOL_STXCSUM, linux/ethtool.h
COMMAND = struct.Struct("=II")  # struct ethtool_value
REQUEST = struct.Struct("@16sP16x")  # struct ifreq


def compute(port: str) -> None:
    """Let this network namespace's device ``port`` compute what it sends. Raises OSError."""
    command = ctypes.create_string_buffer(COMMAND.pack(SET_TX_CHECKSUM, 0))
    request = REQUEST.pack(port.encode(), ctypes.addressof(command))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCETHTOOL, request)
