"""One compiled file for each agent, with all the modules it begins with, and those it may import
later, which stay bytes until then: a monitor opens one file instead of fifteen. Knows how it is
made and what is in it, not where agents are installed.

The modules stay the source of truth: where a bundle is missing, or made for another Python, they
are imported as always. Run as a program by the interpreter that will run the agents.
"""

import ast
import importlib
import importlib.util
import marshal
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

PREFIX = "bundle_"

# What a bundle does when it is imported. It sees the modules in an order in which each finds those
# it imports; the import system asks for a package's attributes only afterwards. What is imported
# later is found in it before anybody looks for files.
LOADER = """\
import marshal
import sys
from _frozen_importlib import ModuleSpec

module_type = type(sys)
here = __file__.rpartition("/")[0]
late = "LATER"


def find_spec(name, path=None, target=None):
    if name not in late:
        return None
    folder = late[name][0]
    spec = ModuleSpec(name, finder, is_package=bool(folder))
    if folder:
        spec.submodule_search_locations.append(f"{here}/{folder}")
    return spec


def exec_module(module):
    exec(marshal.loads(late[module.__name__][1]), module.__dict__)


finder = type(sys.implementation)(
    find_spec=find_spec, create_module=lambda spec: None, exec_module=exec_module
)
for name, folder, code in "PARTS":
    module = sys.modules[name] = module_type(name)
    if folder:
        module.__path__ = [f"{here}/{folder}"]
    exec(code, module.__dict__)
for name, folder, code in "PARTS":
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, sys.modules[name])
sys.meta_path.insert(0, finder)
"""


def write(library: Path, libdir: str, name: str, modules: "list[str]") -> Path:
    """Make the bundle of an agent out of the package in ``library``, which will be ``libdir``."""
    sys.path.insert(0, str(library))
    begun = imported(modules)
    early = tuple(part(module.__name__, libdir) for module in begun)
    rest = imported_later({module.__name__ for module in begun})
    late = {
        name: (folder, marshal.dumps(code))
        for name, folder, code in (part(module, libdir) for module in rest)
    }
    text = compile(LOADER, f"{libdir}/{PREFIX}{name}", "exec", dont_inherit=True)
    given: dict[str, object] = {"PARTS": early, "LATER": late}
    constants = tuple(
        given.get(value, value) if isinstance(value, str) else value for value in text.co_consts
    )
    return write_code(library / f"{PREFIX}{name}.pyc", text.replace(co_consts=constants))


def imported(modules: "list[str]") -> "list[ModuleType]":
    """What is imported with some modules out of the library, in the order in which it was done."""
    done: list[ModuleType] = []
    run = SourceFileLoader.exec_module

    def exec_module(loader: SourceFileLoader, module: ModuleType) -> None:
        run(loader, module)
        if module.__name__.partition(".")[0] in ours:
            done.append(module)

    ours = {module.partition(".")[0] for module in modules}
    ours.add("hactl_agents")
    SourceFileLoader.exec_module = exec_module  # type: ignore[assignment, method-assign]
    for module in modules:
        importlib.import_module(module)
    return done


def imported_later(early: "set[str]") -> "list[str]":
    """The modules of ours that some modules may import while they run, and those that these may."""
    ours = {name.partition(".")[0] for name in early}
    seen, waiting = set(early), sorted(early)
    while waiting:
        for name in named_in(waiting.pop()):
            if name not in seen and name.partition(".")[0] in ours and source(name):
                seen.add(name)
                waiting.append(name)
    return sorted(seen - early)


def named_in(module: str) -> "Iterator[str]":
    """What a module's import statements name: modules, and what may be one."""
    for statement in ast.walk(ast.parse(source(module))):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            yield statement.module
            yield from (f"{statement.module}.{alias.name}" for alias in statement.names)


def source(name: str) -> str:
    """The text of a module; '' if there is none of that name."""
    try:
        spec = importlib.util.find_spec(name)
    except ImportError:  # its parent is not a package
        return ""
    return Path(spec.origin).read_text() if spec and spec.origin else ""


def part(name: str, libdir: str) -> "tuple[str, str, CodeType]":
    """(name, folder of a package beside the bundle or '', compiled code) of a module.

    ``libdir`` is what tracebacks name.
    """
    place = name.replace(".", "/")
    spec = importlib.util.find_spec(name)
    folder = place if spec and spec.submodule_search_locations else ""
    file = f"{libdir}/{place}/__init__.py" if folder else f"{libdir}/{place}.py"
    return name, folder, compile(source(name), file, "exec", dont_inherit=True)


def write_code(path: Path, code: CodeType) -> Path:
    """Write a compiled module without a source, replacing an old one whole."""
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(code))
    draft.rename(path)
    return path


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
