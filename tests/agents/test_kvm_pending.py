"""KvmGuest: what libvirt was asked for and comes to late brings no guest that was called absent.

By seeds: a start in which libvirt does not come to some request, looks, stops, a libvirtd that
dies; and at any moment libvirt comes to what it was asked for.
"""

import contextlib
import random
from collections.abc import Callable
from typing import Any

import pytest

from hactl_agents.host.command import Done
from hactl_agents.host.thread import Task
from hactl_agents.kvm_guest import KvmGuest
from hactl_agents.libvirt.pending import Pending
from hactl_agents.testing import FakeHost, act, done

from .kvm_scene import FILE, NAMELESS, XML, Scene

SEEDS = range(400)
HANGS = (
    "DomainDefineXMLFlags", "DomainCreateWithFlags", "DomainCreateXML", "DomainUndefineFlags",
    "DomainRestoreFlags", "DomainResume", "DomainLookupByUUIDString", "DomainSetMetadata",
)  # fmt: skip
DAEMON = 70


class LateHost(FakeHost):
    """What hangs is not lost: ``come`` lets libvirt come to it."""

    def __init__(self, files: dict[str, Any]) -> None:
        super().__init__(files, budget=60)
        self.asked: list[Callable[[], Any]] = []

    def begin(self, step: str, function: Callable[..., Any], *args: Any) -> Task:
        if step in self.hangs:
            self.asked.append(lambda: function(*args))
        return super().begin(step, function, *args)

    def come(self) -> None:
        asked, self.asked = self.asked, []
        for each in asked:
            with contextlib.suppress(Exception):  # nobody hears libvirt's refusal any more
                each()


class LateScene(Scene):
    def __init__(self, drawn: random.Random, agent: type[KvmGuest]) -> None:
        self.way = drawn.choice(("plain", "defined by the operator", "saved"))
        super().__init__(drawn.choice((XML, NAMELESS)) if self.way == "plain" else XML)
        self.drawn = drawn
        self.agent = agent
        self.host = LateHost({FILE: str(self.host.files[FILE]), "/save/.keep": ""})
        self.lib.__init__(self.host)  # type: ignore[misc]
        self.host.files["/run/libvirtd.pid"] = str(DAEMON)
        self.host.processes[DAEMON] = 1
        self.host.replies["virt-admin"] = self.workers
        if self.way == "defined by the operator":
            self.lib.do_virDomainDefineXMLFlags(self.here, XML, 0)
        if self.way == "saved":
            self.params |= {"stop_mode": "save", "save_dir": "/save"}
            self.host.files["/save/vm1.save"] = XML

    def ask(self, action: str) -> int:
        self.host.deadline = self.host.clock + 60
        return act(self.agent, self.host, action, **self.params)

    def workers(self, *argv: str) -> Done:
        free = 4 if self.host.asked else 5
        text = f"nWorkers : 5\nfreeWorkers : {free}\njobQueueDepth : 0\n"
        return done(*argv, stdout=text)

    def guests(self) -> int:
        return len(self.host.processes) - 1

    def start(self) -> None:
        """A start that hangs somewhere."""
        self.host.hangs = {f"libvirt's vir{self.drawn.choice(HANGS)}"}
        self.ask("start")
        if self.drawn.random() < 0.5:
            self.host.hangs.clear()

    def daemon_dies(self) -> None:
        self.host.asked.clear()
        self.host.processes[DAEMON] += 1


def denied(scene: LateScene) -> bool:
    """Whether it is called absent, by a look or a stop."""
    action = scene.drawn.choice(("monitor", "stop", "stop"))
    return scene.ask(action) == {"monitor": 7, "stop": 0}[action]


@pytest.mark.parametrize("chunk", range(8))
def test_what_is_called_absent_does_not_come_to_life(chunk: int) -> None:
    for seed in SEEDS[chunk::8]:
        assert play(seed) == [], f"seed {seed}"


def play(seed: int, agent: type[KvmGuest] = KvmGuest) -> list[str]:
    scene = LateScene(random.Random(seed), agent)
    wrong = []
    scene.start()
    for _ in range(scene.drawn.randrange(4)):
        scene.drawn.choice((scene.host.come, scene.daemon_dies, scene.host.hangs.clear, int))()
        if denied(scene) and scene.guests():
            wrong.append("a guest that is there was denied")
    if denied(scene):
        scene.host.come()
        if scene.guests():
            wrong.append(f"{scene.way}: it came to life after it was called absent")
    scene.host.hangs.clear()
    scene.host.come()
    if scene.ask("stop") != 0 or scene.guests():
        wrong.append(f"{scene.way}: it cannot be stopped when all is well again")
    return wrong


class Nothing(Pending):
    def why(self) -> str:
        return ""


class Forgetful(KvmGuest):
    """An agent that takes the time-out of a request for its end."""

    def pending(self) -> Pending:
        return Nothing(self.host, self.record, self.setting("uri"))


def test_an_agent_that_forgets_what_it_asked_for_is_found_out() -> None:
    assert any(play(seed, Forgetful) for seed in SEEDS)
