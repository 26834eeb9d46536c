"""Fence agents that say "off" only when they have looked."""
