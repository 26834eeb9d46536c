"""The command line of scripts/vm-lab: parses, calls, prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from hactl.errors import HactlError
from hactl.lab.names import NoLab
from hactl_vmlab import (
    accelerator,
    box,
    build,
    lab,
    libvirt_backend,
    places,
    provision,
    reach,
    requirements,
    shell,
)
from hactl_vmlab.accelerator import Accelerator
from hactl_vmlab.box import Box
from hactl_vmlab.definition import Definition, load
from hactl_vmlab.lab import Lab

HELP = {"help_option_names": ["-h", "--help"]}
PASS_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False}
suite_option = click.option(
    "--suite",
    type=click.Choice(sorted(box.SUITES)),
    help="Debian release; vagrant/lab.yaml says which by default.",
)
network_option = click.option("--network", help="Only this one; all of them where not given.")


@click.group(context_settings=HELP)
def main() -> None:
    """A cluster of virtual machines, under plain QEMU in a network namespace of its own.

    \b
    scripts/vm-lab up          build the box if need be, boot, form the cluster, apply the topology
    scripts/vm-lab test        the tests that need real kernels
    scripts/vm-lab down        nothing is left
    """


@main.command()
@click.option(
    "--accelerator", "wanted", type=click.Choice(accelerator.CHOICES), default="auto",
    show_default=True, help="What runs the nodes.",
)  # fmt: skip
@click.option("--keep", is_flag=True, help="Leave the machines running where provisioning fails.")
@click.option("--ceph", is_flag=True, help="With a small Ceph in the last node.")
@suite_option
def up(wanted: str, keep: bool, ceph: bool, suite: str | None) -> None:
    """Boot the nodes of vagrant/lab.yaml and make them a cluster."""
    began = time.monotonic()
    definition = load(places.DEFINITION)
    if suite:
        definition = definition.with_suite(suite)
    if ceph:
        definition = definition.with_ceph()
    requirements.check(definition, places.home())
    if lab.is_running():
        raise HactlError("a VM lab is running", "scripts/vm-lab down ends it")
    if places.run().exists():
        say("removing the files of a lab that had died")
        lab.clear()
    found = current_box(definition)
    chosen = accelerator.choose(wanted, lambda: accelerator.probe(found.kernel))
    say(f"running on {chosen.describe()}")
    with lab.start(definition, chosen, box=found) as started:
        reached = reach.site_of(definition, chosen.name, shell.plain_config(definition))
        try:
            provision.wait_for_ssh(reached, say, started.must_be_on)
            provision.provision(reached, say)
        except HactlError as exc:
            if not keep:
                raise
            say(f"left running as it is: {exc}")
    say(f"{len(definition.nodes)} nodes up in {time.monotonic() - began:.0f} s")


def current_box(definition: Definition) -> Box:
    """The box of the definition's suite, built now where there is none or its recipe changed."""
    found = box.find(definition.suite)
    wanted = box.recipe(definition.suite, build.project_requirements())
    if found is not None and found.made_from == wanted:
        return found
    say("building the box: " + ("its recipe has changed" if found else "there is none yet"))
    return build.build(build.Recipe(definition.suite, vagrant=False), say)


@main.command("provision")
def provision_again() -> None:
    """Install the project in the running nodes once more, and apply the topology."""
    reached = reach.running()
    provision.wait_for_ssh(reached, say)
    provision.provision(reached, say, again=True)


@main.command()
def ceph() -> None:
    """Start a small Ceph in the running lab: the one of its definition, or in the last node."""
    reached = reach.running()
    provision.start_ceph(replace(reached, lab=reached.lab.with_ceph()), say)


@main.command()
def down() -> None:
    """Kill the lab; no process, network or file of it is left. The box stays."""
    try:
        Lab().down()
    except NoLab:
        if not places.run().exists():
            raise
        lab.clear()
        say("no VM lab was running; the files of one that had died are removed")


@main.command()
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def status(form: str) -> None:
    """Show the nodes, and every use of their power."""
    found = Lab().status()
    del found["definition"]
    click.echo(json.dumps(found, indent=2) if form == "json" else "\n".join(described(found)))


@main.command(context_settings=PASS_ON)
@click.argument("node")
@click.argument("argv", nargs=-1, metavar="[COMMAND...]")
def ssh(node: str, argv: tuple[str, ...]) -> None:
    """Log in to a node as root, or run a command there."""
    Lab().power(node, "status")  # refuses an unknown node
    config = Lab().folder / shell.CONFIG
    os.execvp("ssh", ["ssh", "-F", str(config), *(["-t"] if not argv else []), node, *argv])


@main.command()
@click.argument("node")
def kill(node: str) -> None:
    """Take a node's power away: it is dead at once, until fenced or powered on."""
    Lab().power(node, "off")


@main.command()
@click.argument("node")
@click.argument("action", type=click.Choice(["on", "off", "reboot", "status"]))
def power(node: str, action: str) -> None:
    """Use the power switch of a node."""
    click.echo(f"{node} is {Lab().power(node, action)}")


@main.command()
@click.argument("node")
def freeze(node: str) -> None:
    """Stop a node as it stands, as a machine that hangs."""
    Lab().freeze(node)


@main.command()
@click.argument("node")
def thaw(node: str) -> None:
    """Let a frozen node go on."""
    Lab().thaw(node)


