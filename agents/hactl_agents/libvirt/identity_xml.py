"""Which guest a libvirt document is about: a definition, or libvirt's own status file.

Reads with expat, which is built into the interpreter. Knows nothing of files or processes.
"""

import pyexpat

from hactl_agents.declare import BadValue
from hactl_agents.libvirt.identity import NAMESPACE, Identity, plain, same_uuid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

MARK = f"{NAMESPACE} guest"
SEPARATOR = " "
SAID = ("resource", "uuid", "until", "asked")  # by that mark


def read(text: str) -> Identity:
    """Whom a definition, a ``<domain>``, defines. Raises BadValue, a sentence."""
    return Reader("domain").read(text)


def read_status(text: str) -> Identity:
    """Whom a status file, a ``<domstatus>``, is about; read no further than needed."""
    head, _, rest = text.partition("<qemuCaps>")  # some hundred lines that say nothing to us
    return Reader("domstatus").read(head + rest.partition("</qemuCaps>")[2])


def is_uuid(text: str) -> bool:
    digits = plain(text)
    return len(digits) == 32 and not digits.strip("0123456789abcdef")


class Enough(Exception):
    """What follows is of no interest."""


class Reader:
    """Follows the elements down to the domain's own name, uuid and metadata."""

    def __init__(self, root: str) -> None:
        self.found = Identity()
        self.root = root
        self.inside = 1 if root == "domain" else 2  # depth of what is in the domain
        self.path: list[str] = []
        self.text = ""
        self.marked: tuple[str, ...] = ("",) * len(SAID)
        self.parser = pyexpat.ParserCreate(namespace_separator=SEPARATOR)
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.StartDoctypeDeclHandler = refuse_doctype

    def read(self, text: str) -> Identity:
        try:
            self.parser.Parse(text, True)
        except Enough:
            pass
        except pyexpat.ExpatError as exc:
            raise BadValue(f"not well-formed XML: {exc}") from None
        except ValueError as exc:
            raise BadValue(str(exc)) from None
        resource, uuid, until, asked = self.marked
        if same_uuid(uuid, self.found.uuid):  # a copy of our guest is not our guest
            self.found.mark = resource
            self.found.until_started = until == "started"
            self.found.asked = asked
        return self.found

    def start(self, tag: str, attributes: "dict[str, str]") -> None:
        depth = len(self.path)
        self.path.append(tag)
        if depth == self.inside and self.path[-2] == "domain":
            self.start_inside(tag)
        elif depth == 0:
            self.start_root(tag, attributes)
        elif tag == "domain" and depth == 1 and self.inside == 2:
            self.found.kind = attributes.get("type", "")
        elif tag == MARK and depth == self.inside + 1 and self.path[-2] == "metadata":
            self.marked = tuple(attributes.get(key, "") for key in SAID)

    def start_root(self, tag: str, attributes: "dict[str, str]") -> None:
        if tag != self.root:
            raise BadValue(f"this is not a libvirt <{self.root}>, but a <{tag}>")
        self.found.kind = attributes.get("type", "")

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
                self.found.name = self.text
            else:
                self.found.uuid = self.text.strip()

    def data(self, text: str) -> None:
        self.text += text


def refuse_doctype(*_: object) -> "NoReturn":
    raise BadValue("a libvirt domain has no DOCTYPE: remove it")
