"""Worlds, machines and witnesses that tests share."""
