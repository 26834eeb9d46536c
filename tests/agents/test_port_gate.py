"""What PortGate does on a node made of dictionaries; the kernel's side is in tests/truth."""

from typing import Any

import pytest

from hactl_agents.failures import Failed
from hactl_agents.gate import look as gate_look
from hactl_agents.gate.rules import ACCEPTED, DROPPED, drained
from hactl_agents.gate.turn import close_gate, gate_state, open_gate
from hactl_agents.netlink.nftables import Chain, Table
from hactl_agents.ocf import Status
from hactl_agents.port_gate import PortGate
from hactl_agents.testing import FakeHost, act, reason

TABLE = "hactl-gate-san"
GIVEN: dict[str, Any] = {"gate": "san", "portals": "192.0.2.10:3260 [2001:db8::10]:3260"}


def code(host: FakeHost, action: str = "monitor", **params: Any) -> int:
    return act(PortGate, host, action, **(GIVEN | params))


def complaint(host: FakeHost, action: str = "monitor", **params: Any) -> str:
    return reason(PortGate, host, action, **(GIVEN | params))


def started() -> FakeHost:
    host = FakeHost()
    assert code(host, "start") == 0
    host.tables.changes.clear()
    return host


def the_table(host: FakeHost) -> Table:
    return host.tables.tables[TABLE]


def test_the_short_look_knows_a_rule_that_drops() -> None:
    assert gate_look.DROPPED == DROPPED == drained()[-1]
    assert gate_look.DROPPED != ACCEPTED


# start and stop


def test_a_gate_is_closed_from_its_first_moment() -> None:
    host = FakeHost()
    assert code(host, "start") == 0
    assert host.tables.changes == [("replace", TABLE)], "it was there and open for a moment"
    assert gate_state(host, "san") == "closed"
    assert (the_table(host).comment, code(host)) == ("hactl:test", Status.RUNNING)


def test_every_portal_is_guarded_both_ways() -> None:
    chains = the_table(started()).chains
    for name in ("arriving", "leaving"):
        assert len(chains[name].rules) == len(set(chains[name].rules)) == 2
    assert not set(chains["arriving"].rules) & set(chains["leaving"].rules)


def test_start_of_an_open_gate_leaves_it_open() -> None:
    """Something may be serving through it."""
    host = started()
    open_gate(host, "san")
    host.saved.clear()
    assert code(host, "start") == 0
    assert gate_state(host, "san") == "open"
    assert host.saved, "it is known again by whoever turns it"


def test_stop_leaves_nothing() -> None:
    host = started()
    assert code(host, "stop") == 0
    assert (host.tables.tables, host.saved, code(host)) == ({}, {}, Status.STOPPED)


def test_a_start_that_the_kernel_refuses_leaves_nothing() -> None:
    host = FakeHost()
    host.tables.refusal = "making the table: Operation not permitted"
    assert complaint(host, "start") == host.tables.refusal
    assert (host.tables.tables, code(host, "stop")) == ({}, 0)
    assert host.saved == {}


def test_stop_needs_only_the_name() -> None:
    host = started()
    assert code(host, portals="nonsense") == Status.RUNNING, "the record says what it was"
    host.saved.clear()
    assert code(host, portals="nonsense") == 1
    assert "is not a portal such as" in complaint(host, portals="nonsense")
    assert code(host, "stop", portals="nonsense") == 0
    assert host.tables.tables == {}


def test_other_portals_are_taken_without_touching_the_verdict() -> None:
    host = started()
    open_gate(host, "san")
    before = the_table(host).chains["arriving"].rules
    assert code(host, "reload-agent", portals="192.0.2.10:3260") == 0
    assert the_table(host).chains["arriving"].rules == before[:1]
    assert gate_state(host, "san") == "open"
    assert code(host, portals="192.0.2.10:3260") == Status.RUNNING
    assert code(host) == 1


def test_a_gate_that_does_not_run_takes_no_portals() -> None:
    assert complaint(FakeHost(), "reload-agent") == "the gate san is not running here: start it"


# open and closed


