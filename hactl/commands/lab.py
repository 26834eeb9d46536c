"""`hactl lab`: a real cluster in namespaces of this machine."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import click

from hactl.errors import UsageError
from hactl.lab import logs, names
from hactl.lab.lab import Lab
from hactl.lab.lab_spec import CLIENT, LAN, LabSpec
from hactl.lab.start import up as start

TIME = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m)?")
UNITS = {"ms": 1, "s": 1000, "m": 60_000}
PASS_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False}

name_option = click.option("--name", help="Which lab; not needed where only one runs.")
format_option = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
link_option = click.option(
    "--link",
    type=click.IntRange(0, LAN),
    help="0 and 1 are Corosync's links, 2 is the lan. All of them where not given.",
)


@click.group()
def lab() -> None:
    """A real cluster in namespaces of this machine.

    \b
    hactl lab up                        three nodes, in a few seconds
    hactl lab exec node1 -- crm_mon -1  run something in a node
    hactl lab kill node2                take a node's power away
    hactl lab down                      nothing is left
    """


@lab.command()
@click.option("--nodes", type=int, default=3, show_default=True, help="1 to 16 nodes.")
@click.option("--token", default="1s", show_default=True, help="Corosync's token: 800ms, 1s.")
@click.option("--rootless", is_flag=True, help="Without root, in a user namespace.")
@click.option("--name", default="lab", show_default=True, help="Its name; labs do not collide.")
@click.option("--with", "services", default="", help="Daemons of each node: libvirt,lxc,ovs.")
@click.option("--no-start", is_flag=True, help="Boot the nodes, but do not start the cluster.")
def up(nodes: int, token: str, rootless: bool, name: str, services: str, no_start: bool) -> None:
    """Start a lab and wait until its cluster has formed.

    \b
    hactl lab up --nodes 5 --token 800ms --with libvirt,lxc
    """
    wanted = tuple(word.strip() for word in services.split(",") if word.strip())
    spec = LabSpec(name, nodes, milliseconds(token), rootless, wanted, not no_start)
    began = time.monotonic()
    running = start(spec, progress)
    took = time.monotonic() - began
    dc = "" if no_start else f", DC {running.formation().dc}"
    click.echo(f"lab {name}: {nodes} node{'s' * (nodes > 1)} up in {took:.1f} s{dc}")


@lab.command()
@name_option
def down(name: str | None) -> None:
    """Kill a lab; no process, network, mount or file of it is left."""
    chosen(name).down()


@lab.command()
@name_option
@format_option
def status(name: str | None, form: str) -> None:
    """Show your labs that run here, or one of them."""
    found = [Lab(each).report() for each in ([name] if name else names.mine())]
    if form == "json":
        click.echo(json.dumps(found[0] if name else {"labs": found}, indent=2))
    elif not found:
        click.echo("no lab is running")
    for each in found if form == "text" else ():
        click.echo("\n".join(described(each)))


@lab.command(context_settings=PASS_ON)
@name_option
@click.argument("node")
@click.argument("argv", nargs=-1, required=True, metavar="-- COMMAND...")
def exec(name: str | None, node: str, argv: tuple[str, ...]) -> None:  # noqa: A001
    """Run a command in a node, or in the switch as "client".

    The exit status, the streams and the terminal are the command's own.

    \b
    hactl lab exec node1 -- pcs status
    hactl lab exec client -- curl http://10.77.10.80/
    """
    command = argv[1:] if argv[0] == "--" else argv
    if not command:
        raise UsageError("say which command to run: hactl lab exec NODE -- COMMAND")
    chosen(name).replace_process(node, command)


@lab.command()
@name_option
@click.argument("node")
def shell(name: str | None, node: str) -> None:
    """Open a shell in a node, or in the switch as "client"."""
    chosen(name).replace_process(node, ["bash", "-i"] if sys.stdin.isatty() else ["bash"])


@lab.command()
@name_option
@click.argument("node")
def kill(name: str | None, node: str) -> None:
    """Take a node's power away: it is dead at once, until fenced or powered on."""
    chosen(name).kill(node)


@lab.command()
@name_option
@click.argument("node")
def freeze(name: str | None, node: str) -> None:
    """Stop every process of a node, as in a machine that hangs; its network stays up."""
    chosen(name).freeze(node)


@lab.command()
@name_option
@click.argument("node")
def thaw(name: str | None, node: str) -> None:
    """Let a frozen node go on."""
    chosen(name).thaw(node)


