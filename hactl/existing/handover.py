"""What of a cluster of others could be handed to an agent of ours, in the words of a topology."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lxml.etree import _Element

from hactl.cib.conversion import agent
from hactl.cib.read import first
from hactl.topology.yaml.write import flow

TRANSPORTS = ("ssh", "tls", "tcp")
LOCAL = ("", "qemu:///system")


def handover(element: _Element) -> Iterator[str]:
    """Yield the comment above an element that could be handed over as it runs."""
    if element.tag != "primitive":
        return
    params = first(element.iterfind("instance_attributes/nvpair"))
    made = {"ocf:heartbeat:VirtualDomain": guest, "ocf:heartbeat:lxc": container}.get(
        agent(element)
    )
    entry = made(params) if made else None
    if entry:
        section = "guests" if made is guest else "containers"
        name = element.get("id", "")
        yield f"To hand it over as it runs: take this entry out, write below {section}:"
        yield f"  {name}: {flow(entry)}"
        yield f"and call `hactl adopt FILE --convert {name}`."


def guest(params: Mapping[str, str]) -> dict[str, object] | None:
    """Return the entry of a VirtualDomain; None where a topology has no words for it."""
    config = params.get("config", "")
    if not config.startswith("/"):
        return None
    entry: dict[str, object] = {"definition": config}
    if params.get("hypervisor", "") not in LOCAL:
        entry["uri"] = params["hypervisor"]
    if params.get("migration_transport") in TRANSPORTS:
        entry["migration"] = {"transport": params["migration_transport"]}
    return entry


def container(params: Mapping[str, str]) -> dict[str, object] | None:
    config = params.get("config", "")
    if not config.startswith("/"):
        return None
    name = params.get("container", "")
    return {"config": config, **({"container": name} if name else {})}
