"""What a libvirt document says about a guest: a definition, or libvirt's own status file.

Reads with expat, which is built into the interpreter. Knows nothing of files or processes.
"""

import pyexpat

from hactl_agents.declare import BadValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

# A guest we started carries, in its <metadata>, whose it is: <guest xmlns="urn:hactl" .../>
NAMESPACE = "urn:hactl"
MARK = f"{NAMESPACE} guest"
SEPARATOR = " "


class Facts:
    """What one document says; '' and 0 where it does not say.

    ``kind`` is the domain's type (kvm, qemu, ...). ``mark`` is the resource instance that started
    the guest. ``state``, ``reason``, ``job`` and ``pid`` are in status files only, in the words
    of libvirt's own lists (src/conf/domain_conf.c).
    """

    def __init__(self) -> None:
        self.name = ""
        self.uuid = ""
        self.kind = ""
        self.mark = ""
        self.state = ""
        self.reason = ""
        self.job = ""
        self.pid = 0


def read(text: str) -> Facts:
    """The facts in a definition, a ``<domain>``. Raises BadValue, a sentence."""
    return Reader("domain").read(text)


def read_status(text: str) -> Facts:
    """The facts in a status file, a ``<domstatus>``, read no further than needed."""
    head, _, rest = text.partition("<qemuCaps>")  # some hundred lines that say nothing to us
    return Reader("domstatus").read(head + rest.partition("</qemuCaps>")[2])


def same_uuid(one: str, other: str) -> bool:
    return bool(one) and plain(one) == plain(other)


def plain(uuid: str) -> str:
    return uuid.replace("-", "").strip().lower()


def is_uuid(text: str) -> bool:
    digits = plain(text)
    return len(digits) == 32 and not digits.strip("0123456789abcdef")


class Enough(Exception):
    """What follows is of no interest."""


class Reader:
    """Follows the elements down to the domain's own name, uuid and metadata."""

    def __init__(self, root: str) -> None:
        self.facts = Facts()
        self.root = root
        self.inside = 1 if root == "domain" else 2  # depth of what is in the domain
        self.path: list[str] = []
        self.text = ""
        self.marked = ("", "")
        self.parser = pyexpat.ParserCreate(namespace_separator=SEPARATOR)
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.StartDoctypeDeclHandler = refuse_doctype

    def read(self, text: str) -> Facts:
        try:
            self.parser.Parse(text, True)
        except Enough:
            pass
        except pyexpat.ExpatError as exc:
            raise BadValue(f"not well-formed XML: {exc}") from None
        except ValueError as exc:
            raise BadValue(str(exc)) from None
        resource, uuid = self.marked
        if same_uuid(uuid, self.facts.uuid):  # a copy of our guest is not our guest
            self.facts.mark = resource
        return self.facts

    def start(self, tag: str, attributes: "dict[str, str]") -> None:
        depth = len(self.path)
        self.path.append(tag)
        if depth == self.inside and self.path[-2] == "domain":
            self.start_inside(tag)
        elif depth == 0:
            self.start_root(tag, attributes)
        elif tag == "domain" and depth == 1 and self.inside == 2:
            self.facts.kind = attributes.get("type", "")
        elif tag == "job" and depth == 1:
            active = attributes.get("async", "none")
            self.facts.job = "" if active == "none" else active
        elif tag == MARK and depth == self.inside + 1 and self.path[-2] == "metadata":
            self.marked = (attributes.get("resource", ""), attributes.get("uuid", ""))

    def start_root(self, tag: str, attributes: "dict[str, str]") -> None:
        if tag != self.root:
            raise BadValue(f"this is no libvirt <{self.root}>, but a <{tag}>")
        pid = attributes.get("pid", "")
        self.facts.pid = int(pid) if pid.isascii() and pid.isdigit() else 0
        self.facts.state = attributes.get("state", "")
        self.facts.reason = attributes.get("reason", "")
        self.facts.kind = attributes.get("type", "")

    def start_inside(self, tag: str) -> None:
        if tag in ("name", "uuid"):
            self.text = ""
            self.parser.CharacterDataHandler = self.data
        elif tag == "memory" and self.inside == 2:
            raise Enough  # libvirt writes what says which guest it is before this

    def end(self, tag: str) -> None:
        self.path.pop()
        if self.parser.CharacterDataHandler is not None and len(self.path) == self.inside:
            self.parser.CharacterDataHandler = None
            if tag == "name":
                self.facts.name = self.text
            else:
                self.facts.uuid = self.text.strip()

    def data(self, text: str) -> None:
        self.text += text


def refuse_doctype(*_: object) -> "NoReturn":
    raise BadValue("a libvirt domain has no DOCTYPE: remove it")
