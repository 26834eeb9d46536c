"""The map of the tests is true: each folder and each command is in it, and each room is tested."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent
MAP = (HERE / "README.md").read_text()


def folders(below: Path) -> list[str]:
    return sorted(p.name for p in below.iterdir() if any(p.glob("*.py")) and p.name[0] != "_")


@pytest.mark.parametrize("folder", folders(HERE))
def test_every_folder_is_on_the_map(folder: str) -> None:
    assert f"| `{folder}/" in MAP


@pytest.mark.parametrize("room", folders(ROOT / "hactl"))
def test_every_room_has_its_tests_where_the_map_says(room: str) -> None:
    beside = [*HERE.glob(f"test_{room}*.py"), *(HERE / "hactl").glob(f"test_{room}*.py")]
    assert [*beside, *(HERE / "hactl" / room).rglob("test_*.py")]


def test_every_command_is_on_a_page() -> None:
    there = {path.name for path in (ROOT / "scripts").iterdir() if path.is_file()}
    assert commands(MAP) <= there
    pages = [MAP, *(page.read_text() for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))]
    assert there - commands(" ".join(pages)) == set()


def commands(text: str) -> set[str]:
    return set(re.findall(r"`?scripts/([\w-]+)", text))


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([\w/.]+\.(?:py|md))`", MAP))))
def test_every_file_that_is_named_is_there(path: str) -> None:
    assert any((folder / path).exists() for folder in (HERE, HERE / "hactl", ROOT))
