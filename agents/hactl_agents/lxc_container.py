"""A system container of LXC: how it starts, whether it is well, and how it stops for certain."""

from hactl_agents.lxc.command_socket import FREEZING, FROZEN, RUNNING, THAWED, LxcSocket
from hactl_agents.lxc.parameters import Parameters
from hactl_agents.ocf import (
    Agent,
    Degraded,
    Failed,
    NotConfigured,
    NotInstalled,
    Status,
    WrongHere,
    action,
)
from hactl_agents.ocf.agent import RUNS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.command import Done
    from hactl_agents.lxc.processes import Payload, Titles
    from hactl_agents.lxc.start_log import StartLog
    from hactl_agents.lxc.stop import Ending

ICE = (FREEZING, FROZEN)
LIMITS = ("memory_limit", "cpus", "cpu_shares", "pids_limit")
AFTERWARDS = 1.5  # seconds to end what did not start, even if the time is over


class LxcContainer(Parameters, Agent):
    """Manage a system container of LXC.

    Knows a running container by its command socket and its first process, not by any tool or
    file, so it tells the truth with the configuration gone, and it forks nothing to do so. A
    frozen container is not stopped; a container whose monitor process was killed is not either,
    and stop ends what is left of it.

    Limits are given to LXC in the words of the control group version it uses, and read back from
    the kernel: a limit that is not in force fails the start.

    Stop asks the container to shut down, then kills its first process, then whatever is left in
    its control groups, and says stopped when nothing is.
    """

    known_socket: "LxcSocket | None" = None
    spelled = ""  # the folder as LXC was told it, where that is not as it is given
    known_payload: "Payload | None" = None
    known_ending: "Ending | None" = None

    @property
    def socket(self) -> LxcSocket:
        if self.known_socket is None:
            self.known_socket = LxcSocket(self.host, self.lxcpath, self.container)
        return self.known_socket

    @property
    def payload(self) -> "Payload":
        from hactl_agents.lxc.processes import Payload

        known = self.known_payload
        if known is None or known.record is not self.record:
            known = self.known_payload = Payload(
                self.host, self.record, self.socket, self.config_file
            )
        return known

    def ending_of(self, payload: "Payload") -> "Ending":
        """What ends the processes of a container; it remembers what it did to them."""
        if self.known_ending is None or self.known_ending.payload is not payload:
            from hactl_agents.lxc.stop import Ending

            self.known_ending = Ending(payload)
        return self.known_ending

    # what Pacemaker asks for

    def probe(self) -> int:
        state = self.state = self.what_it_says()
        titles = self.payload.titles() if state is None else {}
        if state is None and self.goes_by_another_name(titles):
            state = self.state = self.what_it_says()
        if state is None:
            return self.without_monitor_process(titles)
        if state not in (RUNNING, THAWED, *ICE):
            raise Failed(f"{self.container} is {state}")
        pid = self.socket.init_pid()
        if pid is None or self.host.started(pid) is None:
            raise Failed(f"{self.container}: its first process is gone, and it is not yet stopped")
        monitor = (self.record.get("monitor") or "").partition(" ")[0]
        if monitor and monitor != self.parent(pid) and not self.payload.monitor_of(pid):
            raise Failed(f"{self.container}: its monitor process has died as it was asked")
        return Status.RUNNING

    def parent(self, pid: int) -> str:
        """The parent of a process; its monitor process, where it is a container's first."""
        line = self.host.read(f"/proc/{pid}/stat") or ") ? 0"
        return line[line.rindex(")") + 2 :].split(" ", 2)[1]

    def what_it_says(self) -> "str | None":
        """The state that its monitor process tells; None where none does, or will ever again."""
        try:
            return self.socket.state()
        except Failed:
            if self.payload.is_spent():
                return None
            raise

    def goes_by_another_name(self, titles: "Titles") -> bool:
        """Whether it runs under another name or path: as it was started, or by another spelling of
        its folder. From then on that one is meant.
        """
        given = (self.socket.lxcpath, self.socket.name)
        recorded = (self.record.get("param.lxcpath") or self.params()["lxcpath"].default,
                    self.record.get("param.container") or given[1])  # fmt: skip
        if self.record.notes and recorded != given:
            other = LxcSocket(self.host, *recorded)
            if other.listens():
                return self.mean(other)
        if not self.payload.are_others(titles):
            return False
        from hactl_agents.lxc import twins

        twin = twins.of_folder(self.host, "/".join(given))
        if twin is None or twins.claimed_by(self.host, twin, self.record.name):
            return False
        return self.mean(LxcSocket(self.host, twin.lxcpath, twin.name))

    def mean(self, socket: LxcSocket) -> bool:
        self.known_socket, self.known_payload = socket, None
        self.spelled = f"{socket.lxcpath}/{socket.name}"
        return True

    def without_monitor_process(self, titles: "Titles") -> int:
        pids = self.payload.orphans()
        if pids:
            found = " ".join(map(str, pids[:5])) + (" ..." if len(pids) > 5 else "")
            raise Failed(
                f"{self.container} runs without its monitor process, which was killed: "
                f"processes {found} are left"
            )
        at_work = self.payload.at_work(titles)
        if at_work:
            from hactl_agents.lxc.stop import at_work_text

            raise Failed(f"{self.container} is not gone yet: {at_work_text(at_work)}")
        return Status.STOPPED

    @action(timeout=20, interval=10)
    @action(timeout=30, interval=60, depth=10)
    def monitor(self) -> int:
        status = self.look()
        if status in RUNS and self.state in ICE and self.on_frozen != "ignore":
            raise (Failed if self.on_frozen == "fail" else Degraded)(f"{self.container} is frozen")
        if status in RUNS and self.level >= 10 and self.state not in ICE:
            self.examine()
        if status in RUNS and self.spelled:
            raise Degraded(f"{self.container} runs as {self.spelled}: restart it to mend the name")
        return status

    @action(timeout=60)
    def start(self) -> None:
        self.payload.announce()
        self.launch()
        init = self.payload.init()
        if init is None:
            raise Failed(
                self.start_log.first_error() or f"{self.container} ended as soon as it had started"
            )
        self.payload.note(init)
        self.refuse_wrong_limits()
        self.await_health()

    @action(timeout=90)
    def stop(self) -> None:
        from hactl_agents.host.asking import asking

        most = asking(self.host.left() or 0.0)
        self.ending_of(self.payload).end(min(float(self.shutdown_timeout), most))

    @action(timeout=20)
    def reload_agent(self) -> None:
        if self.look() not in RUNS:
            raise Failed(f"{self.container} is not running here: start it")
        from hactl_agents.lxc import limits as lxc_limits

        before = self.record.parameters()
        lifted = {name: None for name in LIMITS if name in before and self.values[name] is None}
        groups = self.payload.groups()
        lxc_limits.write(self.host, groups, {**lifted, **self.limits()})
        self.refuse_wrong_limits()

    def check(self) -> None:
        if self.health:
            self.health_words()

    def preflight(self) -> None:
        for tool in ("lxc-start", "lxc-attach"):
            if self.host.which(tool) is None:
                raise NotInstalled(f"{tool}: command not found; install lxc")
        self.as_user()
        left = self.host.left()
        within = None if left is None else left / 2  # the storage may hang
        text = self.host.paths.read(self.config_file, within)
        if text is None:
            raise WrongHere(f"{self.config_file}: this node has no such file: is it mounted?")
        for line in text.split("\n"):
            key, _, value = line.partition("=")
            if key.strip() == "lxc.start.auto" and value.strip() == "1":
                raise WrongHere(
                    f"{self.config_file}: lxc.start.auto = 1 starts the container at boot, behind "
                    "the cluster's back: remove it"
                )
        self.defines()
        self.await_predecessor()
        self.refuse_twin(text)

    def refuse_twin(self, configuration: str) -> None:
        """Two containers on one root folder would ruin it."""
        from hactl_agents.lxc import twins

        path = twins.root_folder(configuration)
        try:
            if not path or self.probe() != Status.STOPPED:
                return
        except Failed:
            return  # it is here, somehow: whoever looks next says how
        pid = twins.with_root(self.host, path)
        if pid is not None:
            title = self.payload.speaker(pid) or f"process {pid}"
            raise WrongHere(f"{path} is the root folder of {title} already: stop that first")

    def await_predecessor(self) -> None:
        """Start beside a container that is on its way out would take what its hooks give back."""

        def gone() -> bool:
            return self.socket.state() is not None or not self.payload.at_work()

        left = self.host.left()
        within = None if left is None else left / 2
        self.host.wait_for(f"waiting for the last hooks of {self.container}", gone, within=within)

    def already_running(self) -> None:
        """It was started by somebody else, or /run was lost: note what stop may need."""
        init = self.payload.init()
        if init is not None:
            self.note_parameters()
            self.payload.note(init)

    def undo_start(self) -> None:
        """End a container that did not start as it should."""
        self.host.deadline = max(self.host.deadline or 0.0, self.host.now() + AFTERWARDS)
        try:
            ending = self.ending_of(self.payload)
            ending.end(0.0)
            ending.tidy()
            self.record.drop()  # lxc-start's log stays
        except Failed as exc:
            self.host.log(f"could not end what did not start: {exc}")

    def after_stop(self) -> None:
        if self.known_payload is None:
            return  # nothing is known of it, not even its name
        try:
            self.ending_of(self.known_payload).tidy()
            if not self.log:
                self.start_log.remove(AFTERWARDS)
        except Failed as exc:
            self.host.log(str(exc))

    # start

    def launch(self) -> None:
        """Run lxc-start; its own words tell why it failed."""
        self.start_log.remove()
        defines = [word for item in self.defines() for word in ("-s", item)]
        done = self.tool(
            "lxc-start",
            "-f",
            self.config_file,
            "-o",
            self.start_log.path,
            "-l",
            "WARN",
            "-d",
            *defines,
        )
        if done.returncode:
            raise Failed(self.start_log.first_error() or done.complaint())

    def defines(self) -> "list[str]":
        limits = self.limits()
        if not limits:
            return []
        from hactl_agents.lxc import limits as lxc_limits

        return lxc_limits.defines(self.host, limits)

    def limits(self) -> "dict[str, int]":
        return {name: self.values[name] for name in LIMITS if self.values[name] is not None}

    def wrong_limits(self) -> "list[str]":
        limits = self.limits()
        if not limits:
            return []
        from hactl_agents.lxc import limits as lxc_limits

        return lxc_limits.wrong(self.host, self.payload.groups(), limits)

    def refuse_wrong_limits(self) -> None:
        wrong = self.wrong_limits()
        if wrong:
            raise Failed("; ".join(wrong))

    def tool(self, name: str, *words: str, within: "float | None" = None) -> "Done":
        place = ("-n", self.socket.name, "-P", self.socket.lxcpath)
        return self.host.run(*self.as_user(), name, *place, *words, check=False, within=within)

    def as_user(self) -> "tuple[str, ...]":
        """What goes in front of a command that the container's user is to run."""
        if self.user in (None, "root"):
            return ()
        import pwd

        try:
            group = pwd.getpwnam(self.user).pw_gid
        except KeyError:
            raise WrongHere(f"user: this node has no user {self.user}") from None
        return (
            "setpriv", "--reuid", self.user, "--regid", str(group), "--init-groups", "--reset-env",
        )  # fmt: skip

    @property
    def config_file(self) -> str:
        return self.config or f"{self.lxcpath}/{self.container}/config"

    @property
    def start_log(self) -> "StartLog":
        from hactl_agents.lxc.start_log import StartLog

        own = f"{self.host.state_dir}/{self.record.name}.log"
        users = f"{self.lxcpath}/{self.container}/lxc-start.log" if self.user else own
        return StartLog(self.host, self.log or users, own)

    # health

    def examine(self) -> None:
        from hactl_agents.host import cgroups

        if self.on_frozen != "ignore" and cgroups.frozen(self.host, self.payload.groups()):
            raise Failed(f"{self.container} is frozen, and LXC was not told")
        wrong = self.wrong_limits()
        if self.health:
            self.ask_health()
        if wrong:
            raise Degraded("; ".join(wrong))

    def ask_health(self) -> None:
        """Run the health command inside. Raises Failed where it does not succeed in time."""
        within = self.host.left(float(self.health_timeout))
        words = self.health_words()
        done = self.tool("lxc-attach", "--clear-env", "--", *words, within=within)
        if done.returncode:
            raise Failed(f"{self.container} is not well: {words[0]}: {done.complaint()}")

    def await_health(self) -> None:
        """Wait until the health command succeeds. Raises Failed with what it said last."""
        if not self.health:
            return
        said = ""

        def well() -> bool:
            nonlocal said
            try:
                self.ask_health()
            except Failed as exc:
                said = str(exc) if not said or self.host.left() else said
                return False
            return True

        if not self.host.wait_for(f"waiting until {self.container} is well", well, interval=0.5):
            raise Failed(said)

    def health_words(self) -> "list[str]":
        import shlex

        try:
            words = shlex.split(self.health)
        except ValueError as exc:
            raise NotConfigured(f"health: {exc}") from None
        if not words:
            raise NotConfigured("health: there is no command")
        return words
