"""The file with the CHAP names and secrets of a target; never shown, logged or noted anywhere."""

KEYS = ("user", "password", "mutual_user", "mutual_password")
LONGEST = 255  # bytes; the kernel's target keeps 256
CLEARED = "NULL"  # a name or secret that begins so means "none" to the kernel's target


class Account:
    """Who may log in, and by which name and secret the target proves itself, '' for not at all."""

    def __init__(self) -> None:
        self.user = ""
        self.password = ""
        self.mutual_user = ""
        self.mutual_password = ""

    def __repr__(self) -> str:
        return "Account(...)"


def parse_account(text: str) -> Account:
    """The account in a file of ``key = value`` lines. Raises ValueError, without any value."""
    account = Account()
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if not line or line[0] == "#":
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if key not in KEYS or not equals:
            raise ValueError(f"line {number} is none of {' = , '.join(KEYS)} = ")
        if getattr(account, key):
            raise ValueError(f"line {number} gives {key} again")
        setattr(account, key, checked(number, key, value))
    refuse_unfinished(account)
    return account


def checked(number: int, key: str, value: str) -> str:
    if not value.isascii() or not value.isprintable() or " " in value or not value:
        raise ValueError(f"line {number}: {key} is not printable ASCII without spaces")
    if len(value) > LONGEST:
        raise ValueError(f"line {number}: {key} is longer than {LONGEST} characters")
    if value.startswith(CLEARED):
        raise ValueError(f"line {number}: {key} begins with {CLEARED}, which means none")
    if key.endswith("user") and "," in value:
        raise ValueError(f"line {number}: {key} contains a comma")
    return value


def refuse_unfinished(account: Account) -> None:
    if not account.user or not account.password:
        raise ValueError("user and password are needed")
    if bool(account.mutual_user) != bool(account.mutual_password):
        raise ValueError("mutual_user and mutual_password go together")
    if account.mutual_password == account.password:
        raise ValueError("the two secrets are the same, which initiators refuse")
