"""Nodes with kernels of their own, under plain QEMU on this machine or by Vagrant."""
