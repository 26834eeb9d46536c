"""KvmGuest on a fake node: what it decides, in which order, and within which time."""

from typing import Any

import pytest

from hactl_agents.declare import BadValue
from hactl_agents.host.command import Done
from hactl_agents.host.host import Failed
from hactl_agents.kvm_guest import KvmGuest
from hactl_agents.libvirt import identity_xml as document
from hactl_agents.libvirt import process, verdict
from hactl_agents.libvirt import status_file as status
from hactl_agents.libvirt.domain_xml import Definition
from hactl_agents.libvirt.route import Wishes, route
from hactl_agents.libvirt.start import fixed_uuid
from hactl_agents.testing import FakeHost, act, done, reason
from tests.agents.kvm_scene import FILE, NAMELESS, UUID, XML, Scene

from .fake_libvirt import PAUSED, RUN, Node

STEPS = (
    "DomainDefineXMLFlags", "DomainCreateWithFlags", "DomainUndefineFlags", "DomainCreateXML",
    "DomainResume", "DomainShutdownFlags", "DomainDestroyFlags",
)  # fmt: skip


# Documents


def test_the_name_is_the_domains_own() -> None:
    found = document.read(
        "<domain type='kvm'><metadata><x:app xmlns:x='urn:x'><x:name>a</x:name></x:app></metadata>"
        f"<devices><disk><name>b</name></disk></devices><name>a&amp;b</name><uuid>{UUID}</uuid>"
        "</domain>"
    )
    assert (found.name, found.uuid, found.kind) == ("a&b", UUID, "kvm")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no element found"),
        ("<domain", "not well-formed"),
        ("<network><name>x</name></network>", "but a <network>"),
        ('<!DOCTYPE d [<!ENTITY a "b">]><domain><name>&a;</name></domain>', "DOCTYPE"),
        ("<domain><name>\udcff</name></domain>", "surrogates"),
    ],
)
def test_what_is_no_definition_is_refused_with_a_sentence(text: str, complaint: str) -> None:
    with pytest.raises(BadValue, match=complaint):
        document.read(text)


def test_a_mark_counts_only_with_the_uuid_it_was_made_for() -> None:
    marked = XML.replace("</uuid>", "</uuid><metadata><g:guest xmlns:g='urn:hactl' {}/></metadata>")
    assert document.read(marked.format(f"resource='r' uuid='{UUID.upper()}'")).mark == "r"
    assert document.read(marked.format("resource='r' uuid='77777777'")).mark == ""


def test_a_definition_gets_our_mark_once_and_keeps_what_qemu_is_told() -> None:
    text = XML.replace("<domain ", "<domain xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0' ")
    definition = Definition(text.replace("<devices/>", "<q:commandline/>"))
    for resource in ("old", "new"):
        definition.mark(resource, UUID)
    assert document.read(definition.text()).mark == "new"
    assert definition.text().count(":guest ") == 1
    assert "<qemu:commandline" in definition.text()


@pytest.mark.parametrize(
    ("unit", "amount", "kibibytes"),
    [("KiB", 5, 5), ("b", 1025, 2), ("MB", 1, 977), ("g", 2, 2097152), ("TiB", 1, 1 << 30)],
)
def test_memory_is_read_in_every_unit(unit: str, amount: int, kibibytes: int) -> None:
    text = f"<domain><memory unit='{unit}'>{amount}</memory></domain>"
    assert Definition(text).memory() == kibibytes


def test_memory_and_vcpus_above_the_most_raise_the_most() -> None:
    definition = Definition(XML)
    definition.set_memory(512)
    definition.set_vcpus(2)
    assert '<memory unit="GiB">1</memory>' in definition.text()
    assert '<currentMemory unit="KiB">524288</currentMemory>' in definition.text()
    assert '<vcpu current="2">4</vcpu>' in definition.text()
    definition.set_memory(2048)
    definition.set_vcpus(8)
    assert '<memory unit="KiB">2097152</memory>' in definition.text()
    assert '<vcpu current="8">8</vcpu>' in definition.text()


def test_what_surprises_after_a_failover_is_said_at_start() -> None:
    text = XML.replace("<acpi/>", "").replace("<devices/>", "<devices><interface/></devices>")
    scene = Scene(text.replace("<type>", "<loader/><type>")).started()
    said = "; ".join(scene.host.logged)
    assert "no <mac>" in said and "no <acpi/>" in said and "no <nvram>" in said


def test_a_guest_without_a_uuid_gets_the_same_everywhere() -> None:
    assert fixed_uuid("vm1") == fixed_uuid("vm1") != fixed_uuid("vm2")
    assert document.is_uuid(fixed_uuid("vm1"))


# Status files


@pytest.mark.parametrize(
    ("text", "state", "why", "job", "pid"),
    [
        ("<domstatus state='running' reason='booted' pid='7'>", "running", "booted", "", 7),
        (
            "<!-- virsh edit <domstatus state='running' pid='9'> --><domstatus state='paused' "
            "reason='io&apos;' pid='7'><job type='none' async='dump' phase='0'/><domain type='kvm'>"
            "<metadata><job async='none'/></metadata>",
            "paused", "io&apos;", "dump", 7,
        ),
        ("<domstatus state='running' reason='booted' pid='7'><job async='none'>",
         "running", "booted", "", 7),
        ("<domstatus state='running'", "", "", "", 0),
        ("<domstatus state='running' pid='many'>", "", "", "", 0),
        ("<domain type='kvm'><domstatus state='running' pid='7'/></domain>", "", "", "", 0),
        ("", "", "", "", 0),
    ],
)  # fmt: skip
def test_the_head_of_a_status_file_says_the_state_or_nothing(
    text: str, state: str, why: str, job: str, pid: int
) -> None:
    seen = status.read(text)
    assert (seen.state, seen.reason, seen.job, seen.pid) == (state, why, job, pid)


# Processes


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("guest=vm1,debug-threads=on", "vm1"),
        ("guest=a,,b,process=qemu:a,,b", "a,b"),
        ("process=qemu:vm1,guest=vm1-test", "vm1-test"),
        ("vm1", ""),
    ],
)
def test_the_guests_name_is_read_exactly(text: str, name: str) -> None:
    assert process.option(text, "guest") == name


