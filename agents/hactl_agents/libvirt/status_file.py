"""The head of libvirt's status file: what the monitor of a running guest needs, and no parser.

libvirt writes the file itself, always alike; whatever looks different says nothing here.
"""


class State:
    """``state``, ``reason`` and ``job`` in libvirt's words (src/conf/domain_conf.c), '' if unsaid.

    ``pid`` is the process the file is about, 0 if it does not say.
    """

    def __init__(self, state: str = "", reason: str = "", job: str = "", pid: int = 0) -> None:
        self.state = state
        self.reason = reason
        self.job = job
        self.pid = pid

    @property
    def half_made(self) -> bool:
        """Whether it is about a guest in the making that has no process yet."""
        return self.reason == "starting up" and not self.pid


def read(text: str) -> State:
    """The state in ``text``, with nothing in it where this is not a status file."""
    comment = text.find("-->") + 1  # it holds the guest's name, whatever that is
    head = text[comment : text.find("<domain ", comment)]
    root = attributes(head, "<domstatus ")
    pid = root.get("pid", "")
    if not pid.isascii() or not pid.isdigit():
        return State()
    job = attributes(head, "<job ").get("async", "none")
    return State(
        root.get("state", ""), root.get("reason", ""), "" if job == "none" else job, int(pid)
    )


def attributes(text: str, tag: str) -> "dict[str, str]":
    """The attributes of the first element that starts with ``tag``."""
    begin = text.find(tag)
    if begin < 0:
        return {}
    words = text[begin + len(tag) : text.find(">", begin)].split("'")
    return {name.strip(" ="): value for name, value in zip(words[::2], words[1::2], strict=False)}
