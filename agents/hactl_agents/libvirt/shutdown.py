"""Stopping a guest: ask it, then destroy it through libvirt, then kill its verified process.

Works without libvirt; never touches a process that is not this guest's.
"""

from hactl_agents.host.asking import asking
from hactl_agents.host.host import SIGKILL, SIGTERM, Failed, TimedOut
from hactl_agents.libvirt import verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hactl_agents.host.host import Host
    from hactl_agents.libvirt.connection import Connection, Domain
    from hactl_agents.libvirt.evidence import Guest

ACPI, GUEST_AGENT = 1, 2  # virDomainShutdownFlagValues
PRESS_AGAIN = 10.0  # seconds; a guest that boots does not hear the button
LAST_WORDS = 3.0  # seconds QEMU gets between SIGTERM and SIGKILL


class Shutdown:
    """The rungs, from gentle to certain. Each ends early when the process is gone."""

    def __init__(self, host: "Host", guest: "Guest", connect: "Callable[[], Connection]") -> None:
        self.host = host
        self.guest = guest
        self.connect = connect

    def run(
        self,
        *,
        ask: bool = True,
        agent: bool = False,
        patience: "float | None" = None,
        save_to: str = "",
    ) -> None:
        """Stop the guest. Raises Failed if its process is still there at the end.

        ``patience`` is for how long it is asked, in seconds; None: as long as the deadline allows.
        With ``save_to`` its memory is saved there first, and it is not asked.
        """
        domain = None if self.guest.frozen() else self.domain()
        if domain is not None:
            if save_to:
                self.gently(domain, lambda: self.save(domain, save_to))
            elif ask:
                self.gently(domain, lambda: self.ask(domain, agent, patience))
            self.destroy(domain)
        self.kill()

    def domain(self) -> "Domain | None":
        """The guest as libvirt knows it; None where libvirt is no help."""
        try:
            return self.connect().domain(self.guest.name, self.guest.uuid)
        except Failed as exc:
            self.host.log(f"libvirt is no help in stopping {self.guest.name}: {exc}")
            return None

    def gently(self, domain: "Domain", how: "Callable[[], None]") -> None:
        """Try what needs the guest's or libvirt's good will; there are other ways."""
        try:
            self.leave_job(domain)
            if self.wakeful(domain):
                how()
        except Failed as exc:
            self.host.log(f"{self.guest.name} cannot be stopped gently: {exc}")

    def time_to_ask(self) -> float:
        """Seconds that may go by before force has to be used."""
        return asking(self.host.left(3600.0) or 0.0)

    def leave_job(self, domain: "Domain") -> None:
        """A migration that is under way would go on and take the guest elsewhere."""
        if self.guest.state.job == "migration out":
            self.host.log(f"{self.guest.name} is being migrated: aborting that")
            domain.call("virDomainAbortJob")

    def wakeful(self, domain: "Domain") -> bool:
        """Whether the guest can hear us, after waking it where somebody put it to sleep."""
        state, reason = domain.state()
        if (state, reason) == ("paused", "user"):
            domain.call("virDomainResume")
        elif state == "pmsuspended":
            domain.call("virDomainPMWakeup", 0)
        else:
            return verdict.judge(state, reason, "")[0] == verdict.RUNS
        return True

    def ask(self, domain: "Domain", agent: bool, patience: "float | None") -> None:
        """Ask by the guest agent once, then press the power button now and then."""
        most = self.time_to_ask()
        until = self.host.now() + (most if patience is None else min(most, patience))
        by_agent = agent
        while not self.gone_within(0) and self.host.now() < until:
            try:
                domain.call("virDomainShutdownFlags", GUEST_AGENT if by_agent else ACPI)
            except TimedOut as exc:  # late is not deaf: it may have been asked all the same
                self.host.log(f"libvirt is slow to ask {self.guest.name}: {exc}")
            except Failed as exc:
                if not by_agent:
                    raise
                self.host.log(f"the guest agent of {self.guest.name} does not shut down: {exc}")
                by_agent = False
                continue
            by_agent = False
            if self.gone_within(min(PRESS_AGAIN, until - self.host.now())):
                return

    def save(self, domain: "Domain", path: str) -> None:
        """Save the guest's memory; the file has its name only once it is whole."""
        part = path + ".part"
        if self.host.paths.facts(part, within=self.time_to_ask() / 2) is not None:
            self.host.change_in_child(lambda: self.host.remove(part))
        domain.call("virDomainSaveFlags", part, None, 0, within=self.time_to_ask())
        if self.gone_within(self.time_to_ask()):
            self.host.change_in_child(lambda: self.host.rename(part, path))

    def destroy(self, domain: "Domain") -> None:
        if self.gone_within(0):
            return
        left = self.host.left()
        try:
            domain.call("virDomainDestroyFlags", 0, within=left and left * 2 / 3)
            self.gone_within(LAST_WORDS)
        except Failed as exc:
            self.host.log(f"libvirt does not destroy {self.guest.name}: {exc}")

    def kill(self) -> None:
        """End the process ourselves. Its pid was verified, and is again by the kernel."""
        for signal in (SIGTERM, SIGKILL):
            if self.gone_within(0):
                return
            if signal == SIGTERM and self.guest.frozen():
                continue  # it would not hear
            qemu = self.guest.qemu
            self.host.kill(qemu.pid, signal, qemu.started)
            if self.gone_within(LAST_WORDS if signal == SIGTERM else None):
                return
        raise Failed(
            f"process {self.guest.qemu.pid} of {self.guest.name} does not even die of SIGKILL: "
            "its storage or the kernel hangs"
        )

    def gone_within(self, seconds: "float | None") -> bool:
        step = f"waiting for {self.guest.name} to end"
        return self.host.wait_for(step, self.guest.gone, within=seconds)
