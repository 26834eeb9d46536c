"""Undoing a start that failed."""

from hactl_agents.ocf.agent import Status
from hactl_agents.ocf.errors import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.ocf.agent import Agent


def stop_and_forget(agent: "Agent") -> None:
    """Stop what was started, and forget it once nothing is seen of it any more."""
    try:
        agent.stop()  # type: ignore[attr-defined]
        if agent.look() == Status.STOPPED:
            agent.after_stop()
            agent.record.drop()
    except Failed as exc:
        agent.host.log(f"could not undo the start that failed: {exc}")
