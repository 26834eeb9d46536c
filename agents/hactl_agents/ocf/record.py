"""What an agent wrote down when it started a resource: enough to find it again without its
configuration. A text of ``key=value`` lines, private to root, gone at reboot; where /run outlives
that, what was noted under another boot id is not believed: pids and indexes begin anew.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from hactl_agents.host.host import Host

PARAM = "param."
BOOT, BOOT_ID = "boot", "/proc/sys/kernel/random/boot_id"
SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


class Record:
    """The notes on one resource instance. Changes count only after ``save``."""

    def __init__(self, host: "Host", instance: str) -> None:
        self.host = host
        self.name = file_name(instance)
        self.notes = parse(host.load(self.name) or "")
        noted = self.notes.pop(BOOT, "")
        if noted and noted != boot_id(host):
            self.notes = {}

    def get(self, key: str) -> "str | None":
        return self.notes.get(key)

    def put(self, key: str, value: "str | None") -> None:
        if value is None:
            self.notes.pop(key, None)
        else:
            self.notes[key] = value

    def save(self) -> None:
        boot = boot_id(self.host) if self.notes else ""
        self.host.save(self.name, render({BOOT: boot, **self.notes} if boot else self.notes))

    def drop(self) -> None:
        self.notes = {}
        self.host.drop(self.name)

    def parameters(self) -> "dict[str, str]":
        """The parameters, as text, that the resource was started with."""
        return {
            key[len(PARAM) :]: value for key, value in self.notes.items() if key.startswith(PARAM)
        }

    def put_parameters(self, texts: "Mapping[str, str]") -> None:
        for key in [key for key in self.notes if key.startswith(PARAM)]:
            del self.notes[key]
        for name, text in texts.items():
            self.notes[PARAM + name] = text


def boot_id(host: "Host") -> str:
    return (host.read(BOOT_ID) or "").rstrip("\n")


def file_name(instance: str) -> str:
    """A file name for a resource instance: injective, and never a path."""
    return "".join(c if c in SAFE else f"%{ord(c):x}." for c in instance) + ".run"


def parse(text: str) -> "dict[str, str]":
    """The notes in ``text``; a line that is not a note is no reason to fail a stop."""
    notes = {}
    for line in text.split("\n"):
        key, equals, value = line.partition("=")
        if equals:
            notes[key] = unescape(value)
    return notes


def unescape(value: str) -> str:
    if "\\" not in value:
        return value
    return "\\".join(part.replace("\\n", "\n") for part in value.split("\\\\"))


def render(notes: "Mapping[str, str]") -> str:
    lines = []
    for key, value in notes.items():
        escaped = value.replace("\\", "\\\\").replace("\n", "\\n")
        lines.append(f"{key}={escaped}\n")
    return "".join(lines)
