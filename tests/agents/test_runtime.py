"""The contract the runtime keeps for every agent."""

import pytest

from hactl_agents.host.host import Failed, TimedOut
from hactl_agents.ocf import Status
from hactl_agents.ocf.main import budget
from hactl_agents.testing import FakeHost, act, done, environ, reason

from .toy import Toy

PATH = "/srv/toy"


def host_with(content: str | None = None) -> FakeHost:
    host = FakeHost(files={} if content is None else {PATH: content})

    def touch(*argv: str):  # type: ignore[no-untyped-def]
        host.files[PATH] = "here"
        return done(*argv)

    def remove(*argv: str):  # type: ignore[no-untyped-def]
        host.files.pop(PATH, None)
        return done(*argv)

    host.replies |= {"touch": touch, "rm": remove, "truncate": done("truncate")}
    return host


def test_start_makes_it_run_and_looks() -> None:
    host = host_with()
    assert act(Toy, host, "start", path=PATH) == 0
    assert host.calls == [("touch", PATH)]


def test_start_of_what_runs_does_nothing() -> None:
    host = host_with("here")
    assert act(Toy, host, "start", path=PATH) == 0
    assert host.calls == []


def test_start_that_changed_nothing_is_a_failure() -> None:
    host = host_with()
    host.replies["touch"] = done("touch")
    assert act(Toy, host, "start", path=PATH) == 1
    assert host.logged == ["given up"]


def test_stop_of_what_is_gone_does_nothing() -> None:
    host = host_with()
    assert act(Toy, host, "stop", path=PATH) == 0
    assert host.calls == []


def test_stop_that_left_something_is_a_failure() -> None:
    host = host_with("here")
    host.replies["rm"] = done("rm")
    assert act(Toy, host, "stop", path=PATH) == 1


def test_what_cannot_be_looked_at_is_stopped_all_the_same() -> None:
    host = host_with("here")
    host.files[PATH] = Failed("input/output error")
    assert act(Toy, host, "stop", path=PATH) == 0
    assert host.calls == [("rm", PATH)]


def test_monitor_never_answers_stopped_in_doubt() -> None:
    host = host_with()
    host.files[PATH] = Failed("input/output error")
    assert act(Toy, host, "monitor", path=PATH) == 1


def test_a_missing_tool_on_a_probe_is_no_answer_pacemaker_would_mask() -> None:
    assert act(Toy, host_with("no tool"), "monitor", path=PATH) == 1


def test_degraded_is_reported_as_degraded() -> None:
    assert act(Toy, host_with("tired"), "monitor", path=PATH) == Status.DEGRADED


def test_to_a_probe_what_is_degraded_is_there() -> None:
    # Pacemaker never asks again, and would show the first answer as a failure for ever
    once = {"interval": "0"}
    assert act(Toy, host_with("tired"), "monitor", meta=once, path=PATH) == Status.RUNNING
    assert act(Toy, host_with("no tool"), "monitor", meta=once, path=PATH) == 1
    again = {"interval": "10000"}
    assert act(Toy, host_with("tired"), "monitor", meta=again, path=PATH) == Status.DEGRADED


def test_what_runs_degraded_needs_no_start() -> None:
    host = host_with("tired")
    assert act(Toy, host, "start", path=PATH) == 0
    assert host.calls == []


def test_a_stop_that_left_something_degraded_is_a_failure() -> None:
    host = host_with("tired")
    host.replies["rm"] = done("rm")
    assert act(Toy, host, "stop", path=PATH) == 1


def test_check_level_10_looks_deeper() -> None:
    assert act(Toy, host_with("here"), "monitor", path=PATH) == 0
    assert act(Toy, host_with("here"), "monitor", path=PATH, level=10) == 1


def test_a_bad_parameter_stops_start_with_all_complaints_at_once() -> None:
    assert act(Toy, host_with(), "start", size="200") == 6
    text = reason(Toy, host_with(), "start", size="200")
    assert text == "path: this required parameter is not set; size: '200' is more than 100"


def test_a_parameter_that_is_no_text_is_refused_and_stops_no_stop() -> None:
    for wanted, code in (("start", 6), ("validate-all", 6), ("stop", 0), ("monitor", 7)):
        assert act(Toy, host_with(), wanted, path="/nowhere/\udcff") == code


def test_a_bad_parameter_does_not_stop_stop() -> None:
    host = host_with("here")
    assert act(Toy, host, "stop", path=PATH, size="many") == 0
    assert host.calls == [("rm", PATH)]


def test_stop_without_configuration_finds_what_start_recorded() -> None:
    host = host_with()
    assert act(Toy, host, "start", path=PATH) == 0
    assert act(Toy, host, "monitor") == 0
    assert act(Toy, host, "stop") == 0
    assert PATH not in host.files
    assert host.saved == {}


