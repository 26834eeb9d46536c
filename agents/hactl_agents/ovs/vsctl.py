"""How a difference is told, and how settings, marks and notes are spelled for ovs-vsctl; pure.

What a setting was before we changed it is noted in the row itself, as external_ids
``hactl-was-SETTING``: the database outlives a reboot, so must our way back.
"""

from hactl_agents.ovs.database import setting
from hactl_agents.ovs.wire import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hactl_agents.ovs.database import Row
    from hactl_agents.ovs.wanted import Settings

    Command = list[str]

MARK, ADOPTED, WAS = "hactl-resource", "hactl-adopted", "hactl-was-"
UNFINISHED = "hactl-unfinished"
DEFAULTS: "dict[str, tuple[Any, ...]]" = {
    "rstp_enable": (False,),
    "stp_enable": (False,),
    "mcast_snooping_enable": (False,),
    "bond_updelay": (0,),
    "bond_downdelay": (0,),
    "datapath_type": ("system",),
}


class Difference:
    def __init__(self, sentence: str, *commands: "Command") -> None:
        self.sentence = sentence
        self.commands = commands


def owner(row: "Row | None") -> str:
    """The resource whose mark a row carries."""
    return str(row["external_ids"].get(MARK, "")) if row else ""


def is_ours_alone(row: "Row | None", mine: str) -> bool:
    """Whether we made a row: what somebody else hangs on it is drift, and not his."""
    marks = row.get("external_ids", {}) if row else {}  # the root is nobody's
    return marks.get(MARK) == mine and ADOPTED not in marks


def is_unfinished(row: "Row | None") -> bool:
    """Whether a start or stop of a bridge was cut short."""
    return bool(row) and UNFINISHED in row["external_ids"]  # type: ignore[index]


def noted(row: "Row") -> "list[str]":
    """The settings whose former value is noted in a row."""
    start = len(WAS)
    return [key[start:] for key in row.get("external_ids", {}) if key[:start] == WAS]


def current(row: "Row", name: str) -> "tuple[Any, ...]":
    found = setting(row, name)
    if not found or found == ("",):
        return DEFAULTS.get(name, ())
    return found


def restore(table: str, record: str, row: "Row", name: str) -> "list[Command]":
    """Put a setting back as it was noted, and forget the note."""
    was = str(row["external_ids"][WAS + name])
    column, _, key = name.partition(":")
    if key and was == "[]":
        back = ["remove", table, record, column, quoted(key)]
    else:
        back = ["set", table, record, assignment(name, was)]
    return [back, ["remove", table, record, "external_ids", quoted(WAS + name)]]


def remember(table: str, record: str, row: "Row", wanted: "Settings") -> "list[Command]":
    """Note what settings are before we change them for the first time."""
    known = noted(row)
    return [
        ["set", table, record, assignment(f"external_ids:{WAS}{name}", literal(name, row))]
        for name in wanted
        if name not in known
    ]


def new_settings(table: str, record: str, given: "Settings") -> "list[Command]":
    """Settings of a row that is being made, and what it would have without them."""
    commands = [change(table, record, name, given[name]) for name in given]
    return [*remember(table, record, {"external_ids": {}}, given), *commands]


def change(table: str, record: str, name: str, value: "tuple[Any, ...]") -> "Command":
    return ["set", table, record, *assignments({name: value})]


def assignments(settings: "Settings") -> "list[str]":
    return [
        assignment(name, bracketed([spelled(item) for item in value]))
        for name, value in settings.items()
    ]


def literal(name: str, row: "Row") -> str:
    """The present value of a setting, as text for ``external_ids``."""
    return quoted(bracketed([spelled(item) for item in current(row, name)]))


def assignment(name: str, value: str) -> str:
    column, colon, key = name.partition(":")
    return f"{column}:{quoted(key)}={value}" if colon else f"{column}={value}"


def bracketed(items: "list[str]") -> str:
    return items[0] if len(items) == 1 else f"[{','.join(items)}]"


def spelled(item: "Any") -> str:
    if item is True or item is False:
        return "true" if item else "false"
    return str(item) if isinstance(item, int) else quoted(str(item))


def shown(value: "tuple[Any, ...]") -> str:
    return ",".join([str(item).lower() if item is True or item is False else str(item)
                     for item in value]) or "nothing"  # fmt: skip


def mark(table: str, record: str, mine: str, *, adopted: bool = False) -> "Command":
    marks = [ours(mine)]
    if adopted:
        marks.append(assignment(f"external_ids:{ADOPTED}", '"true"'))
    return ["set", table, record, *marks]


def ours(mine: str) -> str:
    return assignment(f"external_ids:{MARK}", quoted(mine))
