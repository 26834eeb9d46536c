"""The changes a resource makes to Open vSwitch's database, and the way back.

Each change is one transaction of ovs-vsctl: all of it happens, or nothing.
"""

from hactl_agents.failures import seconds
from hactl_agents.host.host import Failed, TimedOut
from hactl_agents.ovs import child_rows as hanging
from hactl_agents.ovs import daemon, drift
from hactl_agents.ovs import vsctl as spelling
from hactl_agents.ovs.database import change_number, has_applied, many
from hactl_agents.ovs.vsctl import ADOPTED, UNFINISHED, WAS
from hactl_agents.ovs.wire import Wire, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.host.host import Host
    from hactl_agents.ovs.database import Row, Snapshot
    from hactl_agents.ovs.vsctl import Command
    from hactl_agents.ovs.wanted import Wanted

QUIET = ("-vsyslog:off", "-vconsole:off")  # what is wrong is said once, at the end
SIGALRM = 14


def commit(host: "Host", rundir: str, commands: "list[Command]") -> None:
    """Run commands as one transaction and wait until ovs-vswitchd has applied it.

    Where ovs-vswitchd is dead, or dies meanwhile, there is nobody to wait for: only the database
    changes. So ovs-vsctl does not wait; that looks once whether somebody is there.
    """
    if not commands:
        return
    limit = max(1, int(host.left(60.0) or 0))
    options = [*QUIET, f"--db=unix:{rundir}/db.sock", f"--timeout={limit}", "--no-wait"]
    words = [word for command in commands for word in ("--", *command)]
    done = host.run("ovs-vsctl", *options, *words, check=False)
    if done.returncode in (-SIGALRM, 128 + SIGALRM):
        raise TimedOut(f"ovsdb-server did not take a change within {limit} s")
    if done.returncode:
        raise Failed(done.complaint())
    await_applied(host, rundir)


def await_applied(host: "Host", rundir: str) -> None:
    """Until ovs-vswitchd has done what the database says, or is no more. Raises TimedOut."""
    wire = Wire(host, f"{rundir}/db.sock", "ovsdb-server")
    number = change_number(wire)

    def over() -> bool:
        try:
            return has_applied(wire, number) or not daemon.lives(host, rundir)
        except TimedOut:
            return False

    left = host.left()
    step = "waiting for ovs-vswitchd to apply a change"
    if not host.wait_for(step, over, within=left, interval=0.02):
        raise TimedOut(f"ovs-vswitchd did not apply a change within {seconds(left)}")


def build(now: "Snapshot", wanted: "Wanted", mine: str, ours: bool) -> "list[Command]":
    """Everything that makes the database as wanted, and marks the bridge as half done.

    ``ours`` tells whether a bridge that is there is ours already.
    """
    commands: list[Command] = []
    if now.bridge is None:
        commands += drift.creation(wanted, mine)
        now.bridge = newborn(wanted.bridge)
    elif spelling.owner(now.bridge) != mine:
        commands.append(spelling.mark("Bridge", wanted.bridge, mine, adopted=not ours))
    commands.append(unfinished(wanted.bridge, True))
    commands += leave(now, wanted, mine)
    commands += notes(now, wanted)
    for difference in drift.differences(now, wanted, mine):
        commands += difference.commands
    return commands


def finish(bridge: str) -> "list[Command]":
    return [unfinished(bridge, False)]


def unfinished(bridge: str, so: bool) -> "Command":
    if so:
        return [
            "set",
            "Bridge",
            bridge,
            spelling.assignment(f"external_ids:{UNFINISHED}", '"true"'),
        ]
    return ["remove", "Bridge", bridge, "external_ids", quoted(UNFINISHED)]


def newborn(name: str) -> "Row":
    """The row of a bridge that is being made in this transaction."""
    empty: Row = {"_uuid": "", "name": name, "external_ids": {}, "other_config": {}}
    return {**empty, "ports": (), "controller": (), "mirrors": (), "sflow": ()}


def notes(now: "Snapshot", wanted: "Wanted") -> "list[Command]":
    """What the settings of rows that are there were like."""
    assert now.bridge is not None
    commands = spelling.remember("Bridge", wanted.bridge, now.bridge, wanted.settings)
    for port in wanted.ports:
        if not now.on_bridge(port.name):
            continue
        commands += spelling.remember("Port", port.name, now.ports[port.name], port.settings)
        for name in port.members:
            if name in now.interfaces:
                given = wanted.of_interface(port)
                commands += spelling.remember("Interface", name, now.interfaces[name], given)
    return commands


