"""Turn one call by Pacemaker into one exit code."""

import _signal  # type: ignore[import-not-found]  # signal itself imports enum: 4 ms
import posix
import sys

from hactl_agents.host import stdio
from hactl_agents.host.budget import Budget, milliseconds, split
from hactl_agents.host.host import SIGTERM, Host, environment
from hactl_agents.ocf.agent import PREFIX, RUNS, Status
from hactl_agents.ocf.errors import Degraded, Failed, Terminated, Unimplemented

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    from hactl_agents.ocf.agent import Agent

OK, GENERIC = 0, 1
PROBED = {Status.DEGRADED: Status.RUNNING, Status.DEGRADED_PROMOTED: Status.PROMOTED}
KNOWN = frozenset({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 190, 191})
# What these answer must come from the resource itself; any other code could be read as "stopped"
# (Pacemaker masks 2 and 5 on a probe) or ban the resource for a passing trouble.
EVIDENCE_ONLY = frozenset({"monitor", "stop", "demote"})
SERIAL = frozenset(
    {"start", "stop", "promote", "demote", "reload-agent", "migrate_to", "migrate_from"}
)


def main(agent: "type[Agent]") -> "NoReturn":
    """Run ``NAME <action>`` and end the process, skipping the interpreter's own tidying up."""
    words = sys.argv[1:]
    stdio.secure()
    stdio.end(run(agent, words[0] if words else "usage", environment()))


def run(agent: "type[Agent]", wanted: str, environ: "Mapping[str, str]") -> int:
    """The exit code of one action, with its reason on stderr."""
    if wanted in ("meta-data", "metadata", "usage", "help", "--help", "-h"):
        from hactl_agents.ocf import metadata

        text = metadata.document(agent) if wanted.startswith("meta") else metadata.usage(agent)
        stdio.say(text)
        return OK
    seconds = budget(environ, agent, wanted)
    host = Host(seconds.work, environ, kept_back=seconds.look)
    _signal.signal(SIGTERM, lambda *_: terminated(host))
    try:
        return exit_code(perform(agent(host, environ), wanted), wanted, environ)
    except Failed as exc:
        return answer(host, wanted, exc, environ)
    except Exception as exc:
        return answer(host, wanted, Failed(bug(exc, host.step)), environ)


def perform(agent: "Agent", wanted: str) -> int:
    """One action on an agent; raises Failed and its kin."""
    if wanted == "validate-all":
        agent.refuse_bad_parameters()
        if agent.level >= 10:
            agent.preflight()
        return OK
    if wanted not in agent.actions():
        raise Unimplemented(f"{wanted}: this agent has no such action")
    agent.host.hang_note = f"{agent.record.name}.hang"
    agent.host.is_look = wanted == "monitor"
    if wanted in SERIAL:
        agent.host.step = wanted  # what others read who wait for us
        agent.host.lock(agent.lock)
        agent.reread_record()
    if wanted in EVIDENCE_ONLY:
        agent.fall_back_on_record()
    else:
        agent.refuse_bad_parameters()
    return ACTIONS.get(wanted, call)(agent, wanted)


def start(agent: "Agent", wanted: str) -> int:  # noqa: ARG001
    agent.preflight()
    if is_running(agent):
        agent.already_running()
        return OK
    agent.note_parameters()
    try:
        agent.start()  # type: ignore[attr-defined]
        if agent.look() not in RUNS:
            raise Failed("still stopped after start")
    except Degraded as exc:
        agent.host.log(f"started, degraded: {exc}")
    except BaseException:
        agent.host.kill_children()
        agent.host.look_again()
        agent.undo_start()
        raise
    agent.host.drop(agent.host.hang_note)
    return OK


def stop(agent: "Agent", wanted: str) -> int:  # noqa: ARG001
    if not is_stopped(agent):
        end(agent)
    agent.after_stop()
    agent.record.drop()
    agent.host.drop(agent.host.hang_note)
    return OK


