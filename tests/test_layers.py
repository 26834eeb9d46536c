"""Who may import whom, and what may be said twice: the rules that hold for all of the house."""

import ast
import textwrap
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from hactl.install.agents import resource_agents
from tests.support.repeated import MOST, repeated

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {
    "hactl": ROOT / "hactl",
    "hactl_agents": ROOT / "agents/hactl_agents",
    "hactl_fencing": ROOT / "fencing/hactl_fencing",
    "hactl_vmlab": ROOT / "vagrant/hactl_vmlab",
}
# room -> what it may import of ours, beside itself
MAY_IMPORT = {
    "hactl_agents": set[str](),
    "hactl_fencing": {
        "hactl_agents.ceph",
        "hactl_agents.declare",
        "hactl_agents.failures",
        "hactl_agents.host",
        "hactl_agents.libvirt.connection",
    },
    "hactl.errors": set[str](),
    "hactl.model": {"hactl.errors"},
    "hactl.suggest": set[str](),
    "hactl.libvirt_xml": set[str](),
    "hactl.topology": {"hactl.catalog", "hactl.model", "hactl.errors", "hactl.suggest"},
    "hactl.derive": {
        "hactl.topology",
        "hactl.model",
        "hactl.errors",
        "hactl.libvirt_xml",
        "hactl_agents.host.asking",
        "hactl_agents.host.budget",
    },
    "hactl.lint": {
        "hactl.derive",
        "hactl.topology",
        "hactl.fencing",
        "hactl.catalog",
        "hactl.model",
        "hactl.errors",
        "hactl.suggest",
    },
    "hactl.intent": {
        "hactl.topology",
        "hactl.derive",
        "hactl.lint",
        "hactl.model",
        "hactl.errors",
    },
    "hactl.survival": {
        "hactl.simulate",
        "hactl.topology",
        "hactl.lint",
        "hactl.model",
        "hactl.errors",
    },
    "hactl.existing": {
        "hactl.cib",
        "hactl.corosync",
        "hactl.derive",
        "hactl.intent",
        "hactl.plan",
        "hactl.simulate",
        "hactl.topology",
        "hactl.model",
        "hactl.errors",
    },
    "hactl.drift": {
        "hactl.cib",
        "hactl.plan",
        "hactl.simulate",
        "hactl.topology",
        "hactl.model",
        "hactl.errors",
    },
    "hactl.install": {"hactl_agents", "hactl_fencing"},
    "hactl.catalog": {
        "hactl.errors",
        "hactl.install",
        "hactl.suggest",
        "hactl_agents",
        "hactl_fencing",
    },
    "hactl.corosync": {"hactl.model", "hactl.errors"},
    "hactl.cib": {"hactl.model", "hactl.errors"},
    "hactl.plan": {
        "hactl.cib",
        "hactl.fencing",
        "hactl.why",
        "hactl.simulate",
        "hactl.model",
        "hactl.errors",
    },
    "hactl.simulate": {"hactl.cib", "hactl.model", "hactl.errors"},
    "hactl.why": {
        "hactl.cib",
        "hactl.fencing",
        "hactl.simulate",
        "hactl.model",
        "hactl.errors",
    },
    "hactl.whatif": {
        "hactl.cib",
        "hactl.fencing",
        "hactl.plan",
        "hactl.why",
        "hactl.simulate",
        "hactl.model",
        "hactl.errors",
    },
    "hactl.fencing": {"hactl.cib", "hactl.model", "hactl.errors", "hactl.suggest"},
    "hactl.status": {
        "hactl.cib",
        "hactl.fencing",
        "hactl.why",
        "hactl.simulate",
        "hactl.model",
        "hactl.errors",
    },
    "hactl.report": {
        "hactl.fencing",
        "hactl.plan",
        "hactl.simulate",
        "hactl.status",
        "hactl.whatif",
        "hactl.why",
        "hactl.model",
        "hactl.errors",
        "hactl.drift",
    },
    "hactl.result": {"hactl.cib", "hactl.plan", "hactl.simulate", "hactl.model", "hactl.errors"},
    "hactl.live": {
        "hactl.cib",
        "hactl.fencing",
        "hactl.plan",
        "hactl.result",
        "hactl.report",
        "hactl.status",
        "hactl.simulate",
        "hactl.model",
        "hactl.errors",
        "hactl.drift",
    },
    "hactl.lab": {
        "hactl.errors",
        "hactl.suggest",
        "hactl.install",
        "hactl_agents",
        "hactl_fencing",
        "hactl.model",
        "hactl.corosync",
    },
    "hactl_vmlab": {
        "hactl.lab",
        "hactl.intent",
        "hactl.topology",
        "hactl.corosync",
        "hactl.errors",
        "hactl.suggest",
    },
    "hactl.cli": {"hactl.errors", "hactl.commands", "hactl.suggest"},
}
SHELL = (
    "hactl.commands",
    "hactl.live",
    "hactl.lab",
    "hactl.install",
    "hactl.cli",
    "hactl.topology.yaml.source",
    "hactl.drift.collector",
)
WORLD = {"subprocess", "socket", "os", "shutil", "time", "signal", "tempfile", "requests"}


