"""Whose a bridge is: it carries the name of its owner, and what is to be known of it, in its alias.

The mark is ``hactl:RESOURCE``, followed by ``unfinished`` while a start or stop is under way, and
by ``adopted`` and the alias it had before. So ownership outlives /run/hactl; the record helps only
where somebody wiped the mark off.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.netlink.links import Link, Links
    from hactl_agents.ocf.record import Record

OWNER = "hactl:"
UNFINISHED, ADOPTED = "unfinished", "adopted"
BORN = 0x68616374  # device group of a bridge from its first moment until it has its alias ("hact")


class Owned:
    """A bridge that is ours: the device, and how it came to be ours."""

    def __init__(
        self, device: "Link", *, adopted: bool = False, unfinished: bool = False, alias: str = ""
    ) -> None:
        self.device = device
        self.adopted = adopted
        self.unfinished = unfinished
        self.alias = alias  # what it was before it was ours
        self.unmarked = False  # it does not carry our mark, yet or any more


def find(links: "Links", record: "Record", mark: str, name: str) -> "Owned | None":
    """The bridge ``name``, if it is marked as ours. Raises Failed where that cannot be told."""
    device = links.get(name)
    if device is None or device.kind != "bridge":
        return None
    if device.group == BORN and not device.alias:
        return Owned(device, unfinished=True)
    owner, _, rest = device.alias.partition(" ")
    if owner == mark:
        return described(device, rest)
    owned = remembered(record, device)
    return None if owned is None or is_given_back(links, record, owned) else owned


def remembered(record: "Record", device: "Link") -> "Owned | None":
    """Ours by the record, if it is this very device and nobody else's mark is on it."""
    index, _, how = (record.get("bridge") or "").partition(" ")
    if index != str(device.index) or device.alias.startswith(OWNER):
        return None
    owned = described(device, how)
    owned.unmarked = True
    return owned


def is_given_back(links: "Links", record: "Record", owned: Owned) -> bool:
    """Whether nothing of ours is left on an adopted bridge: a record that could not be written,
    as /run was full or read-only when it was given back, proves nothing.
    """
    device = owned.device
    if not owned.adopted or device.alias != owned.alias:
        return False
    for key, text in record.notes.items():
        kind, _, name = key.partition(".")
        if kind == "was" and name != "up" and str(device.setting(name)) != text:
            return False
        port = links.get(name) if kind == "port" and text.endswith(" free") else None
        if port is not None and port.master == device.index:
            return False
    return True


def described(device: "Link", words: str) -> Owned:
    """Read the rest of the mark: ``[unfinished] [adopted [ALIAS]]``."""
    unfinished = words == UNFINISHED or words.startswith(UNFINISHED + " ")
    if unfinished:
        words = words[len(UNFINISHED) + 1 :]
    adopted = words == ADOPTED or words.startswith(ADOPTED + " ")
    alias = words[len(ADOPTED) + 1 :] if adopted else ""
    return Owned(device, adopted=adopted, unfinished=unfinished, alias=alias)
