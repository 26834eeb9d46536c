"""Fencing on a live cluster: checked, drilled, watched."""
