"""No two places of the production code share more than six lines that say the same."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("agents", "hactl", "fencing", "vagrant")
MOST = 6
NOTHING_SAID = frozenset("()[]{},:")

Line = tuple[int, str]


def lines(text: str) -> list[Line]:
    """Return number and text of the lines that say something: no imports, comments, brackets."""
    imports = {
        number
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    stripped = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return [
        (number, line)
        for number, line in stripped
        if number not in imports and not line.startswith("#") and set(line) - NOTHING_SAID
    ]


def repeated(files: Mapping[str, str]) -> Iterator[str]:
    """Yield each run of more lines than may be shared, once for each place but its first."""
    seen: dict[tuple[str, ...], str] = {}
    for name, text in files.items():
        found = lines(text)
        for start in range(len(found) - MOST):
            run = tuple(line for _, line in found[start : start + MOST + 1])
            here = f"{name}:{found[start][0]}"
            if (other := seen.setdefault(run, here)) != here:
                yield f"{other} and {here}: {run[0]}"


def production() -> dict[str, str]:
    found = (path for source in SOURCES for path in sorted((ROOT / source).rglob("*.py")))
    return {str(path.relative_to(ROOT)): path.read_text() for path in found}


def test_nothing_is_said_twice() -> None:
    assert list(repeated(production())) == []


def test_a_passage_that_is_copied_is_found_where_it_was_put() -> None:
    passage = "".join(f"    a{number} = {number}\n" for number in range(MOST + 1))
    files = {"one.py": f"def one():\n{passage}", "two.py": f"x = 1\n\n\ndef two():\n{passage}"}
    assert list(repeated(files)) == ["one.py:2 and two.py:5: a0 = 0"]
    assert list(repeated({"one.py": files["one.py"]})) == []
    shorter = passage.replace("    a4 = 4\n", "    # a4\n")
    assert list(repeated(files | {"two.py": f"def two():\n{shorter}"})) == []


def test_lists_of_imports_say_nothing() -> None:
    names = "".join(f"    name{number},\n" for number in range(20))
    imported = f"from somewhere import (\n{names})\n"
    assert list(repeated({"one.py": imported, "two.py": imported})) == []
