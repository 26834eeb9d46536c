"""A connection to Ceph by librados. Every call may hang for as long as Ceph does.

Never by ceph(8): it costs ten times as much, and breaks on IPv6 addresses.
"""

from hactl_agents.failures import Failed, NotInstalled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from hactl_agents.host.host import Host

CUT_OFF = 108  # ESHUTDOWN: what a client on the blocklist is told


class Connection:
    """A connection as client.CLIENT. Raises Failed and TimedOut from every call.

    ``patience`` is how long librados waits for one answer, in seconds.
    """

    def __init__(
        self, host: "Host", client: str, conf: str, keyring: "str | None", patience: int
    ) -> None:
        self.host = host
        self.name = f"client.{client}"
        self.patience = patience
        for path in (conf, keyring):
            # librados reads both in this process: what hangs must be found out before
            if path and host.paths.read(path) is None:
                raise NotInstalled(f"{path}: there is no such file on this node")
        self.rados = host.binding("rados")
        self.handle: Any = self.call("connecting", lambda: self.connected(conf, keyring))

    def connected(self, conf: str, keyring: "str | None") -> "Any":
        # it would write to stderr, and leave a socket behind
        options = {"log_to_stderr": "false", "err_to_stderr": "false", "admin_socket": ""}
        for name in ("client_mount_timeout", "rados_mon_op_timeout", "rados_osd_op_timeout"):
            options[name] = str(self.patience)
        if keyring:
            options["keyring"] = keyring
        handle = self.rados.Rados(conffile=conf, name=self.name, conf=options)
        handle.connect(timeout=self.patience)
        return handle

    def errors(self) -> "tuple[type[Exception], ...]":
        """What the bindings raise."""
        return (self.rados.Error,)

    def call(self, step: str, function: "Callable[[], Any]") -> "Any":
        """A call that may hang."""
        try:
            return self.host.bounded(f"Ceph: {step}", function, within=self.patience + 2.0)
        except self.errors() as exc:
            if getattr(exc, "errno", None) == CUT_OFF:
                raise Failed(
                    f"Ceph: {step}: this node is on Ceph's blocklist: it was fenced and has to be "
                    "let in again before it may use storage"
                ) from None
            raise Failed(f"Ceph: {step} as {self.name}: {exc}") from None

    def command(self, prefix: str, **words: "Any") -> "tuple[int, str, str]":
        """Ask the monitors: exit code, output and what they say of it."""
        import json

        text = json.dumps({"prefix": prefix, **words})
        code, output, said = self.call(prefix, lambda: self.handle.mon_command(text, b""))
        return code, output.decode(errors="replace"), said

    def ask(self, prefix: str, **words: "Any") -> str:
        """What the monitors answer to a command that has to work."""
        code, output, said = self.command(prefix, **words)
        if code:
            raise Failed(f"Ceph: {self.name} may not ask for '{prefix}' ({code}): {said}")
        return output

    def read(self, prefix: str) -> "dict[str, Any]":
        """The JSON document that a command answers with."""
        import json

        text = self.ask(prefix, format="json")
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Failed(f"Ceph: '{prefix}' answered something that is not understood")
        return found

    def addresses(self) -> "list[str]":
        """This connection as Ceph sees it, each ADDRESS:PORT/NONCE."""
        from hactl_agents.ceph.blocklist import separate

        return separate(str(self.call("asking for our address", self.handle.get_addrs)))
