"""The processes of one LXC container: who they are, and whether they are left behind.

Asks the container's monitor process where it answers, the record of the start where it does not,
and the control groups that bear the container's name where there is neither.
"""

from hactl_agents.host import cgroups
from hactl_agents.host.cgroups import Group
from hactl_agents.host.host import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host
    from hactl_agents.lxc.command_socket import LxcSocket
    from hactl_agents.lxc.remains import Place
    from hactl_agents.ocf.record import Record

    Titles = dict[int, str]

TITLE = "[lxc monitor] "
PAYLOAD, MONITOR = "lxc.payload.", "lxc.monitor."
BLINK = 0.05  # seconds


class Process:
    """A process that cannot be mistaken for another one: a pid and when it started."""

    def __init__(self, host: "Host", pid: int, started: int) -> None:
        self.host = host
        self.pid = pid
        self.started = started
        self.what = "a process"

    def lives(self) -> bool:
        return self.host.started(self.pid) == self.started

    def signal(self, number: int) -> None:
        self.host.kill(self.pid, number, self.started)

    def __str__(self) -> str:
        return f"{self.pid} {self.started}"


class Payload:
    """A container's processes. Every look may raise Failed where it cannot tell."""

    def __init__(
        self, host: "Host", record: "Record", socket: "LxcSocket", config: str = ""
    ) -> None:
        self.host = host
        self.record = record
        self.socket = socket
        self.config = config  # the file
        self.lxcpath = socket.lxcpath
        self.name = socket.name

    # who they are

    def init(self) -> "Process | None":
        """The container's first process, while it lives."""
        try:
            pid = self.socket.init_pid()
        except Failed as exc:
            self.host.log(str(exc))
            pid = None
        return self.process(pid) if pid else self.noted("init")

    def process(self, pid: int) -> "Process | None":
        started = self.host.started(pid)
        return Process(self.host, pid, started) if started is not None else None

    def noted(self, key: str) -> "Process | None":
        """A process in the record, if it is still the same one."""
        pid, _, started = (self.record.get(key) or "").partition(" ")
        if not pid.isdigit() or not started.isdigit():
            return None
        process = Process(self.host, int(pid), int(started))
        return process if process.lives() else None

    def note(self, init: Process) -> None:
        """Write down what is needed to find the processes without their monitor process."""
        from hactl_agents.lxc import remains

        self.record.put("init", str(init))
        monitor = self.monitor(init)
        self.record.put("monitor", str(monitor) if monitor else None)
        self.record.put("groups", "\n".join(map(str, self.groups_of(init))))
        root = remains.root_of(self.host, init.pid)
        self.record.put("root", str(root) if root else None)
        self.record.put("launching", None)
        self.record.save()

    def groups_of(self, init: Process) -> "list[Group]":
        """The control groups that LXC made for the container, by its first process."""
        paths = cgroups.memberships(self.host, init.pid)
        found = []
        for tree in cgroups.trees(self.host):
            path = self.made_for_it(paths.get(tree.controllers, ""))
            folder = tree.folder(path) if path else None
            if folder:
                found.append(Group(tree.controllers, folder))
        return found

    def made_for_it(self, path: str) -> str:
        """A group's path up to the part with the container's name: its init may sit deeper.

        Empty if there is no such part: a group that others may be in is nobody's to kill.
        """
        parts = path.split("/")
        for depth, part in enumerate(parts):
            if part == PAYLOAD + self.name or part.startswith(PAYLOAD + self.name + "-"):
                return "/".join(parts[: depth + 1])
        return ""

    def groups(self, rooted: "list[int] | None" = None) -> "list[Group]":
        """The container's control groups: as noted, or else those that LXC would have made.

        ``rooted``: what ``rooted()`` has said, where it was asked.
        """
        noted = self.noted_groups()
        if noted:
            return noted
        beside = self.groups_beside()
        found = [*called(beside, PAYLOAD + self.name), *self.numbered(beside)]
        for pid in (
            self.rooted() if rooted is None else rooted
        ):  # those that lxc.cgroup.dir puts elsewhere
            process = self.process(pid)
            found += self.groups_of(process) if process else []
        return list({str(group): group for group in found}.values())

    def numbered(self, groups: "list[Group]") -> "list[Group]":
        """What LXC calls NAME-1 where there is a NAME; NAME-1 may be another container, too."""
        start = PAYLOAD + self.name + "-"
        found = []
        for group in groups:
            name = group.folder.rpartition("/")[2]
            if name.startswith(start) and name[len(start) :].isdigit():
                pids = cgroups.processes(self.host, [group])
                found += [group] if pids and all(map(self.proven, pids)) else []
        return found

    def groups_beside(self) -> "list[Group]":
        """The control groups beside those of PID 1, or in ours: there LXC makes its own."""
        found = []
        bases = [cgroups.memberships(self.host, pid) for pid in ("1", "self")]
        for tree in cgroups.trees(self.host):
            paths = {base[tree.controllers] for base in bases if tree.controllers in base}
            for path in sorted(paths):
                place = tree.folder(path.removesuffix("/init.scope") or "/")
                names = self.host.listdir(place) if place else []
                groups = [name for name in names if name.startswith((PAYLOAD, MONITOR))]
                found += [Group(tree.controllers, f"{place}/{name}") for name in groups]
        return found

    def noted_groups(self) -> "list[Group]":
        lines = (self.record.get("groups") or "").split("\n")
        return [cgroups.parsed(line) for line in lines if line]

    def monitor(self, init: "Process | None") -> "Process | None":
        """The monitor process: the one noted, the parent of init, or one with its title."""
        parent = self.parent(init.pid) if init else 0
        if parent > 1 and (self.title(parent) == self.own_title() or self.launches(parent)):
            return self.process(parent)
        return self.noted("monitor") or self.by_title(self.titles())

    def monitor_of(self, pid: int) -> "Process | None":
        """The monitor process of the container that has this first process."""
        init = self.process(pid)
        return self.monitor(init) if init else None

    def by_title(self, titles: "Titles") -> "Process | None":
        own = self.own_title()
        found = (self.process(pid) for pid, text in titles.items() if text == own)
        return next(found, None)

    def titles(self) -> "Titles":
        """What the processes of this node are called, by their pids."""
        pids = [int(name) for name in self.host.listdir("/proc") if name.isdigit()]
        return {pid: text for pid in pids if (text := self.title(pid))}

    def hooks(self, titles: "Titles | None" = None) -> "list[Process]":
        """The hooks of the container that run, whoever waits for them."""
        from hactl_agents.lxc import remains

        found = []
        for pid, text in (self.titles() if titles is None else titles).items():
            kind = remains.hook(self.host, pid, text, self.name, self.config)
            process = self.process(pid) if kind else None
            if process:
                process.what = f"its hook {kind}"
                found.append(process)
        return found

    def are_others(self, titles: "Titles") -> bool:
        """Whether any other container runs on this node."""
        own = self.own_title()
        return any(text.startswith(TITLE) and text != own for text in titles.values())

    def at_work(self, titles: "Titles | None" = None) -> "list[Process]":
        """Who is at work for a container for which nobody listens: its monitor process, hooks."""
        from hactl_agents.lxc import remains

        titles = self.titles() if titles is None else titles
        monitor = self.noted("monitor") or self.by_title(titles)
        if monitor and remains.is_condemned(self.host, monitor.pid):
            monitor = None
        if monitor:
            monitor.what = "its monitor process"
        return [*([monitor] if monitor else []), *self.hooks(titles)]

    def is_spent(self) -> bool:
        """Whether its monitor process was killed and hangs in the kernel: it says nothing more."""
        from hactl_agents.lxc import remains

        monitor = self.monitor(None)
        return monitor is not None and remains.is_condemned(self.host, monitor.pid)

    def parent(self, pid: int) -> int:
        line = self.host.read(f"/proc/{pid}/stat") or ") ? 0"
        return int(line[line.rindex(")") + 2 :].split()[1])

    def title(self, pid: int) -> str:
        return (self.host.read(f"/proc/{pid}/cmdline") or "").rstrip("\0 ")

    def own_title(self) -> str:
        return f"{TITLE}{self.lxcpath} {self.name}"

    # left behind

    def announce(self) -> None:
        """Note that lxc-start is about to be run; ``note`` says that it has come back.

        An empty control group left by a killed monitor process would make LXC choose another name.
        """
        self.record.put("launching", "1")
        self.record.save()
        beside = self.groups_beside()
        for prefix in (PAYLOAD, MONITOR):
            cgroups.remove(self.host, called(beside, prefix + self.name))

    def launchers(self) -> "list[Process]":
        """What is left of a launch that was cut short, before there is anything else to see.

        Raises Failed while the launch is made: our lock goes along until lxc-start is executed.
        """
        if not self.record.get("launching"):
            return []
        if self.host.busy(f"{self.record.name}.lock"):
            raise Failed(f"a start or stop of {self.name} is under way")
        found = self.launching()
        if not found:  # what is just being executed has no command line yet
            self.host.sleep(BLINK)
            found = self.launching()
        return [process for process in found if not self.is_barren(process.pid)]

    def is_barren(self, pid: int) -> bool:
        """Whether a launch was killed in the kernel before it had made any other process."""
        from hactl_agents.lxc import remains

        if not remains.is_condemned(self.host, pid):
            return False
        names = [name for name in self.host.listdir("/proc") if name.isdigit()]
        return not any(self.parent(int(name)) == pid for name in names)

    def launching(self) -> "list[Process]":
        pids = [int(name) for name in self.host.listdir("/proc") if name.isdigit()]
        found = [self.process(pid) for pid in pids if self.launches(pid)]
        return [process for process in found if process is not None]

    def launches(self, pid: int) -> bool:
        words = (self.host.read(f"/proc/{pid}/cmdline") or "").split("\0")
        named = any(word.endswith("lxc-start") for word in words)
        return named and self.name in words and self.lxcpath in words

    def orphans(self) -> "list[int]":
        """Processes of the container though no monitor process listens for it."""
        rooted = self.rooted()
        inside = cgroups.processes(self.host, self.groups(rooted))
        found = {pid for pid in [*inside, *rooted] if self.may_be_ours(pid)}
        others = [self.noted("init"), *self.launchers()]
        return sorted(found | {process.pid for process in others if process})

    def may_be_ours(self, pid: int) -> bool:
        """False if the process has a monitor process that speaks for another container."""
        while pid > 1:
            title = self.title(pid)
            if title.startswith(TITLE):
                return title == self.own_title()
            pid = self.parent(pid)
        return True

    def speaker(self, pid: int) -> str:
        """The container whose monitor process a process has, as LXC calls it; '' if none."""
        while pid > 1:
            title = self.title(pid)
            if title.startswith(TITLE):
                return f"the container {title[len(TITLE) :].replace(' ', '/')}"
            pid = self.parent(pid)
        return ""

    def proven(self, pid: int) -> bool:
        """Whether the root folder of a process is that of this container."""
        from hactl_agents.lxc import remains

        root = remains.root_of(self.host, pid)
        return root is not None and self.is_root(root)

    def is_root(self, root: "Place") -> bool:
        """Whether a folder is the root folder of this container: as noted, or by where it is."""
        from hactl_agents.lxc import remains

        noted = self.record.get("root")
        if noted:
            return noted == str(root)
        folder = f"{self.lxcpath}/{self.name}"
        places = [remains.place_of(self.host, path) for path in (folder, f"{folder}/rootfs")]
        return any(place and place.holds(root) for place in places)

    def rooted(self) -> "list[int]":
        """The processes that have the root folder of this container, in a namespace of theirs."""
        from hactl_agents.lxc import remains

        everybody = remains.in_other_namespaces(self.host)
        return [pid for pid, root in everybody if self.is_root(root)]


def called(groups: "list[Group]", name: str) -> "list[Group]":
    """Those of a name."""
    return [group for group in groups if group.folder.endswith(f"/{name}")]
