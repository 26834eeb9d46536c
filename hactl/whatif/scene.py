"""The cluster at the moment of a loss, as its DC would have it in the CIB."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from lxml import etree
from lxml.etree import _Element

from hactl.model.score import MUST
from hactl.plan.owners import Owners
from hactl.simulate.losses import lost
from hactl.simulate.places import Places, places
from hactl.simulate.scenario import has_remotes
from hactl.simulate.transition import Transition
from hactl.whatif.loss import Kind, Loss
from hactl.whatif.quorum import Count, Votes
from hactl.whatif.site import Site, site


@dataclass(frozen=True)
class Scene:
    """``cib`` is a cluster at rest, ``transition`` what the scheduler says of it: nothing to do.

    ``whole`` is a CIB with the same configuration where ``cib`` is a lean one, without parameters.
    """

    cib: _Element
    transition: Transition
    votes: Votes
    whole: _Element | None = None

    @cached_property
    def site(self) -> Site:
        return site(self.cib if self.whole is None else self.whole)

    @cached_property
    def owners(self) -> Owners:
        return Owners.of(self.cib, self.cib)

    @cached_property
    def before(self) -> Places:
        return places(self.transition)

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """The members that are there: only they can be lost."""
        return tuple(name for name in self.votes.of if self.there(name))

    @cached_property
    def absent(self) -> frozenset[str]:
        """The members that are not there anyway."""
        return frozenset(name for name in self.votes.of if not self.there(name))

    def there(self, name: str) -> bool:
        found = self.transition.nodes.get(name)
        return found is not None and found.online

    @cached_property
    def follows(self) -> bool:
        """Whether it can be told what comes after the first transition."""
        return not has_remotes(self.cib)

    def count(self, loss: Loss) -> Count:
        """Return the votes that are left after a loss."""
        if loss.kind is Kind.IN_TURN:
            return self.votes.one_by_one([*sorted(self.absent), *loss.nodes])
        return self.votes.without({*self.absent, *loss.nodes})


def struck(cib: _Element, loss: Loss, count: Count) -> _Element:
    """Return a copy of ``cib`` at the moment of a loss: nodes unclean, failures in the history."""
    copy = lost(cib, loss.nodes)
    if loss.nodes and not count.kept:
        copy.set("have-quorum", "0")
    for primitive, node in loss.failed:
        fail(copy, primitive, node)
    return copy


def fail(cib: _Element, primitive: str, node: str) -> None:
    """Write down that a primitive has failed on a node for good."""
    for state in cib.iterfind("status/node_state"):
        if state.get("uname") == node:
            add_transient(state, f"fail-count-{primitive}#start_0", MUST)


def add_transient(state: _Element, name: str, value: str) -> None:
    attributes = state.find("transient_attributes")
    if attributes is None:
        attributes = etree.SubElement(state, "transient_attributes", id=state.get("id", ""))
    found = attributes.find("instance_attributes")
    if found is None:
        id_ = f"status-{state.get('id')}"
        found = etree.SubElement(attributes, "instance_attributes", id=id_)
    id_ = f"{found.get('id')}-{name.replace('#', '-')}"
    etree.SubElement(found, "nvpair", id=id_, name=name, value=value)
