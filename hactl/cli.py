"""The command line: names the verbs, imports each only when it is called."""

from __future__ import annotations

import importlib
import keyword
import sys
from collections.abc import Sequence

import click

from hactl.errors import HactlError

# verb -> (module, one line of help). Read here so that `hactl --help` imports none of them.
VERBS = {
    "check": ("hactl.commands.check", "Check a topology file: every problem, with file and line."),
    "render": ("hactl.commands.render", "Write the CIB (or corosync.conf) a topology stands for."),
    "plan": ("hactl.commands.plan", "Show what would change, and what happens to each guest."),
    "apply": ("hactl.commands.apply", "Carry out a plan, safely, and verify it."),
    "adopt": ("hactl.commands.adopt", "Take over what others made, also while it runs."),
    "drift": (
        "hactl.commands.drift",
        "Show what has moved away from the topology; writes nothing.",
    ),
    "import": (
        "hactl.commands.import_",
        "Write the topology of a cluster that is there already, and prove it.",
    ),
    "mend": ("hactl.commands.mend", "Take away what an apply that did not end left behind."),
    "status": ("hactl.commands.status", "Show the cluster in the operator's terms."),
    "whatif": ("hactl.commands.whatif", "What dies if I pull this plug? Every loss, simulated."),
    "why": ("hactl.commands.why", "Why a resource is not on a node, and what would start it."),
    "fence": ("hactl.commands.fence", "Prove that fencing works: dry, and by a drill."),
    "agents": (
        "hactl.commands.agents",
        "Install, list and describe the resource and fence agents.",
    ),
    "lab": ("hactl.commands.lab", "A real cluster in namespaces on this machine."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(VERBS[cmd_name][0])
        command = getattr(module, f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in VERBS and not name.startswith("-"):
            ctx.fail(f"No such command {name!r}.{did_you_mean(name)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in VERBS.items()])


def did_you_mean(name: str) -> str:
    from hactl.suggest import closest

    close = closest(name, VERBS)
    return f" Did you mean {close!r}?" if close else ""


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hactl")
def hactl() -> None:
    """One topology file for a Pacemaker cluster of guests, containers and their storage.

    \b
    hactl check cluster.yaml      is the file right?
    hactl plan cluster.yaml       what would happen, to which guest?
    hactl apply cluster.yaml      do it, wait, verify
    hactl status                  what is
    """


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 ok, 1 failed or unsafe, 2 usage, 130 interrupted."""
    try:
        hactl.main(args=list(argv) if argv is not None else None, standalone_mode=False)
    except click.exceptions.Exit as exc:
        sys.exit(exc.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as exc:
        exc.show()
        sys.exit(exc.exit_code)
    except HactlError as exc:
        click.echo(exc.printed(), err=True)
        sys.exit(exc.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
