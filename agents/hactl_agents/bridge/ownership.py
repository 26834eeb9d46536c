"""Whose a bridge is: it carries the name of its owner, and what is to be known of it, in its alias.

The mark is ``hactl:RESOURCE``, followed by ``unfinished`` while a start or stop is under way, and
by ``adopted`` and the alias it had before. So ownership outlives /run/hactl; the record helps only
where somebody wiped the mark off, gave the bridge another name, or where the former alias is too
long to stand behind the mark as a whole.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.netlink.links import Link, Links
    from hactl_agents.ocf.record import Record

OWNER = "hactl:"
UNFINISHED, ADOPTED = "unfinished", "adopted"
PORT = "port."  # begins the name of a note on a port
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
        self.renamed = False  # somebody gave it another name


def find(links: "Links", record: "Record", mark: str, name: str) -> "Owned | None":
    """The bridge ``name``, or the one that had that name, if it is ours. Raises Failed where that
    cannot be told.
    """
    device = links.get(name)
    owned = of_ours(links, record, mark, device) if device is not None else None
    return owned or renamed(links, record, mark, device)


def of_ours(links: "Links", record: "Record", mark: str, device: "Link") -> "Owned | None":
    if device.kind != "bridge":
        return None
    if device.group == BORN and not device.alias:
        return Owned(device, unfinished=True)
    owner, _, rest = device.alias.partition(" ")
    if owner == mark:
        return described(record, device, rest)
    owned = remembered(record, device)
    return None if owned is None or is_given_back(links, record, owned) else owned


def renamed(links: "Links", record: "Record", mark: str, namesake: "Link | None") -> "Owned | None":
    """Our bridge where it has another name by now: the very device that the record speaks of."""
    index = (record.get("bridge") or "").partition(" ")[0]
    if not index.isdigit() or (namesake is not None and namesake.index == int(index)):
        return None
    device = links.at(int(index))
    owned = of_ours(links, record, mark, device) if device is not None else None
    if owned is not None:
        owned.renamed = True
    return owned


def remembered(record: "Record", device: "Link") -> "Owned | None":
    """Ours by the record, if it is this very device and nobody else's mark is on it."""
    index, _, how = (record.get("bridge") or "").partition(" ")
    if index != str(device.index) or device.alias.startswith(OWNER):
        return None
    owned = described(record, device, how)
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
        index = text.partition(" ")[0]
        port = links.at(int(index)) if kind == "port" and text.endswith(" free") else None
        if port is not None and port.master == device.index:
            return False
    return True


def noted_ports(record: "Record") -> "dict[str, int]":
    """The ports that were attached: the name each had, and its index."""
    found = {}
    for key, text in record.notes.items():
        index = text.partition(" ")[0]
        if key.startswith(PORT) and index.isdigit():
            found[key[len(PORT) :]] = int(index)
    return found


def attached_as(links: "Links", record: "Record", name: str) -> "Link | None":
    """The device that was attached under a name, whatever it is called by now."""
    index = noted_ports(record).get(name)
    return links.at(index) if index is not None else None


def described(record: "Record", device: "Link", words: str) -> Owned:
    """Read the rest of the mark: ``[unfinished] [adopted [ALIAS]]``, cut off where it was too long
    for the kernel; the record has it whole.
    """
    unfinished = words == UNFINISHED or words.startswith(UNFINISHED + " ")
    if unfinished:
        words = words[len(UNFINISHED) + 1 :]
    adopted = words == ADOPTED or words.startswith(ADOPTED + " ")
    alias = words[len(ADOPTED) + 1 :] if adopted else ""
    whole = record.get("alias") or ""
    alias = whole if adopted and whole.startswith(alias) else alias
    return Owned(device, adopted=adopted, unfinished=unfinished, alias=alias)
