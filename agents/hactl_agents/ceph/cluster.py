"""Ceph by librados and librbd: who uses an image, who is cut off; decides nothing.

Every call may hang for as long as Ceph does, so each has a step's time and runs in a thread of
its own. Never by ceph(8): it costs ten times as much, and breaks on IPv6 addresses.
"""

from hactl_agents.ceph.blocklist import Blocklist
from hactl_agents.host.host import Failed, NotInstalled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from hactl_agents.ceph.image import Spec
    from hactl_agents.ceph.mapper import Wish
    from hactl_agents.host.host import Host

PATIENCE = 10  # seconds for one answer; monitors and OSDs in good health take a tenth of one
EXCLUSIVE_LOCK = 4  # a feature of an image
CUT_OFF = 108  # ESHUTDOWN: what a client on the blocklist is told


class Use:
    """Who uses an image: addresses that watch it, and locks as (client, cookie, address)."""

    def __init__(self, watchers: "list[str]", locks: "list[tuple[str, str, str]]") -> None:
        self.watchers = watchers
        self.locks = locks


class Cluster:
    """A connection as client.CLIENT. Raises Failed and TimedOut from every call."""

    def __init__(self, host: "Host", wish: "Wish") -> None:
        self.host = host
        for path in (wish.conf, wish.keyring):
            # librados reads both in this process: what hangs must be found out before
            if path and host.paths.read(path) is None:
                raise NotInstalled(f"{path}: there is no such file on this node")
        self.rados, self.rbd = host.binding("rados"), host.binding("rbd")
        self.name = f"client.{wish.client}"
        self.handle: Any = self.call("connecting", lambda: self.connected(wish))

    def connected(self, wish: "Wish") -> "Any":
        # it would write to stderr, and leave a socket behind
        options = {"log_to_stderr": "false", "err_to_stderr": "false", "admin_socket": ""}
        for name in ("client_mount_timeout", "rados_mon_op_timeout", "rados_osd_op_timeout"):
            options[name] = str(PATIENCE)
        if wish.keyring:
            options["keyring"] = wish.keyring
        handle = self.rados.Rados(conffile=wish.conf, name=self.name, conf=options)
        handle.connect(timeout=PATIENCE)
        return handle

    def call(self, step: str, function: "Callable[[], Any]") -> "Any":
        """A call that may hang."""
        try:
            return self.host.bounded(f"Ceph: {step}", function, within=PATIENCE + 2.0)
        except (self.rados.Error, self.rbd.Error) as exc:
            if getattr(exc, "errno", None) == CUT_OFF:
                raise Failed(
                    f"Ceph: {step}: this node is on Ceph's blocklist: it was fenced and has to be "
                    "let in again before it may use storage"
                ) from None
            raise Failed(f"Ceph: {step} as {self.name}: {exc}") from None

    def fsid(self) -> str:
        return str(self.call("asking for its id", self.handle.get_fsid))

    def addresses(self) -> "list[str]":
        """This connection as Ceph sees it, each ADDRESS:PORT/NONCE."""
        text = str(self.call("asking for our address", self.handle.get_addrs))
        return text.removeprefix("[").removesuffix("]").split(",") if "[v" in text else [text]

    # images

    def use(self, spec: "Spec") -> Use:
        """Who uses an image. Looking leaves no watch of ours behind."""

        def look(image: "Any") -> Use:
            watchers = [str(watcher["addr"]) for watcher in image.watchers_list()]
            found = (image.list_lockers() or {}).get("lockers", ())
            return Use(watchers, [(str(name), str(cookie), str(at)) for name, cookie, at in found])

        return self.with_image(spec, "asking who uses", look)  # type: ignore[no-any-return]

    def features(self, spec: "Spec") -> int:
        """A bit mask; EXCLUSIVE_LOCK is one."""
        return int(self.with_image(spec, "asking for the features of", lambda i: i.features()))

    def break_lock(self, spec: "Spec", client: str, cookie: str) -> None:
        """Raises Failed also where the lock has gone in the meantime: look again."""
        self.with_image(spec, "breaking a lock of", lambda image: image.break_lock(client, cookie))

    def with_image(self, spec: "Spec", doing: str, function: "Callable[[Any], Any]") -> "Any":
        def run() -> "Any":
            context = self.handle.open_ioctx(spec.pool)
            context.set_namespace(spec.namespace)
            # a writer's handle would watch the image itself
            with self.rbd.Image(context, spec.image, read_only=True) as image:
                return function(image)

        try:
            return self.call(f"{doing} {spec}", run)
        except Failed as exc:
            if isinstance(exc.__context__, (self.rbd.ImageNotFound, self.rados.ObjectNotFound)):
                raise Failed(f"{spec} does not exist in this Ceph cluster") from None
            raise

    # the blocklist

    def blocklist(self) -> "tuple[int, Blocklist]":
        """The epoch of the OSD map, and whom it cuts off."""
        found = self.ask({"prefix": "osd dump", "format": "json"})
        names = ("blocklist", "blacklist")  # what it was called until Octopus
        plain = next((found[name] for name in names if name in found), None)
        if plain is None:
            raise Failed("Ceph: its OSD map names no blocklist: this Ceph is not understood")
        return int(found["epoch"]), Blocklist({**plain, **found.get("range_blocklist", {})})

    def block(self, client: str, seconds: int) -> None:
        """Cut one client off. Success means nothing here: read the blocklist again."""
        self.call(f"cutting {client} off", lambda: self.handle.blocklist_add(client, seconds))

    def catch_up(self) -> None:
        """Wait until this client works by the newest OSD map, and so do OSDs it talks to."""
        self.call("waiting for the newest OSD map", self.handle.wait_for_latest_osdmap)

    def ask(self, command: "dict[str, str]") -> "dict[str, Any]":
        import json

        prefix, text = command["prefix"], json.dumps(command)
        code, output, said = self.call(prefix, lambda: self.handle.mon_command(text, b""))
        if code:
            raise Failed(f"Ceph: {self.name} may not ask for '{prefix}' ({code}): {said}")
        found = json.loads(output)
        if not isinstance(found, dict):
            raise Failed(f"Ceph: '{prefix}' answered something that is not understood")
        return found
