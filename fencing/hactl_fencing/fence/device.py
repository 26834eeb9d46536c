"""The base class of all fence agents: what a power switch can be asked.

A device answers for one plug at a time. It never acts on more than it was told to, and never says
more than it has seen.
"""

from hactl_agents.declare import Param, choice, declared, parse_all, seconds, string
from hactl_agents.host.host import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from hactl_agents.declare import Values
    from hactl_agents.host.host import Host

ON, OFF, UNKNOWN = "on", "off", "unknown"
POWER_ACTIONS = ("off", "on", "reboot", "status")
OTHER_ACTIONS = ("list", "list-status", "monitor", "metadata", "manpage", "validate-all")


class FenceDevice:
    """Subclass me: declare options, then write ``power``, ``switch_off``, ``switch_on``, ``plugs``.

    ``switch_off`` is always called, also where power says OFF, and again where the plug comes back;
    it is believed only once power has said OFF for a while. So it need not wait.

    The module's name is the program's: hactl_fencing/lab.py is fence_lab, unless ``name`` says
    otherwise.
    """

    name = ""
    letters: "dict[str, str]" = {}  # option -> its one-letter form on the command line
    reboots = True  # False: fabric fencing; Pacemaker then cuts a node off and leaves it
    unfences = False  # True: Pacemaker calls `on` when a node joins
    on_target = False  # True: `on` runs on the node itself, never elsewhere
    steady_for = 0.2  # seconds that a plug has to stay off until that is believed

    action: str = choice(
        "What to do", *POWER_ACTIONS, *OTHER_ACTIONS, "meta-data", default="reboot"
    )
    plug: "str | None" = string(
        "The node to act on, as the device knows it",
        longdesc="The node to act on, as the device knows it; exactly one.",
    )
    power_timeout: int = seconds(
        "Seconds Pacemaker allows for an action",
        default=60,
        longdesc="Seconds Pacemaker allows for an action: the same as pcmk_off_timeout and "
        "pcmk_reboot_timeout. The agent gives up after 70 % of it, so that Pacemaker can try again "
        "or turn to the next level.",
    )

    power_wait: "int | None" = seconds(
        "Seconds that the plug has to stay off until that is believed",
        longdesc="Seconds that the plug has to stay off, after it was told to, until that is "
        "believed: longer than it is off while somebody else restarts it. Default: as long as "
        "suits the device, a second at most.",
    )

    def __init__(self, host: "Host", texts: "Mapping[str, str]") -> None:
        self.host = host
        self.doubt = ""  # why the last look at the power told nothing
        self.proof = ""  # what the last look saw, in words, where that says more than off
        self.values: Values
        self.complaints: list[str]
        self.values, self.complaints = parse_all(self.options(), texts)

    @classmethod
    def program(cls) -> str:
        return cls.name or "fence_" + cls.__module__.rpartition(".")[2]

    @classmethod
    def options(cls) -> "dict[str, Param]":
        return declared(cls)

    @classmethod
    def actions(cls) -> "tuple[str, ...]":
        return tuple(
            action for action in POWER_ACTIONS + OTHER_ACTIONS if cls.reboots or action != "reboot"
        )

    @property
    def steady(self) -> float:
        """Seconds between the first look and the last that have to see it off."""
        return self.steady_for if self.power_wait is None else float(self.power_wait)

    def check(self) -> None:
        """Raise BadValue where the options contradict each other. Touches nothing."""

    def power(self) -> str:
        """ON, OFF or UNKNOWN, for ``self.plug`` alone; OFF only where nothing runs for certain.

        Raises Failed where the device does not answer, or has no such plug.
        """
        raise NotImplementedError

    def switch_off(self) -> None:
        """Take the power of ``self.plug`` away. Raises Failed."""
        raise NotImplementedError

    def switch_on(self) -> None:
        """Give ``self.plug`` power. Raises Failed."""
        raise NotImplementedError

    def plugs(self) -> "dict[str, tuple[str, str]]":
        """Every plug: name -> (alias or '', power). Raises Failed."""
        raise NotImplementedError

    def now_on(self) -> None:
        """Power says ON, and `on` is about to be called a success. Raises Failed."""

    def watch(self) -> None:
        """Whether the device could act if it had to: asked by every monitor. Raises Failed."""
        plugs = self.plugs()
        if not plugs:
            raise Failed("the device answers, but has no plug at all")
        if self.plug and self.plug not in (*plugs, *(alias for alias, _ in plugs.values())):
            raise Failed(f"the device answers, but has no plug {self.plug!r}")
