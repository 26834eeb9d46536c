"""Ceph by librados and librbd: who uses an image, who is cut off; decides nothing."""

from hactl_agents.ceph.blocklist import Blocklist, entries
from hactl_agents.ceph.connection import Connection
from hactl_agents.failures import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from hactl_agents.ceph.image import Spec, Wish
    from hactl_agents.host.host import Host

PATIENCE = 10  # seconds for one answer; monitors and OSDs in good health take a tenth of one
EXCLUSIVE_LOCK = 4  # a feature of an image


class Use:
    """Who uses an image: addresses that watch it, and locks as (client, cookie, address)."""

    def __init__(self, watchers: "list[str]", locks: "list[tuple[str, str, str]]") -> None:
        self.watchers = watchers
        self.locks = locks


class Cluster(Connection):
    """Ceph, for what concerns an image."""

    def __init__(self, host: "Host", wish: "Wish") -> None:
        self.rbd = host.binding("rbd")
        super().__init__(host, wish.client, wish.conf, wish.keyring, PATIENCE)

    def errors(self) -> "tuple[type[Exception], ...]":
        return (self.rados.Error, self.rbd.Error)

    def fsid(self) -> str:
        return str(self.call("asking for its id", self.handle.get_fsid))

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
        found = self.read("osd dump")
        try:
            return int(found["epoch"]), Blocklist(entries(found))
        except (KeyError, ValueError, AttributeError, TypeError) as exc:
            raise Failed(f"Ceph's OSD map is not understood: {exc}") from None

    def block(self, client: str, seconds: int) -> None:
        """Cut one client off. Success means nothing here: read the blocklist again."""
        self.call(f"cutting {client} off", lambda: self.handle.blocklist_add(client, seconds))

    def catch_up(self) -> None:
        """Wait until this client works by the newest OSD map, and so do OSDs it talks to."""
        self.call("waiting for the newest OSD map", self.handle.wait_for_latest_osdmap)
