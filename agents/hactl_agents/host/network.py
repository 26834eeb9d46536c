"""What a node says over sockets: daemons, network devices, the packet filter, addresses."""

import errno

from hactl_agents.failures import Failed, strerror

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hactl_agents.host.unix_socket import Connection
    from hactl_agents.netlink.links import Links
    from hactl_agents.netlink.nftables import Tables


class Network:
    """A part of Host."""

    step: str

    if TYPE_CHECKING:

        def left(self, most: "float | None" = None) -> "float | None": ...

    def ask(
        self,
        step: str,
        address: bytes,
        message: bytes,
        complete: "Callable[[bytes], bool]",
        within: "float | None" = None,
    ) -> "bytes | None":
        """Send a message to a unix socket and read the answer; None where nobody listens.

        ``complete`` tells when an answer is whole. Raises TimedOut where there is silence, and
        Failed where the other side hangs up.
        """
        from hactl_agents.host import unix_socket

        self.step = step
        return unix_socket.ask(step, address, message, complete, self.left(within))

    def network(self) -> "Links":
        """The network devices of this network namespace."""
        from hactl_agents.netlink.links import Links

        return Links()

    def firewall(self) -> "Tables":
        """The packet filter of this network namespace."""
        from hactl_agents.netlink.nftables import Tables

        return Tables()

    def keeps_out(self, gate: str) -> bool:
        """Whether a PortGate of that name lets nobody through. Raises Failed."""
        from hactl_agents.gate import look as gate_look

        return gate_look.keeps_out(gate)

    def has_address(self, address: str) -> bool:
        """Whether an IP address, v4 or v6, is one of this node's."""
        import _socket

        family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
        attempt = _socket.socket(family, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
        try:
            attempt.bind((address, 0))
        except OSError as exc:
            if exc.errno == errno.EADDRNOTAVAIL:
                return False
            raise Failed(f"{address}: cannot tell whether it is ours: {strerror(exc)}") from None
        finally:
            attempt.close()
        return True

    def dial(self, path: str, within: "float | None" = None) -> "Connection | None":
        """A connection to a unix socket; None where nobody listens.

        Raises TimedOut where somebody does and takes no more callers, and Failed.
        """
        from hactl_agents.host import unix_socket

        return unix_socket.dial(path, self.left(within))
