"""The parameters of a container, and how each is read."""

from hactl_agents.declare import Param, choice, integer, seconds, string

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def container_name(shortdesc: str, **more: "Any") -> "Any":
    return Param("string", parse_name, shortdesc, **more)


def absolute_path(shortdesc: str, **more: "Any") -> "Any":
    return Param("string", parse_path, shortdesc, **more)


def processors(shortdesc: str, **more: "Any") -> "Any":
    """A number of processors such as 2 or 0.5; the value is in microseconds per 100 ms."""
    return Param("string", parse_processors, shortdesc, **more)


def parse_name(text: str) -> str:
    plain = text.isprintable() and " " not in text
    if not plain or "/" in text or text[0] in ".-" or len(text.encode()) > 200:
        raise ValueError("is not the name of a container")
    return text


def parse_path(text: str) -> str:
    if text[0] != "/" or not text.isprintable():
        raise ValueError("is not an absolute path")
    return text.rstrip("/") or "/"


def parse_processors(text: str) -> int:
    whole, _, part = text.partition(".")
    digits = whole + part
    if not digits.isascii() or not digits.isdigit() or not whole or len(digits) > 6:
        raise ValueError("is not a number of processors such as 2 or 0.5")
    share = int(float(text) * 100_000)
    if share < 1000:
        raise ValueError("is less than 0.01")
    return share


class Parameters:
    """What an LxcContainer can be given."""

    container: str = container_name(
        "Name of the container", required=True, unique="container", example="web1"
    )
    lxcpath: str = absolute_path(
        "Folder that holds the folders of containers",
        default="/var/lib/lxc",
        unique="container",
    )
    config: str | None = absolute_path(
        "Configuration of the container, if it is not LXCPATH/NAME/config"
    )
    user: str | None = string(
        "User who runs the container, if it is not root",
        longdesc="User who runs the container, if it is not root. The user needs subordinate ids "
        "and a control group of their own, and a lxcpath they may read.",
    )
    memory_limit: int | None = integer(
        "Memory the container may use, in MiB", minimum=1, maximum=1 << 30, reloadable=True
    )
    cpus: int | None = processors(
        "Processors the container may use, such as 2 or 0.5", reloadable=True
    )
    cpu_shares: int | None = integer(
        "Share of the processors when they are scarce, where others have 1024",
        minimum=2,
        maximum=262144,
        reloadable=True,
    )
    pids_limit: int | None = integer(
        "Processes the container may have", minimum=1, maximum=1 << 22, reloadable=True
    )
    health: str | None = string(
        "Command run inside to see whether the container is well",
        reloadable=True,
        longdesc="Command run inside to see whether the container is well: start waits until it "
        "succeeds, and so does each monitor with OCF_CHECK_LEVEL=10. Words are separated by "
        "spaces and may be quoted; there is no shell, unless the command is sh -c '...'.",
        example="wget -q -O /dev/null http://127.0.0.1/",
    )
    health_timeout: int = seconds("How long the health command may take", 10, reloadable=True)
    on_frozen: str = choice(
        "What a monitor makes of a frozen container",
        "fail",
        "degraded",
        "ignore",
        default="degraded",
        reloadable=True,
    )
    shutdown_timeout: int = seconds(
        "How long the container may take to shut down before it is killed",
        60,
        reloadable=True,
        longdesc="How long the container may take to shut down before it is killed, in any case "
        "until 20 seconds (at most a third) of the operation's timeout are left. 0s kills at once.",
    )
    log: str | None = absolute_path(
        "Log file of lxc-start, if it is not in /run/hactl", reloadable=True
    )


__all__ = ["Parameters"]
