"""What holds for each agent of the package, found by itself: no list to edit."""

import importlib
import pwd
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from hactl.install.agents import resource_agents
from hactl_agents.ocf import Agent
from hactl_agents.testing import FakeHost, act, environ

from .installed import Installed

HERE = Path(__file__).parent
PCS_SCHEMA = Path("/usr/share/pcs/data/ocf-1.1.rng")
DTD_FOLDER = Path("/usr/share/resource-agents")
SLOW = {
    "argparse", "ctypes", "dataclasses", "enum", "inspect", "json", "logging", "os", "pathlib",
    "re", "socket", "struct", "subprocess", "threading", "typing",
}  # fmt: skip
AGENTS = [pytest.param(cls, id=name) for name, cls in resource_agents().items()]
each_agent = pytest.mark.parametrize("agent", AGENTS)


def run(*argv: object, **kwargs: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(word) for word in argv],
        capture_output=True, text=True, timeout=30, check=False, **kwargs,
    )  # fmt: skip


def metadata(installed: Installed, agent: type[Agent]) -> str:
    done = run(installed.agent(agent.__name__), "meta-data", env={})
    assert done.returncode == 0, done.stderr
    return done.stdout


@each_agent
def test_metadata_is_valid_ocf_1_1(installed: Installed, agent: type[Agent]) -> None:
    document = etree.fromstring(metadata(installed, agent).encode())
    schema = etree.RelaxNG(etree.parse(HERE / "strict-ocf-1.1.rng"))
    assert schema.validate(document), schema.error_log


@each_agent
def test_metadata_is_valid_for_pcs(installed: Installed, agent: type[Agent]) -> None:
    if not PCS_SCHEMA.exists():
        pytest.skip("pcs is not installed")
    document = etree.fromstring(metadata(installed, agent).encode())
    schema = etree.RelaxNG(etree.parse(PCS_SCHEMA))
    assert schema.validate(document), schema.error_log


@each_agent
def test_metadata_is_valid_for_ocf_tester(installed: Installed, agent: type[Agent]) -> None:
    if not (DTD_FOLDER / "ra-api-1.dtd").exists() or shutil.which("xmllint") is None:
        pytest.skip("resource-agents or xmllint is not installed")
    text = metadata(installed, agent)
    done = run("xmllint", "--noout", "--valid", "-", input=text, cwd=DTD_FOLDER)
    assert (done.returncode, done.stderr) == (0, "")


@each_agent
def test_metadata_needs_neither_root_nor_tools(installed: Installed, agent: type[Agent]) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    env = {"OCF_TESTER_FAIL_HAVE_BINARY": "1", "LC_ALL": "tr_TR.UTF-8", "PATH": "/nowhere"}
    program = installed.agent(agent.__name__)
    done = run(program, "meta-data", env=env, user=nobody, cwd="/")
    assert (done.returncode, done.stderr) == (0, "")


@each_agent
def test_every_parameter_is_described(agent: type[Agent]) -> None:
    for param in agent.params().values():
        assert param.shortdesc and param.shortdesc[0].isupper(), param.name
        assert not param.shortdesc.endswith("."), param.name
        assert param.default is None or param.read(param.default_text()) == param.default


@each_agent
def test_the_actions_every_agent_needs_are_there(agent: type[Agent]) -> None:
    assert {"start", "stop", "monitor"} <= set(agent.actions())
    names = set(agent.actions())
    assert ("promote" in names) == ("demote" in names)
    assert ("migrate_to" in names) == ("migrate_from" in names)
    reloadable = any(param.reloadable for param in agent.params().values())
    assert reloadable == ("reload-agent" in names)


@each_agent
def test_an_unknown_action_is_unimplemented(agent: type[Agent]) -> None:
    assert act(agent, FakeHost(), "frobnicate") == 3


@each_agent
def test_nothing_configured_and_nothing_started_is_stopped(agent: type[Agent]) -> None:
    assert act(agent, FakeHost(), "stop") == 0
    assert act(agent, FakeHost(), "monitor") == 7


@each_agent
def test_start_without_required_parameters_is_a_configuration_error(agent: type[Agent]) -> None:
    if not any(param.required for param in agent.params().values()):
        pytest.skip("this agent requires no parameter")
    assert act(agent, FakeHost(), "start") == 6
    assert act(agent, FakeHost(), "validate-all") == 6


@each_agent
def test_control_characters_are_refused_everywhere(agent: type[Agent]) -> None:
    for name, param in agent.params().items():
        if param.kind == "string":
            bare = agent(FakeHost(), environ({name: "a\x01b"}))
            assert any(text.startswith(f"{name}: ") for text in bare.complaints), name


@each_agent
def test_importing_the_agent_stays_off_slow_modules(
    installed: Installed, agent: type[Agent]
) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(installed.root / 'lib')!r}); "
        f"import {agent.__module__}, hactl_agents.ocf.main; print(*sys.modules)"
    )
    done = run("/usr/bin/python3", "-IS", "-c", program)
    assert set(done.stdout.split()) & SLOW == set()


@each_agent
def test_the_launcher_says_how_it_is_used(installed: Installed, agent: type[Agent]) -> None:
    done = run(installed.agent(agent.__name__), "--help", env={})
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: {agent.__name__} ")
    for name in agent.params():
        assert f"OCF_RESKEY_{name} " in done.stdout


def test_modules_hold_one_agent_each() -> None:
    modules = [cls.__module__ for cls in resource_agents().values()]
    assert sorted(modules) == sorted(set(modules))
    for name in modules:
        assert importlib.import_module(name) is sys.modules[name]


@each_agent
@pytest.mark.parametrize("streams", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "> /dev/full", "| :"])
def test_the_answer_does_not_depend_on_who_listens(
    installed: Installed, agent: type[Agent], streams: str
) -> None:
    program = installed.agent(agent.__name__)
    name = f"OCF_RESOURCE_INSTANCE=listeners-{agent.__name__}"
    for action, code in (("meta-data", 0), ("monitor", 7), ("stop", 0), ("explode", 3)):
        script = f"set -o pipefail; {name} {program} {action} {streams}"
        done = run("bash", "-c", script, env={})
        assert done.returncode == code, (action, done.stderr)


@each_agent
def test_any_timeout_and_an_ignored_signal_are_taken(
    installed: Installed, agent: type[Agent]
) -> None:
    """SIGCHLD may be ignored by the caller, and a timeout be any number of milliseconds."""
    program = installed.agent(agent.__name__)
    for timeout in ("1", "9" * 30, "0", "-1", "1e9"):
        words = f"trap '' CHLD; exec {program} stop"
        env = {"OCF_RESKEY_CRM_meta_timeout": timeout, "OCF_RESOURCE_INSTANCE": "any-timeout"}
        done = run("bash", "-c", words, env=env)
        assert done.returncode in ((0, 1) if timeout == "1" else (0,)), done.stderr
        assert "unexpected" not in done.stderr
