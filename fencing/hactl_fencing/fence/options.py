"""What a fence agent is told: ``key=value`` lines on standard input, or a command line."""

from hactl_agents.declare import BadValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hactl_agents.declare import Param
    from hactl_fencing.fence.device import FenceDevice

# the letters fencing.py has always given these
LETTERS = {
    "action": "o",
    "plug": "n",
    "ip": "a",
    "ipport": "u",
    "username": "l",
    "password_file": "P",
}
# what older configurations say, and Pacemaker's own name for the node to act on
SYNONYMS = {"option": "action", "port": "plug"}
FLAGS = {"-h": "help", "--help": "help", "-V": "version", "--version": "version"}
LONGEST = 65536  # bytes of standard input


def letter(device: "type[FenceDevice]", name: str) -> str:
    return device.letters.get(name, LETTERS.get(name, ""))


def long_form(name: str) -> str:
    return "--" + name.replace("_", "-")


def from_lines(text: str, options: "Mapping[str, Param]") -> "dict[str, str]":
    """Option -> text. Unknown keys are Pacemaker's own and are ignored; the last value wins."""
    found = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if not key or key[0] == "#" or not equals:
            continue
        name = proper(key.strip(), options)
        if name:
            found[name] = value.strip()
    return found


def from_words(words: "Sequence[str]", device: "type[FenceDevice]") -> "dict[str, str]":
    """Option -> text from a command line. Raises BadValue, because a person is listening.

    Secrets are refused: everybody on the machine can read a command line.
    """
    options = device.options()
    letters = {f"-{letter(device, name)}": name for name in options if letter(device, name)}
    found = {}
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word in FLAGS:
            found["action"] = FLAGS[word]
            continue
        name, value = split(word, letters, options)
        if options[name].private:
            raise BadValue(f"{word.partition('=')[0]}: secrets do not belong on a command line")
        if value is None:
            if not queue:
                raise BadValue(f"{word}: a value is missing")
            value = queue.pop(0)
        found[name] = value
    return found


def split(
    word: str, letters: "Mapping[str, str]", options: "Mapping[str, Param]"
) -> "tuple[str, str | None]":
    """The option a word names, and the value in it, if any: --plug=a, -na, -n a."""
    if word[:2] == "--":
        key, equals, value = word[2:].partition("=")
        name = proper(key.replace("-", "_"), options)
        if name:
            return name, value if equals else None
    elif word[:2] in letters:
        return letters[word[:2]], word[2:] or None
    raise BadValue(f"{word}: there is no such option; see --help")


def proper(key: str, options: "Mapping[str, Param]") -> str:
    """The declared name for a key, '' where there is none."""
    if key in options:
        return key
    synonym = SYNONYMS.get(key, "")
    return synonym if synonym in options else ""
