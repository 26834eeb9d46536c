"""A KVM guest under libvirt: what Pacemaker asks for, in terms of evidence, ladders and routes."""

from hactl_agents.declare import BadValue
from hactl_agents.libvirt import evidence, verdict
from hactl_agents.libvirt.parameters import Parameters
from hactl_agents.ocf import (
    Agent,
    Degraded,
    Failed,
    Status,
    WrongHere,
    action,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hactl_agents.libvirt.connection import Connection
    from hactl_agents.libvirt.evidence import Guest, Identity

AUTOSTART = "/etc/libvirt/qemu/autostart"
SETTLE = 8.0  # seconds a monitor waits for a state that cannot last
ARRIVAL = 30.0  # seconds migrate_from waits for a guest that migrate_to has sent
UNHEARD_OF = 5.0  # seconds for which a start may go on in libvirt without a trace


class KvmGuest(Parameters, Agent):
    """A virtual machine run by libvirt and QEMU.

    Starts, stops, watches and live-migrates one guest of qemu:///system. Whether it runs is told
    by its QEMU process and libvirt's status file, so neither a dead or hanging libvirtd nor a
    missing definition makes a running guest look stopped, and it can be stopped all the same.

    Guests are started without being defined in libvirt: nothing stays behind on a node. Live
    migration needs the meta attribute allow-migrate=true.
    """

    def probe(self) -> int:
        guest = self.find()
        if guest is None:
            return Status.STOPPED
        return self.status(*self.judge_guest(guest))

    @action(timeout=20, interval=10)
    @action(timeout=30, interval=60, depth=10)
    def monitor(self) -> int:
        """Look; give a state that cannot last some seconds to become something else."""
        seen: list[tuple[str, str]] = []

        def settled() -> bool:
            guest = self.find()
            seen[:] = [self.judge_guest(guest)] if guest else []
            return not seen or seen[0][0] not in verdict.PASSING

        self.host.wait_for("waiting for the guest's state to settle", settled, within=SETTLE)
        if not seen:
            return Status.STOPPED
        kind, sentence = seen[0]
        if kind == verdict.ENDING:
            raise Failed(f"{sentence}, and does not come to an end")
        if kind == verdict.BUSY or self.status(kind, sentence) == Status.DEGRADED:
            raise Degraded(sentence)
        if self.level >= 10:
            self.examine()
        return Status.RUNNING

    @action(timeout=90)
    def start(self) -> None:
        from hactl_agents.libvirt.start import Birth

        text, wanted = self.wanted()
        Birth(self, self.connect(), text, wanted).start()

    @action(timeout=120)
    def stop(self) -> None:
        guest = self.settled()
        if guest is None:
            return
        evidence.note(self.record, guest)
        self.climb(guest)
        # the process that libvirt was about to make has been made, and is gone
        self.record.put("starting", None)

    @action(timeout=30)
    def reload_agent(self) -> None:
        from hactl_agents.libvirt.resize import apply

        guest = self.existing()
        text, _ = self.wanted()
        apply(self.connect(), guest, text, self.memory, self.vcpus)

    @action(timeout=600)
    def migrate_to(self) -> None:
        from hactl_agents.libvirt import migration_record as journey
        from hactl_agents.libvirt.migration import Migration, StillHere
        from hactl_agents.libvirt.route import route

        target = self.meta("migrate_target")
        if not target:
            raise Failed("no migration target: this action is for Pacemaker (migrate_target)")
        guest = self.existing()
        domain = self.connect().domain(guest.name, guest.uuid)
        if domain is None:
            raise Failed(f"libvirt does not know {guest.name}, although its process runs")
        way = route(target, self.wishes(), guest.uuid)
        migration = Migration(self.host, guest, domain, way)
        migration.check_target()
        evidence.note(self.record, guest)
        journey.begin(self.host, self.record, way.uri)
        try:
            migration.run()
        except StillHere:
            journey.over(self.host, self.record)
            raise
        journey.over(self.host, self.record)

    @action(timeout=60)
    def migrate_from(self) -> None:
        """Wait for the guest that migrate_to has sent, and write down what start would."""
        if not self.meta("migrate_source"):
            raise Failed("no migration source: this action is for Pacemaker (migrate_source)")

        def here() -> bool:
            guest = self.find()
            return guest is not None and self.judge_guest(guest)[0] == verdict.RUNS

        left = self.host.left()
        within = ARRIVAL if left is None else min(ARRIVAL, left * 0.8)
        if not self.host.wait_for("waiting for the guest to arrive", here, within=within):
            raise Failed(f"the guest did not arrive from {self.meta('migrate_source')}")
        self.record.put("starting", None)
        self.record.put("journey", None)
        self.found_running()
        self.warn_about_definition()

    # hooks of the runtime

    def preflight(self) -> None:
        self.host.binding("libvirtmod")
        try:
            _, wanted = self.wanted()
        except BadValue as exc:
            raise WrongHere(str(exc)) from None
        if self.host.exists(f"{AUTOSTART}/{wanted.name}.xml"):
            raise WrongHere(
                f"libvirt starts {wanted.name} by itself at boot, behind the cluster's back: "
                f"virsh autostart --disable {wanted.name}"
            )
        if self.stop_mode == "save" and not self.host.exists(self.save_dir or ""):
            raise WrongHere(f"save_dir: there is no folder {self.save_dir}")

    def found_running(self) -> None:
        """Note which process it is. What runs, runs, also where nothing can be written."""
        guest = self.find()
        if guest is None:
            return
        evidence.note(self.record, guest)
        try:
            self.note_parameters()
        except Failed as exc:
            self.host.log(f"the guest runs, but this cannot be written down: {exc}")

    def examine(self) -> None:
        from hactl_agents.libvirt.health import examine

        guest = self.existing()
        examine(self.host, self.setting("uri"), guest, agent=self.setting("agent"))

    def given_up(self) -> None:
        """Take away what a failed start has made; what is left is for the stop that follows."""
        from hactl_agents.libvirt.shutdown import Ladder

        if not self.record.get("starting"):
            return
        try:
            guest = self.find()
            if guest is not None:
                Ladder(self.host, guest, self.connect).climb(ask=False)
            self.record.put("starting", None)
            self.record.save()
        except Failed as exc:
            self.host.log(f"cannot undo the failed start: {exc}")

    def stopped(self) -> None:
        """A migration that was cut short goes on in libvirt: end it where it may have led."""
        if self.record.get("journey"):
            from hactl_agents.libvirt import migration_record as journey

            journey.end_there(self.host, self.record)

    # what the actions are made of

    def find(self) -> "Guest | None":
        """The guest on this node, None where there certainly is none. Raises Failed in doubt."""
        found = evidence.find(self.host, self.instance, self.record, self.configured)
        if found is None and self.record.get("starting") and self.being_started():
            raise Failed("libvirt is still starting the guest")
        return found

    def configured(self) -> "tuple[Identity | None, bool]":
        """(which guest the parameters mean; whether they should say and do not)."""
        from hactl_agents.libvirt import identity_xml as document

        try:
            return document.read(self.definition_text()), False
        except BadValue as exc:
            complaint = str(exc)
        name = self.setting("name")
        if name:
            return evidence.Identity(name), False
        doubtful = bool(self.texts.get("definition"))
        if doubtful:
            self.host.log(complaint)
        return None, doubtful

    def wanted(self) -> "tuple[str, Identity]":
        """The XML to run and what it says. Raises BadValue, NotConfigured, WrongHere."""
        text = self.definition_text()
        return text, self.judge(text, self.texts.get("definition") or "domain")

    def definition_text(self) -> str:
        """The XML, from the CIB or from its file. Raises BadValue."""
        if self.domain:
            return str(self.domain)
        if not self.definition:
            raise BadValue("definition: this or domain has to be set")
        try:
            text = self.host.read(self.definition)
        except Failed as exc:
            raise BadValue(str(exc)) from None
        if text is None:
            raise BadValue(f"{self.definition}: there is no such file")
        return text

    def setting(self, name: str) -> "Any":
        """A parameter, or its default where it has a wrong value: a stop must not fail over it."""
        try:
            return getattr(self, name)
        except BadValue:
            return self.params()[name].default

    def connect(self) -> "Connection":
        from hactl_agents.libvirt.connection import Connection

        return Connection(self.host, self.setting("uri"))

    def existing(self) -> "Guest":
        guest = self.find()
        if guest is None:
            raise Failed("the guest does not run here")
        return guest

    def judge_guest(self, guest: "Guest") -> "tuple[str, str]":
        """(verdict, sentence): from libvirt's file, or from libvirt where the file is no help."""
        if guest.frozen():
            return verdict.PAUSED, f"QEMU (process {guest.qemu.pid}) is stopped by a signal"
        state = guest.state
        seen = verdict.judge(state.state, state.reason, state.job)
        if seen[0] != verdict.UNKNOWN:
            return seen
        from hactl_agents.libvirt.health import asked

        return asked(self.host, self.setting("uri"), guest)

    def status(self, kind: str, sentence: str) -> int:
        """The verdict as a Status. Raises Failed."""
        policy = self.setting("on_paused")
        if kind in (verdict.RUNS, *verdict.PASSING) or (kind, policy) == (verdict.PAUSED, "ignore"):
            return Status.RUNNING
        if (kind, policy) == (verdict.PAUSED, "degraded"):
            return Status.DEGRADED
        raise Failed(sentence)

    def climb(self, guest: "Guest") -> None:
        """Stop a guest that exists, the way the parameters say."""
        from hactl_agents.libvirt.shutdown import Ladder

        mode, folder = self.setting("stop_mode"), self.setting("save_dir")
        Ladder(self.host, guest, self.connect).climb(
            ask=mode != "destroy" and not self.record.get("starting"),
            agent=self.setting("agent"),
            patience=self.setting("shutdown_timeout"),
            save_to=f"{folder}/{guest.name}.save" if mode == "save" and folder else "",
        )

    # starts and migrations that were cut short

    def being_started(self) -> bool:
        """Whether libvirt has the recorded guest in the making. A dead libvirt makes none."""
        from hactl_agents.libvirt.connection import Connection, LibvirtError

        identity = evidence.recorded(self.record)
        if identity is None:
            return False
        try:
            domain = Connection(self.host, self.setting("uri"), read_only=True).domain(
                uuid=identity.uuid
            )
        except LibvirtError as exc:
            if not exc.nobody_there():
                raise
            return False
        if domain is not None:
            return domain.active()
        # libvirt knows a guest only after it has had a look at QEMU, which can take seconds
        return self.host.now() - float(self.record.get("starting") or 0) < UNHEARD_OF

    def settled(self) -> "Guest | None":
        """The guest, once a start whose caller was killed has ended in libvirt either way."""

        def over() -> bool:
            try:
                self.find()
            except Failed:
                return False
            return True

        if self.record.get("starting"):
            left = self.host.left()
            step = "waiting for libvirt to end a start that was cut short"
            self.host.wait_for(step, over, within=left and left / 2, interval=0.5)
        return self.find()

    def warn_about_definition(self) -> None:
        try:
            self.wanted()
        except BadValue as exc:
            self.host.log(f"the guest runs, but could not be started again here: {exc}")
