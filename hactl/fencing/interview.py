"""Dry proof: what to ask a device so that nobody is fenced, and what its answers mean."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field

from hactl.fencing.agent_metadata import Manual, Unreadable, manual
from hactl.fencing.configuration import SEPARATORS, Device, Fencing
from hactl.fencing.finding import Finding, Subject
from hactl.fencing.question import Question, question

ON, OFF, UNSEEN = 0, 2, 1  # exit codes of status
UNRUN = (None, 126, 127)  # not asked at all, not executable, not found
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# Of these the list says which machine a plug is, by the UUID that the machine knows itself.
TELLS_UUID = frozenset({"fence_libvirt"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call left behind; ``code`` is None where it could not be made at all."""

    code: int | None
    output: str
    said: str


Interview = Generator[Question, Answer, list[Finding]]


@dataclass
class Interviewer:
    """Asks one device from one node; ``machines`` are the UUIDs that nodes have, by their name."""

    fencing: Fencing
    device: Device
    node: str
    machines: Mapping[str, str] = field(default_factory=dict)

    def ask(self) -> Interview:
        """Ask all there is to ask; stops where more would only repeat."""
        answer = yield question(
            self.device.id, self.device.agent, "metadata", {"action": "metadata"}
        )
        agent = self.device.agent
        if answer.code in UNRUN:
            why = f"{agent} cannot be run: {answer.said}"
            return [self.found(why, f"install what has {agent} on {self.node}")]
        try:
            book = manual(answer.output)
        except Unreadable:
            why = f"{agent} gives no metadata: {reason(answer)}"
            return [self.found(why, f"reinstall what has {agent} on {self.node}")]
        found = [self.found(*each) for each in book.objections(self.device)]
        if found:
            return found
        return (yield from self.ask_device(book))

    def ask_device(self, book: Manual) -> Interview:
        found = []
        if book.offers("monitor"):
            answer = yield self.question(book, "monitor")
            if answer.code != 0:
                return [self.found(f"its monitor fails: {reason(answer)}", self.try_it("monitor"))]
        targets = yield from self.targets(book)
        if isinstance(targets, Finding):
            return [targets]
        found += list(self.unlisted(targets))
        found += yield from self.compare_machines(book, targets)
        for target in targets if book.offers("status") else ():
            answer = yield self.question(book, "status", target)
            found += [self.found(*each) for each in self.judge(target, answer)]
        return found

    # whom it fences

    def targets(self, book: Manual) -> Generator[Question, Answer, list[str] | Finding]:
        """The nodes it fences, as Pacemaker finds out; or why it cannot."""
        device, nodes = self.device, self.fencing.nodes
        if device.static:
            return [node for node in nodes if device.fences(node)]
        if check_of(device, book) != "dynamic-list":
            return [] if check_of(device, book) == "status" else list(nodes)
        answer = yield self.question(book, "list")
        if answer.code != 0:
            return self.found(
                f"it cannot list its plugs, by which it is known whom it fences: {reason(answer)}",
                "set pcmk_host_list",
            )
        listed = {word.lower() for word in SEPARATORS.split(answer.output)}
        return [node for node in nodes if device.plug(node).lower() in listed]

    def unlisted(self, targets: list[str]) -> Iterator[Finding]:
        """Nodes that count on a device that is asked whom it fences, and does not name them."""
        if self.device.static:
            return
        for node in self.fencing.nodes:
            others = [
                each
                for each in self.fencing.devices
                if each.id != self.device.id and each.enabled and each.fences(node)
            ]
            levels = [
                each for each in self.fencing.levels_of(node) if self.device.id in each.devices
            ]
            if node not in targets and (levels or not (others or self.fencing.watchdog)):
                yield self.found(
                    f"it does not name {self.device.plug(node)!r} among its plugs, so it does not "
                    f"fence {node}",
                    f"set pcmk_host_map={node}:PLUG",
                )

    def compare_machines(self, book: Manual, targets: list[str]) -> Interview:
        """Whether a plug is the very machine that the node says it is."""
        if self.device.agent not in TELLS_UUID or not self.machines:
            return []
        answer = yield self.question(book, "list")
        plugs = dict(line.split(",")[:2] for line in answer.output.splitlines() if "," in line)
        owners = {uuid.lower(): node for node, uuid in self.machines.items()}
        found = []
        for node in targets:
            plug = self.device.plug(node)
            uuid = plug if UUID.fullmatch(plug) else plugs.get(plug, "")
            owner = owners.get(uuid.lower(), node)
            if owner != node and len(owners) == len(self.machines):
                why = f"fencing {node} would hit {owner}: {plug!r} is the machine {owner} runs on"
                found.append(self.found(why, f"give {node} the plug of its own machine"))
        return found

    def judge(self, target: str, answer: Answer) -> Iterator[tuple[str, str]]:
        """What is wrong with the answer to how a target is."""
        if answer.code == OFF:
            if target in self.fencing.online:
                yield (
                    f"it says {target} is off, which is a member of the cluster: the wrong plug?",
                    f"look which plug has {target}, or prove it: hactl fence drill {target}",
                )
        elif answer.code != ON:
            why = f"it cannot see whether {target} is on or off: {reason(answer)}"
            yield why, self.try_it("status", target)

    # the words

    def question(self, book: Manual, action: str, target: str = "") -> Question:
        """What pacemaker-fenced would say."""
        device = self.device
        given = {
            name: value
            for name, value in device.parameters.items()
            if not name.startswith("pcmk_") and value != "dynamic"
        }
        given["action"] = device.parameters.get(f"pcmk_{action}_action", action)
        if target:
            given["nodename"] = target
            argument = device.parameters.get("pcmk_host_argument", book.host_argument)
            if argument != "none":
                given[argument] = device.plug(target)
        return question(device.id, device.agent, action, given)

    def found(self, message: str, hint: str) -> Finding:
        return Finding("device.answer", Subject.device(self.device.id), message, hint, self.node)

    def try_it(self, action: str, target: str = "") -> str:
        plug = f" -n {self.device.plug(target)}" if target else ""
        return f"try {self.device.agent} -o {action}{plug} on {self.node}"


def interview(
    fencing: Fencing, device: Device, node: str, machines: Mapping[str, str] | None = None
) -> Interview:
    """Ask a device all there is to ask from one node."""
    return Interviewer(fencing, device, node, machines or {}).ask()


def check_of(device: Device, book: Manual) -> str:
    """How Pacemaker finds out whom a device fences that names nobody."""
    written = device.parameters.get("pcmk_host_check", "")
    if written:
        return written
    if book.offers("list"):
        return "dynamic-list"
    return "status" if book.offers("status") else "none"


def reason(answer: Answer) -> str:
    return answer.said or "it does not say why"
