"""Agents onto a machine."""
