"""What lxc-start writes about a start: its own words tell why it failed."""

from hactl_agents.host.host import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host

AFTERWARDS = 1.5  # seconds for a look, even if the time is over


class StartLog:
    """The log at ``path``; ``own`` is where it is if neither operator nor user has it elsewhere."""

    def __init__(self, host: "Host", path: str, own: str) -> None:
        self.host = host
        self.path = path
        self.own = own

    def remove(self, within: "float | None" = None) -> None:
        """Raises Failed where it cannot be removed, also on a file system that hangs."""
        if self.path == self.own:
            self.host.remove(self.path)
        else:
            step = f"removing {self.path}"
            self.host.read_in_child(step, self.host.remove, self.path, within=within)

    def first_error(self) -> str:
        """The first error: what follows is what follows from it; '' if there is none to read."""
        try:
            lines = (self.host.paths.read(self.path, AFTERWARDS) or "").split("\n")
        except Failed:
            return ""
        for line in lines:
            if " ERROR " in line:
                return f"lxc-start: {line.split(' - ', 2)[-1]}"
        return ""
