"""How pacemaker-execd calls an agent: the environment it sets. And waiting, for tests."""

import time
from collections.abc import Callable, Mapping


def pacemaker_environment(
    resource: str,
    agent: str,
    timeout: float,
    level: int,
    meta: Mapping[str, str],
    params: Mapping[str, object],
) -> dict[str, str]:
    """What pacemaker-execd puts into an agent's environment; ``timeout`` in seconds."""
    env = {
        "OCF_RA_VERSION_MAJOR": "1",
        "OCF_RA_VERSION_MINOR": "1",
        "OCF_ROOT": "/usr/lib/ocf",
        "OCF_EXIT_REASON_PREFIX": "ocf-exit-reason:",
        "OCF_RESOURCE_INSTANCE": resource,
        "OCF_RESOURCE_TYPE": agent,
        "OCF_RESOURCE_PROVIDER": "hactl",
        "OCF_RESKEY_CRM_meta_timeout": str(int(timeout * 1000)),
        "OCF_CHECK_LEVEL": str(level),
    }
    env |= {f"OCF_RESKEY_CRM_meta_{name}": value for name, value in meta.items()}
    return env | {f"OCF_RESKEY_{name}": str(value) for name, value in params.items()}


def wait_until(condition: Callable[[], object], complaint: str, within: float) -> None:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started <= within, complaint
        time.sleep(0.02)
