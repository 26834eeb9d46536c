"""Storage -> what mounts, maps or activates it; nothing for what is simply there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from hactl.derive.locks import FENCE
from hactl.derive.needs import Survey
from hactl.derive.operations import Usual, operations, written
from hactl.derive.parts import Parts
from hactl.derive.rbd_attachment import EVERYWHERE, MAPPED, NATIVE, of
from hactl.derive.storage_paths import holder
from hactl.derive.unfencing import on_ceph
from hactl.model.constraint import Colocation, Constraint, Order
from hactl.model.dependency import needs
from hactl.model.resource import Clone, Primitive, Resource
from hactl.topology.schema.document import Document
from hactl.topology.schema.storage import Directory, Gfs2, Lvm, Rbd

MOUNTING = Usual(start=60_000, stop=120_000, monitor=40_000, interval=20_000)
MAPPING = Usual(90_000, 60_000, 20_000, 10_000, deep=60_000, deep_timeout=40_000)
ACTIVATING = Usual(start=90_000, stop=90_000, monitor=90_000, interval=30_000)
# A mount that failed holds locks that the other nodes wait for, until the node is fenced.
SHARING = Usual(90_000, 120_000, 20_000, 10_000, 60_000, 40_000, on_stop=FENCE, on_monitor=FENCE)
CLONE = {"interleave": "true"}


def storage_parts(document: Document, survey: Survey, name: str) -> Parts:
    """Return what makes a storage usable, after what it lies on."""
    if not is_run(document, survey, name):
        return Parts()
    made = resource(document, survey, name)
    below = stands_on(document, survey, name, foundations(document, name))
    return Parts((made,), (*below, *locked(document, name)))


def is_run(document: Document, survey: Survey, name: str) -> bool:
    """Whether a storage is a resource, and not simply there."""
    storage = document.storage[name]
    return storage.is_mounted or not (storage.holds_files or survey.attached.get(name) == NATIVE)


def is_alone(document: Document, survey: Survey, name: str) -> bool:
    """Whether a storage is on one node at a time."""
    storage = document.storage[name]
    return survey.attached.get(name, EVERYWHERE if storage.is_shared else MAPPED) == MAPPED


def resource(document: Document, survey: Survey, name: str) -> Resource:
    match document.storage[name]:
        case Directory() as storage:
            return directory(name, storage)
        case Rbd() as storage:
            everywhere = survey.attached.get(name) == EVERYWHERE
            return image(name, storage, everywhere, on_ceph(document))
        case Lvm() as storage:
            return volume_group(name, storage)
        case Gfs2() as storage:
            return cluster_file_system(name, storage, device(document, storage.device))


def directory(name: str, storage: Directory) -> Resource:
    params = {"device": storage.device or "", "directory": storage.path}
    params |= written(storage, "fstype", "options") | storage.params
    own = operations(storage, MOUNTING)
    return everywhere(name, Primitive(f"{name}-mount", storage.run_by, "storage", params, {}, own))


def everywhere(name: str, made: Primitive) -> Clone:
    return Clone(name, "storage", made, CLONE)


def image(name: str, storage: Rbd, clone: bool, meta: dict[str, str]) -> Resource:
    params = rbd_params(storage) | ({"exclusive": "false"} if clone else {}) | storage.params
    id_ = f"{name}-image" if clone else name
    made = Primitive(id_, storage.run_by, "storage", params, meta, operations(storage, MAPPING))
    return everywhere(name, made) if clone else made


def rbd_params(storage: Rbd) -> dict[str, str]:
    pool, *namespace, image = storage.image.split("/")
    found = {"pool": pool, "image": image}
    if namespace:
        found["namespace"] = namespace[0]
    if storage.read_only:
        found["read_only"] = "true"
    keys = ("mapper", "client", "conf", "keyring", "options", "fence_silent_owner")
    return found | written(storage, *keys)


def volume_group(name: str, storage: Lvm) -> Resource:
    params = {"vgname": storage.vg} | ({"lvname": storage.lv} if storage.lv else {})
    params["vg_access_mode"] = storage.kept_apart_by
    shared = storage.is_shared
    params |= ({"activation_mode": "shared"} if shared else {}) | storage.params
    id_ = f"{name}-vg" if shared else name
    own = operations(storage, ACTIVATING)
    made = Primitive(id_, storage.run_by, "storage", params, {}, own)
    return everywhere(name, made) if shared else made


def cluster_file_system(name: str, storage: Gfs2, device: str) -> Resource:
    # a stop that fails costs the node and all that runs on it: a forgotten shell is not worth that
    params = {"device": device, "directory": storage.path, "force": "true"}
    params |= written(storage, "options", "quota", "cluster_name") | storage.params
    own = operations(storage, SHARING)
    return everywhere(name, Primitive(f"{name}-mount", storage.run_by, "storage", params, {}, own))


def device(document: Document, written: str) -> str:
    """Return the path of a device that is named, or is the storage of that name."""
    return document.storage[written].root if written in document.storage else written


def foundations(document: Document, name: str) -> Iterator[str]:
    """Yield the storage that this one lies on, by its devices or by its place in the tree."""
    for _, each in document.storage[name].lies_on:
        if (found := of(document, each)) and found in document.storage and found != name:
            yield found
    if outer := above(document, name):
        yield outer


def locked(document: Document, name: str) -> tuple[Constraint, ...]:
    """Return what a storage needs of the lock managers, each beneath what it needs itself."""
    own = document.storage[name].lock_managers
    below = {
        manager
        for each in foundations(document, name)
        for manager in document.storage[each].lock_managers
    }
    return needs(name, own[0]) if own and own[0] not in below else ()


def stands_on(
    document: Document, survey: Survey, who: str, used: Iterable[str], parts: Sequence[str] = ()
) -> tuple[Constraint, ...]:
    """Return the constraints of who cannot run without these.

    What is on one node at a time hangs together in a chain (`hactl.derive.chains`), so that
    all of it meets in one place; named one by one, each could be placed elsewhere first. If ``who``
    is a group, ``parts`` are its members: whichever of them cannot stop, the storage stays. An
    order on the group would not say that.
    """
    carriers = (carrier(document, survey, storage) for storage in used)
    found = list(dict.fromkeys(filter(None, carriers)))
    own = alone(document, survey, found)
    shared = [c for storage in found if storage not in own for c in needs(who, storage)]
    # What it lies on as well: nothing is held by what is held itself.
    below = beneath(document, survey, own)
    orders = [Order(storage, part) for storage in below for part in parts or (who,)]
    return (*shared, *orders, *placed_with(survey, who, own))


def alone(document: Document, survey: Survey, names: Iterable[str]) -> list[str]:
    """Return what of the storage, or of what carries it, is on one node at a time."""
    carriers = (carrier(document, survey, name) for name in names)
    return [name for name in carriers if name and is_alone(document, survey, name)]


def beneath(document: Document, survey: Survey, names: Iterable[str]) -> list[str]:
    """Return what is on one node at a time, of these and of what they lie on."""
    found: dict[str, None] = {}
    todo = alone(document, survey, names)
    while todo:
        name = todo.pop(0)
        if name not in found:
            found[name] = None
            todo += alone(document, survey, foundations(document, name))
    return list(found)


def placed_with(
    survey: Survey, who: str, used: Collection[str], user: str = ""
) -> Iterator[Colocation]:
    """Yield with what ``who`` is placed: what it meets in its chain, or the last it uses.

    Where others use that too, it stays where they run, although ``who`` cannot run there. ``who``
    belongs to ``user``, or is that itself.
    """
    own_users = survey.users.get(who, frozenset({user or who}))
    if who in survey.chains:
        below = meets(survey, who)
    else:
        below = max(used, key=survey.chains[next(iter(used))].index) if used else None
    if below:
        yield Colocation(who, below, influence=survey.users[below] <= own_users)


def meets(survey: Survey, name: str) -> str | None:
    """Return what a storage is placed with, of those before it in its chain.

    The last that all of its users use too: what else lies beside that need not stop with it. Or
    one with which it shares a user at least.
    """
    chain, users = survey.chains[name], survey.users[name]

    def fitness(place: int) -> tuple[bool, bool, int]:
        theirs = survey.users[chain[place]]
        return users <= theirs, bool(users & theirs), place

    return chain[max(range(chain.index(name)), key=fitness)] if name != chain[0] else None


def carrier(document: Document, survey: Survey, name: str | None) -> str | None:
    """Return the storage whose resource carries this one: itself, if it is one."""
    while name and not is_run(document, survey, name):
        name = above(document, name)
    return name


def above(document: Document, name: str) -> str | None:
    """Return the storage that the directory of this one is in."""
    storage = document.storage[name]
    return holder(document, storage.root.rpartition("/")[0]) if storage.holds_files else None