def test_open_or_closed_it_runs() -> None:
    host = started()
    open_gate(host, "san")
    assert (gate_state(host, "san"), code(host)) == ("open", Status.RUNNING)
    assert close_gate(host, "san")
    assert (gate_state(host, "san"), code(host)) == ("closed", Status.RUNNING)


def test_an_open_gate_is_drained_before_it_is_closed() -> None:
    host = started()
    open_gate(host, "san")
    host.tables.changes.clear()
    seen = []
    host.sleep = lambda seconds: seen.append((gate_state(host, "san"), code(host), seconds))  # type: ignore[method-assign]
    assert close_gate(host, "san")
    assert seen == [("draining", Status.RUNNING, 0.2)]
    assert gate_state(host, "san") == "closed"


def test_a_gate_left_draining_is_closed_at_once() -> None:
    host = started()
    the_table(host).chains["gate"].rules = drained()
    clock = host.clock
    assert close_gate(host, "san")
    assert (gate_state(host, "san"), host.clock) == ("closed", clock)


def test_what_is_so_already_is_not_changed() -> None:
    host = started()
    assert close_gate(host, "san")
    assert host.tables.changes == []


def test_a_gate_that_was_never_there_cannot_be_opened_and_need_not_be_closed() -> None:
    host = FakeHost()
    with pytest.raises(Failed, match="there is no gate san on this node: start its PortGate"):
        open_gate(host, "san")
    assert not close_gate(host, "san")
    assert gate_state(host, "san") == "absent"


@pytest.mark.parametrize("turn", [open_gate, close_gate])
def test_a_gate_that_was_flushed_is_made_anew_by_who_turns_it(turn: Any) -> None:
    host = started()
    host.tables.tables.clear()
    assert code(host) == Status.STOPPED
    turn(host, "san")
    assert gate_state(host, "san") == {open_gate: "open", close_gate: "closed"}[turn]
    assert (code(host), the_table(host).comment) == (Status.RUNNING, "hactl:test")
    assert code(host, "stop") == 0
    assert host.tables.tables == {}


def test_a_gate_that_does_not_obey_is_no_success() -> None:
    host = started()
    host.tables.unchangeable = True
    with pytest.raises(Failed, match="the gate san is closed after it was to be open"):
        open_gate(host, "san")


def test_a_refusal_is_no_proof_of_silence() -> None:
    host = started()
    open_gate(host, "san")
    host.tables.refusal = "changing the table: Operation not permitted"
    with pytest.raises(Failed, match="not permitted"):
        close_gate(host, "san")


# whose is it


@pytest.mark.parametrize("comment", ["", "by hand", "hactl:test2", "hactl:tes", "xhactl:test"])
def test_a_table_of_somebody_else_is_neither_ours_nor_taken(comment: str) -> None:
    host = FakeHost()
    host.tables.tables[TABLE] = Table(comment, {"gate": Chain([ACCEPTED])})
    assert (code(host), code(host, "stop"), code(host, "start")) == (Status.STOPPED, 0, 2)
    assert host.tables.changes == []


def test_a_foreign_table_is_no_gate_to_turn() -> None:
    host = FakeHost()
    host.tables.tables[TABLE] = Table("by hand", {"gate": Chain([DROPPED])})
    assert gate_state(host, "san") == "absent"
    assert not close_gate(host, "san")
    with pytest.raises(Failed, match="there is no gate san"):
        open_gate(host, "san")
    assert host.tables.changes == []


def test_the_refusal_says_whose_it_is() -> None:
    host = FakeHost()
    host.tables.tables[TABLE] = Table("hactl:san2", {})
    text = complaint(host, "start")
    assert text == "the gate san belongs to the resource san2: stop that first"
    host.tables.tables[TABLE] = Table("", {})
    assert "is there already and not ours" in complaint(host, "start")


# what somebody changed


def dormant(table: Table) -> None:
    table.flags = 1


def emptied(table: Table) -> None:
    table.chains["gate"].rules.clear()


def both(table: Table) -> None:
    table.chains["gate"].rules.append(ACCEPTED)


