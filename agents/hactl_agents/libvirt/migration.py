"""Moving a live guest to another node, watched, aborted in time, and verified at both ends.

Knows libvirt's migration API and nothing of Pacemaker or parameters: ``Route`` says how to go.
"""

from hactl_agents.host.host import Failed, TimedOut
from hactl_agents.libvirt.connection import PATIENCE, Connection
from hactl_agents.libvirt.domain_xml import Definition
from hactl_agents.libvirt.identity import same_uuid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host
    from hactl_agents.host.thread import Task
    from hactl_agents.libvirt.connection import Domain
    from hactl_agents.libvirt.evidence import Guest

# virDomainMigrateFlags
ALIVE, PEER2PEER, TUNNELLED = 1, 2, 4
UNSAFE, ABORT_ON_ERROR, AUTO_CONVERGE = 1 << 9, 1 << 12, 1 << 13
POSTCOPY, TLS, PARALLEL = 1 << 15, 1 << 16, 1 << 17

INCOMPATIBLE = 0  # VIR_CPU_COMPARE_INCOMPATIBLE
REPORT = 10.0  # seconds between two lines of progress
ABORTING = 20.0  # seconds kept before the deadline to abort, and to look where the guest is
POSTCOPY_AFTER = 1 / 3  # of the time; or after the second pass over the memory


class Route:
    """How a guest gets to ``target``: the URI of its libvirt, and the API's flags and params."""

    def __init__(self, target: str, uri: str, flags: int, params: "dict[str, str | int]") -> None:
        self.target = target
        self.uri = uri
        self.flags = flags
        self.params = params
        self.downtime: int | None = None  # the longest pause at the end, in milliseconds


