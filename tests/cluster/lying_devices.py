"""Fence devices that lie, and levels of fencing for one node."""

from __future__ import annotations

from hactl.lab.lab import Lab

TARGET = "node3"
# An agent on our runtime whose device says yes and does nothing.
LIAR = """
class Liar(LabPower):
    \"\"\"Says yes.

    And does nothing.
    \"\"\"

    name = "fence_liar"

    def switch_off(self) -> None:
        pass


main(Liar)
"""
# The same, and nobody looks.
BLIND = LIAR.replace(
    "    def switch_off",
    "    def power(self):\n        return 'off'\n\n    def switch_off",
).replace("fence_liar", "fence_blind")


def spread(lab: Lab, name: str, body: str) -> None:
    """Install an agent on every node, by the launcher of fence_lab."""
    launcher = lab.exec("node1", "cat", "/usr/sbin/fence_lab").stdout
    text = launcher.replace("main(LabPower)\n", body)
    for node in lab.nodes:
        lab.write(node, f"/usr/sbin/{name}", text.encode(), 0o755)


def configure(lab: Lab, *levels: str, **devices: tuple[str, dict[str, str]]) -> None:
    """Add devices for the target, and its levels; ``fence`` is the true one."""
    resources = ""
    for name, (agent, params) in devices.items():
        given = {"pcmk_host_list": TARGET, "power_timeout": "6", **params}
        nvpairs = "".join(
            f'<nvpair id="{name}-{key}" name="{key}" value="{value}"/>'
            for key, value in given.items()
        )
        resources += (
            f'<primitive id="{name}" class="stonith" type="{agent}">'
            f'<instance_attributes id="{name}-i">{nvpairs}</instance_attributes></primitive>'
        )
    topology = "".join(
        f'<fencing-level id="l{index}" target="{TARGET}" index="{index}" devices="{names}"/>'
        for index, names in enumerate(levels, 1)
    )
    # what cannot be started would be tried again and again, and is used for fencing all the same
    config = (
        f"<configuration><resources>{resources}</resources>"
        f"<fencing-topology>{topology}</fencing-topology></configuration>"
    )
    modify = ("cibadmin", "--modify", "--allow-create", "-p")
    done = lab.exec("node1", *modify, stdin=config)
    assert done.returncode == 0, done.stderr


def known(lab: Lab, device: str) -> bool:
    """Whether the fencer of node1 has a device."""
    return device in lab.exec("node1", "stonith_admin", "--list-registered").stdout
