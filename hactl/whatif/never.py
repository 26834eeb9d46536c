"""What runs nowhere although nothing is lost: no loss can be survived by it."""

from __future__ import annotations

from hactl.simulate.scheduler import Run
from hactl.whatif.scene import Scene
from hactl.why.first import first_cause

EXPLAINED = 3


def never(scene: Scene, runner: Run) -> dict[str, str]:
    """Return what should run and does not, with why; of many, the first few say why."""
    found: dict[str, str] = {}
    fences = {device.id for device in scene.site.fencing.devices}
    for unit in scene.cib.iterfind("configuration/resources/*"):
        name = unit.get("id", "")
        inside = [each.get("id", "") for each in unit.iter("primitive")]
        if (
            unit.tag in ("template", "bundle")
            or fences & set(inside)
            or switched_off(scene, inside)
        ):
            continue
        active = {n.partition(":")[0] for n, on in scene.before.active.items() if on}
        if set(inside) - active:
            told = len(found) < EXPLAINED
            found[name] = (
                first_cause(scene.cib, name, scene.transition, runner).text if told else ""
            )
    return found


def switched_off(scene: Scene, inside: list[str]) -> bool:
    placed = [scene.transition.placed(name) for name in inside]
    return any(each.target_role.lower() == "stopped" or not each.managed for each in placed)
