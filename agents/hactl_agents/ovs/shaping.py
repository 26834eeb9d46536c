"""How the kernel shapes a device: its queueing disciplines, by rtnetlink; judges nothing."""

from hactl_agents.netlink.messages import attributes, name_in, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.netlink.links import Links

GETQDISC, DUMP, TCA_KIND = 38, 0x300, 1


def qdiscs(links: "Links", index: int) -> "list[str]":
    """The kinds of queueing disciplines of a device (rtnetlink(7), struct tcmsg)."""
    replies = links.ask(GETQDISC, DUMP, bytes(20), "listing queueing disciplines")
    mine = [reply for reply in replies if value(reply[4:8]) == index]
    return [name_in(attributes(reply, 20).get(TCA_KIND, b"")) for reply in mine]


def of(links: "Links", names: "tuple[str, ...]") -> str:
    """How some devices are shaped, in one line."""
    words = []
    for name in names:
        link = links.get(name)
        words.append(f"{name} by {' '.join(qdiscs(links, link.index)) if link else 'nothing'}")
    return ", ".join(words)
