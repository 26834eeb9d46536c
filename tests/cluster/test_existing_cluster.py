"""On a real cluster that others made: imported, taken over, and a guest handed over as it runs."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hactl.lab.lab import Lab, Result
from tests.cluster.labs import Eventually, bring_guest
from tests.support.topology_file import dumped

pytestmark = pytest.mark.cluster

ADDRESS = "10.77.10.52"
# The ids are those that pcs gives: a bridge, an address, a guest on shared storage that migrates.
CLUSTER = """\
<configuration><crm_config><cluster_property_set id="cib-bootstrap-options">
  <nvpair id="cib-bootstrap-options-stonith-enabled" name="stonith-enabled" value="true"/>
</cluster_property_set></crm_config><resources>
  <primitive id="fence" class="stonith" type="fence_lab">
    <operations><op id="fence-monitor-interval-60s" name="monitor" interval="60s"/></operations>
  </primitive>
  <clone id="lan-clone">
    <primitive class="ocf" id="lan" provider="hactl" type="LinuxBridge">
      <instance_attributes id="lan-instance_attributes">
        <nvpair id="lan-instance_attributes-bridge" name="bridge" value="br-shop"/>
        <nvpair id="lan-instance_attributes-ports" name="ports" value="eth2"/>
      </instance_attributes>
      <operations>
        <op id="lan-monitor-interval-10s" interval="10s" name="monitor" timeout="20s"/>
      </operations>
    </primitive>
    <meta_attributes id="lan-clone-meta_attributes">
      <nvpair id="lan-clone-meta_attributes-interleave" name="interleave" value="true"/>
    </meta_attributes>
  </clone>
  <primitive class="ocf" id="shop" provider="heartbeat" type="VirtualDomain" description="the shop">
    <instance_attributes id="shop-instance_attributes">
      <nvpair id="shop-instance_attributes-config" name="config" value="/srv/vms/shop.xml"/>
      <nvpair id="shop-instance_attributes-hypervisor" name="hypervisor" value="qemu:///system"/>
      <nvpair id="shop-instance_attributes-migration_transport" name="migration_transport"
              value="tcp"/>
    </instance_attributes>
    <meta_attributes id="shop-meta_attributes">
      <nvpair id="shop-meta_attributes-allow-migrate" name="allow-migrate" value="true"/>
    </meta_attributes>
    <operations>
      <op id="shop-monitor-interval-10s" interval="10s" name="monitor" timeout="30s"/>
      <op id="shop-start-interval-0s" interval="0s" name="start" timeout="90s"/>
      <op id="shop-stop-interval-0s" interval="0s" name="stop" timeout="90s"/>
    </operations>
  </primitive>
</resources><constraints>
  <rsc_order first="lan-clone" id="order-lan-clone-shop-Optional" kind="Optional" then="shop"/>
  <rsc_colocation id="colocation-shop-lan-clone-INFINITY" rsc="shop" score="INFINITY"
                  with-rsc="lan-clone"/>
  <rsc_location id="location-shop-node3--INFINITY" node="node3" rsc="shop" score="-INFINITY"/>
</constraints></configuration>"""
# Opens a connection, and asks only once it is told to.
WAITER = f"""
import os, socket, time
s = socket.create_connection(("{ADDRESS}", 80), 5)
open("/run/open", "w").close()
while not os.path.exists("/run/go"):
    time.sleep(0.1)
