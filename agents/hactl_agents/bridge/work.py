"""What a resource does to a bridge, and how it is undone; decides nothing.

What ports and settings were like before stands in the record; without it they are left as they are.
A port is told by its index: its name may change, or be another device's by now.
"""

from hactl_agents.bridge.ownership import (
    ADOPTED,
    BORN,
    PORT,
    UNFINISHED,
    Owned,
    attached_as,
    noted_ports,
)
from hactl_agents.netlink.links import Link
from hactl_agents.ocf.errors import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from hactl_agents.netlink.links import Links
    from hactl_agents.ocf.record import Record

LONGEST_ALIAS = 255  # bytes; IFALIASZ less its NUL
WAS = "was."


class BridgeWork:
    """The changes a resource makes to the bridge ``name``. All may raise Failed."""

    def __init__(self, links: "Links", record: "Record", mark: str, name: str) -> None:
        self.links = links
        self.record = record
        self.mark = mark
        self.name = name

    # ours

    def make(self) -> Owned:
        """Make the bridge, marked as ours and unfinished."""
        self.links.add_bridge(self.name, BORN)
        device = self.links.get(self.name)
        if device is None:
            raise Failed(f"{self.name} was made and is gone again")
        owned = Owned(device, unfinished=True)
        self.sign(owned, unfinished=True)
        return owned

    def adopt(self, device: Link) -> Owned:
        """Mark a bridge that was there before as ours, and unfinished."""
        self.record.put(WAS + "up", str(int(device.up)))
        self.record.put("alias", device.alias)
        owned = Owned(device, adopted=True, unfinished=True, alias=device.alias)
        self.sign(owned, unfinished=True)
        return owned

    def sign(self, owned: Owned, *, unfinished: bool) -> None:
        """Write down that the bridge is ours, then onto the bridge itself."""
        alias = self.alias(owned, unfinished=unfinished)
        self.record.put("bridge", f"{owned.device.index} {alias[len(self.mark) + 1 :]}".rstrip())
        self.record.save()
        group = 0 if owned.device.group == BORN else None
        self.links.set(owned.device, alias=alias, group=group)

    def alias(self, owned: Owned, *, unfinished: bool) -> str:
        words = [self.mark]
        words += [UNFINISHED] if unfinished else []
        words += [ADOPTED, owned.alias] if owned.adopted else []
        return shortened(" ".join(words).rstrip())

    # ports

    def ports(self, owned: Owned) -> "list[Link]":
        return self.links.ports(owned.device.index)

    def note_port(self, owned: Owned, port: Link) -> None:
        """Remember what a port was like, unless we know that from before we changed it."""
        for name, index in noted_ports(self.record).items():
            if index == port.index:
                note = self.record.get(PORT + name)
                self.record.put(PORT + name, None)
                self.record.put(PORT + port.name, note)
                return
        member = "member" if port.master == owned.device.index else "free"
        state = "up" if port.up else "down"
        self.record.put(PORT + port.name, f"{port.index} {state} {port.mtu} {member}")

    def attach(self, owned: Owned, port: Link, mtu: "int | None") -> None:
        """Make a device an active port of the bridge, in one step."""
        bridge = owned.device.index
        if port.master not in (0, bridge):
            raise Failed(f"{port.name} is a port of another device by now: take it out there first")
        if port.master != bridge or not port.up or (mtu and port.mtu != mtu):
            master = None if port.master == bridge else bridge
            self.links.set(port, master=master, up=True, mtu=mtu if port.mtu != mtu else None)

    def release(self, name: str, bridge: int) -> None:
        """Leave a port of ``bridge``, an index, as it was found, unless it is elsewhere by now."""
        note = (self.record.get(PORT + name) or "").split()
        port = attached_as(self.links, self.record, name)
        if len(note) != 4 or port is None:
            return
        if port.master not in (0, bridge):
            return
        _, state, mtu, member = note
        back = int(mtu) if self.record.get(WAS + "mtu") else port.mtu
        self.links.set(
            port,
            master=0 if member == "free" and port.master else None,
            up=False if state == "down" and port.up else None,
            mtu=back if back != port.mtu else None,
        )

    # settings

    def note_settings(self, owned: Owned, wanted: "Mapping[str, object]") -> None:
        """Remember what each setting is before we change it."""
        for name in wanted:
            if self.record.get(WAS + name) is None:
                self.record.put(WAS + name, str(owned.device.setting(name)))

    def given_back(self, wanted: "Mapping[str, object]") -> "dict[str, int | str]":
        """Settings that we changed and that are not wanted any more, as they were."""
        back: dict[str, int | str] = {}
        for key, text in self.record.notes.items():
            name = key[len(WAS) :]
            if key.startswith(WAS) and name not in wanted and name != "up":
                back[name] = text if name == "address" else int(text)
        return back

    def set(self, owned: Owned, wanted: "Mapping[str, int | str]") -> None:
        """Write settings that differ, each by itself so that a refusal names it."""
        device = owned.device
        for name in sorted(wanted, key=lambda name: order(name, wanted)):
            if device.is_set(name, wanted[name]):
                continue
            if name == "mtu":
                self.links.set(device, mtu=int(wanted[name]))
            elif name == "address":
                self.links.set(device, address=str(wanted[name]))
            else:
                self.links.set_bridge(device, {name: int(wanted[name])})

    # the way back

    def undo(self, owned: Owned) -> None:
        """Leave things as they were found: the mark goes last, so this can be taken up again."""
        if not owned.unfinished:
            self.links.set(owned.device, alias=self.alias(owned, unfinished=True))
        for name in noted_ports(self.record):
            self.release(name, owned.device.index)
        if not owned.adopted:
            self.links.delete(owned.device)
            return
        self.set(owned, self.given_back({}))
        self.forget()
        up = False if self.record.get(WAS + "up") == "0" else None
        alias = None if owned.unmarked else owned.alias
        self.links.set(owned.device, alias=alias, up=up)

    def forget(self) -> None:
        """No more ours by the record either; a full or read-only /run is no reason to fail."""
        self.record.put("bridge", None)
        try:
            self.record.save()
        except Failed as exc:
            self.record.host.log(str(exc))


def shortened(alias: str) -> str:
    while len(alias.encode(errors="surrogateescape")) > LONGEST_ALIAS:
        alias = alias[:-1]
    return alias


def order(name: str, wanted: "Mapping[str, int | str]") -> "tuple[int, str]":
    """Off before delays, on after them: with stp on, the kernel takes only some delays."""
    if name != "stp":
        return 1, name
    return (2, name) if wanted[name] else (0, name)
