"""Configuration of the daemons a node can run beside the cluster: libvirt, LXC, Open vSwitch."""

from __future__ import annotations

import uuid

from hactl.lab.lab_spec import address, node_index

# Listening without authentication is right here and nowhere else: the lab's networks are its own.
LIBVIRTD = """\
listen_tls = 0
listen_tcp = 1
listen_addr = "0.0.0.0"
auth_tcp = "none"
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_rw_perms = "0700"
host_uuid = "{host_uuid}"
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
keepalive_interval = 2
keepalive_count = 3
"""
QEMU = """\
security_driver = "none"
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
cgroup_controllers = [ ]
namespaces = [ ]
set_process_name = 1
migration_host = "{address}"
keepalive_interval = 2
keepalive_count = 3
"""
VIRTLOGD = """\
log_outputs = "3:file:/var/log/libvirt/virtlogd.log"
"""
LXC = """\
lxc.net.0.type = empty
lxc.apparmor.profile = unconfined
"""


def files(node: str) -> dict[str, str]:
    """Path below / -> text, for one node."""
    host_uuid = uuid.uuid4()  # migration is refused between two hosts that look the same
    return {
        "etc/libvirt/libvirtd.conf": LIBVIRTD.format(host_uuid=host_uuid),
        "etc/libvirt/qemu.conf": QEMU.format(address=address(0, node_index(node))),
        "etc/libvirt/virtlogd.conf": VIRTLOGD,
        "etc/lxc/default.conf": LXC,
    }