def test_a_guest_whose_first_thread_ended_is_found_by_another() -> None:
    scene = Scene()
    domain = scene.here.run(XML)
    files = scene.host.files
    files[f"/proc/{domain.pid}/task/{domain.pid}/cmdline"] = ""
    files[f"/proc/{domain.pid}/task/77/cmdline"] = files[f"/proc/{domain.pid}/cmdline"]
    files[f"/proc/{domain.pid}/cmdline"] = ""
    files[f"/proc/{domain.pid}/stat"] = f"{domain.pid} (qemu) Z 1"
    assert process.inspect(scene.host, domain.pid)


# Verdicts


@pytest.mark.parametrize(
    ("state", "reason", "job", "expected"),
    [
        ("running", "booted", "", verdict.RUNS),
        ("running", "booted", "migration out", verdict.RUNS),
        ("running", "post-copy failed", "", verdict.BROKEN),
        ("blocked", "", "", verdict.RUNS),
        ("paused", "user", "", verdict.PAUSED),
        ("paused", "ioerror", "", verdict.PAUSED),
        ("paused", "watchdog", "", verdict.PAUSED),
        ("paused", "something new", "", verdict.PAUSED),
        ("paused", "migration", "migration out", verdict.BUSY),
        ("paused", "migration", "", verdict.PAUSED),
        ("paused", "migration", "migration in", verdict.BROKEN),
        ("paused", "snapshot", "snapshot", verdict.BUSY),
        ("paused", "starting up", "", verdict.BROKEN),
        ("paused", "panicked", "", verdict.BROKEN),
        ("paused", "post-copy", "migration out", verdict.BROKEN),
        ("paused", "shutdown", "", verdict.ENDING),
        ("shutdown", "user", "", verdict.ENDING),
        ("crashed", "panicked", "", verdict.BROKEN),
        ("pmsuspended", "", "", verdict.PAUSED),
        ("nostate", "", "", verdict.UNKNOWN),
        ("", "", "", verdict.UNKNOWN),
        ("a state of 2030", "", "", verdict.UNKNOWN),
    ],
)
def test_each_state_has_its_verdict(state: str, reason: str, job: str, expected: str) -> None:
    assert verdict.judge(state, reason, job)[0] == expected


def test_numbers_become_libvirts_words() -> None:
    assert verdict.words(3, 5) == ("paused", "ioerror")
    assert verdict.words(1, 5) == ("running", "")
    assert verdict.words(99, 99) == ("nostate", "")


# Monitor


def test_a_monitor_by_evidence_asks_nobody() -> None:
    scene = Scene().started()
    assert scene.act("monitor") == 0
    assert scene.lib.calls == []
    assert scene.host.calls == []


def test_a_shutdown_that_ends_is_stopped_and_one_that_does_not_is_a_failure() -> None:
    scene = Scene().started()
    domain = scene.here.domains["vm1"]
    scene.here.set(domain, (4, 1))
    assert "does not come to an end" in scene.why("monitor")
    scene.after(3, lambda: scene.here.end(domain))
    assert scene.act("monitor") == 7


def test_a_guest_held_by_a_job_is_degraded_only_if_that_takes_long() -> None:
    scene = Scene().started()
    domain = scene.here.domains["vm1"]
    held = "<job type='none' async='snapshot'/><taint"
    scene.here.set(domain, PAUSED, "snapshot")
    path = f"{RUN}/vm1.xml"
    scene.host.files[path] = str(scene.host.files[path]).replace("<taint", held)
    assert scene.act("monitor") == 190
    scene.after(3, lambda: scene.here.set(domain, (1, 1)))
    assert scene.act("monitor") == 0


def test_an_answer_may_take_longer_where_there_is_more_time() -> None:
    for budget, late, code in ((27, 8, 0), (27, 10, 190), (90, 25, 0)):
        scene = Scene().started()
        scene.host.deadline = scene.host.clock + budget
        scene.host.delays["libvirt's virDomainLookupByUUIDString"] = late
        assert scene.act("monitor", level=10) == code, (budget, late)


def test_a_job_of_libvirt_is_not_the_guests_fault() -> None:
    scene = Scene().started()
    held = Failed("cannot acquire state change lock")
    held.number = 68  # type: ignore[attr-defined]
    scene.lib.answers["virDomainMigrateGetMaxDowntime"] = held
    assert scene.act("monitor", level=10) == 190
    scene = Scene().started()
    path = f"{RUN}/vm1.xml"
    held = "<job type='none' async='snapshot'/><taint"
    scene.host.files[path] = str(scene.host.files[path]).replace("<taint", held)
    scene.host.hangs.add("libvirt's virDomainMigrateGetMaxDowntime")
    assert scene.act("monitor", level=10) == 190


def test_without_a_status_file_libvirt_is_asked() -> None:
    scene = Scene().started()
    del scene.host.files[f"{RUN}/vm1.xml"]
    assert scene.act("monitor") == 0
    scene.here.domains["vm1"].state = PAUSED
    assert scene.why("monitor") == "the guest is paused (user)"
    scene.host.hangs.add("libvirt's virDomainGetState")
    assert "no answer" in scene.why("monitor")
    del scene.here.domains["vm1"]
    assert "libvirt does not know it" in scene.why("monitor")


def test_a_deeper_look_wants_answers_from_qemu_and_the_agent() -> None:
    scene = Scene().started()
    assert scene.act("monitor", level=10) == 0
    assert scene.lib.asked("DomainMigrateGetMaxDowntime", "DomainGetHostname") == [
        "DomainMigrateGetMaxDowntime"
    ]
    assert scene.act("monitor", level=10, agent="true") == 190
    domain = scene.here.domains["vm1"]
    channel = "<channel><target name='org.qemu.guest_agent.0' state='connected'/></channel>"
    domain.xml = XML.replace("<devices/>", f"<devices>{channel}</devices>")
    assert scene.act("monitor", level=10, agent="true") == 0
    scene.host.hangs.add("libvirt's virDomainGetHostname")
    assert scene.act("monitor", level=10, agent="true") == 1
    scene.host.hangs = {"libvirt's virDomainMigrateGetMaxDowntime"}
    assert scene.act("monitor", level=10) == 1
    scene.host.hangs = {"connecting to qemu:///system"}
    assert scene.act("monitor", level=10) == 190


