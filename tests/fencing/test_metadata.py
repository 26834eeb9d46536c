"""The documents a fence agent gives of itself, by the judgement of those who read them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from lxml import etree

from hactl.install.agents import fence_agents
from hactl_fencing.fence import metadata
from hactl_fencing.fence.device import FenceDevice
from tests.fencing.switch import Call, Fabric, fresh

SCHEMA = Path("/usr/share/cluster/relaxng/metadata.rng")  # Debian's fence-agents
EVERY = [*fence_agents().values(), fresh(Fabric)]
CONTENT_TYPES = {"boolean", "string", "second", "integer", "select"}


@pytest.fixture(params=EVERY, ids=lambda device: device.program())
def device(request: pytest.FixtureRequest) -> type[FenceDevice]:
    found: type[FenceDevice] = request.param
    return found


def document(device: type[FenceDevice]) -> etree._Element:
    return etree.fromstring(metadata.document(device).encode())


def test_the_metadata_is_valid_by_the_schema_of_fence_agents(device: type[FenceDevice]) -> None:
    if not SCHEMA.exists():
        pytest.skip(f"{SCHEMA} is not installed")
    etree.RelaxNG(file=str(SCHEMA)).assertValid(document(device))


def test_the_metadata_keeps_the_rules_as_we_know_them(device: type[FenceDevice]) -> None:
    """The schema's rules in our own words, for machines that do not have it."""
    root = document(device)
    assert root.get("name") == device.program()
    assert root.get("shortdesc")
    order = ["longdesc", "vendor-url", "parameters", "actions"]
    assert [child.tag for child in root] == order
    for parameter in root.iterfind("parameters/parameter"):
        assert {"name", "unique", "required"} <= set(parameter.keys())
        assert [child.tag for child in parameter] == ["getopt", "content", "shortdesc"]
        assert parameter.find("content").get("type") in CONTENT_TYPES
        assert parameter.find("getopt").get("mixed")
        assert parameter.findtext("shortdesc")


def test_pacemaker_finds_what_it_looks_for(device: type[FenceDevice]) -> None:
    """It passes the node as `plug` only if the metadata has it, and needs these actions."""
    root = document(device)
    names = {parameter.get("name") for parameter in root.iterfind("parameters/parameter")}
    assert {"action", "plug"} <= names
    actions = {action.get("name") for action in root.iterfind("actions/action")}
    assert {"off", "status", "monitor", "metadata", "validate-all"} <= actions


def test_no_secret_has_a_default(device: type[FenceDevice]) -> None:
    assert all(option.default is None for option in device.options().values() if option.private)


def test_a_fabric_device_offers_no_reboot_and_unfences_on_its_target() -> None:
    actions = {action.get("name"): action for action in document(fresh(Fabric)).iter("action")}
    assert "reboot" not in actions
    assert actions["on"].attrib == {"name": "on", "automatic": "1", "on_target": "1"}


@pytest.mark.parametrize("action", ["metadata", "meta-data"])
def test_metadata_is_given_whatever_else_is_wrong(action: str) -> None:
    call = Call(fresh(), stdin=f"power_timeout=soon\naction={action}\n")
    assert call.code == 0
    assert call.output.startswith("<?xml")


def test_the_manual_page_is_read_by_man_without_complaint(device: type[FenceDevice]) -> None:
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    done = subprocess.run(
        ["groff", "-man", "-Tascii", "-ww"],
        input=metadata.manpage(device),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert device.program() in done.stdout


def test_help_names_every_option_and_action(device: type[FenceDevice]) -> None:
    call = Call(device, ["--help"])
    assert call.code == 0
    for name in device.options():
        assert f"--{name.replace('_', '-')}" in call.output
    for action in device.actions():
        assert action in call.output
