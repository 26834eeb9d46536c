"""A topology in which everything runs, as the scheduler would have started it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lxml import etree
from lxml.etree import _Element

from hactl.cib import document as cib_document
from hactl.derive.needs import Survey, survey
from hactl.intent import reads
from hactl.model.cluster import Cluster
from hactl.model.constraint import INFINITY
from hactl.model.resource import Resource, primitives
from hactl.simulate.scenario import slim
from hactl.topology.load import loads
from hactl.topology.yaml.parse import parse
from tests.hactl.transitions import Graph, Need, Place, carried_by, needs, running

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Source:
    """A topology as it was written, what hactl makes of it, and what it needs."""

    name: str
    document: Mapping[str, Any]
    cluster: Cluster
    survey: Survey
    warnings: tuple[str, ...] = ()

    @property
    def cannot_change_places(self) -> bool:
        """Whether two wait for each other where they change places, and ``check`` says so."""
        return any("cannot change places" in each for each in self.warnings)

    @classmethod
    def of_file(cls, path: Path) -> Source:
        name = path.stem if path.stem != "topology" else path.parent.name
        return cls.of(name, path.read_text(), lambda file: in_folder(path.parent, file))

    @classmethod
    def of_document(cls, name: str, document: Mapping[str, Any]) -> Source:
        return cls.of(
            name, json.dumps(document), lambda file: in_folder(Path("/nonexistent"), file)
        )

    @classmethod
    def of(cls, name: str, text: str, read: Callable[[str], bytes]) -> Source:
        cluster, problems = reads(text, name, read)
        found = survey(loads(text, name).document, read)
        warnings = tuple(problem.message for problem in problems)
        return cls(name, parse(text).value, cluster, found, warnings)


def in_folder(folder: Path, file: str) -> bytes:
    return (folder / "files" / file.lstrip("/")).read_bytes()


@dataclass
class Settled:
    """A cluster at rest; ``change`` makes other constraints of its CIB before it starts."""

    source: Source
    folder: Path
    change: Callable[[_Element], None] = lambda _: None

    @cached_property
    def whole(self) -> _Element:
        """The CIB at rest, with what the probes found."""
        cib = cib_document.cib(self.source.cluster)
        let_in(cib)
        self.change(cib)
        for _ in range(5):
            cib, busy = self.stepped(cib)
            if not busy:
                return cib
        raise AssertionError(f"{self.source.name} does not come to rest")

    @cached_property
    def slim(self) -> _Element:
        return slim(self.whole)

    def stepped(self, cib: _Element) -> tuple[_Element, bool]:
        before, after = self.folder / "before.xml", self.folder / "after.xml"
        before.write_bytes(etree.tostring(cib))
        said = self.crm_simulate("-S", "-x", str(before), "-O", str(after))
        parser = etree.XMLParser(remove_blank_text=True)
        return etree.parse(str(after), parser).getroot(), said.find("actions/*") is not None

    def asked(self, cib: _Element) -> tuple[Graph, _Element]:
        """Return what the scheduler would do, as a graph and in its own words."""
        drawn = self.folder / "graph.xml"
        said = self.crm_simulate("-R", "--xml-pipe", "-G", str(drawn), stdin=etree.tostring(cib))
        return Graph(etree.parse(str(drawn)).getroot()), said

    def crm_simulate(self, *options: str, stdin: bytes = b"") -> _Element:
        done = subprocess.run(
            ["crm_simulate", "--output-as=xml", *options],
            input=stdin,
            check=True,
            capture_output=True,
            env={"PATH": PATH, "CIB_shadow_dir": str(self.folder)},
        )
        return etree.fromstring(done.stdout)

    @cached_property
    def places(self) -> frozenset[Place]:
        """What runs where."""
        return running(self.asked(self.slim)[1].find("cluster_status"))[0]

    @cached_property
    def units(self) -> dict[str, Resource]:
        return {unit.id: unit for unit in self.source.cluster.resources}

    @property
    def nodes(self) -> list[str]:
        return [node.name for node in self.source.cluster.nodes]

    def nodes_of(self, primitive: str) -> list[str]:
        return sorted(node for name, node in self.places if name == primitive)

    @cached_property
    def everywhere(self) -> frozenset[str]:
        """The primitives that run on several nodes at a time."""
        clones = self.whole.iterfind("configuration/resources/clone")
        return frozenset(p.get("id", "") for clone in clones for p in clone.iter("primitive"))

    @cached_property
    def needs(self) -> frozenset[Need]:
        """What stands on what, read from the topology and the files it points to."""
        found = needs(self.source.document, self.source.cluster) | set(self.read)
        return frozenset(need for need in found if need.upper != need.lower)

    @property
    def read(self) -> Iterator[Need]:
        """Yield the needs that only a definition or a config tells."""
        for name, needed in self.source.survey.needs.items():
            upper = primitives(self.units[name])[0].id
            for storage in needed.storage:
                for lower in carried_by(self.source.document, self.units, storage):
                    yield Need(upper, lower)
            for place, network in enumerate(needed.networks):
                address = f"{name}-address"
                user = address if not place and address in self.units else upper
                yield Need(user, primitives(self.units[network])[0].id, firm=False)

    @cached_property
    def tied(self) -> frozenset[tuple[str, str]]:
        """The pairs that the topology itself keeps together: who moves one moves the other."""
        found = set()
        for section in ("guests", "containers", "gateways"):
            for name, entry in (self.source.document.get(section) or {}).items():
                for other in musts(entry.get("together", ())):
                    for one in primitives(self.units[name]):
                        for its in primitives(self.units[other]):
                            found |= {(one.id, its.id), (its.id, one.id)}
        return frozenset(found)


def musts(peers: Any) -> Iterator[str]:
    if isinstance(peers, Mapping):
        yield from (name for name, score in peers.items() if score in ("INFINITY", INFINITY))
    else:
        yield from [peers] if isinstance(peers, str) else peers


def let_in(cib: _Element) -> None:
    """Let every node use its storage: a simulated cluster never remembers who was let in."""
    for pair in cib.xpath("//meta_attributes/nvpair[@value='unfencing']"):
        pair.getparent().remove(pair)
