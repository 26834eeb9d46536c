"""A namespace as it is given, NSID=PATH[,KEY=VALUE...], and what hosts know it by."""

from hactl_agents.declare import numeral
from hactl_agents.gateway.numbered_paths import flag, refuse_twice, split, take
from hactl_agents.nvmeof import names

MOST = 1024  # NVMET_MAX_NAMESPACES
MOST_GROUPS = 128  # NVMET_MAX_ANAGRPS
FORM = "NSID=PATH[,KEY=VALUE...]"


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
    refuse_twice("number", [str(each.nsid) for each in found])
    refuse_twice("path", [each.path for each in found])
    refuse_twice("id", [each.stable_id for each in found])
    refuse_twice("UUID", [each.given_uuid for each in found])
    refuse_twice("NGUID", [each.given_nguid for each in found])
    if not found:
        raise ValueError(f"names none; one is {FORM}")
    return found


def parse_namespace(word: str) -> Namespace:
    number, path, pairs = split(word, FORM, 1, MOST)
    if path[:1] != "/" or "/../" in f"{path}/":
        raise ValueError(f"has {path!r} for a path; give the whole path, from /")
    namespace = Namespace(number, path)
    take(pairs, KEYS, namespace)
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
    namespace.buffered = flag("buffered_io", value)


KEYS = {
    "id": take_id,
    "uuid": take_uuid,
    "nguid": take_nguid,
    "ana_group": take_group,
    "buffered_io": take_buffered,
}
