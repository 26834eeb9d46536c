"""The fence runtime: it acts on one plug, believes what it has seen, and says why it failed."""

from __future__ import annotations

import re
from itertools import product

import pytest

from hactl_agents.host.host import Failed, Terminated
from hactl_fencing.fence.device import OFF, ON, UNKNOWN
from tests.fencing.switch import Call, Fabric, FakeSwitch, fresh


def stdin(**options: str) -> str:
    return "".join(f"{key}={value}\n" for key, value in options.items())


def test_off_is_success_only_after_the_device_itself_says_off() -> None:
    device = fresh(a=ON, b=ON)
    call = Call(device, stdin=stdin(action="off", plug="a"))
    assert call.code == 0
    assert device.outlets == {"a": OFF, "b": ON}
    assert device.looks == 2  # twice after it was told: see below


class Liar(FakeSwitch):
    """Says OK and does nothing.

    The worst of all fence devices.
    """

    def outcome(self, action: str) -> str:  # noqa: ARG002
        assert self.plug is not None
        return self.outlets[self.plug]


@pytest.mark.parametrize("action", ["off", "reboot"])
def test_a_device_that_says_ok_and_does_nothing_is_a_failure(
    action: str, capfd: pytest.CaptureFixture[str]
) -> None:
    call = Call(fresh(Liar, a=ON), stdin=stdin(action=action, plug="a"))
    assert call.code == 1
    assert "Success" not in call.output
    assert "a: told to go off, but its power is on" in capfd.readouterr().err


def test_a_device_that_lies_about_on_is_a_failure() -> None:
    assert Call(fresh(Liar, a=OFF), stdin=stdin(action="on", plug="a")).code == 1


class Vague(FakeSwitch):
    """Loses sight of a plug once it was switched.

    Doubt is not off.
    """

    def outcome(self, action: str) -> str:  # noqa: ARG002
        return UNKNOWN


def test_doubt_after_off_is_a_failure(capfd: pytest.CaptureFixture[str]) -> None:
    assert Call(fresh(Vague, a=ON), stdin=stdin(action="off", plug="a")).code == 1
    assert "its power is unknown" in capfd.readouterr().err


def test_it_gives_up_at_70_percent_of_the_time_it_is_given() -> None:
    call = Call(fresh(Liar, a=ON), stdin=stdin(action="off", plug="a", power_timeout="20"))
    assert call.host.clock - 1000 == pytest.approx(14, abs=0.5)


def test_a_monitor_obeys_the_timeout_pacemaker_sends() -> None:
    call = Call(fresh(a=ON), stdin="CRM_meta_timeout=10000\naction=monitor\n")
    assert call.host.deadline == pytest.approx(1007)


class Slow(FakeSwitch):
    """Needs a few looks until an action shows.

    As real devices do.
    """

    def power(self) -> str:
        seen = super().power()
        return ON if self.used and type(self).looks < 5 else seen


def test_it_waits_for_a_slow_device() -> None:
    device = fresh(Slow, a=ON)
    assert Call(device, stdin=stdin(action="off", plug="a")).code == 0
    assert device.looks >= 5


class Springy(FakeSwitch):
    """Switches back on by itself.

    After one look.
    """

    def power(self) -> str:
        seen = super().power()
        if self.used and seen == OFF:
            assert self.plug is not None
            self.outlets[self.plug] = ON
        return seen


def test_a_device_that_switches_back_on_is_a_failure(capfd: pytest.CaptureFixture[str]) -> None:
    assert Call(fresh(Springy, a=ON), stdin=stdin(action="off", plug="a")).code == 1
    assert "it was off and came back" in capfd.readouterr().err


class Plug(FakeSwitch):
    """Is on and off by turns.

    As somebody else's power cycle makes it, until it was told ``tells`` times.
    """

    turns = ""  # what looks see until then, in order; then what the last said
    tells = 1

    def power(self) -> str:
        super().power()
        if len(self.used) >= self.tells:
            return OFF
        seen = self.turns[min(type(self).looks, len(self.turns)) - 1]
        return {"0": OFF, "1": ON, "?": UNKNOWN}[seen]


