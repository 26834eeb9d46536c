"""The hosts' DH-HMAC-CHAP keys, from a file; no message ever shows one.

A line is HOSTNQN KEY [CONTROLLERKEY] [hash=...] [dhgroup=...]; # begins a comment.
"""

from hactl_agents.nvmeof.names import parse_nqn
from hactl_agents.ocf.errors import Failed, WrongHere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host

MARK = "DHHC-1"
# what the second field says of the third: the hash, and the length of the secret in bytes
SECRETS = {"00": (32, 48, 64), "01": (32,), "02": (48,), "03": (64,)}
HASHES = ("hmac(sha256)", "hmac(sha384)", "hmac(sha512)")
GROUPS = ("null", "ffdhe2048", "ffdhe3072", "ffdhe4096", "ffdhe6144", "ffdhe8192")


class Keys:
    """What one host is known by. nvmet attribute -> its value; '' for none."""

    def __init__(self) -> None:
        self.secret = {"dhchap_key": "", "dhchap_ctrl_key": ""}
        self.public: dict[str, str] = {}


def read(host: "Host", path: str) -> "dict[str, Keys]":
    """Host NQN -> keys. Raises WrongHere, with the line."""
    try:
        text = host.paths.secret(path)
    except Failed as exc:
        raise WrongHere(f"auth_file: {exc}") from None
    found: dict[str, Keys] = {}
    for number, line in enumerate(text.split("\n"), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            nqn = parse_host(words[0])
            if nqn in found:
                raise ValueError("gives the same host a second time")
            found[nqn] = parse(words[1:])
        except ValueError as exc:
            raise WrongHere(f"auth_file: {path}:{number}: {exc}") from None
    if not found:
        raise WrongHere(f"auth_file: {path}: holds no key")
    return found


def parse_host(word: str) -> str:
    try:
        return parse_nqn(word)
    except ValueError:
        raise ValueError("the first word is not the NQN of a host") from None


def parse(words: "list[str]") -> Keys:
    keys = Keys()
    secrets = [word for word in words if "=" not in word.rstrip("=:")]
    if not 1 <= len(secrets) <= 2:
        raise ValueError("give one key, or one for the host and one for the controller")
    for name, secret in zip(keys.secret, secrets, strict=False):
        keys.secret[name] = checked(secret)
    for word in words:
        if word not in secrets:
            key, _, value = word.partition("=")
            if (key, value in HASHES) == ("hash", True) or (key, value in GROUPS) == (
                "dhgroup",
                True,
            ):
                keys.public[f"dhchap_{key}"] = value
            else:
                raise ValueError(
                    f"has an option that is neither hash= with one of {', '.join(HASHES)} nor "
                    f"dhgroup= with one of {', '.join(GROUPS)}"
                )
    return keys


def checked(secret: str) -> str:
    """A secret representation (NVM Express base specification, 8.3.5.5.7): its checksum holds."""
    import binascii

    mark, _, rest = secret.partition(":")
    kind, _, body = rest.partition(":")
    if mark != MARK or kind not in SECRETS or body[-1:] != ":":
        raise ValueError(f"has a key that is not {MARK}:NN:BASE64: as nvme gen-dhchap-key makes it")
    try:
        data = binascii.a2b_base64(body[:-1].encode(), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("has a key that is not in base64") from None
    key, check = data[:-4], data[-4:]
    if len(key) not in SECRETS[kind] or binascii.crc32(key).to_bytes(4, "little") != check:
        raise ValueError("has a key of the wrong length or with a wrong checksum: copy it again")
    return secret
