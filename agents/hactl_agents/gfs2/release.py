"""Taking a GFS2 off this node: unmounted and gone from the kernel, or whoever keeps it is named."""

from hactl_agents.gfs2.kernel import FENCE, active
from hactl_agents.gfs2.users import COPY, Users, find
from hactl_agents.host.host import SIGKILL, SIGTERM, Failed, TimedOut
from hactl_agents.host.mounts import SELF, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host

RESERVE = 2.0  # seconds kept back to say what happened
STEP = 10.0  # seconds between asking, telling and killing
HANGS = "the file system hangs, so this node has to be fenced"


class Release:
    """One attempt at unmounting, in steps that are each bounded.

    ``patience``: seconds that users are waited for, None for as long as there is time. With
    ``force`` they are waited for, told, and killed, each for so long.
    """

    def __init__(
        self, host: "Host", number: str, directory: str, patience: "float | None", *, force: bool
    ) -> None:
        self.host = host
        self.number = number
        self.directory = directory
        self.force = force
        self.given = patience
        self.complaint = ""

    @property
    def patience(self) -> float:
        """Seconds that users are waited for in the next step."""
        left = max(0.0, (self.host.left() or 4 * STEP) - RESERVE)
        if self.force:
            return min(STEP if self.given is None else self.given, left / 4)
        return left if self.given is None else min(self.given, left)

    def run(self) -> None:
        """Raises Failed, naming who uses it; with ``force`` those are ended first."""
        self.wait_for_earlier("mount")
        self.wait_for_earlier("umount")
        self.make_fit()
        if self.unmounted():
            return
        self.name_users()
        if self.users_left():
            return
        if self.force and (self.ended(SIGTERM) or self.ended(SIGKILL)):
            return
        raise Failed(self.what_is_wrong())

    def name_users(self) -> None:
        """Into the log, while there is still time to do something about them."""
        then = "they are ended" if self.force else "stop fails"
        self.host.log(f"{self.what_is_wrong()}; in {self.patience:.0f} s {then}")

    def wait_for_earlier(self, tool: str) -> None:
        """What hangs in the kernel outlives the action that began it, and may come yet."""

        def ended() -> bool:
            return not at_work(self.host, tool, self.directory)

        within = self.host.left_but(RESERVE)
        if not self.host.wait_for(f"waiting for an earlier {tool}", ended, within=within):
            raise Failed(f"an earlier {tool} of {self.directory} has not come back: {HANGS}")

    def make_fit(self) -> None:
        """Raises Failed where it cannot be unmounted; a frozen one is thawed."""
        found = active(self.host, self.number)
        if found is None:
            self.refuse_blind()
            return
        if found.withdrawn:
            raise Failed(f"{found.table} has withdrawn and cannot be given up cleanly: {FENCE}")
        if not found.frozen:
            return
        if found.frozen_everywhere and not self.is_mounted():
            raise Failed(f"{found.remains()}: {FENCE}")
        self.host.log(f"{found.table} is frozen, and thawed to be unmounted")
        try:
            found.thaw(self.directory)
        except TimedOut as exc:
            raise Failed(f"{exc}: {FENCE}") from None

    def refuse_blind(self) -> None:
        """What is unmounted while it is frozen never goes: only fencing ends that."""
        if self.is_mounted():
            raise Failed(
                f"{self.directory} is mounted, and /sys/fs/gfs2 is not there to tell whether it is "
                "frozen: not unmounted"
            )

    def unmounted(self) -> bool:
        """Try once; True when the kernel has nothing left of it."""
        while self.is_mounted():
            left = self.host.left()
            within = None if left is None else max(0.1, left - RESERVE)
            try:
                done = self.host.run(
                    "umount", "-c", self.directory, check=False, within=within, changes=True
                )
            except TimedOut as exc:
                raise Failed(f"{exc}: {HANGS}") from None
            if done.returncode:
                self.complaint = done.complaint()
                return False
        return active(self.host, self.number) is None

    def is_mounted(self) -> bool:
        mounts = parse(self.host.read(SELF) or "")
        return any(
            mount.number == self.number and mount.point == self.directory for mount in mounts
        )

    def users_left(self) -> bool:
        """Guests that are just stopping let go by themselves."""
        return self.host.wait_for(
            f"waiting for the users of {self.directory}",
            self.unmounted,
            within=self.patience,
            interval=1.0,
        )

    def ended(self, signal: int) -> bool:
        from hactl_agents.gfs2.kill import send

        users = find(self.host, self.number, self.directory)
        send(self.host, users.processes, signal, self.directory)
        for user in users.processes:
            if user.how == COPY:
                self.undo_copies(user.pid)
        return self.users_left()

    def undo_copies(self, pid: int) -> None:
        """Unmount it where a namespace was made while it was mounted."""
        mounts = parse(self.host.read(f"/proc/{pid}/mountinfo") or "")
        for mount in reversed([each for each in mounts if each.number == self.number]):
            detach = self.host.storage().detach
            try:
                self.host.read_in_child(
                    "unmounting a copy", detach, pid, mount.point, within=self.patience
                )
            except Failed as exc:
                self.host.log(str(exc))

    def what_is_wrong(self) -> str:
        users: Users = find(self.host, self.number, self.directory)
        if self.is_mounted():
            state = f"{self.directory} is still mounted"
        else:
            state = f"{self.directory} is unmounted, but the file system is still in use"
        if not users:
            return f"{state}, and nobody can be seen to use it: {self.complaint or HANGS}"
        advice = "" if self.force else ": stop that first, or set force=true"
        return f"{state}: in use by {users}{advice}"


def at_work(host: "Host", tool: str, directory: str) -> "list[int]":
    """The processes of a program that has ``directory`` among its arguments."""
    found = []
    for name in host.listdir("/proc"):
        if name.isdigit() and (host.read(f"/proc/{name}/comm") or "").rstrip("\n") == tool:
            words = (host.read(f"/proc/{name}/cmdline") or "").split("\0")
            if directory in words:
                found.append(int(name))
    return found
