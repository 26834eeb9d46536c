"""What holds everywhere because somebody said so: switches of a resource and of the cluster."""

from __future__ import annotations

from collections.abc import Iterator

from lxml.etree import _Element

from hactl.model.boolean import is_false, is_true
from hactl.simulate.relaxation import Chain, drop
from hactl.why.blocker import Blocker, Edit, Sort

OFF = "stopped"
PARTS = ("primitive", "group", "clone", "master", "bundle")


def switches(cib: _Element, of: Chain) -> Iterator[Blocker]:
    """Yield every switch that keeps the chain, or everything, from being started."""
    for name, pair in told(cib, of):
        yield from of_resource(name, pair)
    for pair in cib.iterfind("configuration/rsc_defaults//nvpair"):
        if keeps(pair):
            what = pair.get("name", "")
            yield Blocker(
                Sort.SAID,
                "",
                f"default {what}",
                f"{what}={pair.get('value')} is the default for all resources",
                f"crm_attribute --type rsc_defaults --name {what} --delete",
                edit=without(pair.get("id", "")),
            )
    for pair in cib.iterfind("configuration/crm_config//nvpair"):
        yield from of_cluster(pair)


def told(cib: _Element, of: Chain) -> Iterator[tuple[str, _Element]]:
    """Yield each meta attribute of the chain, of what is in it and around it."""
    for unit in cib.iterfind("configuration/resources/*"):
        inside = {each.get("id", "") for each in unit.iter(*PARTS)}
        if not inside & of.names:
            continue
        for part in unit.iter(*PARTS):
            for pair in part.iterfind("meta_attributes/nvpair"):
                yield part.get("id", ""), pair


def keeps(pair: _Element) -> bool:
    name, value = pair.get("name", ""), pair.get("value", "")
    return (
        (name == "target-role" and value.lower() == OFF)
        or (name == "is-managed" and is_false(value))
        or (name == "maintenance" and is_true(value))
    )


def of_resource(name: str, pair: _Element) -> Iterator[Blocker]:
    if not keeps(pair):
        return
    what = pair.get("name", "")
    text = {
        "target-role": "target-role=Stopped keeps it off",
        "is-managed": "it is not managed: nobody starts it",
        "maintenance": "it is in maintenance: nobody starts it",
    }[what]
    yield Blocker(
        Sort.SAID,
        "",
        f"{what} of {name}",
        f"{text} (set on {name})",
        f"crm_resource --resource {name} --meta --delete-parameter {what}",
        edit=without(pair.get("id", "")),
    )


def of_cluster(pair: _Element) -> Iterator[Blocker]:
    name, on = pair.get("name", ""), is_true(pair.get("value"))
    text = {
        "maintenance-mode": "the cluster is in maintenance mode: nothing is started",
        "stop-all-resources": "stop-all-resources keeps everything off",
    }.get(name)
    if text and on:
        command = f"crm_attribute --name {name} --update false"
        yield Blocker(Sort.SAID, "", name, text, command, edit=without(pair.get("id", "")))


def without(id_: str) -> Edit:
    """Return an edit that takes an element away by its id."""

    def edit(cib: _Element) -> None:
        drop([each for each in cib.iter("*") if each.get("id") == id_])

    return edit
