"""What speaks against serving on this node, before anything is made."""

from hactl_agents.gateway.listen_address import portal
from hactl_agents.nvmeof import backing, tree
from hactl_agents.ocf.errors import WrongHere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.nvmeof.evidence import Evidence
    from hactl_agents.nvmeof_gateway import NvmeofGateway

WILDCARDS = ("0.0.0.0", "::")


def refuse(agent: "NvmeofGateway", evidence: "Evidence") -> None:
    """Raises WrongHere."""
    target = evidence.tree
    served = {
        nsid for nsid in target.namespaces(agent.nqn)
        if target.get(f"{tree.namespace(agent.nqn, nsid)}/enable") == "1"
    }  # fmt: skip
    fresh = [each for each in agent.namespaces if str(each.nsid) not in served]
    backing.refuse_unfit(agent.host, agent, fresh, agent.known)
    refuse_taken_portal(agent, evidence)


def refuse_taken_portal(agent: "NvmeofGateway", evidence: "Evidence") -> None:
    """A port of somebody else's must not get our subsystem, nor ours its address."""
    ours = evidence.port()
    for port_id in evidence.tree.ports():
        if port_id == ours:
            continue
        address, service = evidence.tree.portal(port_id)
        same = agent.address.holds(address) and not agent.address.is_network
        if service == str(agent.port) and (same or address in WILDCARDS):
            raise WrongHere(
                f"port {port_id} of this node's target listens on {portal(address, service)} "
                "already: give another port"
            )
