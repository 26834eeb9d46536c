"""What an operator named by a path may hang for ever, so no agent touches it in its own process.

Two nets. This one reads the sources: what is asked of a path that is a parameter, or of one that
came with a LUN or namespace, has to go by ``host.paths``, or stand in a function that a child is
given. The other is in the fakes: a FakeHost notes whoever touches a path that is not the node's own
outside of a child, and conftest.py lets no test of an agent end with such a note.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from hactl.install.agents import resource_agents

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    path
    for folder in (ROOT / "agents/hactl_agents", ROOT / "fencing/hactl_fencing")
    for path in sorted(folder.rglob("*.py"))
    if "testing" not in path.parts
]
# parameters that name a file, device or folder, or hold such names
PATHS = frozenset({
    "auth_file", "ca_cert", "certificate", "conf", "config", "definition", "device", "directory",
    "flows", "keyring", "log_file", "lxcpath", "private_key", "rootfs", "save_dir", "ssl_ca_cert",
    "ssl_certificate", "ssl_private_key",
})  # fmt: skip
# the node's own, what a command in a container is, and where a daemon of another node listens
NOT_OURS_TO_TOUCH = {"rundir", "health_command", "migration_socket"}
# the same of what hangs on an agent: a LUN's path, a namespace's
CARRIERS = frozenset({"lun", "namespace", "each", "wish"})
ASKS_THE_SYSTEM = frozenset({
    "exists", "facts", "fails_to_open", "has_direct_io", "is_claimed", "link", "listdir",
    "make_folder", "read", "read_a_bit", "read_secret", "readlink", "realpath", "remove",
    "remove_folder", "rename", "write",
})  # fmt: skip
IN_A_CHILD = frozenset({"read_in_child", "change_in_child"})
SYSTEM_CALLS = frozenset({
    "access", "chmod", "chown", "listdir", "lstat", "mkdir", "open", "readlink", "rename", "rmdir",
    "scandir", "stat", "statvfs", "symlink", "truncate", "unlink",
})  # fmt: skip


def names_a_path(node: ast.expr, tainted: "set[str]") -> bool:
    """Whether an operator's path is part of an expression."""
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute):
            carrier = each.value.id if isinstance(each.value, ast.Name) else ""
            if each.attr in PATHS or (each.attr in ("path", "conf") and carrier in CARRIERS):
                return True
        key = each.slice if isinstance(each, ast.Subscript) else None
        if isinstance(key, ast.Constant) and key.value in PATHS:
            return True
        if isinstance(each, ast.Name) and each.id in tainted:
            return True
    return False


def given_to_children(tree: ast.Module) -> "set[str]":
    """The names of functions that a child runs."""
    return {
        argument.id if isinstance(argument, ast.Name) else argument.attr
        for call in calls(tree)
        if isinstance(call.func, ast.Attribute) and call.func.attr in IN_A_CHILD
        for argument in call.args
        if isinstance(argument, (ast.Name, ast.Attribute))
    }


def calls(tree: ast.AST) -> "Iterator[ast.Call]":
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def functions(tree: ast.Module) -> "Iterator[ast.FunctionDef]":
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def carried(function: ast.FunctionDef) -> "set[str]":
    """The local names that hold an operator's path."""
    tainted: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and names_a_path(node.value, tainted):
            tainted |= {each.id for each in node.targets if isinstance(each, ast.Name)}
        if isinstance(node, ast.For) and names_a_path(node.iter, tainted):
            tainted |= {each.id for each in ast.walk(node.target) if isinstance(each, ast.Name)}
    return tainted - {"found", "kind", "text", "known"}  # what was learnt of one


def touches(source: str) -> "list[str]":
    """Each place where a source touches an operator's path in the agent's own process."""
    tree = ast.parse(source)
    children = given_to_children(tree)
    found = []
    for function in functions(tree):
        if function.name in children:
            continue
        tainted = carried(function)
        for call in calls(function):
            asked = call.func
            if not isinstance(asked, ast.Attribute) or asked.attr not in ASKS_THE_SYSTEM:
                continue
            by_paths = isinstance(asked.value, ast.Attribute) and asked.value.attr == "paths"
            by_name = isinstance(asked.value, ast.Name) and asked.value.id == "paths"
            if by_paths or by_name or not ast.unparse(asked.value).endswith("host"):
                continue
            if any(names_a_path(argument, tainted) for argument in call.args):
                found.append(f"{call.lineno}: {ast.unparse(call)}")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(ROOT)) for path in SOURCES])
def test_no_operators_path_is_touched_in_the_agents_own_process(path: Path) -> None:
    assert touches(path.read_text()) == []


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(ROOT)) for path in SOURCES])
def test_files_are_touched_by_the_host_alone(path: Path) -> None:
    room = "/".join(path.relative_to(ROOT).parts[2:])
    if room.startswith("host/"):
        return
    for call in calls(ast.parse(path.read_text())):
        asked = ast.unparse(call.func)
        module, _, name = asked.partition(".")
        is_touch = asked == "open" or (module in ("posix", "os") and name in SYSTEM_CALLS)
        assert not is_touch, f"{room}:{call.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(ROOT)) for path in SOURCES])
def test_only_a_newline_ends_a_line(path: Path) -> None:
    """str.splitlines takes nine other characters for one, which a mount point or value may have."""
    found = [
        f"{path.name}:{call.lineno}"
        for call in calls(ast.parse(path.read_text()))
        if isinstance(call.func, ast.Attribute) and call.func.attr == "splitlines"
    ]
    assert found == []


def test_every_parameter_that_names_a_path_is_known_here() -> None:
    for name, agent in resource_agents().items():
        for param in agent.params().values():
            shown = param.example or param.default_text() or ""
            if shown[:1] == "/" and param.name not in PATHS | NOT_OURS_TO_TOUCH:
                raise AssertionError(f"{name}: {param.name} looks like a path ({shown})")


# see it fire

PLANTED = {
    "a parameter": "def f(self):\n    return self.host.exists(self.definition)",
    "in a name": "def f(self):\n    path = f'{self.lxcpath}/x'\n    self.host.read(path)",
    "of values": "def f(host, agent):\n    return host.readlink(agent.values['conf'])",
    "in a loop": "def f(self):\n  for p in (self.conf, self.keyring):\n    self.host.exists(p)",
    "of a LUN": "def f(host, luns):\n    for lun in luns:\n        host.facts(lun.path)",
    "removed": "def f(self):\n    self.host.remove(f'{self.save_dir}/x.save')",
}
SOUND = {
    "by a child": "def f(self):\n    return self.host.paths.exists(self.definition)",
    "in a child": "def f(self):\n    self.host.read_in_child('x', g, self.host, self.conf)\n"
    "def g(host, conf):\n    conf2 = conf\n    return host.read(conf2)",
    "the node's own": "def f(self):\n    return self.host.exists('/proc/self')",
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_touch_is_found(planted: str) -> None:
    assert len(touches(PLANTED[planted])) == 1


@pytest.mark.parametrize("sound", SOUND)
def test_what_is_sound_is_not_complained_of(sound: str) -> None:
    assert touches(SOUND[sound]) == []
