"""One compiled file for each agent, with all the modules it begins with: a monitor then opens one
file instead of fifteen. Knows how it is made and what is in it, not where agents are installed.

The modules stay the source of truth: where a bundle is missing, or made for another Python, they
are imported as always. Run as a program by the interpreter that will run the agents.
"""

import importlib
import importlib.util
import marshal
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

PREFIX = "bundle_"

# What a bundle does when it is imported. It sees the modules in an order in which each finds those
# it imports; the import system asks for a package's attributes only afterwards.
LOADER = """\
import sys

module_type = type(sys)
here = __file__.rpartition("/")[0]
for name, folder, code in "PARTS":
    module = sys.modules[name] = module_type(name)
    if folder:
        module.__path__ = [f"{here}/{folder}"]
    exec(code, module.__dict__)
for name, folder, code in "PARTS":
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, sys.modules[name])
"""


def write(library: Path, libdir: str, name: str, modules: "list[str]") -> Path:
    """Make the bundle of an agent out of the package in ``library``, which will be ``libdir``."""
    sys.path.insert(0, str(library))
    parts = tuple(part(module, libdir) for module in imported(modules))
    text = compile(LOADER, f"{libdir}/{PREFIX}{name}", "exec", dont_inherit=True)
    constants = tuple(parts if value == "PARTS" else value for value in text.co_consts)
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


def part(module: ModuleType, libdir: str) -> "tuple[str, str, CodeType]":
    """(name, folder of a package beside the bundle or '', compiled code) of a module.

    ``libdir`` is what tracebacks name.
    """
    place = module.__name__.replace(".", "/")
    folder = place if hasattr(module, "__path__") else ""
    assert module.__file__ is not None
    text = Path(module.__file__).read_text()
    file = f"{libdir}/{place}/__init__.py" if folder else f"{libdir}/{place}.py"
    return module.__name__, folder, compile(text, file, "exec", dont_inherit=True)


def write_code(path: Path, code: CodeType) -> Path:
    """Write a compiled module without a source, replacing an old one whole."""
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(code))
    draft.rename(path)
    return path


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