def bypassed(table: Table) -> None:
    table.chains["arriving"].rules.insert(0, ACCEPTED)


def shortened(table: Table) -> None:
    del table.chains["leaving"].rules[0]


def without_a_chain(table: Table) -> None:
    del table.chains["leaving"]
    table.size -= 1


def hooked_late(table: Table) -> None:
    table.chains["arriving"].priority = 0


def enlarged(table: Table) -> None:
    table.size += 1


CHANGES = {
    dormant: "it is dormant",
    emptied: "its chain gate neither drops nor accepts",
    both: "its chain gate neither drops nor accepts",
    bypassed: "its chain arriving does not have the rules",
    shortened: "its chain leaving does not have the rules",
    without_a_chain: "its chain leaving is gone",
    hooked_late: "its chain arriving is hooked elsewhere",
    enlarged: "it holds more than the gate",
}


@pytest.mark.parametrize(("change", "text"), CHANGES.items())
def test_what_somebody_changed_is_no_running_gate_and_start_mends_it(
    change: Any, text: str
) -> None:
    host = started()
    change(the_table(host))
    assert code(host) == 1
    assert text in complaint(host)
    assert code(host, "start") == 0
    assert (code(host), gate_state(host, "san")) == (Status.RUNNING, "closed")
    change(the_table(host))
    assert code(host, "stop") == 0
    assert host.tables.tables == {}


# parameters


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"gate": "a b"}, "use at most 48 letters, digits and . _ -"),
        ({"gate": "x" * 49}, "use at most 48 letters"),
        ({"gate": "$(reboot)"}, "use at most 48 letters"),
        ({"gate": "a;flush ruleset"}, "use at most 48 letters"),
        ({"gate": "../san"}, "use at most 48 letters"),
        ({"gate": "größe"}, "use at most 48 letters"),
        ({"portals": " "}, "is not a portal"),
        ({"portals": "192.0.2.10"}, "is not a portal"),
        ({"portals": "192.0.2.10:"}, "is not a portal"),
        ({"portals": "192.0.2.300:3260"}, "is not a portal"),
        ({"portals": "192.0.02.1:3260"}, "is not a portal"),
        ({"portals": "san.example:3260"}, "is not a portal"),
        ({"portals": "2001:db8::10:3260"}, "is not a portal"),
        ({"portals": "[192.0.2.10]:3260"}, "is not a portal"),
        ({"portals": "[fe80::1%eth0]:3260"}, "is not a portal"),
        ({"portals": "192.0.2.10:3260\t192.0.2.11:3260"}, "is not a portal"),
        ({"portals": "192.0.2.10:0"}, "from 1 to 65535"),
        ({"portals": "192.0.2.10:65536"}, "from 1 to 65535"),
        ({"portals": "[fe80::1]:3260"}, "a link-local address"),
        ({"portals": "0.0.0.0:3260"}, "stands for every address"),
        ({"portals": "[::]:3260"}, "stands for every address"),
        ({"portals": "224.0.0.1:3260"}, "not the address of a single interface"),
        ({"portals": "[ff02::1]:3260"}, "not the address of a single interface"),
        ({"portals": "[::ffff:192.0.2.10]:3260"}, "write 192.0.2.10"),
        ({"portals": "[fd00::1]:1 [fd00:0::1]:1"}, "names a portal twice"),
    ],
)
def test_bad_parameters_are_configuration_errors(params: "dict[str, str]", text: str) -> None:
    host = FakeHost()
    for wanted in ("start", "validate-all"):
        assert code(host, wanted, **params) == 6
        assert text in complaint(host, wanted, **params)
    assert code(host, "stop", **params) == 0
    assert host.tables.changes == []


def test_a_resource_whose_name_is_no_comment_is_refused() -> None:
    host = FakeHost()
    agent = PortGate(host, {"OCF_RESOURCE_INSTANCE": "x" * 130, "OCF_RESKEY_gate": "san"})
    assert "too long" in str(refusal(agent))


def refusal(agent: PortGate) -> Failed:
    with pytest.raises(Failed) as caught:
        agent.check()
    return caught.value