@pytest.mark.parametrize("tells", [1, 2])
@pytest.mark.parametrize("turns", ["".join(each) for each in product("01?", repeat=4)])
def test_a_plug_that_flaps_is_told_and_seen_off_for_a_while(turns: str, tells: int) -> None:
    device = fresh(Plug, a=ON)
    device.turns, device.tells = turns, tells  # type: ignore[attr-defined]
    call = Call(device, stdin=stdin(action="off", plug="a"))
    assert device.used[:1] == ["off a"], "it is told, whatever it looks like"
    if tells == 1:
        assert (call.code, device.looks) == (0, 2)
        return
    row = turns.find("00")
    came_back = re.search("0[0?]*1", turns[: row + 2 if row >= 0 else 4])
    if came_back:
        assert (call.code, len(device.used)) == (0, 2), "what came back is told again"
    else:
        assert (call.code == 0) == (row >= 0 or turns[-1] == "0"), "two looks in a row, or doubt"


def test_a_plug_has_to_stay_off_for_as_long_as_it_is_said() -> None:
    device = fresh(a=ON)
    call = Call(device, stdin=stdin(action="off", plug="a", power_wait="3"))
    assert call.code == 0
    assert call.host.clock - 1000 == pytest.approx(3, abs=0.3)
    assert device.looks == 16


def test_off_fails_where_there_is_no_time_to_see_it_twice() -> None:
    device = fresh(a=ON)
    said = stdin(action="off", plug="a", power_wait="3", power_timeout="3")
    assert Call(device, stdin=said).code == 1


class Beaten(FakeSwitch):
    """Refuses.

    Because another fencer was faster.
    """

    def switch_off(self) -> None:
        super().switch_off()
        raise Failed("it is not running")


def test_a_refusal_does_not_matter_where_the_plug_is_off_anyway() -> None:
    device = fresh(Beaten, a=ON)
    assert Call(device, stdin=stdin(action="off", plug="a")).code == 0
    assert device.outlets["a"] == OFF


class Interrupted(FakeSwitch):
    """Is told to go.

    In the middle of a look.
    """

    def power(self) -> str:
        super().power()
        raise Terminated("told to stop waiting")


def test_a_fencer_that_is_told_to_go_goes_at_once() -> None:
    device = fresh(Interrupted, a=OFF)
    assert Call(device, stdin=stdin(action="off", plug="a")).code == 1
    assert (device.looks, device.used) == (1, ["off a"])


class SlowOn(FakeSwitch):
    """Takes its time to power on.

    Which is nobody's concern.
    """

    def switch_on(self) -> None:
        assert self.host.left() == pytest.approx(10)
        super().switch_on()


def test_nobody_waits_long_for_the_second_half_of_a_reboot() -> None:
    device = fresh(SlowOn, a=ON)
    assert Call(device, stdin=stdin(action="reboot", plug="a")).code == 0
    assert device.used == ["off a", "on a"]


def test_what_is_off_already_is_told_all_the_same() -> None:
    """It may be off only for a moment, while somebody else restarts it."""
    device = fresh(a=OFF)
    assert Call(device, stdin=stdin(action="off", plug="a")).code == 0
    assert device.used == ["off a"]


def test_reboot_is_off_and_on() -> None:
    device = fresh(a=ON)
    assert Call(device, stdin=stdin(action="reboot", plug="a")).code == 0
    assert device.used == ["off a", "on a"]


def test_reboot_powers_on_what_was_off() -> None:
    device = fresh(a=OFF)
    assert Call(device, stdin=stdin(action="reboot", plug="a")).code == 0
    assert device.used == ["off a", "on a"]


class NeverOn(FakeSwitch):
    """Cannot power on.

    Off is what counts.
    """

    def switch_on(self) -> None:
        raise Failed("the fuse is blown")


def test_reboot_succeeds_once_off_is_certain_even_if_on_fails() -> None:
    device = fresh(NeverOn, a=ON)
    call = Call(device, stdin=stdin(action="reboot", plug="a"))
    assert call.code == 0
    assert device.outlets["a"] == OFF
    assert "the fuse is blown" in call.host.logged[0]


