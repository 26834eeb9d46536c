"""Mount options of GFS2: which are given, and which of them a mount does not have.

Pure. mountinfo leaves out what is the default, so it has to be known here (gfs2(5)).
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# of no consequence to the kernel, or not told by it
UNTOLD = ("_", "x-", "X-", "comment=", "context=", "fscontext=", "defcontext=", "rootcontext=")
ALSO_UNTOLD = frozenset({"defaults", "auto", "noauto", "nofail", "silent", "loud", "async"})
SAME = {"quota": "quota=on", "noquota": "quota=off"}
DEFAULTS = frozenset(
    {"quota=off", "data=ordered", "errors=withdraw", "commit=30", "quota_quantum=60",
     "statfs_quantum=30", "statfs_percent=0"}
)  # fmt: skip
CONTRARY = {
    "rw": "ro", "exec": "noexec", "suid": "nosuid", "dev": "nodev", "diratime": "nodiratime",
    "strictatime": "relatime", "barrier": "nobarrier", "nodiscard": "discard", "noacl": "acl",
    "norgrplvb": "rgrplvb", "noloccookie": "loccookie", "nosuiddir": "suiddir",
}  # fmt: skip
# given before all others when a mount is changed: it would keep what is not given any more
RESET = ("quota=off", "commit=30", "nodiscard", "barrier", "noacl")
# ours to decide, or not what this agent is for
REFUSED = ("lockproto", "locktable", "remount", "bind", "rbind", "move", "loop", "offset",
           "sizelimit", "helper", "uhelper")  # fmt: skip


def split(text: str) -> "list[str]":
    return [option for option in text.split(",") if option]


def refused(options: "Iterable[str]") -> "list[str]":
    return [
        option
        for option in options
        if option.partition("=")[0] in REFUSED or option.startswith("X-mount.")
    ]


def missing(wanted: "Iterable[str]", found: "Iterable[str]") -> "list[str]":
    """The options that are wanted, and that a mount with ``found`` does not have."""
    has = frozenset(found)
    last = {option.partition("=")[0]: option for option in normal(wanted)}  # the later one counts
    return [option for option in last.values() if not holds(option, has)]


def normal(options: "Iterable[str]") -> "list[str]":
    return [SAME.get(option, option) for option in options]


def holds(option: str, has: "frozenset[str]") -> bool:
    if option in ALSO_UNTOLD or option.startswith(UNTOLD):
        return True
    if option in CONTRARY:
        return CONTRARY[option] not in has
    if option in DEFAULTS:
        key = option.partition("=")[0] + "="
        return not any(other.startswith(key) and other != option for other in has)
    return option in has
