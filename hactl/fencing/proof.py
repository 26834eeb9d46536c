"""Dry proof: what to ask a device so that nobody is fenced, and what its answers mean."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from lxml import etree

from hactl.fencing.configuration import Device, Fencing
from hactl.fencing.finding import Finding

ON, OFF = 0, 2  # exit codes of status
OURS = frozenset({"action", "plug", "port", "nodename"})
# Every agent built on fencing.py takes these, whether its metadata says so or not.
TOLERATED = frozenset({"verbose", "debug", "delay"})


@dataclass(frozen=True, slots=True)
class Question:
    """One call of an agent that changes nothing; ``lines`` go to its standard input."""

    device: str
    agent: str
    action: str
    lines: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call left behind; ``code`` is None where it could not be made at all."""

    code: int | None
    output: str
    said: str


Interview = Generator[Question, Answer, list[Finding]]


def interview(fencing: Fencing, device: Device, node: str) -> Interview:
    """Ask a device all there is to ask from one node; stops where more would only repeat."""
    subject = f"device {device.id}"
    answer = yield Question(device.id, device.agent, "metadata", "action=metadata\n")
    if answer.code is None or answer.code == 127:
        return [Finding(subject, f"{device.agent} cannot be run: {answer.said}", node=node)]
    try:
        metadata = etree.fromstring(answer.output.encode())
    except etree.XMLSyntaxError:
        return [Finding(subject, f"{device.agent} gives no metadata: {answer.said}", node=node)]
    found = [Finding(subject, said, node=node) for said in wrong_parameters(device, metadata)]
    if found:
        return found
    answer = yield question(device, metadata, "monitor")
    if answer.code != 0:
        return [Finding(subject, f"its monitor fails: {said(answer)}", node=node)]
    for target in targets(fencing, device):
        answer = yield question(device, metadata, "status", target)
        found += [Finding(subject, each, node=node) for each in judge(fencing, target, answer)]
    return found


def judge(fencing: Fencing, target: str, answer: Answer) -> Iterator[str]:
    """What is wrong with the answer to how a target is."""
    if answer.code == OFF:
        if target in fencing.online:
            yield f"it says {target} is off, which is a member of the cluster: the wrong plug?"
    elif answer.code != ON:
        yield f"it cannot see whether {target} is on or off: {said(answer)}"


def targets(fencing: Fencing, device: Device) -> Iterator[str]:
    yield from (node for node in fencing.nodes if device.fences(node) and device.listed)


def wrong_parameters(device: Device, metadata: etree._Element) -> Iterator[str]:
    declared = {each.get("name"): each for each in metadata.iterfind("parameters/parameter")}
    for name, parameter in declared.items():
        missing = name not in OURS and name not in device.parameters
        content = parameter.find("content")
        default = content is not None and content.get("default")
        if missing and parameter.get("required") == "1" and not default:
            yield f"{name} is required, and not set"
    for name in device.parameters:
        known = name in declared or name in OURS or name in TOLERATED
        if not known and not name.startswith("pcmk_") and name != "provides":
            yield f"{name} is no parameter of {device.agent}"


def question(device: Device, metadata: etree._Element, action: str, target: str = "") -> Question:
    """What pacemaker-fenced would say."""
    given = {
        name: value
        for name, value in device.parameters.items()
        if not name.startswith("pcmk_") and value != "dynamic"
    }
    given["action"] = device.parameters.get(f"pcmk_{action}_action", action)
    if target:
        given["nodename"] = target
        argument = device.parameters.get("pcmk_host_argument", host_argument(metadata))
        if argument != "none":
            given[argument] = device.plug(target)
    lines = "".join(f"{name}={value}\n" for name, value in given.items())
    return Question(device.id, device.agent, action, lines)


def host_argument(metadata: etree._Element) -> str:
    names = {each.get("name") for each in metadata.iterfind("parameters/parameter")}
    return "plug" if "plug" in names else "port"


def said(answer: Answer) -> str:
    return answer.said or "it does not say why"
