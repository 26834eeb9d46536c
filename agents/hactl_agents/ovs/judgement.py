"""What is wrong with a bridge that runs, and what the operator wants made of it."""

from hactl_agents.ocf import Degraded, Failed, TimedOut
from hactl_agents.ovs import daemon, drift, health
from hactl_agents.ovs import vsctl as spelling
from hactl_agents.ovs.evidence import Evidence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.ovs.database import Snapshot
    from hactl_agents.ovs_bridge import OvsBridge

PORT = "port."  # begins the name of a note on a device
SETTLE = 5.0  # seconds a monitor gives ovs-vswitchd to apply somebody's change


class Judgement:
    """The judgement of one OvsBridge on its bridge."""

    def __init__(self, agent: "OvsBridge", evidence: "Evidence | None" = None) -> None:
        self.agent = agent
        self.host = agent.host
        self.evidence = evidence or agent.evidence

    def judge(self, now: "Snapshot") -> None:
        """Raise Failed or Degraded with all that is not as it should be."""
        agent = self.agent
        if agent.complaints:
            raise Failed("; ".join(agent.complaints))
        now = self.wait_until_applied(now)
        wrong = self.wrong(now)
        if wrong and self.may_repair():
            now = agent.work.repair(wrong)
            wrong = self.wrong(now)
        if wrong:
            raise (Failed if agent.drift == "fail" else Degraded)("; ".join(wrong))
        wanted = self.evidence.wanted(self.evidence.devices())
        complain(agent.on_member_down, health.without_link(now, wanted))
        complain(agent.on_controller_down, health.without_connection(now, wanted, self.listens))
        self.remember_if_that_is_all(now)

    def remember_if_that_is_all(self, now: "Snapshot") -> None:
        """The next monitor then only compares what the daemons say."""
        agent = self.agent
        running = daemon.running(self.host, agent.rundir)
        if running is None or not now.talk[0]:
            return
        running.call("ofproto/list", [])
        agent.remember(now.talk, running.talk)

    def listens(self, name: str, target: str) -> bool:
        from hactl_agents.ovs import listening

        return listening.listens(self.host, self.agent.rundir, name, target)

    def may_repair(self) -> bool:
        """A probe changes nothing; a bridge that came back by itself after a reboot is completed:
        its uplinks and flows are not part of the database."""
        recurring = self.agent.meta("interval") not in ("", "0")
        return recurring and (self.agent.drift == "repair" or not self.agent.record.notes)

    def wait_until_applied(self, now: "Snapshot") -> "Snapshot":
        """Somebody's change, a guest's port for instance, may just be on its way."""
        seen = [now]

        def applied() -> bool:
            if not seen[-1].applied:
                seen.append(self.evidence.look())
            return seen[-1].applied

        step = "waiting for ovs-vswitchd to apply the database"
        if not self.host.wait_for(step, applied, within=SETTLE):
            raise TimedOut("ovs-vswitchd lives, but does not apply what the database says")
        if seen[-1].bridge is None:
            raise Failed(f"{self.agent.bridge} was deleted while it was looked at")
        return seen[-1]

    def wrong(self, now: "Snapshot") -> "list[str]":
        """What is not as given, in short sentences."""
        agent = self.agent
        devices = self.evidence.devices()
        wanted = self.evidence.wanted(devices)
        wrong = [] if spelling.owner(now.bridge) else [f"{agent.bridge} has lost our mark"]
        wrong += [found.sentence for found in drift.differences(now, wanted, agent.instance)]
        wrong += health.not_applied(now, wanted.interfaces())
        wrong += health.devices(wanted, devices, self.called_now)
        wrong += [
            f"ovs-vswitchd switches another device than the {name} that is there by now"
            for name in self.evidence.strangers(now, devices)
        ]
        wrong += health.unshaped(agent.links, wanted, devices)
        return wrong + self.lost_flows(now)

    def called_now(self, name: str) -> str:
        """What a device is called that start had found as ``name``; '' where it is gone."""
        index = (self.agent.record.get(PORT + name) or "").partition(" ")[0]
        link = self.agent.links.at(int(index)) if index.isdigit() else None
        return link.name if link is not None else ""

    def lost_flows(self, now: "Snapshot") -> "list[str]":
        agent = self.agent
        if not agent.flows:
            return []
        from hactl_agents.ovs import flows

        wanted, _ = flows.noted(now)
        try:
            found = flows.count(self.host, agent.rundir, agent.bridge)
        except TimedOut:
            raise
        except Failed as exc:  # it switches all the same: no reason to take it down
            return [f"the flows of {agent.bridge} cannot be counted: {exc}"]
        if found == wanted:
            return []
        return [f"{agent.bridge} has {found} of the {max(wanted, 0)} flows of {agent.flows}"]


def complain(choice: str, wrong: "list[str]") -> None:
    """Raise what the operator chose to make of something that is down."""
    if wrong and choice != "ignore":
        raise (Failed if choice == "fail" else Degraded)("; ".join(wrong))
