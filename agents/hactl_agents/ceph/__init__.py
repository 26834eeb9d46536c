"""Ceph as a client sees it: images mapped on this node, and who else uses them."""