# Start


def test_a_guest_is_let_go_only_when_it_is_written_down() -> None:
    scene = Scene()
    noted = []
    scene.lib.answers["virDomainResume"] = lambda domain: (
        noted.append(scene.host.saved["test.run"]) or scene.lib.do_virDomainResume(domain)
    )
    assert scene.act("start") == 0
    assert scene.lib.asked(*STEPS) == [
        "DomainDefineXMLFlags",
        "DomainCreateWithFlags",
        "DomainUndefineFlags",
        "DomainResume",
    ]
    assert "pid=1000\n" in noted[0] and "starting=defined\n" in noted[0]
    assert "starting" not in scene.host.saved["test.run"]
    assert "defined" not in scene.host.saved["test.run"]
    assert not scene.here.domains["vm1"].persistent


def test_a_start_that_fails_leaves_no_guest() -> None:
    scene = Scene()
    scene.lib.answers["virDomainResume"] = Failed("no such luck")
    assert scene.why("start") == "no such luck"
    assert scene.processes() == 0
    assert scene.act("monitor") == 7


def test_a_disk_that_hangs_is_found_out_before_libvirt_opens_it() -> None:
    disk = "<devices><disk><source file='/srv/disk'/></disk></devices>"
    scene = Scene(XML.replace("<devices/>", disk))
    scene.host.hung.add("/srv/disk")
    assert "/srv/disk does not answer" in scene.why("start")
    assert scene.lib.asked(*STEPS) == []
    scene.host.deadline = scene.host.clock + 20
    assert scene.act("stop") == 0


@pytest.mark.parametrize("given", [{}, {"name": "vm1"}])
def test_a_definition_that_hangs_holds_neither_a_look_nor_a_stop(given: dict[str, str]) -> None:
    scene = Scene()
    scene.host.hung.add(FILE)
    for running in (False, True):
        assert scene.act("monitor", **given) == (0 if running else 7)
        assert scene.act("stop", **given) == 0
        scene.host.hung.clear()
        scene.host.deadline = scene.host.clock + 90
        scene.started()
        scene.host.hung.add(FILE)


def test_where_no_guest_is_at_all_nobody_needs_the_definition() -> None:
    scene = Scene()
    scene.host.hung.add(FILE)
    begun = scene.host.clock
    assert scene.act("monitor") == 7
    assert scene.act("stop") == 0
    assert scene.host.clock == begun


def test_a_start_whose_definition_hangs_asks_libvirt_nothing() -> None:
    scene = Scene()
    scene.host.hung.add(FILE)
    assert "no answer" in scene.why("start")
    assert scene.lib.calls == []


def test_memory_that_may_yet_get_its_name_is_no_stop() -> None:
    """It would be restored over disks that have changed since."""
    scene = Scene(budget=60).started()
    scene.host.files["/save/.keep"] = ""
    save = scene.lib.do_virDomainSaveFlags

    def saved(domain: Any, *more: Any) -> int:
        scene.host.hung.add("/save")
        return save(domain, *more)

    scene.lib.answers["virDomainSaveFlags"] = saved
    assert scene.act("stop", stop_mode="save", save_dir="/save") == 1
    scene.host.hung.clear()


def test_where_memory_cannot_be_saved_because_its_folder_hangs_the_guest_stops() -> None:
    scene = Scene(budget=60).started()
    scene.host.hung.add("/save")
    assert scene.act("stop", stop_mode="save", save_dir="/save") == 0
    assert scene.processes() == 0


# What was asked for may still come


def hang(scene: Scene, function: str) -> None:
    """libvirt does not answer this, and goes on with it."""
    scene.host.hangs |= {f"libvirt's vir{function}"}


def test_a_definition_that_libvirt_does_not_come_to_brings_no_guest() -> None:
    scene = Scene(NAMELESS)
    hang(scene, "DomainDefineXMLFlags")
    assert "no answer within" in scene.why("start")
    assert "DomainCreateWithFlags" not in scene.lib.asked(*STEPS)
    scene.host.deadline = scene.host.clock + 20
    assert scene.act("monitor") == 7
    assert scene.act("stop") == 0


def test_a_start_that_libvirt_does_not_come_to_is_called_off() -> None:
    scene = Scene(NAMELESS)
    hang(scene, "DomainCreateWithFlags")
    hang(scene, "DomainUndefineFlags")
    assert scene.act("start") == 1
    scene.host.deadline = scene.host.clock + 20
    assert "may yet" in scene.why("monitor")
    assert scene.act("stop") == 1
    scene.host.hangs.clear()
    scene.host.deadline = scene.host.clock + 20
    assert scene.act("stop") == 0
    assert scene.here.domains == {}  # where libvirt would have looked it up
    assert scene.act("monitor") == 7


def test_a_start_is_called_off_where_it_was_asked_for_whatever_is_given_since() -> None:
    scene = Scene(NAMELESS)
    hang(scene, "DomainCreateWithFlags")
    hang(scene, "DomainUndefineFlags")
    assert scene.act("start") == 1
    scene.host.hangs.clear()
    scene.host.deadline = scene.host.clock + 20
    opened: list[str] = []
    answer = scene.lib.do_virConnectOpen

    def noting(uri: str) -> Any:
        opened.append(uri)
        return answer(uri)

    scene.lib.answers |= {"virConnectOpen": noting, "virConnectOpenReadOnly": noting}
    assert scene.act("stop", uri="xen:///") == 0
    assert set(opened) == {"qemu:///system"}
    assert scene.here.domains == {}


def test_a_failed_start_calls_itself_off_where_libvirt_answers() -> None:
    scene = Scene(NAMELESS)
    hang(scene, "DomainCreateWithFlags")
    assert scene.act("start") == 1
    assert scene.here.domains == {}
    assert scene.act("monitor") == 7


