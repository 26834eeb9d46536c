"""Calling an agent on it, by the same way Pacemaker's call takes."""

from collections.abc import Mapping

from hactl_agents.host.host import Failed, Host
from hactl_agents.ocf.agent import PREFIX, Agent
from hactl_agents.ocf.main import answer, exit_code, perform


def environ(params: Mapping[str, object], **meta: str) -> dict[str, str]:
    """The environment Pacemaker would set: parameters, and meta attributes by name."""
    given = {f"{PREFIX}{name}": str(value) for name, value in params.items()}
    given |= {f"{PREFIX}CRM_meta_{name}": value for name, value in meta.items()}
    return {"OCF_RESOURCE_INSTANCE": "test", **given}


def act(
    agent: type[Agent],
    host: Host,
    action: str,
    /,
    *,
    meta: Mapping[str, str] | None = None,
    level: int = 0,
    **params: object,
) -> int:
    """The exit code of one action on ``host``, by the same way Pacemaker's call takes."""
    env = environ(params, **(meta or {})) | {"OCF_CHECK_LEVEL": str(level)}
    try:
        return exit_code(perform(agent(host, env), action), action, env)
    except Failed as exc:
        return answer(host, action, exc, env)


def reason(
    agent: type[Agent],
    host: Host,
    action: str,
    /,
    *,
    meta: Mapping[str, str] | None = None,
    **params: object,
) -> str:
    """The exit reason of an action that fails; '' if it does not."""
    try:
        perform(agent(host, environ(params, **(meta or {}))), action)
    except Failed as exc:
        return str(exc)
    return ""
