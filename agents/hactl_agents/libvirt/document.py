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
    """The facts in a ``<domain>`` or ``<domstatus>`` document. Raises BadValue, a sentence."""
    return Reader().read(text)


def same_uuid(one: str, other: str) -> bool:
    return bool(one) and plain(one) == plain(other)


def plain(uuid: str) -> str:
    return uuid.replace("-", "").strip().lower()


def is_uuid(text: str) -> bool:
    digits = plain(text)
    return len(digits) == 32 and not digits.strip("0123456789abcdef")


class Reader:
    """Follows the elements down to the domain's own name, uuid and metadata."""

    def __init__(self) -> None:
        self.facts = Facts()
        self.path: list[str] = []
        self.text = ""
        self.marked = ("", "")
        parser = pyexpat.ParserCreate(namespace_separator=SEPARATOR)
        parser.buffer_text = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.data
        parser.StartDoctypeDeclHandler = refuse_doctype
        self.parser = parser

    def read(self, text: str) -> Facts:
        try:
            self.parser.Parse(text, True)
        except pyexpat.ExpatError as exc:
            raise BadValue(f"not well-formed XML: {exc}") from None
        except ValueError as exc:
            raise BadValue(str(exc)) from None
        resource, uuid = self.marked
        if same_uuid(uuid, self.facts.uuid):  # a copy of our guest is not our guest
            self.facts.mark = resource
        return self.facts

    def start(self, tag: str, attributes: "dict[str, str]") -> None:
        if not self.path and tag not in ("domain", "domstatus"):
            raise BadValue(f"this is no libvirt domain, but a <{tag}>")
        self.path.append(tag)
        self.text = ""
        depth = len(self.path)
        if depth == 1 and tag == "domstatus":
            self.status(attributes)
        elif tag == "domain" and depth < 3:
            self.facts.kind = attributes.get("type", "")
        elif tag == "job" and depth == 2:
            active = attributes.get("async", "none")
            self.facts.job = "" if active == "none" else active
        elif tag == MARK and self.path[-3:-1] == ["domain", "metadata"]:
            self.marked = (attributes.get("resource", ""), attributes.get("uuid", ""))

    def status(self, attributes: "dict[str, str]") -> None:
        pid = attributes.get("pid", "")
        self.facts.pid = int(pid) if pid.isascii() and pid.isdigit() else 0
        self.facts.state = attributes.get("state", "")
        self.facts.reason = attributes.get("reason", "")

    def end(self, tag: str) -> None:
        self.path.pop()
        if self.path in (["domain"], ["domstatus", "domain"]):
            if tag == "name":
                self.facts.name = self.text
            elif tag == "uuid":
                self.facts.uuid = self.text.strip()

    def data(self, text: str) -> None:
        self.text += text


def refuse_doctype(*_: object) -> "NoReturn":
    raise BadValue("a libvirt domain has no DOCTYPE: remove it")
