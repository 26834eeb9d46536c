"""Guests of libvirt's QEMU driver: how to find, ask, change, stop and move one."""
