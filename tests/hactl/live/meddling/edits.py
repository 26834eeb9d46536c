"""What other people do to a cluster while an apply is under way, each with their own tool."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from random import Random

from lxml import etree
from lxml.etree import _Element

from hactl.errors import HactlError
from hactl.live import cibfile
from hactl.live.apply import apply
from hactl.live.operator import Options
from tests.hactl.live.cluster_on_file import Cluster, world
from tests.hactl.live.meddling.sites import NODES, Site, changed, first_shape
from tests.hactl.live.somebody import Somebody

# Somebody's edit: returns what they did, in words.
Edit = Callable[[Cluster, Site, Random], str]


def edit_parameter(here: Cluster, site: Site, rng: Random) -> str:  # noqa: ARG001
    argv = ["resource", "update", primitive(here, rng), f"memory=by-hand-{rng.randint(1, 999)}"]
    return pcs(here, *argv, "--force")


def edit_meta(here: Cluster, site: Site, rng: Random) -> str:  # noqa: ARG001
    return pcs(here, "resource", "meta", primitive(here, rng), "migration-threshold=7")


def enable_or_disable(here: Cluster, site: Site, rng: Random) -> str:  # noqa: ARG001
    return pcs(here, "resource", rng.choice(["enable", "disable"]), primitive(here, rng))


def ban(here: Cluster, site: Site, rng: Random) -> str:  # noqa: ARG001
    return pcs(here, "constraint", "location", primitive(here, rng), "avoids", rng.choice(NODES))


def set_parameter(here: Cluster, site: Site, rng: Random) -> str:  # noqa: ARG001
    return tool(here, "crm_resource", "-r", primitive(here, rng), "-p", "memory", "-v", "hand")


def switch(here: Cluster, site: Site, rng: Random) -> str:  # noqa: ARG001
    words = rng.choice([("target-role", "Stopped"), ("is-managed", "false"), ("priority", "9")])
    name, value = words
    return tool(here, "crm_resource", "-r", primitive(here, rng), "--meta", "-p", name, "-v", value)


def set_property(here: Cluster, site: Site, rng: Random) -> str:  # noqa: ARG001
    name = rng.choice(["stonith-timeout", "batch-limit", "cluster-delay"])
    return tool(
        here, "crm_attribute", "-t", "crm_config", "-n", name, "-v", f"{rng.randint(70, 99)}s"
    )


def modify(here: Cluster, site: Site, rng: Random) -> str:  # noqa: ARG001
    """Change something in place, by an editor of the CIB."""
    tree = cibfile.read(here.file)
    pairs = tree.findall("configuration/resources//nvpair")
    found = rng.choice([pair for pair in pairs if pair.get("name") == "memory"] or pairs)
    found.set("value", "edited")
    return tool(here, "cibadmin", "--modify", "-o", "resources", "-X", text(found))


def delete_constraint(here: Cluster, site: Site, rng: Random) -> str:  # noqa: ARG001
    found = list(cibfile.read(here.file).iterfind("configuration/constraints/*"))
    if not found:
        return ""
    return tool(here, "cibadmin", "--delete", "-o", "constraints", "-X", text(rng.choice(found)))


def create_foreign(here: Cluster, site: Site, rng: Random) -> str:  # noqa: ARG001
    id_ = f"theirs-{rng.randint(1, 999)}"
    xml = f'<primitive id="{id_}" class="ocf" provider="pacemaker" type="Dummy"/>'
    return tool(here, "cibadmin", "--create", "-o", "resources", "-X", xml)


def second_apply(here: Cluster, site: Site, rng: Random) -> str:
    """Apply another topology, from beginning to end."""
    want = rng.choice([site.old, site.new, changed(first_shape(rng), rng).rendered()])
    options = Options(here.directory / "records-2", allow_disruption=True, node="other")
    try:
        done = apply(world(here), want, options, Somebody())
    except HactlError as problem:
        return f"a second apply: {problem}"
    return f"a second apply, {'committed' if done.committed else 'no changes'}"


QUICK = (set_parameter, switch, set_property, modify, delete_constraint, create_foreign)
SLOW = (edit_parameter, edit_meta, enable_or_disable, ban)
EDITS: tuple[Edit, ...] = (*QUICK, *QUICK, *SLOW, second_apply)


def primitive(here: Cluster, rng: Random) -> str:
    found = cibfile.read(here.file).iterfind("configuration/resources//primitive")
    names = [each.get("id", "") for each in found if each.get("class") != "stonith"]
    return rng.choice(sorted(names))


def pcs(here: Cluster, *words: str) -> str:
    """Do as pcs does on a live cluster: change a copy, and send a patch without versions."""
    old, new = here.directory / "pcs-old.xml", here.directory / "pcs-new.xml"
    data = here.file.read_bytes()
    old.write_bytes(data)
    new.write_bytes(data)
    done = subprocess.run(["pcs", "-f", str(new), *words], capture_output=True, text=True)
    if done.returncode:
        return ""
    argv = ["crm_diff", "--original", str(old), "--new", str(new), "--no-version"]
    diff = subprocess.run(argv, capture_output=True, text=True).stdout
    if not diff.strip():
        return ""
    return tool(here, "cibadmin", "--patch", "-p", stdin=diff) and f"pcs {' '.join(words)}"


def tool(here: Cluster, *argv: str, stdin: str = "") -> str:
    """Call one of Pacemaker's tools on the file; return what was done, nothing if refused."""
    environment = {**os.environ, **here.environment()}
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, env=environment)
    return " ".join(argv[:8]) if done.returncode == 0 else ""


def text(element: _Element) -> str:
    return etree.tostring(element, encoding="unicode", with_tail=False)