def sources() -> Iterator[Path]:
    for folder in SOURCES.values():
        yield from sorted(folder.rglob("*.py"))


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package, folder in SOURCES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            name = ".".join((package, *(part for part in parts if part != "__init__")))
            yield name, ast.parse(path.read_text())


def imports(tree: ast.Module) -> Iterator[str]:
    """Yield what a module imports, at once or later, also by import_module with a literal."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and called(node) == "import_module":
            yield from (str(arg.value) for arg in node.args[:1] if isinstance(arg, ast.Constant))


def called(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))


def run_time(tree: ast.Module) -> ast.Module:
    """Return a module without what only a type checker imports."""

    class Typeless(ast.NodeTransformer):
        def visit_If(self, node: ast.If) -> ast.AST:
            only_types = "TYPE_CHECKING" in ast.dump(node.test)
            return ast.Pass() if only_types and not node.orelse else self.generic_visit(node)

    return Typeless().visit(ast.parse(ast.unparse(tree)))


def circles(trees: dict[str, ast.Module]) -> list[tuple[str, ...]]:
    """Return modules that need each other while they run, whenever they import each other."""
    sorter = TopologicalSorter({name: needed(tree, trees) - {name} for name, tree in trees.items()})
    try:
        sorter.prepare()
    except CycleError as exc:
        return [tuple(exc.args[1])]
    return []


def needed(tree: ast.Module, trees: dict[str, ast.Module]) -> set[str]:
    found = set(imports(run_time(tree)))
    # `from package import module` names both; the module is what is meant
    return {name for name in found if name in trees and not names_a_module_in(name, found, trees)}


def names_a_module_in(package: str, found: set[str], trees: dict[str, ast.Module]) -> bool:
    return any(other in trees and other.rpartition(".")[0] == package for other in found)


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(room + ".")


def room_of(name: str) -> str | None:
    fitting = [room for room in MAY_IMPORT if within(name, room)]
    return max(fitting, key=len, default=None)


def strangers(name: str, tree: ast.Module) -> list[str]:
    """Imports of ours that the room of this module may not have."""
    room = room_of(name)
    if room is None:
        return []
    allowed = MAY_IMPORT[room] | {room}
    ours = {target for target in imports(tree) if target.split(".")[0] in SOURCES}
    bare = set(SOURCES)
    return sorted(
        target for target in ours - bare if not any(within(target, good) for good in allowed)
    )


@pytest.mark.parametrize(("name", "tree"), [pytest.param(n, t, id=n) for n, t in modules()])
def test_imports_point_one_way(name: str, tree: ast.Module) -> None:
    assert strangers(name, tree) == []


@pytest.mark.parametrize(
    ("name", "tree"),
    [
        pytest.param(n, t, id=n)
        for n, t in modules()
        if within(n, "hactl") and not any(within(n, shell) for shell in SHELL)
    ],
)
def test_the_inside_touches_no_world(name: str, tree: ast.Module) -> None:
    assert {target.split(".")[0] for target in imports(tree)} & WORLD == set(), name


def test_the_walk_notices_a_wrong_import() -> None:
    tree = ast.parse("from hactl.live.runner import Runner")
    assert strangers("hactl.cib.document", tree) == [
        "hactl.live.runner",
        "hactl.live.runner.Runner",
    ]
    assert strangers("hactl_fencing.lab", ast.parse("import hactl_agents.ocf")) == [
        "hactl_agents.ocf"
    ]


def test_source_roots_are_no_packages() -> None:
    # a package called `fencing` on sys.path breaks every fence agent of the distribution
    for folder in ("agents", "fencing"):
        assert not (ROOT / folder / "__init__.py").exists()


def test_no_module_needs_itself_by_a_detour() -> None:
    assert circles(dict(modules())) == []


def test_the_walk_notices_a_circle_however_it_is_imported() -> None:
    late = """
        def f():
            from hactl.a import g
    """
    literal = "import importlib\nimportlib.import_module('hactl.a')"
    only_types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import hactl.a"
    for back, found in ((textwrap.dedent(late), True), (literal, True), (only_types, False)):
        trees = {"hactl.a": ast.parse("import hactl.b"), "hactl.b": ast.parse(back)}
        assert bool(circles(trees)) == found


def test_the_root_of_the_agents_holds_the_agents() -> None:
    plain = sorted(path.stem for path in SOURCES["hactl_agents"].glob("*.py"))
    agents = {agent.__module__.rpartition(".")[2] for agent in resource_agents().values()}
    assert set(plain) - agents == {"__init__", "declare", "failures"}


def below_tests() -> Iterator[tuple[str, ast.Module]]:
    """Yield every module below tests/ by its dotted name."""
    for path in sorted((ROOT / "tests").rglob("*.py")):
        yield ".".join(path.relative_to(ROOT).with_suffix("").parts), ast.parse(path.read_text())


def imported_tests(name: str, tree: ast.Module) -> set[str]:
    """Return the test modules that a module below tests/ imports; a conftest counts as one."""
    found = {target for target in imports(absolute(name, tree)) if target.startswith("tests.")}
    return {target for target in found if any(map(is_a_test, target.split(".")))}


def absolute(name: str, tree: ast.Module) -> ast.Module:
    """Return the module with ``from .x import y`` written out, and each name as a module's."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = name.split(".")[: -node.level]
            node.module, node.level = ".".join(filter(None, [*base, node.module])), 0
    return tree


def is_a_test(part: str) -> bool:
    return part.startswith("test_") or part == "conftest"


def test_no_test_is_imported() -> None:
    """What two tests need is in a module of its own, beside them or in support/."""
    found = {name: imported_tests(name, tree) for name, tree in below_tests()}
    assert {name: tests for name, tests in found.items() if tests} == {}


@pytest.mark.parametrize(
    "line",
    [
        "from tests.hactl.test_a import B",
        "from .test_a import B",
        "from ..hactl.test_a import B",
        "from .conftest import B",
        "from . import test_a",
        "import tests.hactl.test_a",
        "import_module('tests.hactl.test_a')",
    ],
)
def test_the_walk_notices_a_test_that_is_imported(line: str) -> None:
    assert imported_tests("tests.hactl.test_c", ast.parse(line)), line


def test_nothing_is_said_twice() -> None:
    files = {str(path.relative_to(ROOT)): path.read_text() for path in sources()}
    assert list(repeated(files)) == []


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