def end(agent: "Agent") -> None:
    """Stop it, and return only once it is seen to have stopped.

    A wait that ended badly says nothing yet: what was waited for may have ended meanwhile. So the
    evidence is looked at once more, in time that was kept back, unless something may still come.
    """
    try:
        agent.stop()  # type: ignore[attr-defined]
        if agent.look() != Status.STOPPED:
            raise Failed("still running after stop")
    except Terminated:
        raise
    except Failed as exc:
        agent.host.look_again()
        if agent.host.pending or not is_stopped(agent):
            raise
        agent.host.log(f"it has stopped all the same: {exc}")


def reload_agent(agent: "Agent", wanted: str) -> int:  # noqa: ARG001
    agent.reload_agent()  # type: ignore[attr-defined]
    agent.note_parameters()
    return OK


def call(agent: "Agent", wanted: str) -> int:
    result = getattr(agent, wanted.replace("-", "_"))()
    if result == Status.STOPPED and wanted == "monitor":
        agent.refuse_left_behind()
    return result if isinstance(result, int) else OK


ACTIONS = {"start": start, "stop": stop, "reload-agent": reload_agent}


def is_running(agent: "Agent") -> bool:
    """Also when degraded: what runs needs no start. Half started counts only where that helps."""
    try:
        return agent.look() in RUNS and agent.is_as_given()
    except Degraded as exc:
        agent.host.log(f"runs already, degraded: {exc}")
        return True
    except Failed:
        if not agent.converges:
            raise
        return False


def is_stopped(agent: "Agent") -> bool:
    """False also when the look failed: what is broken still has to be stopped."""
    try:
        return agent.look() == Status.STOPPED
    except Failed as exc:
        agent.host.log(f"cannot tell whether it runs, so it will be stopped: {exc}")
        return False


def budget(environ: "Mapping[str, str]", agent: "type[Agent]", wanted: str) -> Budget:
    """What an action may take, by Pacemaker's timeout.

    Pacemaker gives CRM_meta_timeout in milliseconds; by hand the advised timeout counts.
    """
    given = milliseconds(environ.get(f"{PREFIX}CRM_meta_timeout", ""))
    advised = agent.actions().get(wanted, [{"timeout": 20}])[0]["timeout"]
    return split(float(advised) if given is None else given)


def answer(host: Host, wanted: str, exc: Failed, environ: "Mapping[str, str]") -> int:
    """Tell Pacemaker why, in one line, and which code that is."""
    code = exc.code
    harmless = (Degraded, Unimplemented) if wanted == "monitor" else Unimplemented
    if wanted in EVIDENCE_ONLY and not isinstance(exc, harmless):
        code = GENERIC  # to Pacemaker a stop that is "degraded" is a stop that worked
    if exit_code(code, wanted, environ) != code:
        host.log(f"is here, degraded: {exc}")
        return exit_code(code, wanted, environ)
    reason = " ".join(str(exc).split()) or type(exc).__name__
    prefix = environ.get("OCF_EXIT_REASON_PREFIX", "ocf-exit-reason:")
    try:
        posix.write(2, f"{prefix}{reason[:500]}\n".encode(errors="replace"))
    except OSError:
        pass  # nobody listens
    return code if code in KNOWN else GENERIC


def exit_code(code: int, wanted: str, environ: "Mapping[str, str]") -> int:
    """The code for Pacemaker. A probe is asked whether the resource is here, not how well it does:
    a probe's "degraded" would stand in crm_mon until a clean-up, whatever later monitors find.
    """
    is_probe = wanted == "monitor" and environ.get(f"{PREFIX}CRM_meta_interval") == "0"
    return PROBED.get(code, code) if is_probe else code


def bug(exc: Exception, step: str) -> str:
    """One line on an error nobody foresaw, with the place it happened."""
    trace = exc.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
    during = f" during {step}" if step else ""
    return f"unexpected {type(exc).__name__}{during} at {where}: {exc}"


def terminated(host: Host) -> None:
    host.kill_children()
    raise Terminated(f"told to stop waiting during: {host.step or 'start-up'}")
