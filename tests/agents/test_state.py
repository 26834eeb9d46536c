"""What agents remember in files, and what is left of it."""

from pathlib import Path

from hactl_agents.host import state


def test_what_is_dropped_goes_with_the_drafts_of_killed_saves(tmp_path: Path) -> None:
    folder = str(tmp_path / "state")
    for name in ("lan.run", "lan.run.5", "wan.run"):
        state.save(folder, name, "up")
    for draft in (".lan.run.123", ".lan.run.5.77", ".wan.run.4"):
        (tmp_path / "state" / draft).touch()
    state.drop(folder, "lan.run")
    left = {".lan.run.5.77", ".wan.run.4", "lan.run.5", "wan.run"}
    assert {path.name for path in Path(folder).iterdir()} == left


def test_to_drop_from_nowhere_is_no_error(tmp_path: Path) -> None:
    state.drop(str(tmp_path / "nowhere" / "deep"), "lan.run")
