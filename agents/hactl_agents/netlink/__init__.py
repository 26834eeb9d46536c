"""The kernel's netlink, spoken by hand: links, nf_tables, sockets."""