def test_without_configuration_and_record_nothing_was_started_here() -> None:
    assert act(Toy, host_with(), "monitor") == 7
    assert act(Toy, host_with(), "stop") == 0


def test_private_values_are_in_no_message_and_no_record() -> None:
    host = host_with()
    assert act(Toy, host, "start", path=PATH, secret="s3cret") == 0
    assert "s3cret" not in "".join(host.saved.values())
    assert "s3cret" not in reason(Toy, host, "validate-all", path=PATH, secret="s3cret\n")


def test_an_unknown_action_is_unimplemented() -> None:
    assert act(Toy, host_with(), "promote", path=PATH) == 3
    assert act(Toy, host_with(), "reload", path=PATH) == 3


def test_validate_all_touches_nothing() -> None:
    host = FakeHost()
    assert act(Toy, host, "validate-all", path=PATH) == 0
    assert act(Toy, host, "validate-all", path="bad\npath") == 6
    assert host.calls == []


def test_actions_on_one_resource_wait_for_each_other() -> None:
    host = host_with()
    act(Toy, host, "start", path=PATH)
    assert host.locked == ["test.run.lock"]


def test_a_hanging_call_names_the_step() -> None:
    host = host_with()
    host.replies["touch"] = TimedOut("touch /srv/toy: no answer within 18.0 s")
    assert reason(Toy, host, "start", path=PATH) == "touch /srv/toy: no answer within 18.0 s"


def test_the_deadline_leaves_time_to_answer() -> None:
    for given, work, look in (("20000", 16.2, 1.8), ("600000", 593.0, 2.0), ("1", 0.00081, 9e-5)):
        found = budget(environ({}, timeout=given), Toy, "start")
        assert (found.work, found.look) == (pytest.approx(work), pytest.approx(look))
    assert budget({}, Toy, "start").work == pytest.approx(25.0)


@pytest.mark.parametrize("given", ["1" * 20, "9" * 400, "9" * 5000])
def test_any_timeout_can_be_counted_with(given: str) -> None:
    assert budget(environ({}, timeout=given), Toy, "start").work < 2e7


def test_anonymous_clone_instances_share_a_record() -> None:
    host = host_with()
    names = [
        Toy(host, {**environ({"path": PATH}), "OCF_RESOURCE_INSTANCE": name}).record.name
        for name in ("lan:0", "lan:1", "lan")
    ]
    assert names == ["lan.run"] * 3


def test_reload_records_the_new_values() -> None:
    host = host_with()
    act(Toy, host, "start", path=PATH, size="1")
    act(Toy, host, "reload-agent", path=PATH, size="2")
    assert "param.size=2\n" in host.saved["test.run"]


# a wait that ended badly


def test_what_has_ended_all_the_same_is_seen_by_a_last_look() -> None:
    """It lived when it was asked, and died while it was waited for."""
    host = host_with("here")

    def remove(*argv: str):  # type: ignore[no-untyped-def]
        host.sleep(host.left() or 0.0)
        host.files.pop(PATH)
        raise TimedOut(f"{argv[0]}: no answer")

    host.replies["rm"] = remove
    assert act(Toy, host, "stop", path=PATH) == 0
    assert host.logged == ["it has stopped all the same: rm: no answer"]
    assert host.saved == {}


def test_a_last_look_has_time_of_its_own() -> None:
    host = FakeHost({PATH: "here"}, budget=10.0)
    host.kept_back = 1.5
    left: list[float | None] = []

    def remove(*argv: str):  # type: ignore[no-untyped-def]
        host.sleep(11.0)
        left.append(host.left())
        raise TimedOut(f"{argv[0]}: no answer")

    host.replies["rm"] = remove
    assert act(Toy, host, "stop", path=PATH) == 1
    assert left == [0.0]
    assert host.left() == 1.5


def test_what_may_still_come_is_not_stopped_though_nothing_is_there() -> None:
    host = host_with("here")

    def remove(*argv: str):  # type: ignore[no-untyped-def]
        host.files.pop(PATH)
        host.pending = "process 7 hangs in the kernel with this: unmounting it"
        raise TimedOut(f"{argv[0]}: no answer")

    host.replies["rm"] = remove
    assert act(Toy, host, "stop", path=PATH) == 1


def test_what_an_earlier_action_left_behind_is_not_absent() -> None:
    host = host_with()
    host.waiting["test.run.lock"] = "process 7, which an earlier action has left behind, may do it"
    assert act(Toy, host, "monitor", path=PATH) == 1
    assert act(Toy, host, "monitor", path=PATH, meta={"interval": "0"}) == 1
    host.files[PATH] = "here"
    assert act(Toy, host, "monitor", path=PATH) == 0
