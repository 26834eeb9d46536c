"""Tests of the fence runtime and the fence agents."""