def test_a_start_that_was_cut_short_is_called_off_or_ended() -> None:
    for comes in (False, True):
        scene = Scene(NAMELESS)
        scene.lib.answers["virDomainCreateWithFlags"] = lambda *_: 1 / 0  # as good as being killed
        with pytest.raises(ZeroDivisionError):
            scene.act("start")
        scene.host.saved["test.run"] += "starting=defined\ndefined=1\n"  # nobody took it back
        domain = scene.lib.do_virDomainDefineXMLFlags(scene.here, NAMELESS, 0)
        domain.uuid = fixed_uuid("vm1")
        if comes:
            scene.here.begin(domain, PAUSED)
        assert scene.act("monitor") == 1 if comes else "may yet" in scene.why("monitor")
        assert scene.act("stop") == 0
        assert (scene.processes(), scene.here.domains) == (0, {})


def threads(free: int) -> Done:
    """What a daemon says that has five threads."""
    said = f"nWorkers : 5\nfreeWorkers : {free}\njobQueueDepth : 0\n"
    return done("virt-admin", stdout=said)


def test_a_start_over_the_operators_definition_is_over_when_libvirt_has_nothing_to_do() -> None:
    scene = Scene()
    own = scene.lib.do_virDomainDefineXMLFlags(scene.here, XML, 0)
    scene.host.files["/run/libvirtd.pid"] = "70"
    scene.host.processes[70] = 490
    hang(scene, "DomainCreateXML")
    assert scene.act("start") == 1
    assert "asked=libvirtd:70:490\n" in scene.host.saved["test.run"]
    scene.host.deadline = scene.host.clock + 20
    scene.host.replies["virt-admin"] = threads(free=4)
    assert "has not answered" in scene.why("monitor")
    assert scene.act("stop") == 1
    scene.host.deadline = scene.host.clock + 20
    scene.host.replies["virt-admin"] = threads(free=5)
    assert scene.act("monitor") == 7
    assert scene.act("stop") == 0
    assert scene.here.domains == {"vm1": own}


def test_what_was_asked_of_a_daemon_ends_with_it() -> None:
    scene = Scene()
    scene.lib.do_virDomainDefineXMLFlags(scene.here, XML, 0)
    scene.host.files["/run/virtqemud.pid"] = "70"
    scene.host.processes[70] = 490
    hang(scene, "DomainCreateXML")
    assert scene.act("start") == 1
    scene.host.deadline = scene.host.clock + 20
    assert "has not answered" in scene.why("monitor")
    scene.host.processes[70] = 4900  # another one with its pid
    assert scene.act("monitor") == 7


def lost_start(resource: str = "test") -> Scene:
    """libvirt works on a start, and nothing of ours tells of that any more."""
    scene = Scene()
    scene.host.files["/run/libvirtd.pid"] = "70"
    scene.host.processes[70] = 490
    left = Definition(XML)
    left.mark(resource, UUID, until_started=True, asked="libvirtd:70:490")
    scene.lib.do_virDomainDefineXMLFlags(scene.here, left.text(), 0)
    scene.host.files["/etc/libvirt/qemu/vm1.xml"] = left.text()
    scene.host.files["/etc/libvirt/qemu/damaged.xml"] = "<domain xmlns:hactl='urn:hactl'"
    scene.host.replies["virt-admin"] = threads(free=4)
    return scene


@pytest.mark.parametrize("given", [{}, {"name": "vm1"}, {"definition": "/srv/none.xml"}])
def test_a_start_whose_record_is_lost_is_found_by_its_definition(given: dict[str, str]) -> None:
    scene = lost_start()
    assert "has not answered" in scene.why("monitor", **given)
    assert scene.act("stop", **given) == 0
    assert scene.here.domains == {}


def test_a_definition_that_cannot_be_read_may_be_that_of_a_start_under_way() -> None:
    scene = lost_start()
    scene.host.files["/etc/libvirt/qemu/vm1.xml"] = Failed("cannot be read: Input/output error")
    assert (scene.act("monitor"), scene.act("stop")) == (1, 1)
    assert "cannot be read: Input/output error" in scene.why("monitor")


def test_a_definition_that_nobody_works_on_brings_no_guest() -> None:
    scene = lost_start()
    scene.host.replies["virt-admin"] = threads(free=5)
    assert scene.act("monitor") == 7
    scene = lost_start()
    scene.host.processes[70] = 4900  # another daemon, which has never heard of it
    assert scene.act("monitor") == 7
    assert lost_start("another").act("monitor") == 7


def test_a_start_that_libvirt_refused_is_over() -> None:
    scene = Scene(NAMELESS)
    scene.lib.answers["virDomainCreateWithFlags"] = Failed("no such disk")
    assert scene.why("start") == "no such disk"
    assert scene.act("monitor") == 7
    assert scene.here.domains == {}


def test_a_definition_that_an_earlier_start_has_left_is_taken_away() -> None:
    scene = Scene()
    left = Definition(XML)
    left.mark("test", UUID, until_started=True)
    scene.lib.do_virDomainDefineXMLFlags(scene.here, left.text(), 0)
    assert scene.act("start") == 0
    assert not scene.here.domains["vm1"].persistent


def test_a_copy_of_a_running_guest_that_the_operator_defined_stays() -> None:
    scene = Scene()
    copied = Definition(XML)
    copied.mark("test", UUID)
    scene.lib.do_virDomainDefineXMLFlags(scene.here, copied.text(), 0)
    assert scene.act("start") == 0
    assert "DomainUndefineFlags" not in scene.lib.asked(*STEPS)


# Which guest is ours


def twin(scene: Scene, mark: str) -> None:
    """A guest with our uuid and another name, started by the resource ``mark``, '' for nobody."""
    text = Definition(XML.replace(">vm1<", ">web1<"))
    if mark:
        text.mark(mark, UUID)
    scene.here.run(text.text())


@pytest.mark.parametrize("mark", ["", "another"])
def test_a_copied_definition_with_another_name_is_somebody_elses(mark: str) -> None:
    scene = Scene()
    twin(scene, mark)
    assert scene.act("monitor") == 7
    assert any("has the uuid of this guest" in line for line in scene.host.logged)
    assert "another guest with that uuid, named web1" in scene.why("start")
    assert scene.act("stop") == 0
    assert scene.processes() == 1


