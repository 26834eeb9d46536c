"""Parameters: declared once on a class; parsing, checks, metadata, help and pages are made from it.

    class LinuxBridge(Agent):
        bridge: str = string("Name of the bridge", required=True, unique="bridge")
        mtu: int | None = integer("MTU of the bridge in bytes", minimum=68, maximum=65535)

Reading ``agent.mtu`` gives the parsed value. Nothing here touches the operating system.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

TRUE = frozenset({"1", "yes", "true", "on", "y"})
FALSE = frozenset({"0", "no", "false", "off", "n"})
LONGEST = 100 * 24 * 3600  # seconds: what can be waited for with any clock of the system's
SECONDS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hr": 3600}


class BadValue(ValueError):
    """A parameter has a value it cannot have; the message is a sentence."""


class Param:
    """One declared parameter.

    ``kind`` is the type in the metadata (string, integer, boolean: all that OCF 1.1 and every
    validator accept). ``unique`` names the group of parameters whose values together must differ
    between resources. ``reloadable`` parameters are applied by reload-agent, without a restart.
    ``private`` values are kept out of messages and records.
    """

    def __init__(
        self,
        kind: str,
        parse: "Callable[[str], Any]",
        shortdesc: str,
        *,
        default: "Any" = None,
        required: bool = False,
        unique: str = "",
        reloadable: bool = False,
        private: bool = False,
        longdesc: str = "",
        example: str = "",
        choices: "Sequence[str]" = (),
    ) -> None:
        self.name = ""
        self.kind = kind
        self.parse = parse
        self.shortdesc = shortdesc
        self.longdesc = longdesc or shortdesc
        self.default = default
        self.required = required
        self.unique = unique
        self.reloadable = reloadable
        self.private = private
        self.example = example
        self.choices = choices

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: "Any", owner: type) -> "Any":
        return self if instance is None else instance.values[self.name]

    def read(self, text: "str | None") -> "Any":
        """The parsed value of ``text``, or the default where nothing was given.

        Raises BadValue, naming the parameter and what it takes.
        """
        if not text:
            if self.required:
                raise BadValue(f"{self.name}: this required parameter is not set")
            return self.default
        try:
            return self.parse(text)
        except ValueError as exc:
            raise BadValue(f"{self.name}: {self.shown(text)} {exc}") from None

    def shown(self, text: str) -> str:
        """``text`` as a message may show it: short, printable, and never a private value."""
        if self.private:
            return "the given value"
        return repr(text if len(text) <= 60 else text[:57] + "...")

    def default_text(self) -> "str | None":
        """The default as it is spelled in metadata and in ``key=value``."""
        if self.default is None:
            return None
        if self.default is True or self.default is False:
            return "true" if self.default else "false"
        if isinstance(self.default, tuple):
            return " ".join(self.default)
        return str(self.default)


def declared(cls: type) -> "dict[str, Param]":
    """The parameters of a class and of its bases, in order of declaration."""
    found: dict[str, Param] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, Param):
                found[name] = value
    return found


def parse_all(
    params: "Mapping[str, Param]", texts: "Mapping[str, str]"
) -> "tuple[Values, list[str]]":
    """Every value, and every complaint: (values, complaints).

    A value that could not be parsed is absent; reading it raises its complaint.
    """
    values = Values()
    for name, param in params.items():
        try:
            values[name] = param.read(texts.get(name))
        except BadValue as exc:
            values.complaints[name] = str(exc)
    return values, list(values.complaints.values())


class Values(dict):  # type: ignore[type-arg]
    """Parsed values; reading one that was wrong raises BadValue with the original complaint."""

    def __init__(self) -> None:
        super().__init__()
        self.complaints: dict[str, str] = {}

    def __missing__(self, name: str) -> "Any":
        raise BadValue(self.complaints.get(name, f"{name}: no such parameter"))


# The return types below are what an *instance* sees; readers and type checkers want that one.


def string(
    shortdesc: str,
    default: "str | None" = None,
    *,
    forbid: str = "",
    multiline: bool = False,
    **more: "Any",
) -> "Any":
    """Text without control characters, and without the characters in ``forbid``."""
    return Param("string", text_parser(forbid, multiline), shortdesc, default=default, **more)


def integer(
    shortdesc: str,
    default: "int | None" = None,
    *,
    minimum: "int | None" = None,
    maximum: "int | None" = None,
    **more: "Any",
) -> "Any":
    """A decimal number from ``minimum`` to ``maximum``, both included."""
    return Param("integer", integer_parser(minimum, maximum), shortdesc, default=default, **more)


def boolean(shortdesc: str, default: "bool | None" = False, **more: "Any") -> "Any":
    """true or false, in the spellings Pacemaker knows."""
    return Param("boolean", parse_boolean, shortdesc, default=default, **more)


def seconds(shortdesc: str, default: "int | None" = None, **more: "Any") -> "Any":
    """A duration such as 20, 20s, 2m or 1h; the value is in whole seconds."""
    return Param("string", parse_seconds, shortdesc, default=default, **more)


def choice(
    shortdesc: str, *choices: str, default: "str | None" = None, longdesc: str = "", **more: "Any"
) -> "Any":
    """One word out of ``choices``."""
    return Param(
        "string",
        choice_parser(choices),
        shortdesc,
        default=default,
        longdesc=f"{longdesc or shortdesc}. One of: {', '.join(choices)}.",
        choices=choices,
        **more,
    )


def words(
    shortdesc: str, default: "tuple[str, ...] | None" = (), *, forbid: str = "", **more: "Any"
) -> "Any":
    """Words separated by spaces; the value is a tuple."""
    clean = text_parser(forbid, multiline=False)
    return Param(
        "string", lambda text: tuple(clean(text).split()), shortdesc, default=default, **more
    )


def parsed(
    shortdesc: str, parse: "Callable[[str], Any]", default: "Any" = None, **more: "Any"
) -> "Any":
    """What ``parse`` makes of the text; it raises ValueError with the end of a sentence."""
    return Param("string", parse, shortdesc, default=default, **more)


def text_parser(forbid: str, multiline: bool) -> "Callable[[str], str]":
    allowed = "\n\t" if multiline else ""

    def parse(text: str) -> str:
        for character in text:
            if (character < " " or character == "\x7f") and character not in allowed:
                raise ValueError("contains a control character: remove it")
            if "\ud800" <= character <= "\udfff":  # what could not be decoded
                raise ValueError("is not UTF-8")
            if character in forbid:
                raise ValueError(f"contains {character!r}, which is not allowed here")
        return text

    return parse


def numeral(text: str, lowest: int, highest: int) -> "int | None":
    """The number that plain digits stand for, if it is one from ``lowest`` to ``highest``."""
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        return None
    return int(text) if lowest <= int(text) <= highest else None


def integer_parser(minimum: "int | None", maximum: "int | None") -> "Callable[[str], int]":
    def parse(text: str) -> int:
        digits = text[1:] if text[0] == "-" else text
        if not digits.isascii() or not digits.isdigit() or len(digits) > 18:
            raise ValueError("is not a whole number")
        number = int(text)
        if minimum is not None and number < minimum:
            raise ValueError(f"is less than {minimum}")
        if maximum is not None and number > maximum:
            raise ValueError(f"is more than {maximum}")
        return number

    return parse


def parse_boolean(text: str) -> bool:
    word = text.lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise ValueError("is neither true nor false")


def parse_seconds(text: str) -> int:
    """``20``, ``20s``, ``2m`` or ``1h`` in seconds."""
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = text[len(number) :] or "s"
    if not number.isascii() or not number.isdigit() or unit not in SECONDS or len(number) > 9:
        raise ValueError("is not a duration such as 20s, 2m or 1h")
    if int(number) * SECONDS[unit] > LONGEST:
        raise ValueError("is longer than a hundred days")
    return int(number) * SECONDS[unit]


def choice_parser(choices: "Sequence[str]") -> "Callable[[str], str]":
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"is none of {', '.join(choices)}")
        return text

    return parse
