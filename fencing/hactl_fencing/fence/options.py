"""What a fence agent is told: ``key=value`` lines on standard input, or a command line."""

from hactl_agents.declare import BadValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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
# what str.splitlines, or a terminal, would take for the end of a line, and what ends a C string
ODD = frozenset("\0\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")


def letter(device: "type[FenceDevice]", name: str) -> str:
    return device.letters.get(name, LETTERS.get(name, ""))


def long_form(name: str) -> str:
    return "--" + name.replace("_", "-")


def from_lines(text: str, options: "Mapping[str, Param]") -> "dict[str, str]":
    """Option -> text. Unknown keys are Pacemaker's own and are ignored; the last value wins.

    Raises BadValue.
    """
    found = {}
    for key, value in pairs(text):
        name = proper(key, options)
        if name:
            found[name] = value
    return found


def pairs(text: str) -> "Iterator[tuple[str, str]]":
    """(key, value) of each line. Raises BadValue where it is not certain what is a line."""
    text = text.replace("\r\n", "\n")
    odd = next((each for each in text if each in ODD), "")
    if odd:
        raise BadValue(
            f"standard input has the character U+{ord(odd):04X}, which may be taken for the end of "
            "a line: remove it; nothing was done"
        )
    for line in text.split("\n"):
        key, equals, value = line.strip().partition("=")
        if key and key[0] != "#" and equals:
            yield key.strip(), value.strip()


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