@lab.command()
@name_option
@click.argument("node", required=False)
@click.argument("action", required=False, type=click.Choice(["on", "off", "reboot", "status"]))
@click.option("--history", is_flag=True, help="Every use of the power switch so far.")
@format_option
def power(name: str | None, node: str | None, action: str | None, history: bool, form: str) -> None:
    """Use the power switch of a node, or show who used it.

    \b
    hactl lab power node2 on
    hactl lab power --history
    """
    if history:
        show_history(chosen(name).history(), node, form)
        return
    if node is None or action is None:
        raise UsageError("say NODE and on, off, reboot or status, or --history")
    running = chosen(name)
    before = running.power(node, "status")
    state = running.power(node, action)
    already = "already " if before == action else ""
    click.echo(
        json.dumps({"node": node, "power": state})
        if form == "json"
        else f"{node} is {already}{state}"
    )


@lab.command()
@name_option
@click.argument("node")
@link_option
@click.option(
    "--one-way",
    type=click.Choice(["in", "out"]),
    help="in: the node no longer hears; out: it is no longer heard.",
)
def cut(name: str | None, node: str, link: int | None, one_way: str | None) -> None:
    """Cut a node's cables.

    \b
    hactl lab cut node1 --link 0           one of the two cluster links
    hactl lab cut node1                    all of them
    hactl lab cut node1 --one-way out      it hears, and is not heard
    """
    chosen(name).cut(node, link, one_way or "both")


@lab.command()
@name_option
@click.argument("node")
@link_option
def heal(name: str | None, node: str, link: int | None) -> None:
    """Mend a node's cables."""
    chosen(name).heal(node, link)


@lab.command("logs")
@name_option
@click.argument("node")
@click.option("-f", "--follow", is_flag=True, help="Go on as the log grows.")
@click.option("-n", "--lines", type=click.IntRange(0), default=100, show_default=True)
@click.option("--which", type=click.Choice(list(logs.LOGS)), default="pacemaker", show_default=True)
def show_logs(name: str | None, node: str, follow: bool, lines: int, which: str) -> None:
    """Read a log of a node, also while it is off; "lab" is the log of the lab itself."""
    running = chosen(name)
    if node != logs.LAB:
        running.power(node, "status")  # refuses an unknown node
    running.replace_process(CLIENT, logs.command(node, which, lines, follow))


@lab.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--kernel", type=click.Path(path_type=Path, exists=True), help="A vmlinuz to use.")
def guest(folder: Path, kernel: Path | None) -> None:
    """Make a tiny KVM guest in FOLDER, to try things with.

    It answers HTTP on port 80 and says its name, its boot id and its uptime.
    """
    from hactl.lab.guest import make

    made = make(folder, kernel, progress)
    click.echo(f"{made.kernel}\n{made.initrd}")


@lab.command()
def demo() -> None:
    """From a topology file to a cluster that loses a node and recovers.

    Starts a lab of its own, applies examples/demo.yaml, migrates a guest live while it answers,
    pulls the plug of the node that holds most, and times the recovery.
    """
    from hactl.lab import demo as story

    story.run(click.echo)


def chosen(name: str | None) -> Lab:
    return Lab(names.choose(name, names.mine()))


def progress(text: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"  {text}", err=True)


def milliseconds(text: str) -> int:
    """``1s``, ``800ms`` in milliseconds."""
    match = TIME.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is not a time such as 1s or 800ms")
    return round(float(match[1]) * UNITS[match[2] or "s"])


def described(found: dict[str, Any]) -> list[str]:
    """A lab in a few lines."""
    quorum = "quorum" if found["quorum"] else "no quorum"
    head = f"lab {found['name']}: DC {found['dc'] or 'none'}, {quorum}"
    return [head, *(f"  {describe_node(node)}" for node in found["nodes"])]


def describe_node(node: dict[str, Any]) -> str:
    words = [node["name"], node["power"]]
    if node["power"] == "on":
        words.append("online" if node["online"] else "not in the cluster")
    if node["frozen"]:
        words.append("frozen")
    cuts = [
        f"link {cut['link']}" + ("" if cut["way"] == "both" else f" {cut['way']}")
        for cut in node["cut"]
    ]
    if cuts:
        words.append(f"cut: {', '.join(cuts)}")
    return "  ".join(words)


def show_history(actions: list[dict[str, Any]], node: str | None, form: str) -> None:
    wanted = [action for action in actions if node in (None, action["node"])]
    if form == "json":
        click.echo(json.dumps(wanted, indent=2))
        return
    for action in wanted:
        when = time.strftime("%H:%M:%S", time.localtime(action["time"]))
        what = f"{action['node']} {action['action']}: {action['result']}"
        click.echo(f"{when}  {what} in {action['took']:.2f} s, by {action['by']}")
