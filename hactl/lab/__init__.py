"""A real Corosync + Pacemaker cluster in namespaces of this machine, for tests, demos and play."""