def leave(now: "Snapshot", wanted: "Wanted", mine: str) -> "list[Command]":
    """Give back ports and rows that are ours and not wanted any more."""
    assert now.bridge is not None
    kept = {port.name for port in wanted.ports}
    commands: list[Command] = []
    used = [hanging.find(now, child) for child in wanted.children]
    for table, row in our_children(now, mine):
        if not any(row is other for other in used):
            commands += hanging.removal(now, row, table, hanging.holders(now, row))
    for name in our_ports(now, mine):
        if name not in kept:
            commands += release(now, name)
    return commands


def unshape(now: "Snapshot", wanted: "Wanted", mine: str) -> "list[Command]":
    """Take the shaping off ports that are to go; not in one transaction with them, see detach."""
    kept = {port.name for port in wanted.ports}
    going = [name for name in our_ports(now, mine) if name not in kept]
    commands: list[Command] = []
    for table, row in our_children(now, mine):
        places = hanging.holders(now, row)
        if table == "QoS" and any(record in going for _, record, _ in places):
            commands += hanging.removal(now, row, table, places)
    return [unfinished(wanted.bridge, True), *commands] if commands else []


def detach(now: "Snapshot", mine: str) -> "list[Command]":
    """Take back the rows that hang on ports, bridges and the root.

    Not in one transaction with the bridge: the database would see a QoS row deleted that ports
    still refer to, as these go only after its check.
    """
    commands: list[Command] = []
    if now.bridge is not None and spelling.owner(now.bridge) == mine:
        commands.append(unfinished(now.bridge["name"], True))
    for table, row in our_children(now, mine):
        commands += hanging.removal(now, row, table, hanging.holders(now, row))
    return commands


def undo(now: "Snapshot", mine: str) -> "list[Command]":
    """Take back the bridge and the ports that carry our mark."""
    commands: list[Command] = []
    bridge = now.bridge
    if bridge is None or spelling.owner(bridge) != mine:
        return commands
    if ADOPTED not in bridge["external_ids"]:
        return [*commands, ["del-br", bridge["name"]]]
    for name in our_ports(now, mine):
        commands += release(now, name)
    return [*commands, *given_back("Bridge", bridge["name"], bridge), *finish(bridge["name"])]


def shaping(now: "Snapshot", mine: str) -> "list[Command]":
    """Take back our QoS rows: Open vSwitch shapes anew only where it is told something new."""
    commands: list[Command] = []
    for table, row in our_children(now, mine):
        if table == "QoS":
            commands += hanging.removal(now, row, table, hanging.holders(now, row))
    return commands


def our_ports(now: "Snapshot", mine: str) -> "list[str]":
    """The names of the ports of the bridge that carry our mark."""
    if now.bridge is None:
        return []
    return [name for name in now.ports_of(now.bridge) if spelling.owner(now.ports[name]) == mine]


def our_children(now: "Snapshot", mine: str) -> "list[tuple[str, Row]]":
    """(table, row) of everything else that carries our mark; queues go with their QoS."""
    return [
        (table, row)
        for table, rows in now.children.items()
        if table != "Queue"
        for row in rows.values()
        if spelling.owner(row) == mine
    ]


def release(now: "Snapshot", name: str) -> "list[Command]":
    """Take a port off the bridge, or leave it as it was found there."""
    row = now.ports[name]
    if ADOPTED not in row["external_ids"]:
        return [["del-port", name]]
    commands = given_back("Port", name, row)
    for member in now.members(name):
        commands += given_back("Interface", member, now.interfaces[member])
    return commands


def given_back(table: str, record: str, row: "Row") -> "list[Command]":
    """Every noted setting as it was, and none of our marks left."""
    commands: list[Command] = []
    for name in spelling.noted(row):
        commands += spelling.restore(table, record, row, name)
    left = [key for key in row["external_ids"] if key[:6] == "hactl-" and key[: len(WAS)] != WAS]
    commands += [["remove", table, record, "external_ids", quoted(key)] for key in left]
    return commands


def neighbours(now: "Snapshot", uuid: str) -> str:
    """The bridge, other than ours, that has a port of this UUID; '' if none."""
    found = [row["name"] for row in now.bridges if uuid in many(row["ports"])]
    return next((name for name in found if not now.bridge or name != now.bridge["name"]), "")