def test_reboot_never_powers_on_what_it_did_not_see_off() -> None:
    device = fresh(Liar, a=ON)
    Call(device, stdin=stdin(action="reboot", plug="a"))
    assert device.used == ["off a"]


@pytest.mark.parametrize(
    ("power", "code", "says"), [(ON, 0, "ON"), (OFF, 2, "OFF"), (UNKNOWN, 1, "UNKNOWN")]
)
def test_status_tells_on_off_and_doubt_apart(power: str, code: int, says: str) -> None:
    call = Call(fresh(a=power), stdin=stdin(action="status", plug="a"))
    assert (call.code, call.output) == (code, f"Status: {says}\n")


def test_status_of_a_device_that_does_not_answer_is_doubt() -> None:
    class Dead(FakeSwitch):
        """Does not answer.

        Never.
        """

        def power(self) -> str:
            raise Failed("no answer")

    assert Call(fresh(Dead, a=OFF), stdin=stdin(action="status", plug="a")).code == 1


@pytest.mark.parametrize("action", ["off", "on", "reboot", "status"])
@pytest.mark.parametrize("plug", ["", "z"])
def test_an_empty_or_wrong_plug_is_refused_and_nothing_is_touched(
    action: str, plug: str, capfd: pytest.CaptureFixture[str]
) -> None:
    device = fresh(a=ON, b=ON)
    assert Call(device, stdin=stdin(action=action, plug=plug)).code == 1
    assert device.outlets == {"a": ON, "b": ON}
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert ("which plug" if plug == "" else "no plug 'z'") in said


def test_nodename_is_not_taken_for_a_plug() -> None:
    device = fresh(a=ON)
    assert Call(device, stdin=stdin(action="off", nodename="a")).code == 1
    assert device.used == []


def test_no_action_means_reboot() -> None:
    device = fresh(a=ON)
    assert Call(device, stdin=stdin(plug="a")).code == 0
    assert device.used == ["off a", "on a"]


def test_list_and_list_status_name_every_plug() -> None:
    device = fresh(a=ON, b=OFF)
    assert Call(device, stdin="action=list").output == "a,\nb,\n"
    assert Call(device, stdin="action=list-status").output == "a,,on\nb,,off\n"


def test_monitor_asks_the_device() -> None:
    assert Call(fresh(a=ON), stdin="action=monitor").code == 0
    assert Call(fresh(), stdin="action=monitor").code == 1


def test_a_monitor_notices_that_its_plug_is_not_there() -> None:
    assert Call(fresh(a=ON), stdin="action=monitor\nplug=a").code == 0
    assert Call(fresh(a=ON), stdin="action=monitor\nplug=b").code == 1


def test_validate_all_names_every_wrong_option(capfd: pytest.CaptureFixture[str]) -> None:
    lines = stdin(action="validate-all", power_timeout="soon", plug="\x01")
    assert Call(fresh(), stdin=lines).code == 1
    said = capfd.readouterr().err
    assert "power_timeout" in said
    assert "plug" in said


def test_nothing_is_done_with_a_wrong_option() -> None:
    device = fresh(a=ON)
    assert Call(device, stdin=stdin(action="off", plug="a", power_timeout="0")).code == 1
    assert device.used == []


def test_an_unknown_action_is_refused() -> None:
    assert Call(fresh(a=ON), stdin=stdin(action="explode", plug="a")).code == 1


def test_a_fabric_device_does_not_reboot() -> None:
    device = fresh(Fabric, a=ON)
    assert Call(device, stdin=stdin(action="reboot", plug="a")).code == 1
    assert device.used == []


def test_a_bug_is_one_sentence_and_a_failure(capfd: pytest.CaptureFixture[str]) -> None:
    class Buggy(FakeSwitch):
        """Has a bug.

        In status.
        """

        def power(self) -> str:
            raise ZeroDivisionError("division by zero")

    assert Call(fresh(Buggy, a=ON), stdin=stdin(action="status", plug="a")).code == 1
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert "ZeroDivisionError" in said