def test_a_guest_of_ours_that_was_renamed_since_is_told_by_its_mark() -> None:
    scene = Scene()
    twin(scene, "test")
    assert scene.act("monitor") == 0
    assert scene.act("stop") == 0
    assert scene.processes() == 0


def test_a_guest_with_our_uuid_that_nothing_tells_of_is_neither_stopped_nor_killed() -> None:
    scene = Scene()
    twin(scene, "test")
    del scene.host.files[f"{RUN}/web1.xml"]
    assert "cannot be read" in scene.why("monitor")
    assert scene.act("stop") == 1
    assert scene.processes() == 1


def test_a_copy_at_the_target_is_not_what_a_migration_led_to() -> None:
    scene = Scene().started()
    text = XML.replace(">vm1<", ">web1<")
    scene.lib.there.run(text)
    record = scene.host.saved["test.run"]
    until = f"migration_until={scene.host.clock + 1}\n"
    scene.host.saved["test.run"] = f"{record}migration=qemu+tcp://node2/system\n{until}"
    assert scene.act("stop", stop_mode="destroy") == 0
    assert "web1" in scene.lib.there.domains


def test_an_emulator_that_is_a_script_is_ended_with_all_its_processes() -> None:
    scene = Scene().started()
    scene.host.processes[77] = 770
    scene.host.files["/proc/77/cmdline"] = scene.host.files["/proc/1000/cmdline"]
    assert scene.act("stop", stop_mode="destroy") == 0
    assert scene.processes() == 0


def test_a_process_that_was_killed_and_hangs_is_no_running_guest() -> None:
    for letter, pending, code in (("Z", "0", 1), ("D", "100", 1), ("D", "0", 0)):
        scene = Scene().started()
        scene.host.files["/proc/1000/status"] = f"Name:\tqemu\nSigPnd:\t{pending:0>16}\n"
        scene.host.process = lambda pid, letter=letter: (letter, pid * 7)  # type: ignore
        assert scene.act("monitor") == code
        assert scene.act("start") == code


# What libvirt has not done with


def test_a_start_waits_until_libvirt_has_taken_down_what_was_there() -> None:
    scene = Scene()
    old = scene.here.run(XML)
    scene.host.processes.clear()
    scene.after(3, lambda: scene.here.end(old))
    begun = scene.host.clock
    assert scene.act("start") == 0
    assert 3 <= scene.host.clock - begun < 4


def test_a_guest_that_goes_between_two_questions_is_gone() -> None:
    scene = Scene()
    scene.here.run(XML)
    scene.host.processes.clear()

    def gone(domain: Any) -> int:
        scene.here.end(domain)
        return scene.lib.found(None)  # type: ignore[return-value]

    scene.lib.answers["virDomainIsActive"] = gone
    assert scene.why("start") == ""


def test_what_libvirt_never_has_done_with_is_no_start() -> None:
    scene = Scene()
    scene.here.run(XML)
    scene.host.processes.clear()
    reason = scene.why("start")
    assert reason.startswith("libvirt says vm1 is active, but it has no process of ours; ")
    assert reason.endswith(MEND)
    assert scene.lib.asked("DomainDestroyFlags") == []


MEND = "systemctl restart libvirtd, which no guest minds"


def half_made(scene: Scene) -> None:
    domain = scene.here.run(XML, PAUSED)
    scene.host.processes.clear()
    scene.here.set(domain, PAUSED, "starting up")
    path = f"{RUN}/vm1.xml"
    scene.host.files[path] = str(scene.host.files[path]).replace(f"pid='{domain.pid}'", "pid='0'")


def test_a_guest_that_an_earlier_libvirtd_half_made_is_cleared_by_a_start() -> None:
    scene = Scene()
    half_made(scene)
    assert scene.act("start") == 0
    assert scene.lib.asked(*STEPS)[0] == "DomainDestroyFlags"


def test_what_cannot_be_cleared_is_said_and_forgotten_by_the_next_libvirtd() -> None:
    scene = Scene()
    half_made(scene)
    scene.lib.answers["virDomainDestroyFlags"] = Failed("cannot acquire state change lock")
    assert scene.why("start").endswith(MEND)
    assert f"{RUN}/vm1.xml" not in scene.host.files
    assert scene.act("stop", name="vm1") == 0
    assert scene.why("start").endswith(MEND)  # also once the file is gone that told of it


@pytest.mark.parametrize("daemon", ["alive", "dead", "unable"])
def test_a_guest_that_an_earlier_libvirtd_half_made_is_cleared_by_a_stop(daemon: str) -> None:
    scene = Scene()
    half_made(scene)
    if daemon == "dead":
        refused = Failed("connection refused")
        refused.number = 38  # type: ignore[attr-defined]
        refused.cause = 111  # type: ignore[attr-defined]
        scene.lib.answers["virConnectOpen"] = refused
    if daemon == "unable":
        scene.lib.answers["virDomainDestroyFlags"] = Failed("cannot acquire state change lock")
    assert scene.act("stop", name="vm1") == 0
    assert f"{RUN}/vm1.xml" not in scene.host.files


def test_what_cannot_run_here_is_refused_before_anything_happens() -> None:
    scene = Scene()
    scene.host.files["/etc/libvirt/qemu/autostart/vm1.xml"] = ""
    assert scene.act("start") == 2
    assert scene.act("start", definition="/srv/none.xml") == 2
    assert scene.act("start", stop_mode="save", save_dir="/srv/none") == 2
    scene.host.bindings.clear()
    assert scene.act("start") == 5
    assert scene.lib.calls == []


def test_memory_saved_by_libvirt_itself_is_restored_and_marked() -> None:
    scene = Scene()
    defined = scene.here.domains["vm1"] = Node().run(XML)
    defined.node, defined.persistent, defined.saved = scene.here, True, True
    scene.here.end(defined)
    assert scene.act("start") == 0
    assert scene.lib.asked(*STEPS) == ["DomainCreateWithFlags", "DomainResume"]
    assert 'resource="test"' in scene.lib.arguments["virDomainSetMetadata"][2]