@main.command()
@network_option
@click.argument("node")
def cut(node: str, network: str | None) -> None:
    """Pull a node's cables."""
    Lab().cut(node, network)


@main.command()
@network_option
@click.argument("node")
def heal(node: str, network: str | None) -> None:
    """Put a node's cables back."""
    Lab().heal(node, network)


@main.command()
@click.argument("node")
def console(node: str) -> None:
    """Print what a node has written to its serial console."""
    Lab().power(node, "status")
    path = Lab().folder / f"{node}.console"
    if not path.exists():
        raise HactlError(f"{node} has no console here", f"virsh console vagrant_{node}")
    click.echo(path.read_text(errors="replace"), nl=False)


@main.command(context_settings=PASS_ON)
@click.argument("arguments", nargs=-1, metavar="[PYTEST ARGUMENTS...]")
def test(arguments: tuple[str, ...]) -> None:
    """Run the tests that need real kernels, in the running lab."""
    Lab().status()
    argv = [sys.executable, "-m", "pytest", "-p", "no:xdist", "-m", "vm", "--durations=10"]
    if not any((places.PROJECT / word.partition("::")[0]).exists() for word in arguments):
        argv.append(str(places.TESTS))
    environment = {**os.environ, "HACTL_VM_LAB": "1"}
    done = subprocess.run([*argv, *arguments], cwd=places.PROJECT, env=environment, check=False)
    sys.exit(done.returncode)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--accelerator", "name", type=click.Choice(["kvm", "tcg"]), required=True)
def attach(folder: Path, name: str) -> None:
    """Take Vagrant's machines, started in FOLDER, for the lab: their power switch, their tests."""
    definition = load(places.DEFINITION)
    if lab.is_running():
        Lab().down()
    within = definition.timing(name).boots_within / 1000
    with lab.start(definition, Accelerator(name, "Vagrant"), folder=folder.resolve()):
        shell.vagrant_config(definition, folder, within)
        provision.start_ceph(reach.site_of(definition, name, places.run() / shell.CONFIG), say)
    say("Vagrant's machines have a power switch; scripts/vm-lab test runs in them")


@main.command("check")
@click.option("--vagrant", "folder", type=click.Path(path_type=Path, exists=True))
def check_machine(folder: Path | None) -> None:
    """Say what a lab needs that this machine lacks; with --vagrant, Vagrant's in FOLDER."""
    definition = load(places.DEFINITION)
    if folder is None:
        requirements.check(definition, places.home())
    else:
        requirements.check_vagrant(definition, libvirt_backend.URI, folder.resolve().name)


@main.command("accelerator")
@click.argument("wanted", default="auto")
def show_accelerator(wanted: str) -> None:
    """Find out whether nodes would run under KVM; print kvm or tcg."""
    found = box.find(load(places.DEFINITION).suite)
    probe = (lambda: accelerator.probe(found.kernel)) if found else (lambda: "")
    chosen = accelerator.choose(wanted, probe)
    say(f"running on {chosen.describe()}")
    click.echo(chosen.name)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--accelerator", "name", type=click.Choice(["kvm", "tcg"]), required=True)
def parcel(folder: Path, name: str) -> None:
    """Write to FOLDER what is installed in a node: for other ways of starting one."""
    provision.write_parcel(load(places.DEFINITION), name, folder)


@main.command("box")
@suite_option
@click.option("--mirror", default="", help="Package mirror; the distribution's by default.")
@click.option("--offline", is_flag=True, help="From the cache of an earlier build alone.")
@click.option("--no-vagrant", is_flag=True, help="Do not pack it for Vagrant as well.")
def build_box(suite: str | None, mirror: str, offline: bool, no_vagrant: bool) -> None:
    """Build the box from distribution packages."""
    wanted = suite or load(places.DEFINITION).suite
    if lab.runs_on(wanted):
        raise HactlError("a VM lab runs on this box", "scripts/vm-lab down first")
    build.build(build.Recipe(wanted, mirror, offline, vagrant=not no_vagrant), say)


def described(found: dict[str, Any]) -> list[str]:
    minutes = (time.time() - found["started"]) / 60
    lines = [f"up for {minutes:.0f} min under {found['accelerator']}"]
    for node in found["nodes"]:
        words = [node["name"], node["power"], f"{node['memory']} MiB"]
        words += ["frozen"] if node["frozen"] else []
        words += [f"cut: {', '.join(node['cut'])}"] if node["cut"] else []
        lines.append("  " + "  ".join(words))
    for action in found["power"]:
        when = time.strftime("%H:%M:%S", time.localtime(action["time"]))
        what = f"{action['node']} {action['action']}: {action['result']}"
        lines.append(f"  {when}  {what}, by {action['by']}")
    return lines


def say(text: str) -> None:
    click.echo(f"  {text}", err=True)


def run() -> None:
    """Exit 0 ok, 1 failed, 2 usage, 130 interrupted."""
    try:
        main(standalone_mode=False)
    except click.exceptions.Exit as exc:
        sys.exit(exc.exit_code)
    except click.ClickException as exc:
        exc.show()
        sys.exit(exc.exit_code)
    except HactlError as exc:
        click.echo(f"vm-lab: {exc}", err=True)
        sys.exit(exc.exit_code)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)


if __name__ == "__main__":
    run()
