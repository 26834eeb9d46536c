"""A KVM guest under libvirt: what Pacemaker asks for, in terms of evidence, ladders and routes."""

from hactl_agents.declare import BadValue
from hactl_agents.libvirt import evidence, lost_start, verdict
from hactl_agents.libvirt.identity import Identity
from hactl_agents.libvirt.parameters import Parameters
from hactl_agents.ocf import (
    Agent,
    Degraded,
    Failed,
    Status,
    TimedOut,
    WrongHere,
    action,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from hactl_agents.libvirt.connection import Connection
    from hactl_agents.libvirt.evidence import Guest
    from hactl_agents.libvirt.pending import Pending

AUTOSTART = "/etc/libvirt/qemu/autostart"
SETTLE = 8.0  # seconds a monitor waits for a state that cannot last
ARRIVAL = 30.0  # seconds migrate_from waits for a guest that migrate_to has sent


class KvmGuest(Parameters, Agent):
    """A virtual machine run by libvirt and QEMU.

    Starts, stops, watches and live-migrates one guest of qemu:///system. Whether it runs is told
    by its QEMU process and libvirt's status file, so neither a dead or hanging libvirtd nor a
    missing definition makes a running guest look stopped, and it can be stopped all the same.

    Guests are started without being defined in libvirt: nothing stays behind on a node. Live
    migration needs the meta attribute allow-migrate=true.
    """

    read_definition: "list[Identity] | None" = None  # None before it was tried, else one or none

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
        from hactl_agents.libvirt.start import Start

        text, wanted = self.wanted()
        Start(self, self.connect(), text, wanted).start()

    @action(timeout=120)
    def stop(self) -> None:
        guest = self.settled()
        if guest is not None:
            evidence.note(self.record, guest)
            self.shut_down(guest)
        # the process that libvirt was about to make has been made, and is gone
        self.pending().over()
        self.end_others()
        self.host.refuse_pending()  # saved memory that may yet get its name

    @action(timeout=30)
    def reload_agent(self) -> None:
        from hactl_agents.libvirt.resize import apply

        guest = self.existing()
        text, _ = self.wanted()
        apply(self.connect(), guest, text, self.memory, self.vcpus)

    @action(timeout=600)
    def migrate_to(self) -> None:
        from hactl_agents.libvirt import migration_record
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
        migration_record.begin(self.host, self.record, way.uri)
        try:
            migration.run()
        except StillHere:
            migration_record.over(self.host, self.record)
            raise
        migration_record.over(self.host, self.record)

    @action(timeout=60)
    def migrate_from(self) -> None:
        """Wait for the guest that migrate_to has sent, and write down what start would."""
        if not self.meta("migrate_source"):
            raise Failed("no migration source: this action is for Pacemaker (migrate_source)")

        def here() -> bool:
            guest = self.find()
            return guest is not None and self.has_arrived(guest)

        left = self.host.left()
        within = ARRIVAL if left is None else min(ARRIVAL, left * 0.8)
        if not self.host.wait_for("waiting for the guest to arrive", here, within=within):
            raise Failed(f"the guest did not arrive from {self.meta('migrate_source')}")
        self.pending().over()
        self.record.put("migration", None)
        self.already_running()
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
        if self.stop_mode == "save" and not self.host.paths.exists(self.save_dir or ""):
            raise WrongHere(f"save_dir: there is no folder {self.save_dir}")

    def already_running(self) -> None:
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

    def undo_start(self) -> None:
        """Take away what a failed start has made; what is left is for the stop that follows."""
        from hactl_agents.libvirt.shutdown import Shutdown

        if not self.record.get("starting"):
            return
        try:
            guest = self.evident()
            if guest is not None:
                Shutdown(self.host, guest, self.connect).run(ask=False)
            if guest is not None or self.pending().call_off():
                self.pending().over()
            self.pending().clear()
            self.record.save()
        except Failed as exc:
            self.host.log(f"cannot undo the failed start: {exc}")

    def after_stop(self) -> None:
        """Clear what is left in libvirt; a migration that was cut short goes on there: end it where
        it may have led.
        """
        if self.record.get("defined"):
            self.pending().clear()
        self.clear_half_made()
        if self.record.get("migration"):
            from hactl_agents.libvirt import migration_record

            migration_record.end_there(self.host, self.record)

    # what the actions are made of

    def find(self) -> "Guest | None":
        """The guest on this node, None where there certainly is none. Raises Failed in doubt."""
        found = self.evident()
        if found is None and not self.record.get("name"):
            lost_start.recall(self.host, self.instance, self.record)
        if found is not None or not self.record.get("starting"):
            return found
        waits = self.pending().why()
        if waits:
            raise Failed(waits)
        return self.evident()  # it may have come between the one look and the other

    def evident(self) -> "Guest | None":
        """The guest, as far as there are traces of it."""
        return evidence.find(self.host, self.instance, self.record, self.configured)

    def configured(self, names: "Collection[str]") -> "tuple[Identity | None, bool]":
        """(which guest the parameters mean; whether they should say and do not).

        The definition is read only where one of the guests ``names`` may be the one, and the record
        does not tell: it lies on storage that may hang.
        """
        name = self.setting("name")
        if name and name not in names:
            return Identity(name), False
        if self.is_written_down():
            return (Identity(name) if name else None), False
        return self.identity_by_definition(name)

    def is_written_down(self) -> bool:
        """Whether the record tells which guest today's definition is about."""
        known = evidence.recorded(self.record)
        given = self.texts.get("definition")
        return bool(
            known and known.uuid and given and self.record.parameters().get("definition") == given
        )

    def identity_by_definition(self, name: "str | None") -> "tuple[Identity | None, bool]":
        found = self.defined()
        if found is not None:
            return found, False
        if name:
            return Identity(name), False
        return None, bool(self.texts.get("definition"))

    def defined(self) -> "Identity | None":
        """Which guest the definition is about, None where that cannot be read: asked once."""
        if self.read_definition is None:
            from hactl_agents.libvirt import identity_xml

            try:
                self.read_definition = [identity_xml.read(self.definition_text(share=1 / 3))]
            except (BadValue, TimedOut) as exc:
                self.read_definition = []
                if self.texts.get("definition"):
                    self.host.log(str(exc))
        return self.read_definition[0] if self.read_definition else None

    def wanted(self) -> "tuple[str, Identity]":
        """The XML to run and what it says. Raises BadValue, NotConfigured, WrongHere."""
        text = self.definition_text()
        return text, self.judge(text, self.texts.get("definition") or "domain")

    def definition_text(self, share: float = 1.0) -> str:
        """The XML, from the CIB or from its file, for which ``share`` of the time left is given.

        Raises BadValue, and TimedOut where the file's storage hangs.
        """
        if self.domain:
            return str(self.domain)
        if not self.definition:
            raise BadValue("definition: this or domain has to be set")
        left = self.host.left()
        try:
            text = self.host.paths.read(self.definition, within=left and left * share)
        except TimedOut:
            raise
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

    def has_arrived(self, guest: "Guest") -> bool:
        state = guest.state
        return verdict.has_arrived(state.state, state.reason, state.job) or (
            self.judge_guest(guest)[0] == verdict.RUNS
        )

    def judge_guest(self, guest: "Guest") -> "tuple[str, str]":
        """(verdict, sentence): from libvirt's file, or from libvirt where the file is no help."""
        letter = guest.letter()
        if letter in ("T", "t"):
            return verdict.PAUSED, f"QEMU (process {guest.qemu.pid}) is stopped by a signal"
        if guest.is_dying(letter):
            return verdict.BROKEN, (
                f"QEMU (process {guest.qemu.pid}) was killed and does not come to its end: its "
                "storage or the kernel hangs"
            )
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

    def shut_down(self, guest: "Guest") -> None:
        """Stop a guest that exists, the way the parameters say."""
        from hactl_agents.libvirt.shutdown import Shutdown

        mode, folder = self.setting("stop_mode"), self.setting("save_dir")
        Shutdown(self.host, guest, self.connect).run(
            ask=mode != "destroy" and not self.record.get("starting"),
            agent=self.setting("agent"),
            patience=self.setting("shutdown_timeout"),
            save_to=f"{folder}/{guest.name}.save" if mode == "save" and folder else "",
        )

    # starts and migrations that were cut short

    def pending(self) -> "Pending":
        from hactl_agents.libvirt.pending import Pending

        return Pending(self.host, self.record, self.setting("uri"))

    def settled(self) -> "Guest | None":
        """The guest, once a start that was cut short has ended in libvirt or is called off."""

        def over() -> bool:
            try:
                self.find()
            except Failed:
                return self.pending().call_off()
            return True

        if self.record.get("starting"):
            left = self.host.left()
            step = "waiting for libvirt to end a start that was cut short"
            self.host.wait_for(step, over, within=left and left / 2, interval=0.5)
        return self.find()

    def end_others(self) -> None:
        """An emulator that is a script has a second process of the same guest."""
        from hactl_agents.libvirt.shutdown import Shutdown

        while (other := self.find()) is not None:
            self.host.log(f"process {other.qemu.pid} is {other.name}, too: ending it")
            Shutdown(self.host, other, self.connect).kill()

    def clear_half_made(self) -> None:
        """No libvirtd shall go on believing in a guest that never came to be."""
        from hactl_agents.libvirt import half_made

        known = evidence.recorded(self.record)
        name = known.name if known else self.setting("name")
        if name and half_made.is_left(self.host, name):
            half_made.clear(self.connect, self.host, name, known.uuid if known else "")

    def warn_about_definition(self) -> None:
        try:
            self.wanted()
        except (BadValue, TimedOut) as exc:
            self.host.log(f"the guest runs, but could not be started again here: {exc}")
