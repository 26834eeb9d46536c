"""A node made of dictionaries, for testing agents without one.

host = FakeHost(files={"/sys/class/net/br0/bridge/stp_state": "0\\n"})
host.replies["lxc-start"] = Done(("lxc-start",), 0, "", "")
assert act(LinuxBridge, host, "monitor", bridge="br0") == Status.RUNNING
assert host.calls == []
"""

from hactl_agents.testing.call import act, environ, reason
from hactl_agents.testing.host import STUCK, FakeHost, done
from hactl_agents.testing.links import FakeLinks
from hactl_agents.testing.storage import FakeStorage
from hactl_agents.testing.tables import FakeTables

__all__ = [
    "STUCK",
    "FakeHost",
    "FakeLinks",
    "FakeStorage",
    "FakeTables",
    "act",
    "done",
    "environ",
    "reason",
]
