"""The ``cluster`` section: what holds for all of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hactl.model.resource import Agent
from hactl.topology.agent_choice import AgentChoice
from hactl.topology.schema.section import Section
from hactl.topology.types import Cores, Duration, DurationOr0, Name, Parameter, Rate, Size, Text

KVM_GUEST = Agent("ocf", "hactl", "KvmGuest")


class Migration(Section):
    """How guests are migrated live."""

    transport: Annotated[str, AgentChoice(KVM_GUEST, "migration_transport")] | None = Field(
        None, description="How it reaches the other node's libvirt (default ssh)."
    )
    network: Text | None = Field(
        None, description="Suffix that makes a node's name its name on the migration network."
    )
    user: Text | None = Field(None, description="The user for ssh.")
    socket: Text | None = Field(
        None, description="For unix: libvirt's socket of any node, with %n for the node's name."
    )
    bandwidth: Rate | None = Field(
        None, description="What one migration may use; also what its timeouts are computed from."
    )
    max_downtime: Duration | None = Field(None, description="The longest pause at its end.")
    parallel: int | None = Field(
        None, ge=1, le=64, description="Connections that carry the memory side by side."
    )
    tunnelled: bool | None = Field(
        None, description="Send the memory in libvirt's own connection (default: only with ssh)."
    )
    auto_converge: bool | None = Field(
        None, description="Slow a guest down that writes faster than is copied (default true)."
    )
    post_copy: bool | None = Field(
        None, description="Finish a long migration on the target; the guest then needs both nodes."
    )
    unsafe: bool | None = Field(
        None, description="Migrate although libvirt doubts that the storage is shared."
    )


class Reserve(Section):
    """What a node keeps for itself and never offers to guests."""

    memory: Size | None = Field(None, description="Memory for the host (default 1GiB).")
    cpus: Cores | None = Field(None, description="Cores for the host (default none).")


class Defaults(Section):
    """What a resource does unless it says otherwise."""

    stickiness: int = Field(
        1000, ge=0, lt=1_000_000, description="How much a resource wants to stay where it is."
    )
    migration_threshold: int = Field(
        3, ge=1, lt=1_000_000, description="Failures after which a resource leaves the node."
    )
    failure_timeout: DurationOr0 = Field(
        600_000, description="Time after which failures are forgotten (0s: never)."
    )


class QuorumDevice(Section):
    """A third vote that is not a node: corosync-qnetd on another machine."""

    host: Text = Field(description="Where corosync-qnetd runs; not one of the nodes.")
    algorithm: Literal["ffsplit", "lms"] = Field(
        "ffsplit", description="Which half wins: ffsplit for an even number of nodes, else lms."
    )
    tls: Literal["on", "off", "required"] = Field(
        "on", description="Whether its wire is encrypted."
    )
    sync_timeout: Duration = Field(
        30_000, description="How long a change of membership waits for its vote."
    )


class Policy(Section):
    """What a change may not take from the cluster."""

    keep: Literal["n-1"] | None = Field(
        None,
        description="n-1: plan and apply refuse what would no longer survive the loss of any one "
        "node (default: nobody is refused).",
    )


class Cluster(Section):
    """What holds for the whole cluster."""

    name: Name = Field(description="The name of the cluster.")
    settings: Literal["usual", "written"] = Field(
        "usual",
        description="usual: properties and defaults that nobody wrote are those that fit; written: "
        "only those that are written here are set (as `hactl import` leaves a cluster).",
    )
    token: Duration = Field(
        3000, description="Silence after which a node counts as lost (corosync's token)."
    )
    consensus: Duration | None = Field(
        None, description="Time to agree on a new membership; at least 1.2 × token."
    )
    wait_for_all: bool | None = Field(
        None, description="After a full stop, wait for every node; always so with two nodes."
    )
    qdevice: QuorumDevice | None = Field(
        None, description="A third vote from another machine; then two nodes need no special rules."
    )
    fencing: bool = Field(
        True, description="false runs without fencing: only where no data can be lost."
    )
    stonith_timeout: Duration | None = Field(
        None, description="How long a fencing action may take (default 60s)."
    )
    no_quorum_policy: Literal["stop", "freeze", "demote", "suicide", "ignore"] = Field(
        "stop", description="What a partition without quorum does with its resources."
    )
    dc_deadtime: Duration | None = Field(
        None, description="How long to wait for a controller to answer at start (Pacemaker: 20s)."
    )
    migration: Migration = Field(
        default_factory=Migration, description="How guests are migrated live."
    )
    migration_limit: int = Field(
        2, ge=1, le=100, description="Live migrations at a time on one node."
    )
    reserve: Reserve = Field(
        default_factory=Reserve, description="What every node keeps for itself."
    )
    cpu_overcommit: int = Field(
        1, ge=1, le=64, description="Virtual cores that may share a real one."
    )
    defaults: Defaults = Field(
        default_factory=Defaults, description="What resources do by default."
    )
    packing: Literal["hints"] | None = Field(
        None,
        description="hints: where all guests fit and the scheduler would find no room for one, a "
        "score of 1 for a node each leads it there (default: none).",
    )
    policy: Policy = Field(
        default_factory=Policy, description="What a change may not take from the cluster."
    )
    properties: dict[Name, Parameter] = Field(
        {}, description="Further cluster properties, in Pacemaker's own words."
    )