def test_memory_saved_by_libvirt_itself_is_thrown_away_on_request() -> None:
    scene = Scene()
    defined = scene.here.domains["vm1"] = Node().run(XML)
    defined.node, defined.persistent, defined.saved = scene.here, True, True
    scene.here.end(defined)
    assert scene.act("start", restore="false") == 0
    assert scene.lib.asked("DomainCreateXML", "DomainManagedSaveRemove") == [
        "DomainManagedSaveRemove",
        "DomainCreateXML",
    ]


def test_saved_memory_that_cannot_be_restored_stops_the_start_and_stays() -> None:
    scene = Scene()
    scene.host.files["/save/vm1.save"] = XML
    scene.lib.answers["virDomainRestoreFlags"] = Failed("another CPU")
    text = scene.why("start", stop_mode="save", save_dir="/save")
    assert (
        text == "/save/vm1.save: cannot be restored: another CPU; restore=false starts without it"
    )
    assert "/save/vm1.save" in scene.host.files


def test_saved_memory_of_another_guest_is_not_started() -> None:
    scene = Scene()
    scene.host.files["/save/vm1.save"] = NAMELESS
    assert "holds another guest" in scene.why("start", stop_mode="save", save_dir="/save")
    assert scene.processes() == 0


def test_networks_and_pools_are_started_on_request() -> None:
    devices = (
        "<devices><interface><mac address='x'/><source network='net1'/></interface>"
        "<disk><source pool='pool1'/></disk></devices>"
    )
    scene = Scene(XML.replace("<devices/>", devices))
    assert scene.act("start", start_resources="true") == 0
    assert scene.here.active == {"net1": True, "pool1": True}


# Stop


def test_the_agent_is_asked_then_the_button_pressed_then_the_power_cut() -> None:
    scene = Scene(budget=100).started()
    scene.lib.answers["virDomainShutdownFlags"] = lambda _, flags: flags and 0
    begun = scene.host.clock
    flags: list[int] = []
    scene.lib.answers["virDomainShutdownFlags"] = lambda _, flag: flags.append(flag) or 0
    assert scene.act("stop", agent="true") == 0
    assert flags == [2, *[1] * 7]
    assert 75 < scene.host.clock - begun < 85
    assert scene.lib.calls[-1] == "virDomainDestroyFlags"


def test_an_agent_that_does_not_answer_gives_way_to_the_button() -> None:
    scene = Scene().started()

    def shutdown(domain: Any, flag: int) -> int:
        if flag == 2:
            raise Failed("agent is not connected")
        scene.here.end(domain)
        return 0

    scene.lib.answers["virDomainShutdownFlags"] = shutdown
    assert scene.act("stop", agent="true") == 0
    assert "DomainDestroyFlags" not in scene.lib.asked(*STEPS)


def test_a_guest_that_listens_is_not_destroyed() -> None:
    scene = Scene().started()
    domain = scene.here.domains["vm1"]
    scene.after(5, lambda: scene.here.end(domain))
    assert scene.act("stop") == 0
    assert scene.lib.asked(*STEPS) == ["DomainShutdownFlags"]
    assert scene.host.signals == []


def test_a_late_answer_is_no_reason_to_cut_the_power() -> None:
    scene = Scene(budget=60).started()
    scene.host.delays["libvirt's virDomainShutdownFlags"] = 25.0
    domain = scene.here.domains["vm1"]
    scene.after(28, lambda: scene.here.end(domain))
    assert scene.act("stop") == 0
    assert scene.lib.asked("DomainDestroyFlags") == []


def test_asking_ends_with_its_own_timeout() -> None:
    scene = Scene(budget=1000).started()
    begun = scene.host.clock
    assert scene.act("stop", shutdown_timeout="30s") == 0
    assert 30 <= scene.host.clock - begun < 31


def test_destroy_asks_nobody() -> None:
    scene = Scene().started()
    assert scene.act("stop", stop_mode="destroy") == 0
    assert scene.lib.asked(*STEPS) == ["DomainDestroyFlags"]


def test_a_guest_paused_by_hand_is_woken_to_hear_us() -> None:
    scene = Scene().started()
    domain = scene.here.domains["vm1"]
    scene.here.set(domain, PAUSED)
    scene.lib.answers["virDomainShutdownFlags"] = lambda domain, _: scene.here.end(domain) or 0
    assert scene.act("stop") == 0
    assert scene.lib.asked(*STEPS) == ["DomainResume", "DomainShutdownFlags"]


def test_a_guest_paused_by_an_error_is_not_woken() -> None:
    scene = Scene().started()
    scene.here.set(scene.here.domains["vm1"], (3, 5), "ioerror")
    assert scene.act("stop") == 0
    assert scene.lib.asked(*STEPS) == ["DomainDestroyFlags"]


def test_without_libvirt_the_process_is_ended_by_signals() -> None:
    scene = Scene(budget=30).started()
    scene.host.hangs.add("connecting to qemu:///system")
    assert scene.act("stop") == 0
    assert scene.host.signals == [(1000, 15), (1000, 9)]


def test_a_process_that_does_not_die_is_never_called_stopped() -> None:
    scene = Scene(budget=30).started()
    scene.host.immortal.add(1000)
    scene.host.bindings["libvirtmod"].answers["virDomainDestroyFlags"] = Failed("busy")
    assert "does not even die of SIGKILL" in scene.why("stop", stop_mode="destroy")


def test_a_process_that_got_the_pid_meanwhile_is_not_killed() -> None:
    scene = Scene(budget=30).started()
    scene.host.hangs.add("connecting to qemu:///system")
    scene.host.processes[1000] = 99
    scene.host.files["/proc/1000/cmdline"] = "sleep\x00600\x00"
    assert scene.act("stop") == 0
    assert scene.host.signals == []


