"""The wish of a node to be promoted: without one of some node, Pacemaker promotes none."""

from hactl_agents.failures import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.ocf.agent import Agent

PATIENCE = 10.0  # seconds for pacemaker-attrd
TOOL = "crm_attribute"


def is_promotable(agent: "Agent") -> bool:
    """Whether Pacemaker calls this resource as an instance of a promotable clone."""
    if agent.meta("promotable"):
        return agent.meta("promotable") == "true"
    return bool(agent.meta("promoted_max") or agent.meta("master_max"))


def has_roles(agent: "Agent") -> bool:
    """Whether it is such an instance, or was when it was started."""
    return is_promotable(agent) or agent.record.get("roles") is not None


def note_roles(agent: "Agent") -> None:
    agent.record.put("roles", "yes" if is_promotable(agent) else None)


def offer(agent: "Agent", score: int) -> None:
    """Make this node a candidate, until it is rebooted. Where that fails, others may be better."""
    if is_promotable(agent) and score:
        tell(agent, "--update", str(score))


def withdraw(agent: "Agent") -> None:
    if is_promotable(agent):
        tell(agent, "--delete")


def tell(agent: "Agent", *words: str) -> None:
    node = agent.meta("on_node")
    words = (*words, *(("--node", node) if node else ()))
    attribute = f"--promotion={agent.instance}"
    try:
        agent.host.run(TOOL, attribute, "--lifetime=reboot", *words, within=PATIENCE)
    except Failed as exc:
        agent.host.log(f"the promotion score of {agent.instance} is not changed: {exc}")
