"""A Linux bridge with its uplinks: what it should be, what is wrong with it, who may touch it."""

from hactl_agents.bridge.ownership import OWNER, Owned, attached_as, find, noted_ports
from hactl_agents.bridge.parameters import Parameters
from hactl_agents.netlink.links import BRIDGE, READ_ONLY
from hactl_agents.ocf import (
    Agent,
    Degraded,
    Failed,
    NotConfigured,
    Status,
    WrongHere,
    action,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hactl_agents.bridge.work import BridgeWork
    from hactl_agents.host.host import Host
    from hactl_agents.netlink.links import Link

SETTINGS = (*(name for name in BRIDGE if name not in READ_ONLY), "mtu")
RESERVE = 2.0  # seconds of stop's time kept for the work after the waiting


class LinuxBridge(Parameters, Agent):
    """Manage a Linux bridge and the ports that are its uplinks.

    Makes the bridge, or adopts one that is there, attaches the given ports, and keeps settings as
    they are given; what is not given is left as it is. Everything goes through rtnetlink: no
    brctl, no ip, and a monitor forks nothing.

    The bridge carries its owner in its alias (hactl:RESOURCE), so that it is known again even if
    /run is lost. Stop takes back only what this resource did: ports are left up or down as they
    were found, an adopted bridge stays, and a bridge that still carries ports of others, such as
    those of running guests, is not deleted: stop fails and names them. Give the stop operation
    on-fail=block, so that such a failure fences no node.
    """

    converges = True

    def __init__(self, host: "Host", environ: "Mapping[str, str]") -> None:
        super().__init__(host, environ)
        self.links = host.network()
        self.owned: "Owned | None" = None  # the bridge as probe saw it

    def find(self) -> "Owned | None":
        """The bridge, if it is ours."""
        return find(self.links, self.record, OWNER + self.instance, self.bridge)

    @property
    def work(self) -> "BridgeWork":
        from hactl_agents.bridge.work import BridgeWork

        return BridgeWork(self.links, self.record, OWNER + self.instance, self.bridge)

    # what Pacemaker asks for

    def probe(self) -> int:
        self.owned = self.find()
        if self.owned is None:
            return Status.STOPPED
        if self.owned.unfinished:
            raise Failed(f"{self.bridge} is half made: a start or stop of it was cut short")
        return Status.RUNNING

    @action(timeout=20, interval=10)
    def monitor(self) -> int:
        status: int = super().monitor()
        if self.owned is not None:
            self.judge(self.owned)
        return status

    @action(timeout=30)
    def start(self) -> None:
        owned = self.find()
        if owned is None:
            there = self.refuse_foreign_bridge()
            owned = self.work.adopt(there) if there else self.work.make()
        elif owned.unmarked:
            self.work.sign(owned, unfinished=True)
        self.apply(owned)
        self.work.sign(owned, unfinished=False)

    @action(timeout=30)
    def stop(self) -> None:
        owned = self.find()
        if owned is None:
            return
        if not owned.adopted and not self.force:
            self.wait_until_alone(owned)
        self.work.undo(owned)

    @action(timeout=30)
    def reload_agent(self) -> None:
        owned = self.find()
        if owned is None or owned.unfinished:
            raise Failed(f"{self.bridge} is not running here: start it")
        self.preflight()
        given = {port.index for port in self.devices().values() if port is not None}
        for name, index in noted_ports(self.record).items():
            if index not in given:
                self.work.release(name, owned.device.index)
                self.record.put(f"port.{name}", None)
        self.apply(owned)

    def check(self) -> None:
        if self.bridge in self.ports:
            raise NotConfigured(f"ports: {self.bridge} cannot be a port of itself")
        if self.address == "port" and not self.ports:
            raise NotConfigured("address: there is no port to take it from")
        if self.address not in (None, "port") and self.meta("clone_max") not in ("", "1"):
            raise NotConfigured("address: every instance of the clone would have it; use port")
        if self.stp and self.forward_delay is not None and not 2 <= self.forward_delay <= 30:
            raise NotConfigured("forward_delay: with stp it is from 2s to 30s")

    def preflight(self) -> None:
        """Refuse what cannot work on this node, before anything is touched."""
        owned = self.find()
        if owned is None or owned.renamed:
            self.refuse_foreign_bridge(owned)
        for name in self.ports:
            self.refuse_unfit_port(name)

    def is_as_given(self) -> bool:
        """Whoever looks for the bridge looks for its name."""
        owned = self.find()
        return owned is None or not owned.renamed

    def undo_start(self) -> None:
        """Undo a start that failed, unless others use the bridge already."""
        try:
            owned = self.find()
            if owned is not None and (owned.adopted or not self.others(owned)):
                self.work.undo(owned)
                self.record.drop()
            elif owned is None:
                self.record.drop()
        except Failed as exc:
            self.host.log(f"could not undo the start that failed: {exc}")

    def after_stop(self) -> None:
        """Somebody else may have deleted the bridge: its ports are still as we made them."""
        if not self.record.notes:
            return
        try:
            for name in noted_ports(self.record):
                self.work.release(name, 0)
        except Failed as exc:
            self.host.log(f"a port could not be left as it was found: {exc}")

    # who may touch what

    def refuse_foreign_bridge(self, ours: "Owned | None" = None) -> "Link | None":
        """The bridge that is there to be adopted, None if there is nothing of that name."""
        there = self.links.get(self.bridge)
        if there is None:
            return None
        if ours is not None:
            raise WrongHere(
                f"{self.bridge} is another device by now, and ours is called {ours.device.name}: "
                "rename them"
            )
        if there.kind != "bridge":
            kind = f"a {there.kind} device" if there.kind else "another device"
            raise WrongHere(f"{self.bridge} is {kind} on this node, not a bridge: rename one")
        if there.alias.startswith(OWNER):
            owner = there.alias.split()[0][len(OWNER) :]
            raise WrongHere(f"{self.bridge} belongs to the resource {owner}: stop that first")
        if not self.adopt:
            raise WrongHere(
                f"{self.bridge} is there already and not ours: delete it, or set adopt=true"
            )
        return there

    def refuse_unfit_port(self, name: str) -> None:
        port = self.links.get(name)
        if port is None:
            known = attached_as(self.links, self.record, name)
            now = f": it is called {known.name} by now" if known is not None else ""
            raise WrongHere(f"ports: this node has no network device {name}{now}")
        if port.loopback or port.kind == "bridge":
            what = "the loopback" if port.loopback else "a bridge itself"
            raise WrongHere(f"ports: {name} is {what} and cannot be a port")
        owned = self.find()
        bridge = owned.device if owned is not None else self.links.get(self.bridge)
        if bridge is not None and port.master == bridge.index:
            return
        if port.master:
            raise WrongHere(f"ports: {name} is a port of another device: take it out there first")
        addresses = self.links.addresses(port.index)
        if addresses:
            raise WrongHere(
                f"ports: {name} has the address {addresses[0]}, which would stop answering: "
                "remove it, or move it to the bridge"
            )

    def others(self, owned: "Owned") -> "list[str]":
        """Who stands on the bridge: ports that somebody else attached, as guests do, and devices
        that were made upon it.
        """
        from hactl_agents.netlink import uppers

        ours = set(noted_ports(self.record).values())
        ours |= {port.index for port in self.devices().values() if port is not None}
        ports = [port.name for port in self.work.ports(owned) if port.index not in ours]
        above = uppers.of(self.host, self.links, {owned.device.index})
        return sorted(ports) + above + self.holder(owned.device)

    def holder(self, bridge: "Link") -> "list[str]":
        """A switch that has the bridge for a port; that it is in a VRF matters to nobody."""
        above = self.links.at(bridge.master) if bridge.master else None
        return [f"{above.name} ({above.kind})"] if above and above.kind != "vrf" else []

    def wait_until_alone(self, owned: "Owned") -> None:
        """Guests that are just stopping take their ports with them; raises Failed if some stay."""
        patience = self.host.left_but(RESERVE, 30.0)
        step = f"waiting for others to leave {self.bridge}"
        if self.host.wait_for(step, lambda: not self.others(owned), within=patience, interval=0.2):
            return
        names = " ".join(self.others(owned))
        raise Failed(
            f"{self.bridge} still carries {names}: stop or move what uses it, "
            "or set force=true to delete the bridge all the same"
        )

    # as it should be

    def settings(self, ports: "Mapping[str, Link | None]") -> "dict[str, int | str]":
        """Every setting that is given, by the name it has in the kernel's answer."""
        wanted: dict[str, int | str] = {}
        for name in SETTINGS:
            value = getattr(self, name)
            if value is not None:
                wanted[name] = int(value)
        first = ports[self.ports[0]] if self.address == "port" and self.ports else None
        if first is not None:
            wanted["address"] = first.address
        elif self.address not in (None, "port"):
            wanted["address"] = self.address
        return wanted

    def apply(self, owned: "Owned", *, leave: "Sequence[str]" = ()) -> None:
        """Bring bridge and ports into the wanted condition; what they were like is noted first.

        ``leave`` are ports to be left where they are. Raises Failed where anything else is wrong.
        """
        work, found = self.work, self.devices()
        wanted = self.settings(found)
        ports = [port for name, port in found.items() if port is not None and name not in leave]
        if owned.renamed:
            self.links.rename(owned.device, self.bridge)
        work.note_settings(owned, wanted)
        for port in ports:
            work.note_port(owned, port)
        self.record.save()
        back = work.given_back(wanted)
        for port in ports:
            work.attach(owned, port, self.mtu)
        owned.device = self.links.at(owned.device.index) or owned.device
        work.set(owned, {**back, **wanted})
        for name in back:
            self.record.put(f"was.{name}", None)
        if not owned.device.up:
            self.links.set(owned.device, up=True)
        now, found = self.find(), self.devices()
        rest = {name: port for name, port in found.items() if name not in leave}
        wrong = self.wrong(now, rest) if now else [f"{self.bridge} is gone"]
        if wrong:
            raise Failed("; ".join(wrong))

    def devices(self) -> "dict[str, Link | None]":
        return {name: self.links.get(name) for name in self.ports}

    # what is wrong with it

    def judge(self, owned: "Owned") -> None:
        """Raise Failed or Degraded with all that is not as it should be."""
        ports = self.devices()
        wrong = self.wrong(owned, ports)
        if wrong and self.drift == "repair" and self.meta("interval") not in ("", "0"):
            self.repair(wrong)
            owned, ports = self.find() or owned, self.devices()
            wrong = self.wrong(owned, ports)
        if wrong:
            raise (Failed if self.drift == "fail" else Degraded)("; ".join(wrong))
        dark = [port.name for port in ports.values() if port is not None and not port.carrier]
        if dark and self.on_port_down != "ignore":
            sentence = f"no carrier on {' '.join(dark)}, port of {self.bridge}"
            raise (Failed if self.on_port_down == "fail" else Degraded)(sentence)

    def wrong(self, owned: "Owned", ports: "Mapping[str, Link | None]") -> "list[str]":
        """What is not as given, in short sentences."""
        bridge, name = owned.device, self.bridge
        wrong = [f"{name} is called {bridge.name} by now"] if owned.renamed else []
        wrong += [] if bridge.up else [f"{name} is down"]
        if owned.unmarked:
            wrong.append(f"{name} has lost its alias, our mark")
        for setting, wanted in self.settings(ports).items():
            if not bridge.is_set(setting, wanted):
                now = bridge.setting(setting)
                wrong.append(f"{name} has {setting} {now} instead of {wanted}")
        for port, link in ports.items():
            wrong += self.wrong_port(port, link, bridge)
        return wrong

    def wrong_port(self, name: str, link: "Link | None", bridge: "Link") -> "list[str]":
        if link is None:
            known = attached_as(self.links, self.record, name)
            now = f"is called {known.name} by now" if known else "does not exist any more"
            return [f"port {name} {now}"]
        if link.master != bridge.index:
            holder = self.links.at(link.master) if link.master else None
            now = f", {holder.name} has it" if holder is not None else ""
            return [f"{name} is not a port of {self.bridge} any more{now}"]
        wrong = [] if link.up else [f"port {name} is down"]
        index = noted_ports(self.record).get(name, link.index)
        if index != link.index:
            wrong.append(f"port {name} is another device than the one that was attached")
        return wrong

    def repair(self, wrong: "list[str]") -> None:
        """Put it right; a port that another device has by now is left there."""
        self.host.lock(f"{self.record.name}.lock")
        self.reread_record()
        owned = self.find()
        if owned is None or owned.unfinished:
            raise Failed(f"{self.bridge} was stopped in the meantime")
        self.host.log(f"repairing: {'; '.join(wrong)}")
        if owned.unmarked:
            self.work.sign(owned, unfinished=False)
        elsewhere = [
            name
            for name, port in self.devices().items()
            if port is not None and port.master not in (0, owned.device.index)
        ]
        self.apply(owned, leave=elsewhere)
