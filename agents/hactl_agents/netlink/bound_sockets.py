"""Unix sockets that are bound to a name on a device, as sock_diag(7) tells them; judges nothing."""

from hactl_agents.host import namespaces
from hactl_agents.netlink.messages import Conversation, attributes, number, value

SOCK_DIAG, SOCK_DIAG_BY_FAMILY, DUMP = 4, 20, 0x300
AF_UNIX, ANY_STATE, SHOW_VFS = 1, 0xFFFFFFFF, 2
VFS = 1  # the attribute UNIX_DIAG_VFS: inode, device
MESSAGE = 16  # bytes of struct unix_diag_msg


def on_device(wanted: str, namespace: str) -> "set[str]":
    """The sockets bound to names on a device, as ``socket:[INODE]``.

    ``namespace`` is a path of a network namespace to go to for good, '' for where we are.
    """
    if namespace:
        namespaces.enter("net", namespace)
    kernel = Conversation(SOCK_DIAG)
    body = bytes((AF_UNIX, 0, 0, 0)) + number(ANY_STATE) + number(0) + number(SHOW_VFS) + bytes(8)
    found = set()
    for reply in kernel.ask(SOCK_DIAG_BY_FAMILY, DUMP, body, "listing unix sockets"):
        place = attributes(reply, MESSAGE).get(VFS, b"")
        device = value(place[4:8])
        if place and f"{device >> 20}:{device & 0xFFFFF}" == wanted:
            found.add(f"socket:[{value(reply[4:8])}]")
    return found