class Migration:
    """One move of one guest from here."""

    def __init__(self, host: "Host", guest: "Guest", domain: "Domain", route: Route) -> None:
        self.host = host
        self.guest = guest
        self.domain = domain
        self.route = route
        self.postcopy = False

    def check_target(self) -> None:
        """Refuse, while nothing has happened yet, what could not end well. Raises Failed."""
        there = self.there()
        guest = self.guest
        known = there.domain(uuid=guest.uuid)
        if known is not None and known.active():
            raise Failed(f"{guest.name} is active on {self.route.target} as well as here")
        namesake = there.domain(name=guest.name)
        if namesake is not None and not same_uuid(namesake.uuid(), guest.uuid):
            raise Failed(f"{self.route.target} has another guest named {guest.name}")
        definition = Definition(self.domain.xml())
        self.check_networks(there, definition)
        self.check_cpu(there, definition)

    def there(self) -> Connection:
        """The target's libvirt. It is asked anew every time: a look must not outlive a daemon."""
        try:
            return Connection(self.host, self.route.uri)
        except Failed as exc:
            raise Failed(f"libvirt on {self.route.target} cannot be reached: {exc}") from None

    def check_networks(self, there: Connection, definition: Definition) -> None:
        wanted = [("Network", name) for name in definition.networks()]
        wanted += [("StoragePool", name) for name in definition.pools()]
        for kind, name in wanted:
            try:
                found = there.call(f"vir{kind}LookupByName", name)
            except Failed as exc:
                raise Failed(f"{self.route.target}: {exc}") from None
            if not there.on(found, f"vir{kind}IsActive"):
                raise Failed(f"{self.route.target}: libvirt's {kind.lower()} {name} is not active")

    def check_cpu(self, there: Connection, definition: Definition) -> None:
        """A guest that sees this host's very CPU must not wake up on a lesser one."""
        if definition.cpu_mode() != "host-passthrough":
            return
        cpu = host_cpu(str(self.domain.connection.call("virConnectGetCapabilities")))
        if cpu and there.call("virConnectCompareCPU", cpu, 0) == INCOMPATIBLE:
            raise Failed(f"the CPU of {self.route.target} lacks what this node's has")

    def run(self) -> None:
        """Move the guest. Raises Failed where it did not arrive; it then still runs here."""
        started = self.host.now()
        if self.route.downtime is not None:
            self.domain.call("virDomainMigrateSetMaxDowntime", self.route.downtime, 0)
        route = self.route
        step = f"migrating {self.guest.name} to {route.target}"
        task = self.domain.begin(
            step, "virDomainMigrateToURI3", route.uri, route.params, route.flags
        )
        try:
            self.watch(task, step)
            task.result()
        except BaseException as exc:
            if not self.abort(task):
                raise Failed(f"{exc}; libvirt has not put an end to it") from None
            self.verify_failure(exc)
        else:
            self.verify_success()
        self.host.log(f"{self.guest.name} arrived after {self.host.now() - started:.1f} s")

    def watch(self, task: "Task", step: str) -> None:
        """Report progress until the move is over; TimedOut where it will not be in time."""
        started, reported = self.host.now(), 0.0
        allowed = self.host.left()
        limit = None if allowed is None else allowed - min(ABORTING, allowed / 4)
        while not task.finished(0.2 if self.host.now() - started < 5 else 1.0):
            passed = self.host.now() - started
            if limit is not None and passed >= limit and not self.postcopy:
                raise TimedOut(f"{step}: not done within {limit:.0f} s, {self.progress()[0]}")
            if self.route.flags & POSTCOPY and not self.postcopy:
                self.switch(passed, limit)
            if passed - reported >= REPORT:
                reported = passed
                self.host.step = f"{step}: {self.progress()[0]}"
                self.host.log(self.host.step)

    def progress(self) -> "tuple[str, int]":
        """(what is known about the job, passes over the memory so far)."""
        try:
            stats = self.domain.call("virDomainGetJobStats", 0, within=1.0)
        except Failed:
            return "progress unknown", 0
        total, left = stats.get("memory_total", 0), stats.get("memory_remaining", 0)
        passes = stats.get("memory_iteration", 0)
        done = f"{100 * (total - left) // total} % of {total >> 20} MiB" if total else "preparing"
        throttled = stats.get("auto_converge_throttle", 0)
        slowed = f", guest slowed by {throttled} %" if throttled else ""
        return f"{done}, {left >> 20} MiB left, pass {passes}{slowed}", passes

    def switch(self, passed: float, limit: "float | None") -> None:
        """Let the guest run on the target and fetch the rest of its memory from there."""
        patience = 60.0 if limit is None else limit * POSTCOPY_AFTER
        if passed < patience and self.progress()[1] < 3:
            return
        try:
            self.domain.call("virDomainMigrateStartPostCopy", 0)
        except Failed as exc:
            self.host.log(f"no switch to post-copy: {exc}")
        else:
            self.postcopy = True
            self.host.log(f"{self.guest.name} runs on {self.route.target} now (post-copy)")

    def abort(self, task: "Task") -> bool:
        """End the move and wait until libvirt has put the guest back; False if it does not."""
        until = self.host.now() + ABORTING
        while not self.postcopy and not task.finished(0) and self.host.now() < until:
            try:
                self.domain.call("virDomainAbortJob")
            except Failed as exc:  # a move that is still being prepared cannot be aborted yet
                self.host.log(f"aborting: {exc}")
            task.finished(0.5)
        return task.finished(0)

    def verify_success(self) -> None:
        """libvirt said it is done: believe that when we see it."""
        if not self.host.wait_for("waiting for the source to end", self.guest.gone, within=10.0):
            raise Failed(f"{self.guest.name} was migrated and still has a process here")

    def verify_failure(self, exc: BaseException) -> None:
        """Raise what is true after a move that failed; return if it succeeded all the same."""
        name, target = self.guest.name, self.route.target
        try:
            # the target takes a moment to do away with what it had received
            self.host.wait_for("asking the target", lambda: not self.torn(), within=PATIENCE)
            here, there = not self.guest.gone(), self.arrived()
        except Failed as unknown:
            where = "it is not here" if self.guest.gone() else "it still exists here"
            raise Failed(f"{exc}; {where}, and {unknown}") from None
        if here and there:
            raise Failed(f"{exc}; {name} exists here and on {target}") from None
        if here:
            raise StillHere(f"{exc}; {name} stays here") from None
        if not there:
            raise Failed(f"{exc}; {name} is neither here nor on {target}") from None
        self.host.log(f"{name} is on {target} although libvirt said: {exc}")

    def torn(self) -> bool:
        return not self.guest.gone() and self.arrived()

    def arrived(self) -> bool:
        """Whether the guest is active on the target."""
        known = self.there().guest(self.guest.name, self.guest.uuid)
        return known is not None and known.active()


class StillHere(Failed):
    """The move failed, and the guest is certainly here and nowhere else."""


def host_cpu(capabilities: str) -> str:
    """The host's CPU out of libvirt's capabilities, as a document of its own."""
    from xml.etree import ElementTree

    cpu = ElementTree.fromstring(capabilities).find("host/cpu")
    return "" if cpu is None else ElementTree.tostring(cpu, encoding="unicode")
