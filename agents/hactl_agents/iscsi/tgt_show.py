"""What tgtd says of its targets and portals, taken apart exactly; pure."""

TYPE_CHECKING = False

SECTIONS = (
    "System information:",
    "I_T nexus information:",
    "LUN information:",
    "Account information:",
    "ACL information:",
)
OUT = " (outgoing)"


class Shown:
    """One target. ``luns`` maps numbers to their properties."""

    def __init__(self, tid: int, name: str) -> None:
        self.tid = tid
        self.name = name
        self.state = ""
        self.luns: dict[int, dict[str, str]] = {}
        self.accounts: list[str] = []
        self.outgoing = ""
        self.admitted: list[str] = []


def targets(text: str) -> "list[Shown]":
    """The targets in an answer to "show all"; names are whole lines, never parts of them."""
    found: list[Shown] = []
    section, lun = "", -1
    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(" "))
        bare = line.strip()
        if depth == 0 and line.startswith("Target "):
            number, _, name = line[len("Target ") :].partition(": ")
            found.append(Shown(int(number), name))
        elif depth == 4 and bare in SECTIONS:
            section = bare
        elif found and section == "LUN information:" and depth == 8:
            lun = int(bare.partition(": ")[2])
            found[-1].luns[lun] = {}
        elif found and section == "LUN information:" and depth == 12:
            take_property(found[-1].luns[lun], bare)
        elif found and depth == 8:
            take_line(found[-1], section, bare)
    return found


def take_property(lun: "dict[str, str]", line: str) -> None:
    if line.startswith("Size: "):
        line, _, block = line.rpartition(", Block size: ")
        lun["Block size"] = block
    key, _, value = line.partition(": ")
    lun[key] = value


def take_line(shown: Shown, section: str, line: str) -> None:
    if section == "System information:" and line.startswith("State: "):
        shown.state = line[len("State: ") :]
    elif section == "Account information:" and line.endswith(OUT):
        shown.outgoing = line[: -len(OUT)]
    elif section == "Account information:":
        shown.accounts.append(line)
    elif section == "ACL information:":
        shown.admitted.append(line)


def portals(text: str) -> "list[str]":
    """ADDRESS:PORT of every portal in an answer."""
    lines = [line.strip() for line in text.split("\n") if line.startswith("Portal: ")]
    return [line[len("Portal: ") :].rpartition(",")[0] for line in lines]
