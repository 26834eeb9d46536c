"""Nobody's edit is lost: the table of what cibadmin does to patches, with the real cibadmin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from lxml import etree
from lxml.etree import _Element

from hactl.errors import ClusterError, ConcurrentEdit
from hactl.live import cibfile
from hactl.live.commit import Committer, Style, with_version, without_updates
from hactl.live.pacemaker import Pacemaker
from hactl.live.runner import Result, Runner
from hactl.live.settle import Clock
from tests.hactl.cibs import cib, dummy, text
from tests.hactl.scheduler import needs_scheduler, runner

pytestmark = needs_scheduler
Edit = Callable[[_Element], None]


def status_moved(live: _Element) -> None:
    live.set("num_updates", "99")


def status_moves_on(live: _Element) -> None:
    live.set("num_updates", str(int(live.get("num_updates", "0")) + 1))


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
    World.at(tmp_path).committer.prove()


def test_the_style_is_found_once(tmp_path: Path) -> None:
    world = World.at(tmp_path, Whole)
    world.committer.prove()
    before = len(world.sent)
    world.committer.commit(world.read, world.merged)
    assert len(world.sent) - before == 1


def test_a_cibadmin_that_takes_anything_is_found_out(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="outdated configuration"):
        World.at(tmp_path, Careless).committer.prove()


def test_a_cibadmin_that_takes_an_old_patch_if_its_version_is_whole_is_found_out(
    tmp_path: Path,
) -> None:
    with pytest.raises(ClusterError, match="outdated configuration"):
        World.at(tmp_path, WholeAndCareless).committer.prove()


def test_a_patch_that_does_not_say_its_epoch_is_not_sent() -> None:
    for made in (without_updates, lambda diff: with_version(diff, cib(""))):
        with pytest.raises(ClusterError, match="without versions"):
            made(b'<diff format="2"><version><source/><target/></version></diff>')


@pytest.mark.parametrize("kind", ["Whole", "Strict"])
def test_a_pacemaker_that_wants_the_whole_version_gets_it(kind: str, tmp_path: Path) -> None:
    world = World.at(tmp_path, KINDS[kind])
    world.meanwhile(status_moved)
    world.committer.commit(world.read, world.merged)
    assert world.memory() == "2048"


@pytest.mark.parametrize("kind", ["Whole", "Strict"])
@pytest.mark.parametrize(
    "edit", [somebody_added_something, somebody_edited_the_same, admin_replaced_all]
)
def test_a_pacemaker_that_wants_the_whole_version_still_refuses_what_moved(
    edit: Edit, kind: str, tmp_path: Path
) -> None:
    world = World.at(tmp_path, KINDS[kind])
    world.meanwhile(edit)
    before = world.file.read_bytes()
    with pytest.raises(ConcurrentEdit):
        world.committer.commit(world.read, world.merged)
    assert world.file.read_bytes() == before


def test_only_3_0_2_needs_the_whole_version_from_the_start(tmp_path: Path) -> None:
    assert World.at(tmp_path, Whole).committer.style is Style.EXACT


@pytest.mark.parametrize("moves", [1, 7])
def test_a_status_that_moves_between_reading_and_writing_is_followed(
    moves: int, tmp_path: Path
) -> None:
    world = World.at(tmp_path, Whole)
    world.committer.prove()
    world.before_patches(*[status_moves_on] * moves)
    world.committer.commit(world.read, world.merged)
    assert world.memory() == "2048"


def test_an_edit_between_reading_and_writing_is_kept(tmp_path: Path) -> None:
    world = World.at(tmp_path, Whole)
    world.committer.prove()
    world.before_patches(status_moves_on, somebody_edited_the_same)
    with pytest.raises(ConcurrentEdit):
        world.committer.commit(world.read, world.merged)
    assert world.memory() == "9999"


def test_a_status_that_never_holds_still_is_not_somebody_elses_edit(tmp_path: Path) -> None:
    world = World.at(tmp_path, Whole)
    world.committer.prove()
    world.before_patches(*[status_moves_on] * 100)
    with pytest.raises(ClusterError, match="did not hold still within 20 s") as raised:
        world.committer.commit(world.read, world.merged)
    assert not isinstance(raised.value, ConcurrentEdit)
    assert world.memory() == "1024"


@dataclass
class Ticking:
    """A clock that goes on by a second whenever somebody looks."""

    time: float = 0.0

    def now(self) -> float:
        self.time += 1.0
        return self.time


@dataclass(frozen=True)
class World:
    """A CIB in a file, as it was read and as it is to become."""

    file: Path
    read: _Element
    merged: _Element
    runner: Spying
    committer: Committer

    @classmethod
    def at(cls, directory: Path, kind: type[Spying] | None = None) -> World:
        file = directory / "cib.xml"
        read = cib(text(dummy("web1", memory="1024")))
        file.write_text(text(read))
        merged = cib(text(dummy("web1", memory="2048")))
        tools = (kind or Spying)(runner(directory).env)
        clock = Clock(now=Ticking().now)
        committer = Committer(Pacemaker(tools, file), tools, directory, clock)
        return cls(file, cibfile.read(file), merged, tools, committer)

    @property
    def sent(self) -> list[bytes]:
        return self.runner.sent

    def meanwhile(self, edit: Edit) -> None:
        live = cibfile.read(self.file)
        edit(live)
        self.file.write_text(text(live))

    def before_patches(self, *edits: Edit) -> None:
        """Let each edit happen just before one of the next patches arrives."""
        self.runner.before.extend(partial(self.meanwhile, edit) for edit in edits)

    def memory(self) -> str | None:
        pair = cibfile.read(self.file).find(".//nvpair[@name='memory']")
        return None if pair is None else pair.get("value")


@dataclass(frozen=True)
class Spying(Runner):
    """Pacemaker's tools as they are, with a look at each patch."""

    sent: list[bytes] = field(default_factory=list)
    before: list[Callable[[], None]] = field(default_factory=list)

    # with_env() makes a copy, which shares both lists

    def run(self, argv: Sequence[str], stdin: bytes = b"", timeout: float = 30.0) -> Result:
        if "--patch" not in argv:
            return super().run(argv, stdin, timeout)
        self.sent.append(stdin)
        if self.before:
            self.before.pop(0)()
        return self.patch(argv, stdin, timeout)

    def patch(self, argv: Sequence[str], stdin: bytes, timeout: float) -> Result:
        return super().run(argv, stdin, timeout)


