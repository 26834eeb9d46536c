"""A namespace as it is given, NSID=PATH[,KEY=VALUE...], and what hosts know it by."""

from hactl_agents.declare import numeral, parse_boolean
from hactl_agents.nvmeof import names

MOST = 1024  # NVMET_MAX_NAMESPACES
MOST_GROUPS = 128  # NVMET_MAX_ANAGRPS
ONCE = {
    "nsid": "number", "path": "path", "stable_id": "id", "given_uuid": "UUID",
    "given_nguid": "NGUID",
}  # fmt: skip
FORM = "NSID=PATH[,KEY=VALUE...], such as 1=/dev/rbd/vms/vol1"


class Namespace:
    """``stable_id`` is what the identifiers are made from where they are not given."""

    def __init__(self, nsid: int, path: str) -> None:
        self.nsid = nsid
        self.path = path
        self.stable_id = str(nsid)
        self.given_uuid = ""
        self.given_nguid = ""
        self.ana_group = 1
        self.buffered: bool | None = None  # None: only where the file system cannot do otherwise

    def uuid(self, nqn: str) -> str:
        return self.given_uuid or names.uuid(nqn, self.stable_id)

    def nguid(self, nqn: str) -> str:
        return self.given_nguid or names.nguid(nqn, self.stable_id)


def parse_namespaces(text: str) -> "tuple[Namespace, ...]":
    if not text.isprintable():
        raise ValueError("contains a control character: remove it")
    found = tuple([parse_namespace(word) for word in text.split()])
    for attribute, what in ONCE.items():
        values = [getattr(each, attribute) for each in found]
        twice = [value for value in values if value and values.count(value) > 1]
        if twice:
            raise ValueError(f"gives the {what} {twice[0]} to two namespaces")
    if not found:
        raise ValueError(f"names none; one is {FORM}")
    return found


def parse_namespace(word: str) -> Namespace:
    head, *pairs = word.split(",")
    digits, equals, path = head.partition("=")
    if not equals or not digits.isascii() or not digits.isdigit():
        raise ValueError(f"has {word!r}, which is not {FORM}")
    number = numeral(digits, 1, MOST)
    if number is None or digits != str(number):
        raise ValueError(f"has the number {digits[:20]}; they go from 1 to {MOST}")
    if path[:1] != "/" or "/../" in f"{path}/":
        raise ValueError(f"has {path!r} for a path; give the whole path, from /")
    namespace = Namespace(number, path)
    given = set()
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if key not in KEYS or not equals or key in given:
            raise ValueError(f"has {pair!r}; the keys are {', '.join(KEYS)}, each once")
        given.add(key)
        KEYS[key](namespace, value)
    return namespace


def take_id(namespace: Namespace, value: str) -> None:
    if not value or not names.IN_A_NQN.issuperset(value):
        raise ValueError(f"has the id {value!r}; use letters, digits and . : - _ + @")
    namespace.stable_id = value


def take_uuid(namespace: Namespace, value: str) -> None:
    namespace.given_uuid = identifier("uuid", value)


def take_nguid(namespace: Namespace, value: str) -> None:
    namespace.given_nguid = identifier("nguid", value)


def identifier(key: str, value: str) -> str:
    try:
        return names.parse_uuid(value)
    except ValueError as exc:
        raise ValueError(f"has {key}={value}, which {exc}") from None


def take_group(namespace: Namespace, value: str) -> None:
    group = numeral(value, 1, MOST_GROUPS)
    if group is None:
        raise ValueError(f"has ana_group={value}; they go from 1 to {MOST_GROUPS}")
    namespace.ana_group = group


def take_buffered(namespace: Namespace, value: str) -> None:
    try:
        namespace.buffered = parse_boolean(value)
    except ValueError as exc:
        raise ValueError(f"has buffered_io={value}, which {exc}") from None


KEYS = {
    "id": take_id,
    "uuid": take_uuid,
    "nguid": take_nguid,
    "ana_group": take_group,
    "buffered_io": take_buffered,
}
