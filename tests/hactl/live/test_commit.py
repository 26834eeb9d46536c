"""Nobody's edit is lost: the table of what cibadmin does to patches, with the real cibadmin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.errors import ClusterError, ConcurrentEdit
from hactl.live import cibfile
from hactl.live.commit import Committer, prove_guard, without_updates
from hactl.live.pacemaker import Pacemaker
from hactl.live.runner import Result, Runner
from tests.hactl.cibs import cib, dummy, text
from tests.hactl.scheduler import needs_scheduler, runner

pytestmark = needs_scheduler
Edit = Callable[[_Element], None]


def status_moved(live: _Element) -> None:
    live.set("num_updates", "99")


def somebody_added_something(live: _Element) -> None:
    live.set("epoch", "11")
    section = live.find("configuration/constraints")
    assert section is not None
    theirs = {"id": "cli-ban", "rsc": "web1", "node": "node1", "score": "-INFINITY"}
    etree.SubElement(section, "rsc_location", theirs)


def somebody_edited_the_same(live: _Element) -> None:
    live.set("epoch", "11")
    pair = live.find(".//nvpair[@name='memory']")
    assert pair is not None
    pair.set("value", "9999")


def admin_replaced_all(live: _Element) -> None:
    live.set("admin_epoch", "1")
    live.set("epoch", "0")


def test_what_was_planned_is_written(tmp_path: Path) -> None:
    world = World.at(tmp_path)
    world.committer.commit(world.read, world.merged)
    assert world.memory() == "2048"


def test_a_moving_status_disturbs_nobody(tmp_path: Path) -> None:
    world = World.at(tmp_path)
    world.meanwhile(status_moved)
    world.committer.commit(world.read, world.merged)
    assert world.memory() == "2048"


@pytest.mark.parametrize(
    "edit", [somebody_added_something, somebody_edited_the_same, admin_replaced_all]
)
def test_any_edit_in_between_is_kept_and_ours_refused(edit: Edit, tmp_path: Path) -> None:
    world = World.at(tmp_path)
    world.meanwhile(edit)
    before = world.file.read_bytes()
    with pytest.raises(ConcurrentEdit):
        world.committer.commit(world.read, world.merged)
    assert world.file.read_bytes() == before


def test_the_epoch_moves_on(tmp_path: Path) -> None:
    world = World.at(tmp_path)
    world.committer.commit(world.read, world.merged)
    assert int(cibfile.read(world.file).get("epoch", "0")) > 10


def test_the_same_commit_twice_is_refused_the_second_time(tmp_path: Path) -> None:
    world = World.at(tmp_path)
    world.committer.commit(world.read, world.merged)
    with pytest.raises(ConcurrentEdit):
        world.committer.commit(world.read, world.merged)


def test_what_others_do_loses_the_edit(tmp_path: Path) -> None:
    """The detector fires: a patch without versions, as pcs and crmsh send it, overwrites."""
    world = World.at(tmp_path)
    world.meanwhile(somebody_edited_the_same)
    patch = etree.fromstring(world.committer.diff(world.read, world.merged))
    for version in patch.findall("version"):
        patch.remove(version)
    world.committer.pacemaker.patch(etree.tostring(patch))
    assert world.memory() == "2048"


def test_the_cibadmin_of_this_machine_is_proven_to_refuse(tmp_path: Path) -> None:
    prove_guard(runner(tmp_path), tmp_path)


def test_a_cibadmin_that_takes_anything_is_found_out(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="outdated configuration"):
        prove_guard(Careless(), tmp_path)


def test_a_patch_that_does_not_say_its_epoch_is_not_sent() -> None:
    with pytest.raises(ClusterError, match="without versions"):
        without_updates(b'<diff format="2"><version><source/><target/></version></diff>')


def test_a_daemon_that_insists_on_num_updates_gets_them(tmp_path: Path) -> None:
    world = World.at(tmp_path)
    strict = Strict(world.runner.env)
    pacemaker = Pacemaker(strict, world.file)
    Committer(pacemaker, strict, tmp_path).commit(world.read, world.merged)
    assert world.memory() == "2048"
    assert len(strict.seen) == 1


def test_a_daemon_that_insists_still_refuses_what_moved(tmp_path: Path) -> None:
    world = World.at(tmp_path)
    world.meanwhile(somebody_edited_the_same)
    strict = Strict(world.runner.env)
    with pytest.raises(ConcurrentEdit):
        Committer(Pacemaker(strict, world.file), strict, tmp_path).commit(world.read, world.merged)
    assert world.memory() == "9999"


@dataclass(frozen=True)
class World:
    """A CIB in a file, as it was read and as it is to become."""

    file: Path
    read: _Element
    merged: _Element
    runner: Runner
    committer: Committer

    @classmethod
    def at(cls, directory: Path) -> World:
        file = directory / "cib.xml"
        read = cib(text(dummy("web1", memory="1024")))
        file.write_text(text(read))
        merged = cib(text(dummy("web1", memory="2048")))
        tools = runner(directory)
        committer = Committer(Pacemaker(tools, file), tools, directory)
        return cls(file, cibfile.read(file), merged, tools, committer)

    def meanwhile(self, edit: Edit) -> None:
        live = cibfile.read(self.file)
        edit(live)
        self.file.write_text(text(live))

    def memory(self) -> str | None:
        pair = cibfile.read(self.file).find(".//nvpair[@name='memory']")
        return None if pair is None else pair.get("value")


@dataclass(frozen=True)
class Careless(Runner):
    """Makes real diffs, and says yes to every patch."""

    def run(self, argv: Sequence[str], stdin: bytes = b"", timeout: float = 30.0) -> Result:
        if argv[0] == "cibadmin":
            return Result(0, b"", b"")
        return super().run(argv, stdin, timeout)


@dataclass(frozen=True)
class Strict(Runner):
    """A Pacemaker that takes only patches with the whole version."""

    seen: list[bytes] = field(default_factory=list)

    def run(self, argv: Sequence[str], stdin: bytes = b"", timeout: float = 30.0) -> Result:
        if "--patch" in argv and b"num_updates=" not in stdin.partition(b"</version>")[0]:
            self.seen.append(stdin)
            return Result(103, b"", b"Update was older than existing configuration\n")
        return super().run(argv, stdin, timeout)