@dataclass(frozen=True)
class Careless(Spying):
    """Says yes to every patch."""

    def patch(self, argv: Sequence[str], stdin: bytes, timeout: float) -> Result:  # noqa: ARG002
        return Result(0, b"", b"")


@dataclass(frozen=True)
class Whole(Spying):
    """Pacemaker 3.0.2: a patch whose version lacks a number is invalid."""

    def patch(self, argv: Sequence[str], stdin: bytes, timeout: float) -> Result:
        versions = etree.fromstring(stdin).iterfind("version/*")
        if all(version.get("num_updates") for version in versions):
            return super().patch(argv, stdin, timeout)
        return Result(70, b"", b"cibadmin: CIB API call failed: Invalid argument\n")


@dataclass(frozen=True)
class WholeAndCareless(Whole):
    """Wants the whole version, and does not look at it."""

    def patch(self, argv: Sequence[str], stdin: bytes, timeout: float) -> Result:
        refused = super().patch(argv, stdin, timeout)
        return refused if refused.returncode == 70 else Result(0, b"", b"")


@dataclass(frozen=True)
class Strict(Spying):
    """A daemon that takes only whole versions, and calls all else outdated."""

    def patch(self, argv: Sequence[str], stdin: bytes, timeout: float) -> Result:
        if b"num_updates=" in stdin.partition(b"</version>")[0]:
            return super().patch(argv, stdin, timeout)
        return Result(103, b"", b"Update was older than existing configuration\n")


KINDS: dict[str, type[Spying]] = {"Whole": Whole, "Strict": Strict}
