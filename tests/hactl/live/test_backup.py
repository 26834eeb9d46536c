"""Before a commit the way back is written down, where only its owner can read it."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hactl.errors import HactlError
from hactl.live.backup import KEPT, discard, replace_private, save, state_dir
from tests.hactl.cibs import cib

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def test_records_are_private(tmp_path: Path) -> None:
    record = save(tmp_path / "hactl", cib(), {"changes": []}, NOW)
    assert stat.S_IMODE((tmp_path / "hactl").stat().st_mode) == 0o700
    assert stat.S_IMODE(record.cib.stat().st_mode) == 0o600
    assert stat.S_IMODE(record.plan.stat().st_mode) == 0o600
    assert b'epoch="10"' in record.cib.read_bytes()
    assert "20261121T030000" in record.cib.name
    assert "epoch-10" in record.cib.name


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    first = save(tmp_path, cib(), {}, NOW)
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    discard(first)
    first.cib.symlink_to(victim)
    with pytest.raises(HactlError, match="no way back"):
        save(tmp_path, cib(), {}, NOW)
    assert victim.read_text() == "untouched"


def test_without_a_place_to_write_there_is_no_commit(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HactlError, match="there would be no way back"):
        save(tmp_path / "file" / "hactl", cib(), {}, NOW)


def test_old_records_go(tmp_path: Path) -> None:
    for minute in range(KEPT + 3):
        save(tmp_path, cib(), {}, NOW + timedelta(minutes=minute))
    kept = sorted(path.name for path in tmp_path.glob("*.cib.xml"))
    assert len(kept) == KEPT
    assert kept[0].startswith("20261121T0303")


def test_root_keeps_records_with_the_system_and_others_at_home() -> None:
    assert state_dir({"HOME": "/home/ann"}, root=True) == Path("/var/lib/hactl")
    assert state_dir({"HOME": "/home/ann"}, root=False) == Path("/home/ann/.local/state/hactl")
    assert state_dir({"XDG_STATE_HOME": "/s"}, root=False) == Path("/s/hactl")


def test_a_plan_file_is_private_and_whole(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text("old")
    replace_private(file, b"new")
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