def test_memory_is_saved_whole_or_not_at_all() -> None:
    scene = Scene().started()
    scene.host.files["/save/.keep"] = ""
    assert scene.act("stop", stop_mode="save", save_dir="/save", shutdown_timeout="0") == 0
    assert [path for path in scene.host.files if path.startswith("/save/vm1")] == ["/save/vm1.save"]
    scene = Scene().started()
    scene.lib.answers["virDomainSaveFlags"] = Failed("no space")
    assert scene.act("stop", stop_mode="save", save_dir="/save") == 0
    assert "/save/vm1.save" not in scene.host.files


def test_a_wrong_parameter_does_not_stop_stop() -> None:
    scene = Scene().started()
    wrong = {"stop_mode": "?", "agent": "?", "shutdown_timeout": "?", "uri": "\n", "name": "\n"}
    assert scene.act("stop", **wrong) == 0
    assert scene.processes() == 0


# Reload


def test_vcpus_that_do_not_come_are_a_failure() -> None:
    scene = Scene().started()
    scene.lib.answers |= {"virDomainGetMaxVcpus": 4, "virDomainGetVcpusFlags": 1}
    assert scene.why("reload-agent", vcpus=3) == "vcpus: the guest has 1 and not 3"
    assert "at most 4" in scene.why("reload-agent", vcpus=5)


def test_memory_that_comes_slowly_is_said() -> None:
    scene = Scene().started()
    scene.lib.answers |= {"virDomainGetVcpusFlags": 1, "virDomainGetInfo": [1, 1 << 20, 1 << 20]}
    assert scene.act("reload-agent", memory=512) == 0
    assert scene.lib.arguments["virDomainSetMemoryFlags"][1:] == (512 * 1024, 1)
    assert "has 1024 MiB so far, asked for 512" in scene.host.logged[-1]


# Migration

TO = {"migrate_target": "node2"}
FROM = {"migrate_source": "node1"}
TCP = {"migration_transport": "tcp"}


def ways(**wanted: Any) -> tuple[str, int, dict[str, Any]]:
    wishes = Wishes(wanted.pop("transport", "tcp"))
    for name, value in wanted.items():
        setattr(wishes, name, value)
    wishes.auto_converge = wanted.get("auto_converge", False)
    wishes.check()
    found = route("node2", wishes, UUID)
    return found.uri, found.flags - (1 | 2 | 4096), found.params


def test_each_transport_has_its_way() -> None:
    ssh = "qemu+ssh://node2/system?no_tty=1"
    assert ways() == ("qemu+tcp://node2/system", 0, {})
    assert ways(transport="tls") == ("qemu+tls://node2/system", 65536, {})
    assert ways(transport="ssh") == (ssh, 4, {})
    assert ways(transport="ssh", user="u")[0] == "qemu+ssh://u@node2/system?no_tty=1"
    assert ways(transport="ssh", tunnelled=False, network="-m") == (
        ssh, 0, {"migrate_uri": "tcp://node2-m"},
    )  # fmt: skip
    assert ways(transport="ssh", network="-m")[0] == "qemu+ssh://node2-m/system?no_tty=1"
    assert ways(transport="unix", socket="/lab/%n/sock") == (
        "qemu+unix:///system?socket=/lab/node2/sock",
        0,
        {"migrate_uri": "unix:///lab/node2/sock.6861c71a"},
    )


def test_wishes_become_flags_and_parameters() -> None:
    assert ways(bandwidth=7)[2] == {"bandwidth": 7}
    assert ways(connections=3)[1:] == (131072, {"parallel.connections": 3})
    assert ways(auto_converge=True, post_copy=True, unsafe=True)[1] == 8192 + 32768 + 512


@pytest.mark.parametrize(
    "wanted",
    [
        {"transport": "unix"},
        {"transport": "unix", "socket": "/lab/sock"},
        {"transport": "ssh", "post_copy": True},
        {"transport": "ssh", "connections": 2},
        {"post_copy": True, "connections": 2},
    ],
)
def test_wishes_that_contradict_each_other_are_refused(wanted: dict[str, Any]) -> None:
    with pytest.raises(BadValue):
        ways(**wanted)


def test_a_guest_moves_and_nothing_is_left_to_remember() -> None:
    scene = Scene().started()
    assert scene.act("migrate_to", meta=TO, **TCP) == 0
    assert "vm1" in scene.lib.there.domains
    assert "migration" not in scene.host.saved["test.run"]
    assert scene.act("monitor") == 7
    assert scene.act("stop") == 0
    assert "vm1" in scene.lib.there.domains


def test_a_move_that_takes_too_long_is_aborted_before_the_deadline() -> None:
    scene = Scene(budget=100).started()
    scene.host.delays["migrating vm1 to node2"] = 10_000.0

    def abort(_: Any) -> int:
        scene.lib.answers["virDomainMigrateToURI3"] = Failed("canceled by client")
        tasks[0].ends = scene.host.clock
        return 0

    tasks: list[Any] = []
    begin = scene.host.begin
    scene.host.begin = lambda step, *args: (
        (  # type: ignore[method-assign]
            tasks.append(begin(step, *args)) if step.startswith("migrating") else None
        )
        or (tasks[-1] if step.startswith("migrating") else begin(step, *args))
    )
    scene.lib.answers["virDomainAbortJob"] = abort
    text = scene.why("migrate_to", meta=TO, **TCP)
    assert text.startswith("migrating vm1 to node2: not done within 80 s, 75 % of 64 MiB")
    assert text.endswith("vm1 stays here")
    assert scene.host.left() > 15
    assert scene.act("monitor") == 0
    assert any("16 MiB left" in line for line in scene.host.logged)


def test_an_error_after_the_guest_arrived_is_no_failure() -> None:
    scene = Scene().started()

    def arrive(domain: Any, *_: Any) -> int:
        scene.lib.do_virDomainMigrateToURI3(domain)
        raise Failed("connection reset")

    scene.lib.answers["virDomainMigrateToURI3"] = arrive
    assert scene.act("migrate_to", meta=TO, **TCP) == 0


def test_a_guest_lost_on_the_way_is_reported_as_lost() -> None:
    scene = Scene().started()

    def lose(domain: Any, *_: Any) -> int:
        scene.here.end(domain)
        raise Failed("power loss")

    scene.lib.answers["virDomainMigrateToURI3"] = lose
    assert scene.why("migrate_to", meta=TO, **TCP).endswith("vm1 is neither here nor on node2")


