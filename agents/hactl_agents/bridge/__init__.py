"""Bridges of the kernel."""
