"""Put the agents where Pacemaker looks for them: launchers, the packages with compiled code, and a
bundle of it for each launcher.

The copy in ``libdir`` is independent of site-packages, so that a monitor imports nothing else.
"""

import errno
import importlib
import pkgutil
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import hactl_agents
from hactl_agents.ocf.agent import Agent
from hactl_agents.ocf.bundle import PREFIX

T = TypeVar("T")

PROVIDER = Path("usr/lib/ocf/resource.d/hactl")
FENCE_DIR = Path("usr/sbin")
LIBDIR = "/usr/lib/hactl"
INTERPRETER = "/usr/bin/python3"

LAUNCHER = """\
#!{interpreter} -IS
import gc
import sys

gc.disable()
sys.path.insert(0, "{libdir}")
try:
    import {bundle}
except ImportError:  # made for another Python; the modules it is made of will do
    pass
from {module} import {name}
from {runtime} import main

main({name})
"""


def resource_agents() -> dict[str, type[Agent]]:
    """OCF type -> class, for every agent module of the package, in alphabetical order."""
    return dict(sorted((each.__name__, each) for each in defined(hactl_agents, Agent)))


def fence_agents() -> dict[str, type]:
    """Program name -> class, for every fence device; empty where that package is not installed."""
    try:
        package = importlib.import_module("hactl_fencing")
        base = importlib.import_module("hactl_fencing.fence.device").FenceDevice
    except ImportError:
        return {}
    names = (
        (f"fence_{each.__module__.rpartition('.')[2]}", each) for each in defined(package, base)
    )
    return dict(sorted(names))


def defined(package: ModuleType, base: type[T]) -> Iterator[type[T]]:
    """Yield the classes of that kind that the modules of a package define themselves."""
    for module in modules(package):
        for value in vars(module).values():
            own = isinstance(value, type) and value.__module__ == module.__name__
            if own and issubclass(value, base):
                yield value


def modules(package: ModuleType) -> list[ModuleType]:
    path, name = package.__path__, package.__name__
    plain = [info.name for info in pkgutil.iter_modules(path) if not info.ispkg]
    return [importlib.import_module(f"{name}.{module}") for module in plain]


def install(root: Path = Path("/"), libdir: str = LIBDIR) -> list[Path]:
    """Write packages and launchers below ``root``; what was written, as paths of the target.

    ``libdir`` is where the packages will lie once ``root`` is /. Raises OSError.
    """
    library = root / libdir.lstrip("/")
    drop_bundles(library)
    written = [copy_package("hactl_agents", library, libdir)]
    programs = [
        Program(root / PROVIDER / name, agent, "hactl_agents.ocf.main")
        for name, agent in resource_agents().items()
    ]
    devices = fence_agents()
    if devices:
        written.append(copy_package("hactl_fencing", library, libdir))
    programs += [
        Program(root / FENCE_DIR / name, device, "hactl_fencing.fence.main")
        for name, device in devices.items()
    ]
    for program in programs:
        written += [program.bundle(library, libdir), program.write(libdir)]
    return [Path("/") / path.relative_to(root) for path in written]


class Program:
    """The launcher at ``path`` of the agent class ``agent``, run by the module ``runtime``."""

    def __init__(self, path: Path, agent: type, runtime: str) -> None:
        self.path = path
        self.agent = agent
        self.runtime = runtime

    def bundle(self, library: Path, libdir: str) -> Path:
        """Put what it begins with into one file."""
        script = library / "hactl_agents" / "ocf" / "bundle.py"
        words = [str(library), libdir, self.path.name, self.agent.__module__, self.runtime]
        subprocess.run([INTERPRETER, "-I", str(script), *words], check=True)
        return library / f"{PREFIX}{self.path.name}.pyc"

    def write(self, libdir: str) -> Path:
        text = LAUNCHER.format(
            interpreter=INTERPRETER,
            libdir=libdir,
            bundle=PREFIX + self.path.name,
            module=self.agent.__module__,
            name=self.agent.__name__,
            runtime=self.runtime,
        )
        return write_program(self.path, text)


def drop_bundles(library: Path) -> None:
    """An old bundle must not outlive the modules it was made of, not even for a moment."""
    for bundle in library.glob(f"{PREFIX}*.pyc"):
        bundle.unlink()


def copy_package(name: str, library: Path, libdir: str) -> Path:
    """Copy a package and compile it; the copy is swapped in whole."""
    source = Path(importlib.import_module(name).__path__[0])
    target, draft, old = (library / f"{prefix}{name}" for prefix in ("", ".new-", ".old-"))
    library.mkdir(parents=True, exist_ok=True)
    for leftover in (draft, old):
        if leftover.exists():
            shutil.rmtree(leftover)
    shutil.copytree(source, draft, ignore=shutil.ignore_patterns("__pycache__", "testing"))
    set_aside(target, old)
    draft.rename(target)
    shutil.rmtree(old, ignore_errors=True)  # what stays is the next install's to remove, or to say
    compile_all(target, f"{libdir}/{name}")
    return target


def set_aside(target: Path, old: Path) -> None:
    """Move an old copy out of the way; what an overlay's lower layer holds can only be deleted."""
    try:
        target.rename(old)
    except FileNotFoundError:
        pass
    except OSError as exc:
        if exc.errno != errno.EXDEV:
            raise
        shutil.rmtree(target)


def compile_all(package: Path, place: str) -> None:
    """Compile with the interpreter that will run it. Unchecked: a monitor stats no source.

    ``place`` is where the package will lie, for tracebacks.
    """
    how = ["--invalidation-mode", "unchecked-hash", "-d", place]
    command = [INTERPRETER, "-I", "-m", "compileall", "-q", *how, str(package)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def write_program(path: Path, text: str) -> Path:
    """Write an executable file, replacing an old one whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text)
    draft.chmod(0o755)
    draft.rename(path)
    return path