def test_a_success_that_cannot_be_seen_is_none() -> None:
    scene = Scene().started()
    scene.lib.answers["virDomainMigrateToURI3"] = 0
    assert "still has a process here" in scene.why("migrate_to", meta=TO, **TCP)


def test_what_the_target_lacks_is_found_before_anything_moves() -> None:
    cpu = "<cpu mode='host-passthrough'/>"
    nic = "<devices><interface><source network='net1'/></interface></devices>"
    scene = Scene(XML.replace("<devices/>", nic)).started()
    assert "network net1 is not active" in scene.why("migrate_to", meta=TO, **TCP)
    scene = Scene(XML.replace("<devices/>", cpu)).started()
    scene.lib.answers["virConnectGetCapabilities"] = "<c><host><cpu><model/></cpu></host></c>"
    assert "CPU of node2" in scene.why("migrate_to", meta=TO, **TCP)
    assert "DomainMigrateToURI3" not in scene.lib.asked("DomainMigrateToURI3")
    scene.lib.answers["virConnectCompareCPU"] = 2
    assert scene.act("migrate_to", meta=TO, **TCP) == 0


def test_progress_is_logged_now_and_then() -> None:
    scene = Scene(budget=200).started()
    scene.host.delays["migrating vm1 to node2"] = 45.0
    assert scene.act("migrate_to", meta=TO, **TCP) == 0
    assert sum("75 % of 64 MiB" in line for line in scene.host.logged) == 4


def test_migrate_from_waits_for_the_guest_and_writes_down_what_it_is() -> None:
    scene = Scene(budget=50)
    scene.after(5, lambda: scene.here.run(XML))
    assert scene.act("migrate_from", meta=FROM) == 0
    assert f"uuid={UUID}\n" in scene.host.saved["test.run"]
    assert "param.definition=/srv/vm1.xml\n" in scene.host.saved["test.run"]


@pytest.mark.parametrize(("reason", "job", "code"), [
    ("user", "", 0), ("ioerror", "", 0), ("migration", "", 1), ("user", "migration in", 1),
])  # fmt: skip
def test_a_guest_that_arrives_paused_has_arrived(reason: str, job: str, code: int) -> None:
    scene = Scene(budget=50)
    scene.here.set(scene.here.run(XML), PAUSED, reason)
    path = f"{RUN}/vm1.xml"
    if job:
        held = f"<job type='none' async='{job}'/><taint"
        scene.host.files[path] = str(scene.host.files[path]).replace("<taint", held)
    assert scene.act("migrate_from", meta=FROM) == code


def test_migrate_from_without_pacemaker_ends_at_once() -> None:
    scene = Scene()
    begun = scene.host.clock
    assert scene.act("migrate_from") == 1
    assert scene.act("migrate_to") == 1
    assert scene.host.clock == begun


def test_an_old_unfinished_migration_destroys_nothing() -> None:
    scene = Scene().started()
    scene.lib.there.run(XML)
    record = scene.host.saved["test.run"]
    uri = "qemu+tcp://node2/system"
    until = f"migration_until={scene.host.clock - 1}\n"
    scene.host.saved["test.run"] = f"{record}migration={uri}\n{until}"
    assert scene.act("stop", stop_mode="destroy") == 0
    assert "vm1" in scene.lib.there.domains


# Parameters


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({}, "one of definition and domain has to be given, and only one"),
        ({"definition": FILE, "domain": XML}, "only one"),
        ({"definition": "vm1.xml"}, "definition: 'vm1.xml' is not an absolute path"),
        ({"domain": XML, "name": "vm2"}, "domain: the guest is called 'vm1', but name is 'vm2'"),
        ({"domain": XML.replace("kvm'", "xen'")}, "domain: a domain of type 'xen' is none of"),
        ({"domain": XML.replace(">vm1<", ">../vm1<")}, "'../vm1' is not a name for a guest"),
        ({"domain": XML.replace(UUID, "7")}, "'7' is not a uuid"),
        ({"domain": XML.replace(">1<", ">much<")}, "<memory> or <vcpu> is not a number"),
        ({"domain": "<domain"}, "domain: not well-formed"),
        ({"domain": XML, "uri": "qemu+ssh://x/system"}, "is not the libvirt of this node"),
        ({"domain": XML, "uri": "qemu:///session"}, "is not the libvirt of this node"),
        ({"domain": XML, "stop_mode": "save"}, "save_dir: has to be given"),
        ({"domain": XML, "save_dir": "here"}, "save_dir: 'here' is not an absolute path"),
        ({"domain": XML, "migration_transport": "unix"}, "must hold %n"),
    ],
)
def test_bad_parameters_are_one_sentence_and_touch_nothing(
    given: dict[str, str], complaint: str
) -> None:
    host = FakeHost()
    assert act(KvmGuest, host, "validate-all", **given) == 6
    assert complaint in reason(KvmGuest, host, "validate-all", **given)
    assert host.calls == []


def test_a_definition_in_the_cib_is_kept_out_of_the_record() -> None:
    scene = Scene()
    scene.params = {
        "domain": XML.replace("<devices/>", "<devices><graphics passwd='x'/></devices>")
    }
    assert "graphics" not in scene.started().host.saved["test.run"]
    assert scene.act("monitor") == 0
    scene.params = {"domain": "<broken"}
    assert scene.act("monitor") == 0
    assert scene.act("stop") == 0


def test_good_parameters_are_accepted_without_looking_at_the_node() -> None:
    host = FakeHost({FILE: Failed("must not be read")})
    assert act(KvmGuest, host, "validate-all", definition=FILE) == 0
    assert act(KvmGuest, host, "validate-all", domain=XML, memory=512, vcpus=2) == 0


def test_a_missing_binding_never_looks_like_a_missing_guest() -> None:
    scene = Scene().started()
    scene.host.bindings.clear()
    assert scene.act("monitor") == 0
    del scene.host.files[f"{RUN}/vm1.xml"]
    assert scene.act("monitor") == 1
    assert scene.act("stop") == 0
    assert scene.processes() == 0