s.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
print(b"".join(iter(lambda: s.recv(4096), b"")).decode())
"""
# The server inside ends a connection on which nothing was asked for so many seconds.
SERVER_WAITS = 50.0


class Shop:
    """The cluster as its operator sees it, from node1."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def sh(self, command: str, node: str = "node1") -> str:
        done = self.lab.exec(node, "sh", "-c", command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def hactl(self, *words: str) -> Result:
        return self.lab.exec("node1", "hactl", *words, timeout=240)

    def write(self, topology: dict[str, Any]) -> None:
        self.lab.write("node1", "/run/t.yaml", dumped(topology).encode())

    def topology(self) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load(self.sh("cat /run/t.yaml"))
        return found

    def page(self) -> dict[str, str]:
        done = self.lab.exec("client", "curl", "-s", "-m", "1", f"http://{ADDRESS}/")
        return dict(line.split(None, 1) for line in done.stdout.splitlines() if " " in line)

    def node(self) -> str:
        status = json.loads(self.hactl("status", "--format", "json").stdout)
        return next(r["node"] for r in status["resources"] if r["id"] == "shop")

    def process(self) -> str:
        return self.sh("pgrep -f 'guest=shop' | head -1", self.node()).strip()


@pytest.fixture
def shop(lab: Lab, tmp_path: Path, eventually: Eventually) -> Iterator[Shop]:
    bring_guest(lab, tmp_path, "shop", 52, f"{ADDRESS}/24", "br-shop")
    shop = Shop(lab)
    modify = ("cibadmin", "--modify", "--allow-create", "-p")
    done = lab.exec("node1", *modify, stdin=CLUSTER)
    assert done.returncode == 0, done.stderr
    try:
        eventually(shop.page, "the guest answers", 90)
    except AssertionError:
        print(shop.sh("crm_mon -1rf"))
        raise
    yield shop
    lab.exec("client", "rm", "-f", "/run/go", "/run/open")


def as_guest(topology: dict[str, Any]) -> dict[str, Any]:
    """The guest leaves raw for a section of its own; everything else stays."""
    raw = [item for item in topology["raw"] if 'type="VirtualDomain"' not in item.get("xml", "")]
    migration = {"transport": "tcp"}
    guest = {"definition": "/srv/vms/shop.xml", "migration": migration}
    return {**topology, "raw": raw, "guests": {"shop": guest}}


@pytest.mark.timeout(600)
def test_a_cluster_of_others_is_imported_and_its_guest_handed_over_as_it_runs(
    shop: Shop, eventually: Eventually
) -> None:
    before, process = shop.page(), shop.process()
    made = shop.hactl("import", "-o", "/run/t.yaml")
    assert made.returncode == 0, made.stdout + made.stderr
    taken = shop.hactl("adopt", "/run/t.yaml")
    assert taken.returncode == 0, taken.stdout + taken.stderr
    assert "Guests: none" in taken.stdout
    again = shop.hactl("plan", "/run/t.yaml", "--detailed-exitcode")
    assert again.returncode == 0, again.stdout + again.stderr
    theirs = shop.topology()
    shop.write(as_guest(theirs))
    plain = shop.hactl("apply", "/run/t.yaml")
    assert "would restart" in plain.stderr, plain.stdout + plain.stderr

    said: list[str] = []
    client = threading.Thread(
        target=lambda: said.append(
            shop.lab.exec("client", "python3", "-c", WAITER, timeout=300).stdout
        )
    )
    client.start()
    eventually(
        lambda: shop.lab.exec("client", "test", "-e", "/run/open").returncode == 0, "connected"
    )
    handed = shop.hactl("adopt", "/run/t.yaml", "--convert", "shop")
    shop.lab.exec("client", "touch", "/run/go")
    client.join(60)
    assert handed.returncode == 0, handed.stdout + handed.stderr
    assert "under ocf:hactl:KvmGuest; it was not stopped" in handed.stdout
    print(handed.stdout)
    if seconds(handed.stdout) < SERVER_WAITS:
        assert before["boot_id"] in said[0]
    assert shop.page()["boot_id"] == before["boot_id"]
    assert shop.process() == process
    settled = shop.hactl("plan", "/run/t.yaml", "--detailed-exitcode")
    assert settled.returncode == 0, settled.stdout + settled.stderr

    shop.write(theirs)
    back = shop.hactl("adopt", "/run/t.yaml", "--convert", "shop")
    assert back.returncode == 0, back.stdout + back.stderr
    assert shop.page()["boot_id"] == before["boot_id"]
    shop.write(as_guest(theirs))
    assert shop.hactl("adopt", "/run/t.yaml", "--convert", "shop").returncode == 0
    assert shop.process() == process

    # node1 is where its operator sits
    lost = shop.node()
    if lost != "node1":
        shop.lab.kill(lost)
        eventually(lambda: shop.page().get("boot_id") not in (None, before["boot_id"]), "back", 120)


def seconds(said: str) -> float:
    return float(said.split("unmanaged for ")[1].split(" s")[0])


# What is planted on node3, and how it is taken back; then what is said of it.
PLANTED = {
    "other XML": (
        "sed s/shop/shop2/ /srv/vms/shop.xml > /run/other.xml; "
        "mount --bind /run/other.xml /srv/vms/shop.xml",
        "umount /srv/vms/shop.xml",
        "node3: /srv/vms/shop.xml is ",
    ),
    "CPU": (
        "sed 's/^model name.*/model name : Xeon/' /proc/cpuinfo > /run/cpuinfo; "
        "mount --bind /run/cpuinfo /proc/cpuinfo",
        "umount /proc/cpuinfo",
        "node3: CPU model is Xeon",
    ),
    "agents": (
        "cp -a /usr/lib/hactl/hactl_agents/declare.py /run/declare.py; "
        "echo '# older' >> /usr/lib/hactl/hactl_agents/declare.py",
        "cp -a /run/declare.py /usr/lib/hactl/hactl_agents/declare.py",
        "node3: agents of hactl is ",
    ),
    "port": (
        "ip link set eth2 nomaster",
        "ip link set eth2 master br-shop",
        "node3: eth2 is not a port of the bridge br-shop",
    ),
    "clock": (
        "cat /usr/lib/python3.11/sitecustomize.py > /run/site.py; "
        "echo 'import time; time.time = lambda now=time.time: now() + 5' "
        ">> /usr/lib/python3.11/sitecustomize.py",
        "cat /run/site.py > /usr/lib/python3.11/sitecustomize.py",
        "node3: its clock is ",
    ),
    "edit": (
        "crm_resource -r shop -p hypervisor -v qemu:///session",
        "crm_resource -r shop -p hypervisor -v qemu:///system",
        "shop: hypervisor qemu:///system -> qemu:///session, edited by hand",
    ),
    "constraint": (
        "cibadmin --delete -o constraints "
        "-X '<rsc_location id=\"location-shop-node3--INFINITY\"/>'",
        "",
        "location-shop-node3--INFINITY: location is missing",
    ),
    "stranger": (
        'cibadmin --create -o resources -X \'<primitive id="stranger" class="ocf" '
        'provider="pacemaker" type="Dummy"/>\'',
        "",
        "stranger: primitive is in no topology",
    ),
}


def drift(shop: Shop, folder: Path) -> subprocess.CompletedProcess[str]:
    hactl = Path(sys.executable).parent / "hactl"
    via = f"{shlex.quote(str(hactl))} lab exec --name {shop.lab.name} {{node}} --"
    (folder / "cib.xml").write_text(shop.sh("cibadmin -Q"))
    (folder / "t.yaml").write_text(shop.sh("cat /run/t.yaml"))
    words = ["--cib", folder / "cib.xml", "--via", via, "--detailed-exitcode"]
    return subprocess.run(
        [hactl, "drift", folder / "t.yaml", *words],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.timeout(400)
def test_eight_planted_drifts_are_found_and_a_clean_lab_has_none(
    shop: Shop, tmp_path: Path
) -> None:
    assert shop.hactl("import", "-o", "/run/t.yaml").returncode == 0
    assert shop.hactl("adopt", "/run/t.yaml").returncode == 0
    clean = drift(shop, tmp_path)
    assert (clean.returncode, clean.stdout) == (
        0,
        "Nothing has drifted; the CIB and 3 nodes were looked at.\n",
    ), clean.stderr
    try:
        for plant, _, _ in PLANTED.values():
            shop.sh(plant, "node3")
        found = drift(shop, tmp_path)
    finally:
        for _, back, _ in PLANTED.values():
            shop.lab.exec("node3", "sh", "-c", back)
    assert found.returncode == 2, found.stdout + found.stderr
    missing = [says for _, _, says in PLANTED.values() if f"  {says}" not in found.stdout]
    assert not missing, found.stdout
    assert found.stdout.endswith("8 drifted; the CIB and 3 nodes were looked at.\n"), found.stdout
