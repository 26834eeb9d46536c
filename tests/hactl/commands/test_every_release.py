"""What every release of a library that we take has, and nothing that only the newest has."""

import re
from pathlib import Path

HACTL = Path(__file__).parents[3] / "hactl"
# click 8.3 of Debian 13 and 14 has no generic classes; the one from PyPI has
GENERIC = re.compile(r"click\.\w+\[")


def test_no_class_of_click_is_subscripted_when_it_is_imported() -> None:
    code = {path: path.read_text() for path in HACTL.rglob("*.py")}
    classes = [line for text in code.values() for line in text.splitlines() if "class " in line]
    assert len(classes) > 100
    assert [line for line in classes if GENERIC.search(line)] == []
