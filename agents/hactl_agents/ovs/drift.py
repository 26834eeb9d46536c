"""What differs between the rows that should be and the rows that are; each difference says so in
a sentence and knows the ovs-vsctl commands that end it. Pure, and nothing is run here.
"""

from hactl_agents.ovs.child_rows import child_differences
from hactl_agents.ovs.database import many
from hactl_agents.ovs.vsctl import (
    Difference,
    assignments,
    change,
    current,
    mark,
    new_settings,
    noted,
    owner,
    restore,
    shown,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.ovs.database import Row, Snapshot
    from hactl_agents.ovs.vsctl import Command
    from hactl_agents.ovs.wanted import Port, Settings, Wanted


def differences(now: "Snapshot", wanted: "Wanted", mine: str) -> "list[Difference]":
    """Everything that is not as wanted on a bridge that is there."""
    assert now.bridge is not None
    found = row_differences("Bridge", wanted.bridge, now.bridge, wanted.settings)
    for port in wanted.ports:
        found += port_differences(now, wanted, port, mine)
    for number, child in enumerate(wanted.children):
        found += child_differences(now, wanted, child, mine, f"@r{number}")
    return found


def creation(wanted: "Wanted", mine: str) -> "list[Command]":
    """Make the bridge itself, marked."""
    return [["add-br", wanted.bridge], mark("Bridge", wanted.bridge, mine)]


def row_differences(table: str, record: str, row: "Row", wanted: "Settings") -> "list[Difference]":
    found = []
    for name, value in wanted.items():
        now = current(row, name)
        if now != value:
            sentence = f"{record} has {name} {shown(now)} instead of {shown(value)}"
            found.append(Difference(sentence, change(table, record, name, value)))
    for name in noted(row):
        if name not in wanted:
            sentence = f"{record} keeps {name}, which is not given any more"
            found.append(Difference(sentence, *restore(table, record, row, name)))
    return found


def port_differences(
    now: "Snapshot", wanted: "Wanted", port: "Port", mine: str
) -> "list[Difference]":
    if not now.on_bridge(port.name):
        sentence = f"{port.name} is not a port of {wanted.bridge} any more"
        return [Difference(sentence, *port_creation(wanted, port, mine))]
    row = now.ports[port.name]
    found = []
    if owner(row) != mine:
        sentence = f"port {port.name} does not carry our mark"
        found.append(Difference(sentence, mark("Port", port.name, mine, adopted=True)))
    found += row_differences("Port", port.name, row, port.settings)
    found += member_differences(now, port, wanted.of_interface(port))
    for name in port.members:
        if name in now.interfaces:
            given = wanted.of_interface(port)
            found += row_differences("Interface", name, now.interfaces[name], given)
    return found


def port_creation(wanted: "Wanted", port: "Port", mine: str) -> "list[Command]":
    if len(port.members) > 1:
        commands = [["add-bond", wanted.bridge, port.name, *port.members]]
    else:
        commands = [["add-port", wanted.bridge, port.name]]
    commands.append(mark("Port", port.name, mine))
    commands += new_settings("Port", port.name, port.settings)
    for name in port.members:
        commands += new_settings("Interface", name, wanted.of_interface(port))
    return commands


def member_differences(now: "Snapshot", port: "Port", given: "Settings") -> "list[Difference]":
    """Interfaces that are missing from a port, and those that should not be in it."""
    present = now.members(port.name)
    found = []
    for number, name in enumerate(port.members):
        if name not in present:
            new = f"@{port.name}{number}"
            settings = {"name": (name,), **given}
            create = [f"--id={new}", "create", "Interface", *assignments(settings)]
            add = ["add", "Port", port.name, "interfaces", new]
            found.append(Difference(f"{name} is not a member of {port.name} any more", create, add))
    ours = {now.interfaces[name]["_uuid"] for name in present if name in port.members}
    for uuid in many(now.ports[port.name]["interfaces"]):
        if uuid not in ours:
            sentence = f"{port.name} has a member that nobody gave"
            remove = ["remove", "Port", port.name, "interfaces", uuid]
            found.append(Difference(sentence, remove))
    return found
