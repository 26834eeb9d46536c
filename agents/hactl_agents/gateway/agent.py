"""What both storage gateways do: their monitor, and the PortGate before them, opened last."""

from hactl_agents.failures import Failed
from hactl_agents.ocf.agent import Agent, Status, action


class Gateway(Agent):
    """An agent with a parameter ``gate``, which may be unset; it may be promotable."""

    @action(timeout=20, interval=10, role="Promoted")
    @action(timeout=20, interval=11, role="Unpromoted")
    @action(timeout=30, interval=60, depth=10)
    def monitor(self) -> int:
        status = self.look()
        if status != Status.STOPPED:
            self.refuse_closed_gate()
            self.refuse_drift()
            if self.level >= 10:
                self.examine()
        return status

    def refuse_drift(self) -> None:
        """Raise Failed or Degraded where somebody changed what every monitor can see."""

    def open_gate(self) -> None:
        """Let everybody come: all is served. Raises Failed."""
        if self.values["gate"]:
            from hactl_agents.gate import turn as gate

            gate.open_gate(self.host, self.values["gate"])

    def close_gate(self) -> None:
        """What cannot be closed is no reason to go on serving."""
        if self.values.get("gate"):
            from hactl_agents.gate import turn as gate

            try:
                gate.close_gate(self.host, self.values["gate"])
            except Failed as exc:
                self.host.log(f"goes on without closing the gate: {exc}")

    def refuse_closed_gate(self) -> None:
        """Raise Failed where the gate keeps everybody out: what nobody reaches is not served.

        One that is gone keeps nobody out; its PortGate says so, and a deep look here.
        """
        name = self.values.get("gate")
        if name and self.host.keeps_out(name):
            raise Failed(f"the gate {name} is closed, so that nobody comes through")

    def wrong_gate(self) -> "list[str]":
        """What a deep look finds."""
        state = self.gate_state()
        return [] if state in ("", "open") else [f"the gate {self.values['gate']} is {state}"]

    def gate_state(self) -> str:
        """'' where none was given."""
        if not self.values.get("gate"):
            return ""
        from hactl_agents.gate import turn as gate

        return gate.gate_state(self.host, self.values["gate"])
